package azurevmtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

const (
	tierSnapshot = "InstantRP"
	tierVault    = "HardenedRP"
)

type point struct {
	name, consistency string
	at, expiry        time.Time
	tiers             []azurevm.Tier
	attached, disks   int
}

func (m *machine) lastPoint() *point {
	var last *point
	for _, p := range m.points {
		if last == nil || p.at.After(last.at) {
			last = p
		}
	}
	return last
}

func (s *Server) addPoint(m *machine, at, expiry time.Time, consistency string, tiers ...string) *point {
	s.ids++
	p := &point{name: fmt.Sprintf("%014d", s.ids), at: at, expiry: expiry, consistency: consistency, attached: len(m.attached), disks: len(m.attached)}
	if m.excluded {
		p.disks = 1
	}
	for _, t := range tiers {
		p.tiers = append(p.tiers, azurevm.Tier{Type: t, Status: "Valid"})
	}
	m.points = append(m.points, p)
	return p
}

// AddRecoveryPoint gives the VM a point in both tiers, of the type CrashConsistent,
// FileSystemConsistent or AppConsistent, and returns its name. It expires 30 days after at. It
// panics when there is no such VM.
func (s *Server) AddRecoveryPoint(vm VM, at time.Time, consistency string) string {
	m := s.mustFind(vm)
	var name string
	s.locked(func(time.Time) {
		name = s.addPoint(m, at.UTC(), at.UTC().Add(retention), consistency, tierSnapshot, tierVault).name
	})
	return name
}

func (s *Server) listPoints(c *call) answer {
	m, a := s.itemOf(c)
	if m == nil {
		return a
	}
	values := []any{}
	for _, p := range slices.Backward(m.points) {
		values = append(values, p.resource(m))
	}
	return s.page(c, values)
}

func (s *Server) getPoint(c *call) answer {
	m, a := s.itemOf(c)
	if m == nil {
		return a
	}
	if p := m.point(c.arg(4)); p != nil {
		return ok(p.resource(m))
	}
	return noPoint(c.arg(4))
}

func (m *machine) point(name string) *point {
	for _, p := range m.points {
		if p.name == name {
			return p
		}
	}
	return nil
}

func noPoint(name string) answer {
	return refuse(http.StatusNotFound, "BMSUserErrorRecoveryPointNotFound", "The recovery point '%s' was not found.", name)
}

func (p *point) resource(m *machine) object {
	tiers := []object{}
	for _, t := range p.tiers {
		tiers = append(tiers, object{"type": t.Type, "status": t.Status})
	}
	return object{"id": m.itemID() + "/recoveryPoints/" + p.name, "name": p.name,
		"type": "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints",
		"properties": object{"objectType": "IaasVMRecoveryPoint", "recoveryPointTime": stamp(p.at), "recoveryPointType": p.consistency,
			"isManagedVirtualMachine": true, "osType": "Linux", "recoveryPointTierDetails": tiers,
			"recoveryPointProperties":        object{"expiryTime": stamp(p.expiry), "isSoftDeleted": false},
			"recoveryPointDiskConfiguration": object{"numberOfDisksAttachedToVm": p.attached, "numberOfDisksIncludedInBackup": p.disks}}}
}

type restoreRequest struct {
	ObjectType       string `json:"objectType"`
	RecoveryPointID  string `json:"recoveryPointId"`
	RecoveryType     string `json:"recoveryType"`
	SourceResourceID string `json:"sourceResourceId"`
	StorageAccountID string `json:"storageAccountId"`
	Region           string `json:"region"`
}

// fault is what is wrong with the request, as code and message; both are empty when nothing is.
func (r restoreRequest) fault(m *machine, p *point) (string, string) {
	switch {
	case r.ObjectType != "IaasVMRestoreRequest" || r.RecoveryType != "OriginalLocation":
		return "BMSUserErrorInvalidInput", "Only restores to the original location are served here."
	case r.RecoveryPointID != p.name:
		return "BMSUserErrorInvalidInput", "The recovery point id must be the name of the one in the path."
	case !strings.EqualFold(r.SourceResourceID, m.id) || !strings.EqualFold(r.Region, m.Location):
		return "BMSUserErrorInvalidInput", "The source resource or its region is not the protected VM's."
	case !strings.EqualFold(r.StorageAccountID, m.vault.StorageAccountID):
		return "UserErrorTargetStorageAccountNotFound", "The staging storage account was not found in the vault's region."
	}
	return "", ""
}

func (s *Server) restore(c *call) answer {
	m, a := s.itemOf(c)
	if m == nil {
		return a
	}
	p := m.point(c.arg(4))
	if p == nil {
		return noPoint(c.arg(4))
	}
	var request struct {
		Properties restoreRequest `json:"properties"`
	}
	if a, valid := c.decode(&request); !valid {
		return a
	}
	if code, message := request.Properties.fault(m, p); code != "" {
		return refuse(http.StatusBadRequest, code, "%s", message)
	}
	j := s.newJob(m, "Restore", c.now, taskRestore)
	off, runs := m.power == azurevm.Deallocated, m.runs
	s.schedule(c.now.Add(s.options.Restore), func(at time.Time) { s.restored(m, j, p, off && m.runs == runs, at) })
	return s.accepted(c, m, j)
}

func (s *Server) restored(m *machine, j *job, p *point, off bool, at time.Time) {
	if message, fails := s.nextFailure(taskRestore); fails {
		j.fail(at, 0, message)
		return
	}
	if !off {
		j.fail(at, 0, "UserErrorVmNotShutDown: the VM must be deallocated while its disks are replaced.")
		return
	}
	j.tasks[0].status = "Completed"
	j.complete(at)
	m.restores++
	s.replace(m, p.at, at)
	s.queueRestored(m, p.at)
}

// queueRestored queues the hook that tells whose state the VM has now.
func (s *Server) queueRestored(m *machine, state time.Time) {
	if hook := s.OnRestore; hook != nil {
		vm := m.VM
		vm.Power = m.power
		s.hooks = append(s.hooks, func() { hook(vm, state) })
	}
}

// validate looks at a request to restore and changes nothing.
func (s *Server) validate(c *call) answer {
	v, a := s.vaultOf(c)
	if v == nil {
		return a
	}
	var request struct {
		ID         string `json:"id"`
		Properties struct {
			ObjectType     string         `json:"objectType"`
			RestoreRequest restoreRequest `json:"restoreRequest"`
		} `json:"properties"`
	}
	if a, valid := c.decode(&request); !valid {
		return a
	}
	if request.Properties.ObjectType != "ValidateIaasVMRestoreOperationRequest" {
		return refuse(http.StatusBadRequest, "BMSUserErrorInvalidInput", "The object type '%s' cannot be validated.", request.Properties.ObjectType)
	}
	for _, m := range s.machines {
		for _, p := range m.points {
			if m.vault == v && strings.EqualFold(m.itemID()+"/recoveryPoints/"+p.name, request.ID) {
				return validated(request.Properties.RestoreRequest.fault(m, p))
			}
		}
	}
	return validated("UserErrorInstantRpNotFound", "The recovery point was not found.")
}

func validated(code, message string) answer {
	results := []object{}
	if code != "" {
		results = append(results, object{"code": code, "message": message, "recommendations": []string{"Correct the request."}})
	}
	return ok(object{"validateOperationResponse": object{"validationResults": results}})
}

// RestoreCount is how many restores of the VM were completed. It panics when there is no such VM.
func (s *Server) RestoreCount(vm VM) int {
	m := s.mustFind(vm)
	n := 0
	s.locked(func(time.Time) { n = m.restores })
	return n
}
