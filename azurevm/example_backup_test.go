package azurevm_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// Azure runs one backup of a VM at a time; the one that runs is adopted.
func ExampleClient_StartBackup() {
	_, client, vm, vault := rehearsal(azurevmtest.Options{})
	ctx, begin := context.Background(), time.Now()
	first, _ := client.StartBackup(ctx, vault, vm, begin.AddDate(0, 0, 30))
	_, err := client.StartBackup(ctx, vault, vm, begin.AddDate(0, 0, 30))
	fmt.Println("in progress:", errors.Is(err, azurevm.ErrBackupInProgress))
	job, found, err := client.FindBackupJob(ctx, vault, vm, begin)
	fmt.Println(found, job.ID == first, err)
	// Output:
	// in progress: true
	// true true <nil>
}

// The transfer into the vault goes on for hours; the VM need not wait for it.
func ExampleClient_WaitSnapshot() {
	_, client, vm, vault := rehearsal(azurevmtest.Options{Trigger: -1, Snapshot: -1})
	id, _ := client.StartBackup(context.Background(), vault, vm, time.Now().AddDate(0, 0, 30))
	job, err := client.WaitSnapshot(context.Background(), vault, id, nil)
	fmt.Println(job.Status, job.Tasks, err)
	// Output: InProgress [{Take Snapshot Completed} {Transfer data to vault InProgress}] <nil>
}

// A backup that fails tells why, in the service's words, and what to do.
func ExampleClient_WaitJob() {
	srv, client, vm, vault := rehearsal(azurevmtest.Options{})
	srv.FailNextJob("Take Snapshot", "UserErrorRpCollectionLimitReached: too many restore points")
	id, _ := client.StartBackup(context.Background(), vault, vm, time.Now().AddDate(0, 0, 30))
	_, err := client.WaitJob(context.Background(), vault, id, nil)
	var e *azurevm.Error
	fmt.Println(errors.Is(err, azurevm.ErrJobFailed), errors.As(err, &e))
	fmt.Println(e.Message)
	fmt.Println(e.Advice)
	// Output:
	// true true
	// 400000: The job failed.: UserErrorRpCollectionLimitReached: too many restore points Try again.
	// there is no recovery point of it; it is safe to request another backup
}

func ExampleClient_Job() {
	_, client, vm, vault := rehearsal(azurevmtest.Options{Trigger: -1, Snapshot: time.Hour, Speed: 1})
	id, _ := client.StartBackup(context.Background(), vault, vm, time.Now().AddDate(0, 0, 30))
	job, err := client.Job(context.Background(), vault, id)
	fmt.Println(job.Operation, job.VMName, job.Status, "snapshot:", job.SnapshotTaken(), "vault:", job.Transferred(), "failed:", job.Failed(), err)
	// Output: Backup vm-node-mgmt-core InProgress snapshot: false vault: false failed: false <nil>
}

// A point proves a backup: when, where it is kept, until when, and whether all disks are in it.
func ExampleClient_RecoveryPoints() {
	srv, client, vm, vault := rehearsal(azurevmtest.Options{})
	at := time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)
	srv.AddRecoveryPoint(azurevmtest.Of(vm), at, "CrashConsistent")
	points, err := client.RecoveryPoints(context.Background(), vault, vm, at)
	for _, p := range points {
		fmt.Println(p.Time.Format(time.DateTime), p.Type, p.Tiers, "until", p.Expiry.Format(time.DateOnly), p.Disks, "of", p.Attached, "disks", p.Restorable())
	}
	fmt.Println(err)
	// Output:
	// 2026-03-02 18:30:00 CrashConsistent [{InstantRP Valid} {HardenedRP Valid}] until 2026-04-01 1 of 1 disks true
	// <nil>
}

// What the service would object to is known beforehand; nothing is changed.
func ExampleClient_ValidateRestore() {
	srv, client, vm, vault := rehearsal(azurevmtest.Options{})
	srv.AddRecoveryPoint(azurevmtest.Of(vm), time.Now(), "CrashConsistent")
	points, _ := client.RecoveryPoints(context.Background(), vault, vm, time.Time{})
	err := client.ValidateRestore(context.Background(), vault, vm, azurevm.RestoreOptions{RecoveryPoint: points[0],
		StorageAccountID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/elsewhere"})
	var e *azurevm.Error
	fmt.Println(errors.As(err, &e), e.Details[0].Code)
	// Output: true UserErrorTargetStorageAccountNotFound
}

// The answer to a restore request is lost. It is not requested again: the vault knows.
func ExampleClient_FindRestoreJob() {
	srv, client, vm, vault := rehearsal(azurevmtest.Options{})
	ctx, begin := context.Background(), time.Now()
	srv.SetPower(azurevmtest.Of(vm), azurevm.Deallocated)
	srv.AddRecoveryPoint(azurevmtest.Of(vm), begin.Add(-time.Hour), "CrashConsistent")
	points, _ := client.RecoveryPoints(ctx, vault, vm, time.Time{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.DropAfter, Method: "POST", Path: "/restore"})
	_, err := client.StartRestore(ctx, vault, vm, azurevm.RestoreOptions{RecoveryPoint: points[0], StorageAccountID: srv.StorageAccountID()})
	fmt.Println("outcome unknown:", errors.Is(err, azurevm.ErrOutcomeUnknown))
	job, found, err := client.FindRestoreJob(ctx, vault, vm, begin)
	fmt.Println(job.Operation, found, err)
	// Output:
	// outcome unknown: true
	// Restore true <nil>
}

// What is needed, at which scope, and the role to ask for.
func ExampleClient_RequiredPermissions() {
	_, client, vm, vault := rehearsal(azurevmtest.Options{})
	for _, p := range client.RequiredPermissions([]azurevm.VM{vm}, vault)[3:5] {
		fmt.Println(p.Purpose+":", p.Action, "by", p.Role)
	}
	// Output:
	// stop it: Microsoft.Compute/virtualMachines/deallocate/action by Virtual Machine Contributor
	// start it: Microsoft.Compute/virtualMachines/start/action by Virtual Machine Contributor
}
