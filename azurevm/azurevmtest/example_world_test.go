package azurevmtest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// A world is described, used in process, and looked at.
func ExampleNewServer() {
	srv := azurevmtest.NewServer(azurevmtest.Options{VMs: []azurevmtest.VM{{ResourceGroup: "rg", Name: "vm", PrivateIP: "10.0.0.4", DataDisks: 2}}})
	client, err := azurevm.New(srv.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Deallocate(context.Background(), azurevm.VM{ResourceGroup: "rg", Name: "vm"}, nil))
	state := srv.State()
	fmt.Println(state.VMs[0].Power, len(state.Disks), "disks, last request:", srv.Requests()[len(srv.Requests())-1].Method)
	// Output:
	// <nil>
	// deallocated 3 disks, last request: GET
}

// Roles, actions that are taken from them, and locks.
func ExampleOptions() {
	_, client := world(azurevmtest.Options{Roles: []string{"Virtual Machine Contributor"}, MissingActions: []string{"Microsoft.Compute/*/start/action"},
		Locks: []azurevmtest.Lock{{Name: "freeze", Level: "ReadOnly", Scope: "/subscriptions/00000000-0000-4000-8000-000000000107"}}})
	err := client.Deallocate(context.Background(), one, nil)
	fmt.Println("locked:", errors.Is(err, azurevm.ErrConflict))
	verdicts, err := client.CheckPermissions(context.Background(), []azurevm.Permission{{Action: "Microsoft.Compute/virtualMachines/start/action", Scope: "/subscriptions/00000000-0000-4000-8000-000000000107"}})
	fmt.Println(verdicts[0].Verdict, err)
	// Output:
	// locked: true
	// missing <nil>
}

// A disk that can be neither snapshotted nor swapped.
func ExampleVM() {
	_, client := world(azurevmtest.Options{VMs: []azurevmtest.VM{{ResourceGroup: one.ResourceGroup, Name: one.Name, PrivateIP: "10.0.0.4",
		Power: azurevm.Deallocated, OSDisk: azurevmtest.Ephemeral}}})
	_, err := client.SnapshotDisks(context.Background(), one, azurevm.SnapshotOptions{Run: "r", Taken: time.Now(), Expires: time.Now().AddDate(0, 0, 1)}, nil)
	fmt.Println(errors.Is(err, azurevm.ErrUnmanagedDisk))
	// Output: true
}

// Half an answer, and one that comes after the client has given up.
func ExampleServer_Inject_half() {
	srv, client := world(azurevmtest.Options{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Truncate, Path: "/instanceView"})
	_, err := client.Power(context.Background(), one)
	fmt.Println("half an answer:", err != nil)
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Delay, Path: "/instanceView", Delay: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = client.Power(ctx, one)
	fmt.Println("too late:", errors.Is(err, context.DeadlineExceeded))
	// Output:
	// half an answer: true
	// too late: true
}

// The snapshot is taken, the transfer into the vault fails.
func ExampleServer_FailNextJob() {
	srv, client := world(azurevmtest.Options{})
	ctx, vault := context.Background(), srv.Vault().Ref()
	srv.FailNextJob("Transfer data to vault", "the network is down")
	id, _ := client.StartBackup(ctx, vault, one, time.Now().AddDate(0, 0, 30))
	_, err := client.WaitSnapshot(ctx, vault, id, nil)
	fmt.Println("snapshot:", err)
	_, err = client.WaitVaultTransfer(ctx, vault, id, nil)
	fmt.Println("vault:", errors.Is(err, azurevm.ErrJobFailed))
	// Output:
	// snapshot: <nil>
	// vault: true
}

// A backup without the data disks.
func ExampleServer_ExcludeDisks() {
	srv, client := world(azurevmtest.Options{})
	srv.ExcludeDisks(azurevmtest.Of(one))
	item, err := client.ProtectedItem(context.Background(), srv.Vault().Ref(), one)
	fmt.Println(item.DisksExcluded, err)
	// Output: true <nil>
}

// Somebody takes the VM out of its vault.
func ExampleServer_Unprotect() {
	srv, client := world(azurevmtest.Options{})
	srv.Unprotect(azurevmtest.Of(one))
	_, err := client.StartBackup(context.Background(), srv.Vault().Ref(), one, time.Time{})
	fmt.Println(errors.Is(err, azurevm.ErrNotProtected), srv.BackupCount(azurevmtest.Of(one)))
	// Output: true 0
}

// swappable is a deallocated VM with a snapshot.
func swappable() (*azurevmtest.Server, *azurevm.Client, azurevm.SwapOptions) {
	srv, client := world(azurevmtest.Options{})
	srv.SetPower(azurevmtest.Of(one), azurevm.Deallocated)
	at := time.Now()
	snapshots, err := client.SnapshotDisks(context.Background(), one, azurevm.SnapshotOptions{Run: "r", Taken: at, Expires: at.AddDate(0, 0, 1)}, nil)
	if err != nil {
		panic(err)
	}
	return srv, client, azurevm.SwapOptions{Snapshots: snapshots, Run: "r", At: at}
}

// Somebody changes the VM's model at the same time.
func ExampleServer_Touch() {
	srv, client, o := swappable()
	_, err := client.SwapDisks(context.Background(), one, o, func(step string) {
		if step == "change the vm's disks" {
			srv.Touch(azurevmtest.Of(one))
		}
	})
	fmt.Println(errors.Is(err, azurevm.ErrConflict), srv.SwapCount(azurevmtest.Of(one)))
	// Output: true 0
}

// Somebody deletes a snapshot that is still wanted.
func ExampleServer_DeleteDisk() {
	srv, client, o := swappable()
	srv.DeleteDisk(o.Snapshots[0].ID)
	_, err := client.SwapDisks(context.Background(), one, o, nil)
	fmt.Println(errors.Is(err, azurevm.ErrNotFound))
	// Output: true
}

// A VM that has something to be restored from.
func ExampleServer_AddRecoveryPoint() {
	srv, client := world(azurevmtest.Options{OnRestore: func(vm azurevmtest.VM, state time.Time) {
		fmt.Println(vm.Name, "is as of", state.Format(time.DateOnly))
	}})
	ctx, vault := context.Background(), srv.Vault().Ref()
	srv.AddRecoveryPoint(azurevmtest.Of(one), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "CrashConsistent")
	srv.SetPower(azurevmtest.Of(one), azurevm.Deallocated)
	points, _ := client.RecoveryPoints(ctx, vault, one, time.Time{})
	id, _ := client.StartRestore(ctx, vault, one, azurevm.RestoreOptions{RecoveryPoint: points[0], StorageAccountID: srv.StorageAccountID()})
	job, err := client.WaitJob(ctx, vault, id, nil)
	fmt.Println(job.Status, srv.RestoreCount(azurevmtest.Of(one)), err)
	// Output:
	// vm-node-mgmt-core is as of 2026-03-01
	// Completed 1 <nil>
}

// A test waits for what a client does on its own, and then looks at what arrived.
func ExampleServer_WaitRequest() {
	srv, client := world(azurevmtest.Options{})
	go func() { _ = client.Start(context.Background(), one, nil) }()
	r, err := srv.WaitRequest(context.Background(), func(r azurevmtest.Request) bool { return r.Status == 200 })
	fmt.Println(r.Method, r.ReadOnly(), err)
	// Output: GET true <nil>
}
