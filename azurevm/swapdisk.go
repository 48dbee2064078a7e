package azurevm

import (
	"context"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

func (s *swap) makeDisk(ctx context.Context, d slot) error {
	state := "not there"
	p := &change{client: s.c, verb: "make disk " + d.name + " of vm", object: s.vm.String(), limit: s.c.cfg.DiskLimit, wanted: "disk " + d.name,
		missed: notDone, seen: func() string { return state }}
	p.send = func(ctx context.Context) (operation, error) {
		return sending(s.c.disks.BeginCreateOrUpdate(ctx, s.vm.ResourceGroup, d.name, s.newDisk(d), nil))
	}
	p.observe = func(ctx context.Context) (stage, error) {
		a := attempting("read disk "+d.name+" of vm", s.vm)
		res, err := s.c.disks.Get(a.reading(ctx, s.c), s.vm.ResourceGroup, d.name, nil)
		if err = a.fail(err); errors.Is(err, ErrNotFound) {
			return resting, nil
		} else if err != nil {
			return resting, err
		}
		if res.Properties == nil || res.Properties.CreationData == nil || !strings.EqualFold(value(res.Properties.CreationData.SourceResourceID), d.snapshot.ID) {
			return resting, s.refuse("a disk of the name %s exists and is of something else; use another run or time", d.name)
		}
		state = value(res.Properties.ProvisioningState)
		percent := 100.0
		if res.Properties.CompletionPercent != nil {
			percent = float64(*res.Properties.CompletionPercent)
		}
		return made(p, state, percent)
	}
	return p.run(ctx)
}

// newDisk is a copy of the snapshot with the properties of the disk that it replaces. They do not
// come with the snapshot by themselves.
func (s *swap) newDisk(d slot) armcompute.Disk {
	old := d.like.Properties
	tags := map[string]*string{}
	for k, v := range d.like.Tags {
		if !strings.HasPrefix(strings.ToLower(k), tagPrefix) {
			tags[k] = v
		}
	}
	tags[TagVM], tags[TagVMID], tags[TagRun] = new(s.vm.String()), s.model.Properties.VMID, &s.o.Run
	p := &armcompute.DiskProperties{
		CreationData: &armcompute.CreationData{CreateOption: new(armcompute.DiskCreateOptionCopy), SourceResourceID: &d.snapshot.ID},
		DiskSizeGB:   old.DiskSizeGB, HyperVGeneration: old.HyperVGeneration, OSType: old.OSType, SecurityProfile: old.SecurityProfile,
		Encryption: old.Encryption, NetworkAccessPolicy: old.NetworkAccessPolicy, DiskAccessID: old.DiskAccessID,
		PublicNetworkAccess: old.PublicNetworkAccess, SupportsHibernation: old.SupportsHibernation, PurchasePlan: old.PurchasePlan,
		SupportedCapabilities: old.SupportedCapabilities, DataAccessAuthMode: old.DataAccessAuthMode, MaxShares: old.MaxShares,
		BurstingEnabled: old.BurstingEnabled, OptimizedForFrequentAttach: old.OptimizedForFrequentAttach}
	var sku *armcompute.DiskSKU
	if d.like.SKU != nil {
		sku = &armcompute.DiskSKU{Name: d.like.SKU.Name}
		perform(p, old, string(value(d.like.SKU.Name)))
	}
	return armcompute.Disk{Location: d.like.Location, ExtendedLocation: d.like.ExtendedLocation, Zones: d.like.Zones, SKU: sku, Tags: tags, Properties: p}
}

// perform copies the performance settings that a disk of the kind may be given; every disk shows them.
func perform(p, old *armcompute.DiskProperties, sku string) {
	switch sku {
	case "Premium_LRS", "Premium_ZRS":
		p.Tier = old.Tier
	case "PremiumV2_LRS", "UltraSSD_LRS":
		p.DiskIOPSReadWrite, p.DiskMBpsReadWrite = old.DiskIOPSReadWrite, old.DiskMBpsReadWrite
		if old.CreationData != nil {
			p.CreationData.LogicalSectorSize = old.CreationData.LogicalSectorSize
		}
	}
}
