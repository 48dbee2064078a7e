package azurevm_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// rehearsal is a world, a client of it, and the names of one of its VMs and of its vault.
func rehearsal(o azurevmtest.Options) (*azurevmtest.Server, *azurevm.Client, azurevm.VM, azurevm.Vault) {
	srv := azurevmtest.NewServer(o)
	client, err := azurevm.New(srv.Config())
	if err != nil {
		panic(err)
	}
	return srv, client, azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}, srv.Vault().Ref()
}

// Shut down from inside, a VM is stopped, and its host is still paid for.
func ExampleClient_Power() {
	srv, client, vm, _ := rehearsal(azurevmtest.Options{})
	srv.SetPower(azurevmtest.Of(vm), azurevm.Stopped)
	state, err := client.Power(context.Background(), vm)
	fmt.Println(state, "settled:", state.Settled(), err)
	// Output: stopped settled: true <nil>
}

// Azure has no room for the VM, says so with status 200, and has some when it is asked again.
func ExampleClient_Start() {
	srv, client, vm, _ := rehearsal(azurevmtest.Options{})
	srv.SetPower(azurevmtest.Of(vm), azurevm.Deallocated)
	srv.FailNextStart("AllocationFailed")
	err := client.Start(context.Background(), vm, nil)
	fmt.Println(srv.Power(azurevmtest.Of(vm)), err)
	// Output: running <nil>
}

// Meanwhile a start/stop pipeline has switched the VM on again.
func ExampleClient_ResumeDeallocate() {
	srv, client, vm, _ := rehearsal(azurevmtest.Options{Speed: 1})
	token, err := client.BeginDeallocate(context.Background(), vm)
	if err != nil {
		fmt.Println(err)
	}
	srv.SetPower(azurevmtest.Of(vm), azurevm.Running)
	err = client.ResumeDeallocate(context.Background(), vm, token, nil)
	fmt.Println("preempted:", errors.Is(err, azurevm.ErrPreempted))
	// Output: preempted: true
}

// A token with a link to another host is not followed: that host would get the bearer token.
func ExampleClient_ResumeStart() {
	_, client, vm, _ := rehearsal(azurevmtest.Options{})
	err := client.ResumeStart(context.Background(), vm, `{"version":1,"operation":"start",
		"vm":"/subscriptions/00000000-0000-4000-8000-000000000107/resourceGroups/rg-pexip-test/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core",
		"poller":"{\"token\":{\"asyncURL\":\"https://thief.invalid/\"}}"}`, nil)
	fmt.Println(errors.Is(err, azurevm.ErrToken))
	fmt.Println(err)
	// Output:
	// true
	// resume: start vm rg-pexip-test/vm-node-mgmt-core: not a resume token of this operation: it leads to another host than the configured endpoint's; nothing was sent; without the token, deallocate or start the VM: that looks first
}

// An error tells what was attempted, what Azure said, and what is safe to do next.
func ExampleError() {
	_, client, vm, _ := rehearsal(azurevmtest.Options{Locks: []azurevmtest.Lock{
		{Name: "freeze", Level: "ReadOnly", Scope: "/subscriptions/00000000-0000-4000-8000-000000000107"}}})
	err := client.Deallocate(context.Background(), vm, nil)
	var e *azurevm.Error
	if errors.As(err, &e) && errors.Is(err, azurevm.ErrConflict) {
		fmt.Println(e.Operation, e.Object)
		fmt.Println(e.Status, e.Code, e.CorrelationID)
		fmt.Println(e.Advice)
	}
	// Output:
	// deallocate vm rg-pexip-test/vm-node-mgmt-core
	// 409 ScopeLocked 00000000-0000-4000-c000-000000000002
	// a lock forbids it: nothing was changed; have its owner remove the lock, then try again
}
