package azurevmtest_test

import (
	"context"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// Somebody tries to start a VM while Azure has no room for it; the client tries again.
func ExampleServer_FailNextStart() {
	srv := azurevmtest.NewServer(azurevmtest.Options{
		VMs:     []azurevmtest.VM{{ResourceGroup: "rg", Name: "vm", PrivateIP: "10.0.0.4", Power: azurevm.Deallocated}},
		OnPower: func(vm azurevmtest.VM, running bool) { fmt.Println(vm.PrivateIP, "running:", running) },
	})
	srv.FailNextStart("AllocationFailed")
	client, err := azurevm.New(srv.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = client.Start(context.Background(), azurevm.VM{ResourceGroup: "rg", Name: "vm"}, nil)
	fmt.Println("error:", err)
	for _, r := range srv.Requests() {
		if !r.ReadOnly() {
			fmt.Println(r.Method, r.Status)
		}
	}
	// Output:
	// 10.0.0.4 running: true
	// error: <nil>
	// POST 202
	// POST 202
}
