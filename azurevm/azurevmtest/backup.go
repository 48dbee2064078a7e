package azurevmtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

type vault struct {
	Vault
	id string
}

func (s *Server) addVault(o Vault) {
	v := &vault{Vault: o, id: s.groupID(o.ResourceGroup) + "/providers/Microsoft.RecoveryServices/vaults/" + o.Name}
	if v.StorageAccountID == "" {
		v.StorageAccountID = s.groupID(o.ResourceGroup) + "/providers/Microsoft.Storage/storageAccounts/strestore"
	}
	s.vaults = append(s.vaults, v)
	if o.Protected == nil {
		for _, m := range s.machines {
			if m.vault == nil {
				m.vault = v
			}
		}
	}
	for _, vm := range o.Protected {
		s.mustFind(vm).vault = v
	}
}

// StorageAccountID is what restores from the first vault go through.
func (s *Server) StorageAccountID() string { return s.vaults[0].StorageAccountID }

// Vault names the first vault.
func (s *Server) Vault() Vault { return s.vaults[0].Vault }

func (s *Server) vaultOf(c *call) (*vault, answer) {
	for _, v := range s.vaults {
		if strings.EqualFold(v.ResourceGroup, c.arg(0)) && strings.EqualFold(v.Name, c.arg(1)) {
			return v, answer{}
		}
	}
	return nil, s.absent(c.arg(0), "Microsoft.RecoveryServices/vaults/"+c.arg(1))
}

// itemName is what the vault calls the VM, behind IaasVMContainer; or VM;.
func (m *machine) itemName() string {
	return strings.ToLower("iaasvmcontainerv2;" + m.ResourceGroup + ";" + m.Name)
}

func (m *machine) itemID() string {
	return m.vault.id + "/backupFabrics/Azure/protectionContainers/IaasVMContainer;" + m.itemName() + "/protectedItems/VM;" + m.itemName()
}

func (s *Server) listItems(c *call) answer {
	v, a := s.vaultOf(c)
	if v == nil {
		return a
	}
	values := []any{}
	for _, m := range s.machines {
		if m.vault == v {
			values = append(values, m.item())
		}
	}
	return s.page(c, values)
}

func (m *machine) item() object {
	p := object{"protectedItemType": "Microsoft.Compute/virtualMachines", "friendlyName": m.Name, "virtualMachineId": m.id,
		"sourceResourceId": m.id, "workloadType": "VM", "backupManagementType": "AzureIaasVM", "containerName": m.itemName(),
		"protectionState": "IRPending", "protectionStatus": "Healthy", "healthStatus": "Passed", "policyName": "DefaultPolicy",
		"policyId": m.vault.id + "/backupPolicies/DefaultPolicy"}
	if last := m.lastPoint(); last != nil {
		p["protectionState"], p["lastRecoveryPoint"] = "Protected", stamp(last.at)
	}
	if m.excluded {
		p["extendedProperties"] = object{"diskExclusionProperties": object{"diskLunList": []int{}, "isInclusionList": true}}
	}
	return object{"id": m.itemID(), "name": "VM;" + m.itemName(), "type": "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems", "properties": p}
}

func (s *Server) getItem(c *call) answer {
	m, a := s.itemOf(c)
	if m == nil {
		return a
	}
	return ok(m.item())
}

// backupStatus tells which vault protects a VM; it is asked in the VM's region.
func (s *Server) backupStatus(c *call) answer {
	var request struct {
		ResourceType string `json:"resourceType"`
		ResourceID   string `json:"resourceId"`
	}
	if a, valid := c.decode(&request); !valid {
		return a
	}
	if request.ResourceType != "VM" {
		return refuse(http.StatusBadRequest, "BMSUserErrorInvalidInput", "The resource type '%s' is not served here.", request.ResourceType)
	}
	for _, m := range s.machines {
		if m.vault != nil && strings.EqualFold(m.id, request.ResourceID) && strings.EqualFold(m.Location, c.arg(0)) {
			return ok(object{"protectionStatus": "Protected", "vaultId": m.vault.id, "fabricName": "Azure",
				"containerName": "IaasVMContainer;" + m.itemName(), "protectedItemName": "VM;" + m.itemName(), "policyName": "DefaultPolicy"})
		}
	}
	return ok(object{"protectionStatus": "NotProtected"})
}

// itemOf finds the protected VM that a path names by container and item.
func (s *Server) itemOf(c *call) (*machine, answer) {
	v, a := s.vaultOf(c)
	if v == nil {
		return nil, a
	}
	for _, m := range s.machines {
		if m.vault == v && strings.EqualFold(c.arg(2), "IaasVMContainer;"+m.itemName()) && strings.EqualFold(c.arg(3), "VM;"+m.itemName()) {
			return m, answer{}
		}
	}
	return nil, refuse(http.StatusNotFound, "BMSUserErrorContainerObjectNotFound", "The item '%s' is not protected by this vault.", c.arg(3))
}

// retention is how long a point is kept when the request does not say.
const retention = 30 * 24 * time.Hour

func (s *Server) backUp(c *call) answer {
	m, a := s.itemOf(c)
	if m == nil {
		return a
	}
	var request struct {
		Properties struct {
			ObjectType                   string     `json:"objectType"`
			RecoveryPointExpiryTimeInUTC *time.Time `json:"recoveryPointExpiryTimeInUTC"`
		} `json:"properties"`
	}
	if a, valid := c.decode(&request); !valid {
		return a
	}
	expiry := c.now.Add(retention)
	if t := request.Properties.RecoveryPointExpiryTimeInUTC; t != nil {
		expiry = *t
	}
	switch {
	case request.Properties.ObjectType != "IaasVMBackupRequest":
		return refuse(http.StatusBadRequest, "BMSUserErrorInvalidInput", "The object type '%s' is not one of a backup.", request.Properties.ObjectType)
	case !expiry.After(c.now):
		return refuse(http.StatusBadRequest, "UserErrorInvalidRecoveryPointExpiry", "The expiry of the recovery point must be in the future.")
	case s.busy(m):
		return refuse(http.StatusConflict, "UserErrorBackupOperationInProgress", "The backup operation failed as another backup operation is currently in progress on the same item.")
	}
	return s.accepted(c, m, s.startBackup(m, expiry, c.now))
}

func (s *Server) busy(m *machine) bool {
	return slices.ContainsFunc(s.jobs, func(j *job) bool { return j.vm == m && j.status == "InProgress" })
}

// accepted makes the operation that knows the job, once it is over.
func (s *Server) accepted(c *call, m *machine, j *job) answer {
	op := s.newOperation(j.operation, c.now)
	op.job = j.id
	s.schedule(c.now.Add(s.options.Trigger), op.succeed)
	return answer{status: http.StatusAccepted, header: s.polling(c, m.itemID()+"/operationsStatus/"+op.id, m.itemID()+"/operationResults/"+op.id)}
}

func (s *Server) getBackupOperation(c *call) answer {
	op, found := s.operations[c.arg(len(c.args)-1)]
	if !found || op.job == "" {
		return refuse(http.StatusNotFound, "BMSUserErrorOperationNotFound", "The operation was not found.")
	}
	r := op.resource()
	r["id"] = op.id
	if !op.running() {
		r["properties"] = object{"objectType": "OperationStatusJobExtendedInfo", "jobId": op.job}
	}
	return ok(r)
}

func (s *Server) getOperationResult(c *call) answer {
	op, found := s.operations[c.arg(len(c.args)-1)]
	switch {
	case !found:
		return refuse(http.StatusNotFound, "BMSUserErrorOperationNotFound", "The operation was not found.")
	case op.running():
		return answer{status: http.StatusAccepted}
	}
	return answer{status: http.StatusNoContent}
}

// startBackup runs the job: the snapshot, then the transfer.
func (s *Server) startBackup(m *machine, expiry, now time.Time) *job {
	j := s.newJob(m, "Backup", now, taskSnapshot, taskTransfer)
	m.backups++
	off, runs, settled := m.power != azurevm.Running, m.runs, m.power.Settled()
	s.schedule(now.Add(s.options.Snapshot), func(at time.Time) {
		switch message, fails := s.nextFailure(taskSnapshot); {
		case !settled:
			j.fail(at, 0, "UserErrorVmNotInDesirableState: VM is not in a state that allows backups.")
		case fails:
			j.fail(at, 0, message)
		default:
			j.tasks[0].status, j.tasks[1].status = "Completed", "InProgress"
			j.point = s.addPoint(m, now, expiry, consistency(off && m.runs == runs), tierSnapshot)
			s.schedule(at.Add(s.options.Transfer), func(at time.Time) { s.transferred(j, at) })
		}
	})
	return j
}

func (s *Server) transferred(j *job, at time.Time) {
	if message, fails := s.nextFailure(taskTransfer); fails {
		j.fail(at, 1, message)
		return
	}
	j.tasks[1].status = "Completed"
	j.point.tiers = append(j.point.tiers, azurevm.Tier{Type: tierVault, Status: "Valid"})
	j.complete(at)
}

// consistency is of a Linux VM's snapshot: the guest takes part only when it runs.
func consistency(off bool) string {
	if off {
		return "CrashConsistent"
	}
	return "FileSystemConsistent"
}

// BackupCount is how many backups of the VM were accepted. It panics when there is no such VM.
func (s *Server) BackupCount(vm VM) int {
	m := s.mustFind(vm)
	n := 0
	s.locked(func(time.Time) { n = m.backups })
	return n
}

// ExcludeDisks leaves the VM's data disks out of its backups. It panics when there is no such VM.
func (s *Server) ExcludeDisks(vm VM) {
	m := s.mustFind(vm)
	s.locked(func(time.Time) { m.excluded = true })
}

// Unprotect takes the VM out of its vault. It panics when there is no such VM.
func (s *Server) Unprotect(vm VM) {
	m := s.mustFind(vm)
	s.locked(func(time.Time) { m.vault = nil })
}

// FailNextJob lets the next job that reaches the task fail there with the message: "Take Snapshot",
// "Transfer data to vault", or "Restore". Calls add up.
func (s *Server) FailNextJob(task, message string) {
	s.locked(func(time.Time) { s.failJobs = append(s.failJobs, jobFailure{task, message}) })
}

type jobFailure struct{ task, message string }

func (s *Server) nextFailure(task string) (string, bool) {
	i := slices.IndexFunc(s.failJobs, func(f jobFailure) bool { return f.task == task })
	if i < 0 {
		return "", false
	}
	message := s.failJobs[i].message
	s.failJobs = slices.Delete(s.failJobs, i, i+1)
	return message, true
}

func duration(d time.Duration) string { return fmt.Sprintf("PT%.7fS", d.Seconds()) }
