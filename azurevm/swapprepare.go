package azurevm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// prepareSwap reads all that the swap depends on and refuses what would go wrong halfway.
func (c *Client) prepareSwap(ctx context.Context, vm VM, o SwapOptions) (*swap, error) {
	if err := errors.Join(vm.check(), o.check()); err != nil {
		return nil, err
	}
	s := &swap{c: c, a: attempting("swap the disks of vm", vm), vm: vm, o: o}
	var err error
	if s.model, err = c.model(ctx, vm); err != nil {
		return nil, err
	}
	s.etag, s.power = value(s.model.Etag), instance(vm, s.model).Power
	all, err := managedDisks(s.a, s.model)
	if err != nil {
		return nil, err
	}
	if len(all) != len(o.Snapshots) {
		return nil, s.refuse("%d snapshots are given for %d disks; there must be one for each", len(o.Snapshots), len(all))
	}
	for _, d := range all {
		one, err := s.slot(ctx, d)
		if err != nil {
			return nil, err
		}
		s.slots = append(s.slots, one)
	}
	return s, s.checkDeleteOptions()
}

// refuse is for what is found before anything is changed.
func (s *swap) refuse(format string, args ...any) error {
	e := s.a.decided(fmt.Errorf("%w: %s", ErrConflict, fmt.Sprintf(format, args...)))
	e.Advice = "the vm was not changed"
	return e
}

// slot finds the snapshot of a disk and makes sure that it is this VM's and usable.
func (s *swap) slot(ctx context.Context, d attached) (slot, error) {
	i := slices.IndexFunc(s.o.Snapshots, func(x Snapshot) bool { return x.LUN == d.LUN })
	if i < 0 {
		return slot{}, s.refuse("no snapshot is given for lun %d", d.LUN)
	}
	snap, err := s.readSnapshot(ctx, s.o.Snapshots[i])
	if err != nil {
		return slot{}, err
	}
	name := resourceName("disk", s.vm, d.LUN, s.o.At, s.o.Run)
	one := slot{now: d, old: d.Disk, name: name, id: s.c.groupID(s.vm.ResourceGroup) + "/providers/Microsoft.Compute/disks/" + name, snapshot: snap}
	if one.done() { // an earlier try came this far
		one.old = Disk{ID: snap.DiskID, LUN: d.LUN, Name: lastElement(snap.DiskID)}
	}
	if one.like, err = s.c.disk(ctx, s.vm, d); err != nil {
		return slot{}, err
	}
	if size := int(value(one.like.Properties.DiskSizeGB)); size != snap.SizeGB {
		return slot{}, s.refuse("disk %s has %d GB and its snapshot %d: it was resized since", d.Name, size, snap.SizeGB)
	}
	return one, nil
}

func lastElement(id string) string { return id[strings.LastIndex(id, "/")+1:] }

func (s *swap) readSnapshot(ctx context.Context, given Snapshot) (Snapshot, error) {
	id, err := parseID(given.ID, "Microsoft.Compute/snapshots")
	if err != nil {
		return Snapshot{}, s.a.fail(err)
	}
	a := attempting("read snapshot "+id.Name+" of vm", s.vm)
	res, err := s.c.snapshots.Get(a.reading(ctx, s.c), id.ResourceGroupName, id.Name, nil)
	if err != nil {
		return Snapshot{}, a.fail(err)
	}
	snap, err := snapshot(res.Snapshot)
	switch {
	case err != nil:
		return snap, a.fail(err)
	case snap.VMID == "" || !strings.EqualFold(snap.VMID, value(s.model.Properties.VMID)):
		return snap, s.refuse("snapshot %s is not of this vm but of %q (%s)", id.Name, snap.VM, snap.VMID)
	case snap.LUN != given.LUN:
		return snap, s.refuse("snapshot %s is of lun %d, not %d", id.Name, snap.LUN, given.LUN)
	case snap.Run != given.Run:
		return snap, s.refuse("snapshot %s is of run %q, not %q", id.Name, snap.Run, given.Run)
	case !snap.Ready():
		return snap, s.refuse("snapshot %s is not ready: %s, %.0f %%", id.Name, snap.State, snap.Percent)
	}
	return snap, nil
}

// checkDeleteOptions refuses a model under which taking a disk out might delete it.
func (s *swap) checkDeleteOptions() error {
	if s.o.AcceptDeleteOption {
		return nil
	}
	profile := s.model.Properties.StorageProfile
	risky := []string{}
	if value(profile.OSDisk.DeleteOption) == armcompute.DiskDeleteOptionTypesDelete {
		risky = append(risky, value(profile.OSDisk.Name))
	}
	for _, d := range profile.DataDisks {
		if d != nil && value(d.DeleteOption) == armcompute.DiskDeleteOptionTypesDelete {
			risky = append(risky, value(d.Name))
		}
	}
	if len(risky) == 0 {
		return nil
	}
	return s.refuse("the delete option of %s is Delete, and the old disks must be kept: set it to Detach, or accept it", strings.Join(risky, ", "))
}
