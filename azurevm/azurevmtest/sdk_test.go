package azurevmtest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	stdpath "path"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
	backup "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicesbackup/v4"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

const (
	rg       = "rg-pexip-test"
	vm       = "vm-node-mgmt-core"
	vaultRG  = "rg-backup"
	vaultN   = "rsv-pexip"
	fabric   = "Azure"
	itemPart = "iaasvmcontainerv2;" + rg + ";" + vm
)

// official makes Microsoft's own clients of the server, over TLS on loopback.
func official(t *testing.T, o azurevmtest.Options) (*azurevmtest.Server, *armcompute.ClientFactory, *backup.ClientFactory, *arm.Client) {
	t.Helper()
	srv := azurevmtest.NewServer(o)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	cfg := srv.Config()
	options := &arm.ClientOptions{DisableRPRegistration: true, ClientOptions: azcore.ClientOptions{Transport: srv.Client(), Retry: policy.RetryOptions{MaxRetries: -1},
		Cloud: cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: srv.URL, Audience: srv.URL}}}}}
	compute, err1 := armcompute.NewClientFactory(cfg.SubscriptionID, srv.Credential(), options)
	vaults, err2 := backup.NewClientFactory(cfg.SubscriptionID, srv.Credential(), options)
	raw, err3 := arm.NewClient("test", "v0.0.1", srv.Credential(), options)
	for _, err := range []error{err1, err2, err3} {
		must(t, err)
	}
	return srv, compute, vaults, raw
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// finish waits as the SDK's users do.
func finish[T any](t *testing.T, p *runtime.Poller[T], err error) T {
	t.Helper()
	must(t, err)
	res, err := p.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Millisecond})
	must(t, err)
	return res
}

func TestOfficialComputeClient(t *testing.T) {
	srv, compute, _, _ := official(t, azurevmtest.Options{PageSize: 1})
	vms, ctx := compute.NewVirtualMachinesClient(), t.Context()

	p1, err := vms.BeginDeallocate(ctx, rg, vm, nil)
	must(t, err)
	token, err := p1.ResumeToken()
	must(t, err)
	p2, err := vms.BeginDeallocate(ctx, "", "", &armcompute.VirtualMachinesClientBeginDeallocateOptions{ResumeToken: token})
	finish(t, p2, err)
	wantPower(t, srv, azurevm.Deallocated)
	p3, err := vms.BeginStart(ctx, rg, vm, nil)
	finish(t, p3, err)
	wantPower(t, srv, azurevm.Running)
	p4, err := vms.BeginPowerOff(ctx, rg, vm, nil)
	finish(t, p4, err)
	view, err := vms.InstanceView(ctx, rg, vm, nil)
	must(t, err)
	if len(view.Statuses) != 2 || *view.Statuses[1].Code != "PowerState/stopped" {
		t.Errorf("%+v", view.Statuses)
	}
	one, err := vms.Get(ctx, rg, vm, &armcompute.VirtualMachinesClientGetOptions{Expand: new(armcompute.InstanceViewTypesInstanceView)})
	must(t, err)
	if one.Properties.InstanceView == nil || one.Etag == nil || *one.Properties.StorageProfile.OSDisk.ManagedDisk.ID == "" {
		t.Errorf("%+v", one)
	}
	n := 0
	for pager := vms.NewListPager(rg, nil); pager.More(); n++ {
		_, err := pager.NextPage(ctx)
		must(t, err)
	}
	for pager := vms.NewListAllPager(&armcompute.VirtualMachinesClientListAllOptions{StatusOnly: new("true")}); pager.More(); n++ {
		page, err := pager.NextPage(ctx)
		must(t, err)
		if page.Value[0].Properties.InstanceView == nil {
			t.Error("no power state in the listing")
		}
	}
	if n != 4 {
		t.Errorf("%d pages", n)
	}
}

func TestOfficialDiskClients(t *testing.T) {
	_, compute, _, _ := official(t, azurevmtest.Options{VMs: []azurevmtest.VM{{ResourceGroup: rg, Name: vm, PrivateIP: "10.0.0.4", DataDisks: 1, Power: azurevm.Deallocated}}})
	vms, disks, snapshots, ctx := compute.NewVirtualMachinesClient(), compute.NewDisksClient(), compute.NewSnapshotsClient(), t.Context()
	old, err := disks.Get(ctx, rg, vm+"-os", nil)
	must(t, err)

	p1, err := snapshots.BeginCreateOrUpdate(ctx, rg, "snap", armcompute.Snapshot{Location: old.Location, Tags: map[string]*string{"run": new("1")},
		Properties: &armcompute.SnapshotProperties{Incremental: new(true),
			CreationData: &armcompute.CreationData{CreateOption: new(armcompute.DiskCreateOptionCopy), SourceResourceID: old.ID}}}, nil)
	snap := finish(t, p1, err)
	if p := snap.Properties; *p.ProvisioningState != "Succeeded" || *p.NetworkAccessPolicy != armcompute.NetworkAccessPolicyAllowAll || *p.CompletionPercent != 100 ||
		*p.CreationData.SourceUniqueID != *old.Properties.UniqueID || *p.DiskSizeGB != 128 || p.TimeCreated == nil {
		t.Errorf("%+v", p)
	}
	p2, err := snapshots.BeginUpdate(ctx, rg, "snap", armcompute.SnapshotUpdate{Tags: map[string]*string{"run": new("2")}}, nil)
	if again := finish(t, p2, err); *again.Tags["run"] != "2" || !again.Properties.TimeCreated.Equal(*snap.Properties.TimeCreated) {
		t.Errorf("an update copied anew: %+v", again)
	}
	p3, err := disks.BeginCreateOrUpdate(ctx, rg, "new", armcompute.Disk{Location: old.Location, SKU: &armcompute.DiskSKU{Name: old.SKU.Name},
		Properties: &armcompute.DiskProperties{CreationData: &armcompute.CreationData{CreateOption: new(armcompute.DiskCreateOptionCopy), SourceResourceID: snap.ID}}}, nil)
	disk := finish(t, p3, err)

	// the swap by a part of the model; the data disks are not mentioned and stay
	p4, err := vms.BeginUpdate(ctx, rg, vm, armcompute.VirtualMachineUpdate{Properties: &armcompute.VirtualMachineProperties{StorageProfile: &armcompute.StorageProfile{
		OSDisk: &armcompute.OSDisk{Name: disk.Name, ManagedDisk: &armcompute.ManagedDiskParameters{ID: disk.ID}}}}}, nil)
	model := finish(t, p4, err).VirtualMachine
	if p := model.Properties.StorageProfile; *p.OSDisk.Name != "new" || len(p.DataDisks) != 1 {
		t.Errorf("%+v", p)
	}
	// back by the whole model; the data disk is left out, and so detached
	model.Properties.StorageProfile.OSDisk.Name, model.Properties.StorageProfile.OSDisk.ManagedDisk.ID = old.Name, old.ID
	model.Properties.StorageProfile.DataDisks = nil
	p5, err := vms.BeginCreateOrUpdate(ctx, rg, vm, model, &armcompute.VirtualMachinesClientBeginCreateOrUpdateOptions{IfMatch: model.Etag})
	if after := finish(t, p5, err); *after.Properties.StorageProfile.OSDisk.Name != *old.Name || len(after.Properties.StorageProfile.DataDisks) != 0 || *after.Etag == *model.Etag {
		t.Errorf("%+v", after.Properties.StorageProfile)
	}
	_, err = vms.BeginCreateOrUpdate(ctx, rg, vm, model, &armcompute.VirtualMachinesClientBeginCreateOrUpdateOptions{IfMatch: model.Etag})
	wantCode(t, err, 412, "PreconditionFailed")

	_, err = disks.BeginDelete(ctx, rg, *old.Name, nil)
	wantCode(t, err, 409, "OperationNotAllowed")
	p6, err := disks.BeginDelete(ctx, rg, "new", nil)
	finish(t, p6, err)
	p7, err := snapshots.BeginDelete(ctx, rg, "snap", nil)
	finish(t, p7, err)
	p8, err := snapshots.BeginDelete(ctx, rg, "snap", nil) // 204
	finish(t, p8, err)
	n := 0
	for pager := disks.NewListByResourceGroupPager(rg, nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(t, err)
		n += len(page.Value)
	}
	for pager := snapshots.NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(t, err)
		n += 10 * len(page.Value)
	}
	if n != 2 {
		t.Errorf("%d disks and ten times the snapshots", n)
	}
}

func wantCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	re, isResponse := errors.AsType[*azcore.ResponseError](err)
	if !isResponse || re.StatusCode != status || re.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

func TestOfficialBackupClients(t *testing.T) {
	srv, _, vaults, raw := official(t, azurevmtest.Options{PageSize: 1})
	ctx := t.Context()
	found, err := vaults.NewBackupStatusClient().Get(ctx, "canadacentral", backup.BackupStatusRequest{ResourceID: new(path), ResourceType: new(backup.DataSourceTypeVM)}, nil)
	must(t, err)
	if *found.ProtectionStatus != backup.ProtectionStatusProtected || stdpath.Base(*found.VaultID) != vaultN {
		t.Errorf("%+v", found)
	}
	item := protectedItem(t, vaults)

	// Backup now, once with the status client and once with a poller of one's own
	var answer *http.Response
	request := backup.BackupRequestResource{Properties: &backup.IaasVMBackupRequest{RecoveryPointExpiryTimeInUTC: new(time.Now().UTC().AddDate(0, 0, 30))}}
	_, err = vaults.NewBackupsClient().Trigger(policy.WithCaptureResponse(ctx, &answer), vaultN, vaultRG, fabric, *found.ContainerName, stdpath.Base(*item.ID), request, nil)
	must(t, err)
	type started struct {
		Status     string
		Properties struct{ JobID string }
	}
	poller, err := runtime.NewPoller(answer, raw.Pipeline(), &runtime.NewPollerOptions[started]{FinalStateVia: runtime.FinalStateViaAzureAsyncOp})
	id := finish(t, poller, err).Properties.JobID
	op := stdpath.Base(strings.Split(answer.Header.Get("Azure-AsyncOperation"), "?")[0])
	operation, err := vaults.NewBackupOperationStatusesClient().Get(ctx, vaultN, vaultRG, op, nil)
	must(t, err)
	if info := operation.Properties.(*backup.OperationStatusJobExtendedInfo); *info.JobID != id || *operation.Status != backup.OperationStatusValuesSucceeded {
		t.Errorf("%+v, the job is %s", info, id)
	}
	job := waitJob(t, vaults, id)
	if len(job.ExtendedInfo.TasksList) != 2 || *job.Operation != "Backup" || !*job.IsUserTriggered {
		t.Errorf("%+v", job)
	}
	jobs, err := vaults.NewBackupJobsClient().NewListPager(vaultN, vaultRG, &backup.BackupJobsClientListOptions{
		Filter: new("operation eq 'Backup' and backupManagementType eq 'AzureIaasVM' and status eq 'Completed'")}).NextPage(ctx)
	if err != nil || len(jobs.Value) != 1 {
		t.Errorf("%+v, %v", jobs, err)
	}
	restoreOfficially(t, srv, vaults, *found.ContainerName, stdpath.Base(*item.ID))
}

func protectedItem(t *testing.T, vaults *backup.ClientFactory) *backup.ProtectedItemResource {
	t.Helper()
	pager := vaults.NewBackupProtectedItemsClient().NewListPager(vaultN, vaultRG, &backup.BackupProtectedItemsClientListOptions{
		Filter: new("backupManagementType eq 'AzureIaasVM' and itemType eq 'VM'")})
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		must(t, err)
		for _, item := range page.Value {
			if p := item.Properties.(*backup.AzureIaaSComputeVMProtectedItem); strings.EqualFold(*p.VirtualMachineID, path) {
				one, err := vaults.NewProtectedItemsClient().Get(t.Context(), vaultN, vaultRG, fabric, "IaasVMContainer;"+itemPart, stdpath.Base(*item.ID), nil)
				must(t, err)
				if *one.ID != *item.ID {
					t.Errorf("%s is not %s", *one.ID, *item.ID)
				}
				return item
			}
		}
	}
	t.Fatal("the vm is not protected")
	return nil
}

func waitJob(t *testing.T, vaults *backup.ClientFactory, id string) *backup.AzureIaaSVMJob {
	t.Helper()
	for {
		res, err := vaults.NewJobDetailsClient().Get(t.Context(), vaultN, vaultRG, id, nil)
		must(t, err)
		job := res.Properties.(*backup.AzureIaaSVMJob)
		if *job.Status != "InProgress" {
			return job
		}
	}
}

func restoreOfficially(t *testing.T, srv *azurevmtest.Server, vaults *backup.ClientFactory, container, item string) {
	t.Helper()
	ctx := t.Context()
	page, err := vaults.NewRecoveryPointsClient().NewListPager(vaultN, vaultRG, fabric, container, item, nil).NextPage(ctx)
	must(t, err)
	point := page.Value[0]
	properties := point.Properties.(*backup.IaasVMRecoveryPoint)
	if len(properties.RecoveryPointTierDetails) != 2 || *properties.RecoveryPointDiskConfiguration.NumberOfDisksIncludedInBackup != 1 || *properties.RecoveryPointProperties.ExpiryTime == "" {
		t.Errorf("%+v", properties)
	}
	one, err := vaults.NewRecoveryPointsClient().Get(ctx, vaultN, vaultRG, fabric, container, item, *point.Name, nil)
	if err != nil || *one.ID != *point.ID {
		t.Errorf("%+v, %v", one, err)
	}
	request := &backup.IaasVMRestoreRequest{RecoveryPointID: point.Name, RecoveryType: new(backup.RecoveryTypeOriginalLocation), SourceResourceID: new(path),
		StorageAccountID: new(srv.StorageAccountID()), Region: new("canadacentral"), CreateNewCloudService: new(false)}
	valid, err := vaults.NewOperationClient().Validate(ctx, vaultN, vaultRG, backup.ValidateOperationRequestResource{ID: point.ID,
		Properties: &backup.ValidateIaasVMRestoreOperationRequest{RestoreRequest: request}}, nil)
	if err != nil || len(valid.ValidateOperationResponse.ValidationResults) != 0 {
		t.Errorf("%+v, %v", valid, err)
	}
	srv.SetPower(manager, azurevm.Deallocated)
	p, err := vaults.NewRestoresClient().BeginTrigger(ctx, vaultN, vaultRG, fabric, container, item, *point.Name, backup.RestoreRequestResource{Properties: request}, nil)
	finish(t, p, err) // the last look is at Location, which answers 204
	for srv.RestoreCount(manager) == 0 {
		srv.Settle()
		if t.Context().Err() != nil {
			t.Fatal("never restored")
		}
	}
}

// Failures of long operations arrive with status 200, and a second try succeeds.
func TestOfficialClientSeesAFailedOperation(t *testing.T) {
	srv, compute, _, _ := official(t, azurevmtest.Options{})
	srv.SetPower(manager, azurevm.Deallocated)
	srv.FailNextOperation("start", "ZonalAllocationFailed", "no room in the zone")
	p, err := compute.NewVirtualMachinesClient().BeginStart(t.Context(), rg, vm, nil)
	must(t, err)
	_, err = p.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Millisecond})
	wantCode(t, err, 200, "ZonalAllocationFailed")
	p, err = compute.NewVirtualMachinesClient().BeginStart(t.Context(), rg, vm, nil)
	finish(t, p, err)
}

func TestDisksOnTheWire(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{VMs: []azurevmtest.VM{{ResourceGroup: rg, Name: vm, PrivateIP: "10.0.0.4", DataDisks: 1}, {ResourceGroup: rg, Name: "other", PrivateIP: "10.0.0.5"}}})
	disk := func(name string) string { return group + "/providers/Microsoft.Compute/disks/" + name }
	snap := func(name string) string { return group + "/providers/Microsoft.Compute/snapshots/" + name }
	copyOf := func(source string) string {
		return `{"location":"canadacentral","properties":{"creationData":{"createOption":"Copy","sourceResourceId":"` + source + `"}}}`
	}
	swap := func(id, name string) string {
		return `{"properties":{"storageProfile":{"osDisk":{"name":"` + name + `","managedDisk":{"id":"` + id + `"}}}}}`
	}
	r := send(t, srv, "PUT", snap("s")+version, copyOf(disk(vm+"-os")))
	if r.status != 202 || !strings.Contains(r.header.Get("Azure-AsyncOperation"), "/diskOperations/") {
		t.Errorf("%+v", r)
	}
	pass(time.Second)
	for _, test := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{"GET", disk("x"), "", 404, "ResourceNotFound"},
		{"GET", strings.Replace(disk("x"), rg, "rg-x", 1), "", 404, "ResourceGroupNotFound"},
		{"PUT", strings.Replace(disk("x"), rg, "rg-x", 1), "{}", 404, "ResourceGroupNotFound"},
		{"DELETE", strings.Replace(disk("x"), rg, "rg-x", 1), "", 404, "ResourceGroupNotFound"},
		{"PATCH", disk("x"), "{}", 404, "ResourceNotFound"},
		{"PATCH", snap("s"), "{", 400, "InvalidRequestContent"},
		{"PUT", disk("x"), "{", 400, "InvalidRequestContent"},
		{"PUT", disk("x"), "{}", 400, "LocationRequired"},
		{"PUT", disk("x$"), copyOf(snap("s")), 400, "InvalidParameter"},
		{"PUT", disk("x"), `{"location":"canadacentral"}`, 400, "InvalidParameter"},
		{"PUT", disk("x"), copyOf(snap("none")), 404, "ResourceNotFound"},
		{"PUT", disk("x"), strings.Replace(copyOf(snap("s")), "canadacentral", "westus", 1), 400, "InvalidParameter"},
		{"PUT", disk("x"), copyOf(disk(vm + "-os")), 400, "InvalidParameter"},
		{"PUT", snap("x"), copyOf(snap("s")), 400, "InvalidParameter"},
		{"PUT", disk("x"), copyOf(snap("s")), 409, "OperationNotAllowed"}, // half copied
		{"PUT", snap("s"), copyOf(disk("other-os")), 409, "PropertyChangeNotAllowed"},
		{"DELETE", disk(vm + "-os"), "", 409, "OperationNotAllowed"},
		{"POST", snap("s"), "", 405, "MethodNotAllowed"},
		{"PATCH", path + "x", "{}", 404, "ResourceNotFound"},
		{"PATCH", path, "{", 400, "InvalidRequestContent"},
		{"PUT", path, `{"properties":{}}`, 400, "InvalidParameter"},
		{"PUT", path, `{"properties":{"networkProfile":{"networkInterfaces":[{"id":"` + group + `/providers/Microsoft.Network/networkInterfaces/vm-node-mgmt-core-nic"}]}}}`, 400, "InvalidParameter"},
		{"PATCH", path, swap(disk("none"), "none"), 404, "ResourceNotFound"},
		{"PATCH", path, swap(disk("other-os"), "other-os"), 409, "ConflictingUserInput"},
		{"PATCH", path, swap(disk(vm+"-data0"), vm+"-os"), 409, "PropertyChangeNotAllowed"}, // the id without the name
		{"PATCH", path, swap(disk(vm+"-data0"), vm+"-data0"), 409, "OperationNotAllowed"},   // it is running
		{"PATCH", path, `{"properties":{"storageProfile":{"dataDisks":[{"lun":0,"managedDisk":{"id":"none"}}]}}}`, 404, "ResourceNotFound"},
		{"PATCH", path, `{"properties":{"storageProfile":{"dataDisks":[{"lun":-1,"managedDisk":{"id":"` + disk(vm+"-data0") + `"}}]}}}`, 409, "OperationNotAllowed"},
		{"PATCH", path, `{"properties":{"storageProfile":{"dataDisks":[{"lun":0},{"lun":0}]}}}`, 400, "InvalidParameter"},
		{"PATCH", path, `{"properties":{"storageProfile":{"dataDisks":[{"lun":3,"managedDisk":{"id":"` + disk(vm+"-os") + `"}}]}}}`, 400, "InvalidParameter"},
		{"POST", sub + "/providers/Microsoft.RecoveryServices/locations/westus/backupStatus", "{", 400, "InvalidRequestContent"},
		{"POST", sub + "/providers/Microsoft.RecoveryServices/locations/westus/backupStatus", "{}", 400, "BMSUserErrorInvalidInput"},
		{"GET", item + "x", "", 404, "BMSUserErrorContainerObjectNotFound"},
	} {
		r := send(t, srv, test.method, test.target+version, test.body)
		if r.status != test.status || r.code() != test.code {
			t.Errorf("%s %s %s: %d %v", test.method, test.target, test.body, r.status, r.body)
		}
	}
	r = send(t, srv, "POST", sub+"/providers/Microsoft.RecoveryServices/locations/westus/backupStatus"+version, `{"resourceType":"VM","resourceId":"`+path+`"}`)
	if r.body["protectionStatus"] != "NotProtected" {
		t.Errorf("the region is not the VM's: %+v", r)
	}
	if p := percent(t, srv, snap("s")); p <= 0 || p >= 100 {
		t.Errorf("%v %%", p)
	}
	pass(time.Minute)
	if p := percent(t, srv, snap("s")); p != 100 {
		t.Errorf("%v %%", p)
	}
	srv.SetPower(manager, azurevm.Deallocated)
	if r := send(t, srv, "PATCH", path+version, swap(disk(vm+"-data0"), vm+"-data0")); r.status != 400 {
		t.Errorf("the size differs: %+v", r)
	}
	if r := send(t, srv, "PUT", disk("wrong")+version, strings.Replace(copyOf(snap("s")), `"creationData"`, `"diskSizeGB":256,"creationData"`, 1)); r.status != 202 {
		t.Errorf("%+v", r)
	}
	if r := send(t, srv, "PATCH", path+version, swap(disk("wrong"), "wrong")); r.code() != "OperationNotAllowed" {
		t.Errorf("it is not ready: %+v", r)
	}
	if r := send(t, srv, "PATCH", path+version, `{"tags":{"a":"b"}}`); r.status != 200 {
		t.Errorf("%+v", r)
	}
	for _, again := range []string{"PATCH", "PUT"} {
		if r := send(t, srv, again, path+version, `{}`); r.code() != "Conflict" {
			t.Errorf("an update is in progress: %+v", r)
		}
	}
	if r := send(t, srv, "POST", path+"/start"+version, ""); r.status != 409 || r.code() != "Conflict" {
		t.Errorf("an update is in progress: %+v", r)
	}
	raw, err := json.Marshal(srv.State())
	if err != nil || !strings.Contains(string(raw), `"snapshots":[{`) {
		t.Errorf("%s, %v", raw, err)
	}
}

func percent(t *testing.T, srv *azurevmtest.Server, target string) float64 {
	t.Helper()
	p, _ := send(t, srv, "GET", target+version, "").body["properties"].(map[string]any)
	n, _ := p["completionPercent"].(float64)
	return n
}

func TestLocksOnDisks(t *testing.T) {
	for level, want := range map[string]int{"ReadOnly": 409, "CanNotDelete": 202} {
		srv := azurevmtest.NewServer(azurevmtest.Options{Locks: []azurevmtest.Lock{{Name: "l", Level: level, Scope: group}}})
		r := send(t, srv, "PUT", group+"/providers/Microsoft.Compute/snapshots/s"+version,
			`{"location":"canadacentral","properties":{"creationData":{"createOption":"Copy","sourceResourceId":"`+group+`/providers/Microsoft.Compute/disks/`+vm+`-os"}}}`)
		if r.status != want {
			t.Errorf("%s: %+v", level, r)
		}
		if r := send(t, srv, "DELETE", group+"/providers/Microsoft.Compute/snapshots/s"+version, ""); r.code() != "ScopeLocked" {
			t.Errorf("%s: %+v", level, r)
		}
	}
}

func TestFailedDeletionLeavesTheDisk(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{})
	target := group + "/providers/Microsoft.Compute/snapshots/s"
	send(t, srv, "PUT", target+version, `{"location":"canadacentral","properties":{"creationData":{"createOption":"Copy","sourceResourceId":"`+group+`/providers/Microsoft.Compute/disks/`+vm+`-os"}}}`)
	pass(time.Minute)
	srv.FailNextOperation("delete", "InternalError", "try again")
	send(t, srv, "DELETE", target+version, "")
	if s := srv.State().Snapshots; s[0].State != "Deleting" || s[0].TakenOff {
		t.Errorf("%+v", s)
	}
	pass(time.Minute)
	if s := srv.State().Snapshots; s[0].State != "Succeeded" {
		t.Errorf("%+v", s)
	}
	srv.DeleteDisk(sub + "/resourceGroups/" + rg + "/providers/Microsoft.Compute/snapshots/s")
	for name, f := range map[string]func(){"disk": func() { srv.DeleteDisk("x") }, "operation": func() { srv.FailNextOperation("dance", "", "") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	if len(srv.State().Snapshots) != 0 {
		t.Error("still there") // and not deadlocked by the panic
	}
}

// A disk tells when it, or its VM, was attached, detached, started or deallocated last.
func TestOwnershipOfADisk(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{})
	owned := func() any {
		p, _ := send(t, srv, "GET", group+"/providers/Microsoft.Compute/disks/"+vm+"-os"+version, "").body["properties"].(map[string]any)
		return p["LastOwnershipUpdateTime"]
	}
	if at := owned(); at != nil {
		t.Errorf("%v", at)
	}
	pass(time.Hour)
	srv.SetPower(manager, azurevm.Stopped)
	if at := owned(); at != nil {
		t.Errorf("a VM that is stopped keeps its host: %v", at)
	}
	srv.SetPower(manager, azurevm.Deallocated)
	if at := owned(); at != "2026-03-02T19:30:00.000000000Z" {
		t.Errorf("%v", at)
	}
}
