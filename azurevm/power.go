package azurevm

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// Deallocate switches the VM off and releases its host, what the portal calls Stop. It waits until
// Azure's operation is over and the VM is observed Deallocated, at most PowerLimit. When the VM is
// deallocated already nothing is sent; when it is on its way, or in another transition, it waits
// for that first. watch, when not nil, is called with every state seen.
//
// It is safe to repeat, also after ErrOutcomeUnknown. ErrPreempted: something else, such as a
// start/stop pipeline, keeps the VM in another state.
func (c *Client) Deallocate(ctx context.Context, vm VM, watch func(PowerState)) error {
	return c.switchTo(ctx, c.deallocation(vm, watch), vm)
}

// Start switches the VM on and waits until Azure's operation is over and the VM is observed
// Running, at most PowerLimit; what runs inside it needs longer. When the VM is running already
// nothing is sent. A start that fails because Azure has no capacity is repeated
// AllocationRetries times (see RetryWait); then the error matches ErrAllocation and the VM is
// deallocated. watch, when not nil, is called with every state seen.
//
// It is safe to repeat, also after ErrOutcomeUnknown. ErrPreempted: as for Deallocate.
func (c *Client) Start(ctx context.Context, vm VM, watch func(PowerState)) error {
	return c.switchTo(ctx, c.starting(vm, watch), vm)
}

func (c *Client) switchTo(ctx context.Context, p *powerChange, vm VM) error {
	if err := vm.check(); err != nil {
		return err
	}
	return p.run(ctx)
}

// powerChange is a change of one VM's power. action is the last element of its path.
type powerChange struct {
	change
	vm        VM
	action    string
	want, via PowerState
	state     PowerState
	watch     func(PowerState)
	resume    func(ctx context.Context, token string) (operation, error)
}

func (c *Client) deallocation(vm VM, watch func(PowerState)) *powerChange {
	return c.powerChange("deallocate vm", "deallocate", vm, Deallocated, Deallocating, watch, func(ctx context.Context, token string) (operation, error) {
		return sending(c.vms.BeginDeallocate(ctx, vm.ResourceGroup, vm.Name, &armcompute.VirtualMachinesClientBeginDeallocateOptions{ResumeToken: token}))
	})
}

func (c *Client) starting(vm VM, watch func(PowerState)) *powerChange {
	return c.powerChange("start vm", "start", vm, Running, Starting, watch, func(ctx context.Context, token string) (operation, error) {
		return sending(c.vms.BeginStart(ctx, vm.ResourceGroup, vm.Name, &armcompute.VirtualMachinesClientBeginStartOptions{ResumeToken: token}))
	})
}

// power makes the change; begin sends the request, or follows the one of a token.
func (c *Client) powerChange(verb, action string, vm VM, want, via PowerState, watch func(PowerState), begin func(context.Context, string) (operation, error)) *powerChange {
	p := &powerChange{vm: vm, action: action, want: want, via: via, state: Unknown, watch: watch, resume: begin}
	p.change = change{client: c, verb: verb, object: vm.String(), wanted: fmt.Sprintf("vm %s to be %s", vm, want), limit: c.cfg.PowerLimit,
		send: func(ctx context.Context) (operation, error) { return begin(ctx, "") }, observe: p.observed, missed: p.preempted,
		seen: func() string { return string(p.state) }}
	return p
}

func (p *powerChange) observed(ctx context.Context) (stage, error) {
	state, err := p.client.Power(ctx, p.vm)
	if err != nil {
		return moving, err
	}
	p.state = state
	if p.watch != nil {
		p.watch(state)
	}
	switch {
	case state == p.want:
		return reached, nil
	case state == p.via:
		return nearing, nil
	case !state.Settled():
		return moving, nil
	}
	return resting, nil
}

// preempted is the error for a VM that has settled in another state than was asked for.
func (p *powerChange) preempted(e *Error) error {
	pre := *e
	pre.final = true
	pre.Err = fmt.Errorf("%w: the vm was asked to be %s and settled otherwise", ErrPreempted, p.want)
	pre.Advice = "find out who else switches this VM (a start/stop pipeline?), then try again; that is safe"
	return &pre
}
