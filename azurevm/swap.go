package azurevm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// SwapOptions say what a VM's disks are replaced by.
type SwapOptions struct {
	// Snapshots are exactly one for each disk of the VM, all of one run of SnapshotDisks.
	Snapshots []Snapshot
	// Run and At name the new disks; repeat a call with the same ones and it finds what it has
	// made before. Required.
	Run string
	At  time.Time
	// AcceptDeleteOption swaps disks although the VM's model wants them deleted. Azure says that
	// this is about the deletion of the VM; that it spares disks that are swapped out is unverified.
	AcceptDeleteOption bool
}

// SwappedDisk is one slot of a VM.
type SwappedDisk struct {
	// LUN is -1 for the disk with the operating system.
	LUN int
	// Old stays in the resource group, unattached, and costs money until somebody deletes it.
	Old, New Disk
	Snapshot Snapshot
}

// Swap is what SwapDisks does, or has done, to a VM.
type Swap struct {
	VM    VM
	Disks []SwappedDisk
}

// ValidateSwap says what SwapDisks would do, or why it would refuse, and changes nothing. The VM need
// not be off. Azure has no such call; quotas and policies are not seen this way.
func (c *Client) ValidateSwap(ctx context.Context, vm VM, o SwapOptions) (Swap, error) {
	s, err := c.prepareSwap(ctx, vm, o)
	if err != nil {
		return Swap{}, err
	}
	return s.report(), nil
}

// SwapDisks brings the VM back to the state of snapshots: it makes a new disk of each, with the
// properties of the disk in that slot, changes the VM's model to the new disks, and reads the model
// again to see them there ("Change the OS disk used by an Azure VM using the CLI"). The VM keeps its
// interfaces, addresses and id; it is not started. The old disks are not deleted, and returned.
//
// The VM must be deallocated; otherwise nothing is changed and the error matches ErrConflict. So it
// does when the model was changed by somebody else meanwhile (its ETag is sent along), when a disk
// has another size than its snapshot, and when a disk is to be deleted on detachment.
// ErrUnmanagedDisk and ErrNotFound: nothing is changed either. That a data disk can be exchanged in
// its slot by one request is unverified; the disk with the operating system can.
//
// It is safe to repeat with the same options, also after ErrOutcomeUnknown and after a crash: disks that
// exist are used, and a model that is as wanted is not changed, whether the VM runs again or not. New
// disks that a call which failed has made stay too, and cost money: they are returned as New, carry
// TagVM and TagRun, and are used by the next try. Nothing here deletes a disk; a person decides that
// when the outcome is accepted. watch, when not nil, is told each step.
func (c *Client) SwapDisks(ctx context.Context, vm VM, o SwapOptions, watch func(step string)) (Swap, error) {
	s, err := c.prepareSwap(ctx, vm, o)
	if err != nil {
		return Swap{}, err
	}
	done := !slices.ContainsFunc(s.slots, func(d slot) bool { return !d.done() })
	if err := deallocated(s.a, s.power); err != nil && !done {
		return Swap{}, err
	}
	tell := func(format string, args ...any) {
		if watch != nil {
			watch(fmt.Sprintf(format, args...))
		}
	}
	for _, d := range s.slots {
		tell("make disk %s from snapshot %s", d.name, d.snapshot.Name)
		if err := s.makeDisk(ctx, d); err != nil {
			return s.report(), err
		}
	}
	tell("change the vm's disks")
	if err := s.exchange(ctx); err != nil {
		return s.report(), err
	}
	tell("verify")
	return s.report(), s.verify(ctx)
}

// slot is one disk of the VM and what replaces it.
type slot struct {
	now      attached
	old      Disk
	name, id string // of the new disk
	snapshot Snapshot
	like     armcompute.Disk // the disk in the slot now, whose properties the new one gets
}

func (s slot) done() bool { return strings.EqualFold(s.now.ID, s.id) }

type swap struct {
	c     *Client
	a     *attempt
	vm    VM
	o     SwapOptions
	model armcompute.VirtualMachine
	etag  string
	power PowerState
	slots []slot
}

func (s *swap) report() Swap {
	out := Swap{VM: s.vm}
	for _, d := range s.slots {
		out.Disks = append(out.Disks, SwappedDisk{LUN: d.now.LUN, Old: d.old, New: Disk{Name: d.name, ID: d.id, LUN: d.now.LUN}, Snapshot: d.snapshot})
	}
	return out
}

func (o SwapOptions) check() error {
	var faults []error
	if o.Run == "" || len(o.Run) > 128 {
		faults = append(faults, errors.New("swap options: run must have 1 to 128 characters"))
	}
	if o.At.IsZero() {
		faults = append(faults, errors.New("swap options: at must be set"))
	}
	for _, s := range o.Snapshots {
		if s.Run != o.Snapshots[0].Run {
			faults = append(faults, fmt.Errorf("swap options: snapshots of the runs %q and %q do not fit together", o.Snapshots[0].Run, s.Run))
			break
		}
	}
	return errors.Join(faults...)
}
