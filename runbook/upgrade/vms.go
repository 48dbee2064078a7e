package upgrade

import (
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// vms are the VMs of the environment, as configured.
func (p *Process) vms() []azurevm.VM {
	var out []azurevm.VM
	for _, v := range p.own.VMs {
		out = append(out, azurevm.VM{ResourceGroup: v.ResourceGroup, Name: v.Name})
	}
	return out
}

// namedAtMost is how many VMs a sentence of the plan names.
const namedAtMost = 4

// vmNames names the VMs for a sentence: all of a few, else some and how many more.
func (p *Process) vmNames() string {
	var names []string
	for _, vm := range p.own.VMs {
		names = append(names, vm.Name)
	}
	if more := len(names) - namedAtMost; more > 0 {
		return fmt.Sprintf("%s and %d more VMs", strings.Join(names[:namedAtMost], ", "), more)
	}
	return strings.Join(names, ", ")
}

// readsAtOnce is how many VMs Azure is asked about at the same time: enough that forty take seconds, and
// far below its limits.
const readsAtOnce = 8

// perVM asks about every VM of the environment, at most atOnce of them at the same time (negative: all),
// and returns the answers in the order of the VMs. After the first error, which it returns, no other VM is
// begun; those under way are waited for.
func perVM[T any](vms []azurevm.VM, atOnce int, ask func(azurevm.VM) (T, error)) ([]T, error) {
	out := make([]T, len(vms))
	var group errgroup.Group
	group.SetLimit(atOnce)
	var failed atomic.Bool
	for i, vm := range vms {
		group.Go(func() (err error) {
			if failed.Load() {
				return nil
			}
			if out[i], err = ask(vm); err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return out, group.Wait()
}

// powers are the power states of the VMs, in their order.
func (p *Process) powers(sc *runbook.StepContext) ([]azurevm.PowerState, error) {
	return perVM(p.vms(), readsAtOnce, func(vm azurevm.VM) (azurevm.PowerState, error) { return p.sys.Azure.Power(sc, vm) })
}

// instances are the VMs as found, in their order.
func (p *Process) instances(sc *runbook.StepContext) ([]azurevm.Instance, error) {
	return perVM(p.vms(), readsAtOnce, func(vm azurevm.VM) (azurevm.Instance, error) { return p.sys.Azure.Instance(sc, vm) })
}

// vmsOff says of each VM that does not run how it is.
func (p *Process) vmsOff(sc *runbook.StepContext) ([]string, error) {
	powers, err := p.powers(sc)
	if err != nil {
		return nil, err
	}
	var off []string
	for i, vm := range p.vms() {
		if powers[i] != azurevm.Running {
			off = append(off, fmt.Sprintf("%s is %s", vm.Name, powers[i]))
		}
	}
	return off, nil
}

// startEach starts all VMs side by side and waits until they run.
func (p *Process) startEach(sc *runbook.StepContext) error {
	_, err := perVM(p.vms(), -1, func(vm azurevm.VM) (struct{}, error) {
		return struct{}{}, p.sys.Azure.Start(sc, vm, func(s azurevm.PowerState) { sc.Progress(0, 0, "", "%s is %s", vm.Name, s) })
	})
	return err
}
