package azurevm_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// restorable is a world with a deallocated VM that has a recovery point.
func restorable(t *testing.T, o azurevmtest.Options) (*azurevmtest.Server, *azurevm.Client, azurevm.RestoreOptions) {
	t.Helper()
	srv, client := start(t, o)
	srv.SetPower(managerVM, azurevm.Deallocated)
	srv.AddRecoveryPoint(managerVM, srv.Now().Add(-time.Hour), "CrashConsistent")
	points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return srv, client, azurevm.RestoreOptions{RecoveryPoint: points[0], StorageAccountID: srv.StorageAccountID()}
}

// A restore is requested with the point's name, not its id, and a staging account; the VM keeps its id and address,
// gets other disks, and the old ones stay.
func TestRestore(t *testing.T) {
	var restored time.Time
	srv, client, o := restorable(t, azurevmtest.Options{OnRestore: func(_ azurevmtest.VM, point time.Time) { restored = point }})
	before, err := client.Instance(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.ValidateRestore(t.Context(), vault, manager, o); err != nil {
		t.Fatal(err)
	}
	if n := srv.RestoreCount(managerVM); n != 0 {
		t.Errorf("validation restored %d times", n)
	}
	id, err := client.StartRestore(t.Context(), vault, manager, o)
	if err != nil {
		t.Fatal(err)
	}
	job, err := client.WaitJob(t.Context(), vault, id, nil)
	if err != nil || job.Operation != "Restore" {
		t.Fatalf("%+v, %v", job, err)
	}
	after, err := client.Instance(t.Context(), manager)
	if err != nil || after.VMID != before.VMID || after.Disks[0].ID == before.Disks[0].ID {
		t.Errorf("%+v, %v", after, err)
	}
	kept := slices.ContainsFunc(srv.State().Disks, func(d azurevmtest.DiskState) bool { return d.ID == before.Disks[0].ID && d.AttachedTo == "" })
	if !kept {
		t.Error("the old disk is not kept")
	}
	if n := srv.RestoreCount(managerVM); n != 1 || !restored.Equal(o.RecoveryPoint.Time) {
		t.Errorf("%d restores, to %v", n, restored)
	}
}

// The SDK's poller of a restore loses the job's id and repeats the POST.
func TestRestoreInDoubtIsNotRepeated(t *testing.T) {
	srv, client, o := restorable(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.DropAfter, Path: "/restore", Method: "POST"})
	_, err := client.StartRestore(t.Context(), vault, manager, o)
	wantError(t, err, azurevm.ErrOutcomeUnknown, "FindRestoreJob")
	if n := count(srv, "POST", "/restore"); n != 1 {
		t.Errorf("%d POSTs", n)
	}
	job, found, err := client.FindRestoreJob(t.Context(), vault, manager, time.Time{})
	if err != nil || !found || job.Operation != "Restore" {
		t.Errorf("%+v, %v", job, err)
	}
}

// Whether the service stops a running VM for a restore is undocumented: it must be off.
func TestRestoreRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		arrange func(*azurevmtest.Server, *azurevm.RestoreOptions)
		words   []string
		target  error
	}{
		{"running", func(s *azurevmtest.Server, _ *azurevm.RestoreOptions) { s.SetPower(managerVM, azurevm.Running) },
			[]string{"the vm is running", "nothing was changed"}, azurevm.ErrConflict},
		{"no account", func(_ *azurevmtest.Server, o *azurevm.RestoreOptions) { o.StorageAccountID = "strestore" }, []string{"storage account"}, nil},
		{"no point", func(_ *azurevmtest.Server, o *azurevm.RestoreOptions) { o.RecoveryPoint = azurevm.RecoveryPoint{} }, []string{"recovery point"}, nil},
		{"point of another vm", func(s *azurevmtest.Server, o *azurevm.RestoreOptions) {
			o.RecoveryPoint.Name = s.AddRecoveryPoint(azurevmtest.Of(conference), s.Now(), "CrashConsistent")
		}, []string{"not one of this vm's"}, azurevm.ErrNotFound},
		{"not protected", func(s *azurevmtest.Server, _ *azurevm.RestoreOptions) { s.Unprotect(managerVM) }, nil, azurevm.ErrNotProtected},
		{"no vm", func(s *azurevmtest.Server, _ *azurevm.RestoreOptions) {
			_ = s.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Path: `core\?.*instanceView`, Status: 404})
		}, nil, azurevm.ErrNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv, client, o := restorable(t, azurevmtest.Options{})
			test.arrange(srv, &o)
			_, err := client.StartRestore(t.Context(), vault, manager, o)
			if err == nil || (test.target != nil && !errors.Is(err, test.target)) {
				t.Fatal(err)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v does not tell %q", err, w)
				}
			}
			if n := posts(srv); n != 0 {
				t.Errorf("%d POSTs", n)
			}
		})
	}
}

func TestRestoreFromADeletedPoint(t *testing.T) {
	srv, client, o := restorable(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/recoverypoints", Status: 200,
		Body: `{"value":[{"name":"` + o.RecoveryPoint.Name + `","properties":{"recoveryPointTierDetails":[{"type":"InstantRP","status":"Deleted"}]}}]}`})
	if _, err := client.StartRestore(t.Context(), vault, manager, o); err == nil || !strings.Contains(err.Error(), "cannot be restored") {
		t.Error(err)
	}
}

// The dry check answers 200 and lists its objections inside.
func TestValidateRestoreTellsObjections(t *testing.T) {
	srv, client, o := restorable(t, azurevmtest.Options{})
	o.StorageAccountID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/other"
	err := client.ValidateRestore(t.Context(), vault, manager, o)
	if err == nil || !strings.Contains(err.Error(), "UserErrorTargetStorageAccountNotFound") || !strings.Contains(err.Error(), "Correct the request.") {
		t.Error(err)
	}
	_, err = client.StartRestore(t.Context(), vault, manager, o)
	if err == nil || errors.Is(err, azurevm.ErrOutcomeUnknown) {
		t.Error(err)
	}
	o.StorageAccountID = srv.StorageAccountID()
	for _, body := range []string{`{}`, `{"validateOperationResponse":{"validationResults":[null,{"code":"Success"}]}}`} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupvalidateoperation", Status: 200, Body: body})
		if err := client.ValidateRestore(t.Context(), vault, manager, o); err != nil {
			t.Error(err)
		}
	}
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupvalidateoperation", Status: 403})
	wantError(t, client.ValidateRestore(t.Context(), vault, manager, o), azurevm.ErrForbidden)
}

// A snapshot may be deleted before its transfer.
func TestRestoreJobThatFails(t *testing.T) {
	srv, client, o := restorable(t, azurevmtest.Options{})
	srv.FailNextJob("Restore", "UserErrorInstantRpNotFound: the snapshot is gone")
	id, err := client.StartRestore(t.Context(), vault, manager, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.WaitJob(t.Context(), vault, id, nil)
	wantError(t, err, azurevm.ErrJobFailed, "the snapshot is gone", "restore of vm")
	if n := srv.RestoreCount(managerVM); n != 0 {
		t.Errorf("%d restores", n)
	}
}
