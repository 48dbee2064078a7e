package azurevm_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// All faults of a configuration are told together.
func ExampleNew() {
	_, err := azurevm.New(azurevm.Config{Endpoint: "http://management.azure.com", PollInterval: -1})
	fmt.Println(err)
	// Output:
	// azurevm configuration: endpoint "http://management.azure.com": must be an https URL, because a token is sent to it
	// subscription id "": must be the id, as in the portal's overview
	// credential: must be set
	// poll interval -1ns: must not be negative
}

// What proves which machine a name stands for is its address.
func ExampleClient_Instance() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	in, err := client.Instance(context.Background(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"})
	fmt.Println(in.Addresses, in.Power, len(in.Disks), "disk", err)
	// Output: [10.107.0.4] running 1 disk <nil>
}

func ExampleClient_Deallocate() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	vm := azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	if err := client.Deallocate(context.Background(), vm, nil); err != nil {
		fmt.Println(err)
	}
	state, err := client.Power(context.Background(), vm)
	fmt.Println(state, err)
	// Output: deallocated <nil>
}

// A program begins to stop a VM and ends; another one, with the stored token, goes on.
func ExampleClient_BeginDeallocate() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	vm := azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	first, _ := azurevm.New(srv.Config())
	token, err := first.BeginDeallocate(context.Background(), vm)
	fmt.Println(token, err) // it is not shown
	stored := string(token)

	second, _ := azurevm.New(srv.Config())
	err = second.ResumeDeallocate(context.Background(), vm, azurevm.ResumeToken(stored), nil)
	fmt.Println(srv.Power(azurevmtest.Of(vm)), err)
	err = second.ResumeStart(context.Background(), vm, azurevm.ResumeToken(stored), nil)
	fmt.Println("as a start:", errors.Is(err, azurevm.ErrToken))
	// Output:
	// [resume token] <nil>
	// deallocated <nil>
	// as a start: true
}

func ExampleClient_BeginStart() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	vm := azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	srv.SetPower(azurevmtest.Of(vm), azurevm.Deallocated)
	token, err := client.BeginStart(context.Background(), vm)
	if err != nil {
		fmt.Println(err)
	}
	err = client.ResumeStart(context.Background(), vm, token, nil)
	fmt.Println(srv.Power(azurevmtest.Of(vm)), err)
	// Output: running <nil>
}

// The VM may run again while its data is on the way to the vault.
func ExampleClient_WaitVaultTransfer() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	ctx, vault, vm := context.Background(), srv.Vault().Ref(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	id, _ := client.StartBackup(ctx, vault, vm, time.Now().AddDate(0, 0, 30))
	job, _ := client.WaitSnapshot(ctx, vault, id, nil)
	fmt.Println("snapshot:", job.SnapshotTaken())
	job, err := client.WaitVaultTransfer(ctx, vault, id, nil)
	points, _ := client.RecoveryPoints(ctx, vault, vm, time.Time{})
	fmt.Println("vault:", job.Transferred(), points[0].InVault(), err)
	// Output:
	// snapshot: true
	// vault: true true <nil>
}

func ExampleClient_FindVault() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	p, err := client.FindVault(context.Background(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"})
	fmt.Println(p.Vault, p.Status, err)
	// Output: rg-backup/rsv-pexip Protected <nil>
}

func ExampleClient_ProtectedItem() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	item, err := client.ProtectedItem(context.Background(), srv.Vault().Ref(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"})
	fmt.Println(item.ProtectionState, item.PolicyName, "disks excluded:", item.DisksExcluded, err)
	// Output: IRPending DefaultPolicy disks excluded: false <nil>
}

// A restore is validated, requested once, and waited for.
func ExampleClient_StartRestore() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	ctx, vault, vm := context.Background(), srv.Vault().Ref(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	srv.AddRecoveryPoint(azurevmtest.Of(vm), time.Now().Add(-time.Hour), "CrashConsistent")
	points, _ := client.RecoveryPoints(ctx, vault, vm, time.Time{})
	o := azurevm.RestoreOptions{RecoveryPoint: points[0], StorageAccountID: srv.StorageAccountID()}

	fmt.Println("would be accepted:", client.ValidateRestore(ctx, vault, vm, o) == nil)
	_, err := client.StartRestore(ctx, vault, vm, o)
	fmt.Println("while it runs:", errors.Is(err, azurevm.ErrConflict))
	if err := client.Deallocate(ctx, vm, nil); err != nil {
		fmt.Println(err)
	}
	id, _ := client.StartRestore(ctx, vault, vm, o)
	job, err := client.WaitJob(ctx, vault, id, nil)
	fmt.Println(job.Operation, job.Status, err)
	// Output:
	// would be accepted: true
	// while it runs: true
	// Restore Completed <nil>
}

func ExampleClient_Locks() {
	srv := azurevmtest.NewServer(azurevmtest.Options{Locks: []azurevmtest.Lock{
		{Name: "audit", Level: "ReadOnly", Scope: "/subscriptions/00000000-0000-4000-8000-000000000107"}}})
	client, _ := azurevm.New(srv.Config())
	locks, err := client.Locks(context.Background(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"})
	fmt.Println(locks[0].Name, locks[0].Level, err)
	// Output: audit ReadOnly <nil>
}

// The second way: snapshots of the disks, without a vault, and back.
func ExampleClient_SwapDisks() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	ctx, vm := context.Background(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	at := time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)
	if err := client.Deallocate(ctx, vm, nil); err != nil {
		fmt.Println(err)
	}
	snapshots, err := client.SnapshotDisks(ctx, vm, azurevm.SnapshotOptions{Run: "test-0001", Taken: at, Expires: at.AddDate(0, 0, 30)}, nil)
	fmt.Println(snapshots[0].Name, err)

	swap, err := client.SwapDisks(ctx, vm, azurevm.SwapOptions{Snapshots: snapshots, Run: "test-0001", At: at}, func(step string) { fmt.Println(step) })
	fmt.Println(err)
	for _, d := range swap.Disks {
		fmt.Println("kept, and paid for:", d.Old.Name)
	}
	// Output:
	// snap-vm-node-mgmt-core-os-20260302T183000Z-test-0001-270b3bf8 <nil>
	// make disk disk-vm-node-mgmt-core-os-20260302T183000Z-test-0001-270b3bf8 from snapshot snap-vm-node-mgmt-core-os-20260302T183000Z-test-0001-270b3bf8
	// change the vm's disks
	// verify
	// <nil>
	// kept, and paid for: vm-node-mgmt-core-os
}

// Nothing is deleted but what has expired, and only when it is asked for.
func ExampleClient_DeleteExpiredSnapshots() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, _ := azurevm.New(srv.Config())
	ctx, vm := context.Background(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	at := time.Now()
	if err := client.Deallocate(ctx, vm, nil); err != nil {
		fmt.Println(err)
	}
	if _, err := client.SnapshotDisks(ctx, vm, azurevm.SnapshotOptions{Run: "r", Taken: at, Expires: at.AddDate(0, 0, 30)}, nil); err != nil {
		fmt.Println(err)
	}
	for _, days := range []int{29, 31} {
		gone, err := client.DeleteExpiredSnapshots(ctx, vm, at.AddDate(0, 0, days))
		left, _ := client.Snapshots(ctx, vm)
		fmt.Println("after", days, "days:", len(gone), "deleted,", len(left), "left", err)
	}
	// Output:
	// after 29 days: 0 deleted, 1 left <nil>
	// after 31 days: 1 deleted, 0 left <nil>
}

// Virtual Machine Contributor may make disks but not snapshots.
func ExampleClient_DiskPermissions() {
	srv := azurevmtest.NewServer(azurevmtest.Options{Roles: []string{"Virtual Machine Contributor"}})
	client, _ := azurevm.New(srv.Config())
	wanted := client.DiskPermissions([]azurevm.VM{{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}})
	verdicts, err := client.CheckPermissions(context.Background(), wanted)
	for _, v := range verdicts {
		if v.Verdict != azurevm.VerdictGranted {
			fmt.Printf("%s: %s, ask for %s\n", v.Purpose, v.Verdict, v.Role)
		}
	}
	fmt.Println(err)
	// Output:
	// copy a disk into a snapshot: missing, ask for Disk Snapshot Contributor
	// find snapshots: missing, ask for Disk Snapshot Contributor
	// snapshot disks: missing, ask for Disk Snapshot Contributor
	// delete expired snapshots: missing, ask for Disk Snapshot Contributor
	// <nil>
}

// After a crash the same call finds what was made, and makes the rest.
func ExampleClient_SnapshotDisks() {
	srv, client, vm, _ := rehearsal(azurevmtest.Options{VMs: []azurevmtest.VM{
		{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.107.0.4", DataDisks: 1, Power: azurevm.Deallocated}}})
	at := time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)
	o := azurevm.SnapshotOptions{Run: "test-0001", Taken: at, Expires: at.AddDate(0, 0, 30), Tags: map[string]string{"version": "38.1"}}
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "PUT", Path: "-lun0-", Status: 403})
	made, err := client.SnapshotDisks(context.Background(), vm, o, nil)
	fmt.Println(len(made), "made, forbidden:", errors.Is(err, azurevm.ErrForbidden))
	made, err = client.SnapshotDisks(context.Background(), vm, o, nil)
	fmt.Println(len(made), "made,", len(srv.State().Snapshots), "there", err)
	// Output:
	// 1 made, forbidden: true
	// 2 made, 2 there <nil>
}

func ExampleClient_Snapshots() {
	_, client, vm, _ := rehearsal(azurevmtest.Options{VMs: []azurevmtest.VM{
		{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.107.0.4", Power: azurevm.Deallocated}}})
	at := time.Now()
	_, err := client.SnapshotDisks(context.Background(), vm, azurevm.SnapshotOptions{Run: "test-0001", Taken: at, Expires: at.AddDate(0, 0, 30)}, nil)
	fmt.Println(err)
	list, err := client.Snapshots(context.Background(), vm)
	fmt.Println(list[0].Run, "lun", list[0].LUN, "ready:", list[0].Ready(), err)
	// Output:
	// <nil>
	// test-0001 lun -1 ready: true <nil>
}

// What a swap would do is known beforehand, also while the VM runs.
func ExampleClient_ValidateSwap() {
	srv, client, vm, _ := rehearsal(azurevmtest.Options{})
	ctx, at := context.Background(), time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)
	srv.SetPower(azurevmtest.Of(vm), azurevm.Deallocated)
	snapshots, err := client.SnapshotDisks(ctx, vm, azurevm.SnapshotOptions{Run: "r", Taken: at, Expires: at.AddDate(0, 0, 30)}, nil)
	fmt.Println(err)
	srv.SetPower(azurevmtest.Of(vm), azurevm.Running)
	plan, err := client.ValidateSwap(ctx, vm, azurevm.SwapOptions{Snapshots: snapshots, Run: "r", At: at})
	for _, d := range plan.Disks {
		fmt.Println(d.Old.Name, "->", d.New.Name, err)
	}
	// Output:
	// <nil>
	// vm-node-mgmt-core-os -> disk-vm-node-mgmt-core-os-20260302T183000Z-r-2624e608 <nil>
}
