package azurevm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// exchange puts the new disks into the VM's model, once.
func (s *swap) exchange(ctx context.Context) error {
	seen := "unchanged"
	p := &change{client: s.c, verb: s.a.operation, object: s.a.object, limit: s.c.cfg.DiskLimit, wanted: "vm " + s.vm.String() + " to have its new disks",
		seen: func() string { return seen }, missed: notExchanged}
	p.send = func(ctx context.Context) (operation, error) {
		options := &armcompute.VirtualMachinesClientBeginCreateOrUpdateOptions{}
		if s.etag != "" {
			options.IfMatch = &s.etag
		}
		return sending(s.c.vms.BeginCreateOrUpdate(ctx, s.vm.ResourceGroup, s.vm.Name, s.changed(), options))
	}
	p.observe = func(ctx context.Context) (stage, error) {
		model, err := s.c.model(ctx, s.vm)
		if err != nil {
			return resting, err
		}
		inst := instance(s.vm, model)
		if strings.EqualFold(inst.ProvisioningState, "Updating") {
			seen = "updating"
			return nearing, nil
		}
		if s.has(inst) == nil {
			return reached, nil
		}
		seen = "with its old disks"
		if !p.asked {
			return resting, deallocated(s.a, inst.Power)
		}
		return resting, nil
	}
	return p.run(ctx)
}

func notExchanged(e *Error) error {
	n := *e
	n.final, n.Err = true, fmt.Errorf("%w: the vm still has its old disks", ErrPreempted)
	n.Advice = "find out who else changes this VM; it is safe to try again"
	return &n
}

// changed is the VM's model with the new disks. The list of data disks is complete, because one that
// is left out would be detached, and what only the service sets is left out.
func (s *swap) changed() armcompute.VirtualMachine {
	m := s.model
	m.ID, m.Name, m.Type, m.Etag, m.ManagedBy, m.SystemData, m.Resources = nil, nil, nil, nil, nil, nil, nil
	p := *m.Properties
	p.InstanceView, p.ProvisioningState, p.VMID, p.TimeCreated = nil, nil, nil, nil
	m.Properties = &p
	m.Identity = settable(m.Identity)
	profile := *p.StorageProfile
	p.StorageProfile = &profile
	os := *profile.OSDisk
	profile.OSDisk = &os
	profile.DataDisks = nil
	for _, d := range s.model.Properties.StorageProfile.DataDisks {
		if d != nil {
			profile.DataDisks = append(profile.DataDisks, new(*d))
		}
	}
	for _, d := range s.slots {
		if d.now.LUN < 0 {
			os.Name, os.ManagedDisk = &d.name, holding(os.ManagedDisk, d.id)
			continue
		}
		for _, data := range profile.DataDisks {
			if int(value(data.Lun)) == d.now.LUN && !d.done() {
				data.Name, data.ManagedDisk = &d.name, holding(data.ManagedDisk, d.id)
				data.CreateOption, data.ToBeDetached = new(armcompute.DiskCreateOptionTypesAttach), nil
				data.DiskIOPSReadWrite, data.DiskMBpsReadWrite = nil, nil
			}
		}
	}
	return m
}

func holding(old *armcompute.ManagedDiskParameters, id string) *armcompute.ManagedDiskParameters {
	p := *old
	p.ID = &id
	return &p
}

// settable is an identity without what only the service sets.
func settable(i *armcompute.VirtualMachineIdentity) *armcompute.VirtualMachineIdentity {
	if i == nil {
		return nil
	}
	out := &armcompute.VirtualMachineIdentity{Type: i.Type}
	for id := range i.UserAssignedIdentities {
		if out.UserAssignedIdentities == nil {
			out.UserAssignedIdentities = map[string]*armcompute.UserAssignedIdentitiesValue{}
		}
		out.UserAssignedIdentities[id] = &armcompute.UserAssignedIdentitiesValue{}
	}
	return out
}

// has says what is missing of the new disks, and only them, in the VM.
func (s *swap) has(inst Instance) error {
	if len(inst.Disks) != len(s.slots) {
		return fmt.Errorf("the vm has %d disks and not %d", len(inst.Disks), len(s.slots))
	}
	for _, d := range s.slots {
		if !slices.ContainsFunc(inst.Disks, func(x Disk) bool { return x.LUN == d.now.LUN && strings.EqualFold(x.ID, d.id) }) {
			return fmt.Errorf("lun %d does not hold %s", d.now.LUN, d.name)
		}
	}
	return nil
}

// verify reads again what was changed, and that the old disks are kept.
func (s *swap) verify(ctx context.Context) error {
	model, err := s.c.model(ctx, s.vm)
	if err != nil {
		return err
	}
	if err := s.has(instance(s.vm, model)); err != nil {
		return s.a.decided(fmt.Errorf("%w: %w", ErrPreempted, err))
	}
	var faults []error
	for _, d := range s.slots {
		id, err := parseID(d.old.ID, "Microsoft.Compute/disks")
		if err == nil {
			a := attempting("see that the old disk "+d.old.Name+" is kept, of vm", s.vm)
			_, err = s.c.disks.Get(a.reading(ctx, s.c), id.ResourceGroupName, id.Name, nil)
			err = a.fail(err)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
