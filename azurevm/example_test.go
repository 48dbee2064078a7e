package azurevm_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// A VM is switched off, backed up, and switched on as soon as its snapshot is taken.
func Example() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	client, err := azurevm.New(srv.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	vm := azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	vault := azurevm.Vault{ResourceGroup: "rg-backup", Name: "rsv-pexip"}
	begin := time.Now()

	if err := client.Deallocate(ctx, vm, nil); err != nil {
		fmt.Println(err)
		return
	}
	id, err := client.StartBackup(ctx, vault, vm, begin.AddDate(0, 0, 30))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.WaitSnapshot(ctx, vault, id, nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := client.Start(ctx, vm, nil); err != nil {
		fmt.Println(err)
		return
	}
	points, err := client.RecoveryPoints(ctx, vault, vm, begin)
	if err != nil {
		fmt.Println(err)
		return
	}
	state, _ := client.Power(ctx, vm)
	fmt.Println("the vm is", state)
	fmt.Println(len(points), "recovery point,", points[0].Type, "restorable:", points[0].Restorable())
	// Output:
	// the vm is running
	// 1 recovery point, CrashConsistent restorable: true
}

// The answer to a backup request is lost. It is not requested again: the vault knows.
func ExampleClient_FindBackupJob() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.DropAfter, Method: "POST", Path: "/backup"})
	client, _ := azurevm.New(srv.Config())
	vm := azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	vault := srv.Vault().Ref()
	begin := time.Now()

	_, err := client.StartBackup(context.Background(), vault, vm, begin.AddDate(0, 0, 30))
	fmt.Println("outcome unknown:", errors.Is(err, azurevm.ErrOutcomeUnknown))
	job, found, err := client.FindBackupJob(context.Background(), vault, vm, begin)
	fmt.Println(job.Operation, found, err)
	fmt.Println("backups requested:", srv.BackupCount(azurevmtest.Of(vm)))
	// Output:
	// outcome unknown: true
	// Backup true <nil>
	// backups requested: 1
}

// Virtual Machine Contributor sounds like enough, but does not include "Backup now".
func ExampleClient_CheckPermissions() {
	srv := azurevmtest.NewServer(azurevmtest.Options{Roles: []string{"Reader", "Virtual Machine Contributor"}})
	client, _ := azurevm.New(srv.Config())
	vm := azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}

	wanted := client.RequiredPermissions([]azurevm.VM{vm}, srv.Vault().Ref())
	verdicts, err := client.CheckPermissions(context.Background(), wanted)
	if err != nil {
		fmt.Println(err)
	}
	for _, v := range verdicts {
		if v.Verdict != azurevm.VerdictGranted {
			fmt.Printf("%s: %s, ask for %s\n", v.Purpose, v.Verdict, v.Role)
		}
	}
	// Output:
	// back up now: missing, ask for Backup Operator
	// validate a restore: missing, ask for Backup Operator
	// restore: missing, ask for Backup Operator
}
