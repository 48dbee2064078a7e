package azurevm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// apiDisks is the version of disks and snapshots that armcompute/v8 v8.3.0 speaks.
const apiDisks = "2026-03-02"

// Tags by which snapshots, and the disks made from them, are found again.
const (
	TagVM      = "azurevm-vm"      // "group/name" of the VM
	TagVMID    = "azurevm-vmid"    // the machine's own id: a VM made anew under the name has another
	TagRun     = "azurevm-run"     // SnapshotOptions.Run
	TagLUN     = "azurevm-lun"     // -1 for the disk with the operating system
	TagExpires = "azurevm-expires" // RFC 3339
	TagCreator = "azurevm-creator"
	tagPrefix  = "azurevm-"
)

// SnapshotOptions say what snapshots are called and how long they are wanted.
type SnapshotOptions struct {
	// Run names the occasion, for example the id of a run. Required.
	Run string
	// Taken is the occasion's time. It goes into the names; repeat a call with the same Run and
	// Taken and it finds what it has made before. Required.
	Taken time.Time
	// Expires is when DeleteExpiredSnapshots may delete them. Azure deletes nothing by itself. Required.
	Expires time.Time
	// Creator is the person or program; for people.
	Creator string
	// Tags are added, for example the version that was running. Policies often require some.
	Tags map[string]string
	// SKU is Standard_LRS (when empty), Standard_ZRS or Premium_LRS.
	SKU string
}

// Snapshot is a snapshot of one disk of a VM, made by SnapshotDisks.
type Snapshot struct {
	// ID is the resource id.
	ID, Name string
	// VM is "group/name" at the time, VMID the machine's own id.
	VM, VMID string
	// DiskID is the disk it was taken of, DiskUniqueID the disk's own id: one made anew under the
	// name has another.
	DiskID, DiskUniqueID string
	// LUN is the slot of a data disk, -1 for the disk with the operating system.
	LUN           int
	Run           string
	Time, Expires time.Time
	SizeGB        int
	// State is Succeeded when it is made. Percent is how much has been copied, which matters for
	// Premium SSD v2 and Ultra disks: it cannot be used before it is 100.
	State   string
	Percent float64
	Tags    map[string]string
}

// Ready says whether the snapshot can be used.
func (s Snapshot) Ready() bool { return strings.EqualFold(s.State, "Succeeded") && s.Percent >= 100 }

// SnapshotDisks takes an incremental snapshot of every disk of the VM, without a vault, into the
// VM's resource group, and waits until all can be used, DiskLimit each ("Create an incremental
// snapshot for managed disks"). Nobody but Azure Resource Manager can read them: network access is
// denied. They cost what they hold until somebody deletes them.
//
// The VM must be deallocated, so that its disks fit together; otherwise nothing is made and the error
// matches ErrConflict. When it is found otherwise afterwards, or has run since one of them was taken, the
// error matches ErrPreempted, and the snapshots must not be relied on. ErrUnmanagedDisk: a disk is
// unmanaged or ephemeral, and nothing is made. ErrConflict also: a snapshot of that name is of
// something else.
//
// It is safe to repeat with the same options, also after ErrOutcomeUnknown and after a crash: what
// exists is not made again, and is refused with ErrPreempted when it is of an earlier time than the
// VM was switched off. What a call that failed has made stays, is returned, and is listed by Snapshots,
// until it expires: a set is complete when this method says so. watch, when not nil, is called with every
// state seen, one call at a time.
func (c *Client) SnapshotDisks(ctx context.Context, vm VM, o SnapshotOptions, watch func(Snapshot)) ([]Snapshot, error) {
	if err := errors.Join(vm.check(), o.check()); err != nil {
		return nil, err
	}
	a := attempting("snapshot the disks of vm", vm)
	model, err := c.model(ctx, vm)
	if err != nil {
		return nil, err
	}
	if err := deallocated(a, instance(vm, model).Power); err != nil {
		return nil, err
	}
	made, err := c.plannedSnapshots(a, vm, model, o)
	if err != nil {
		return nil, err
	}
	for _, s := range made {
		if _, err := s.existing(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.unmoved(ctx, a, made); err != nil {
		return nil, err
	}
	out, err := takeAll(ctx, made, watch)
	if err == nil {
		err = c.stillOff(ctx, a, vm)
	}
	if err == nil {
		err = c.unmoved(ctx, a, made)
	}
	return out, err
}

// deallocated refuses to touch disks that somebody may be writing to.
func deallocated(a *attempt, power PowerState) error {
	if power == Deallocated {
		return nil
	}
	e := a.decided(fmt.Errorf("%w: the vm is %s", ErrConflict, power))
	e.Advice = "nothing was changed; deallocate it first"
	return e
}

func (c *Client) stillOff(ctx context.Context, a *attempt, vm VM) error {
	power, err := c.Power(ctx, vm)
	if err != nil || power == Deallocated {
		return err
	}
	return unfit(a, fmt.Errorf("the vm is %s", power))
}

func unfit(a *attempt, err error) error {
	e := a.decided(fmt.Errorf("%w: %w", ErrPreempted, err))
	e.Advice = "the snapshots may not fit together: find out who switched the VM, and take new ones with another run"
	return e
}

// unmoved makes sure that the VM was neither started nor deallocated since the snapshots that exist
// were taken. A call that is repeated after a crash may find some of an earlier state, and a VM that is
// off again. Azure keeps the time of the last such change with each disk (LastOwnershipUpdateTime).
func (c *Client) unmoved(ctx context.Context, a *attempt, made []*making) error {
	for _, m := range made {
		if m.last.Time.IsZero() {
			continue
		}
		disk, err := c.disk(ctx, m.vm, m.of)
		if err != nil {
			return err
		}
		if moved := value(disk.Properties.LastOwnershipUpdateTime); m.last.Time.Before(moved) {
			return unfit(a, fmt.Errorf("%s was taken at %s, and the vm started or deallocated at %s",
				m.last.Name, m.last.Time.Format(time.RFC3339), moved.UTC().Format(time.RFC3339)))
		}
	}
	return nil
}

func (o SnapshotOptions) check() error {
	var faults []error
	if o.Run == "" || len(o.Run) > 128 {
		faults = append(faults, errors.New("snapshot options: run must have 1 to 128 characters"))
	}
	if o.Taken.IsZero() {
		faults = append(faults, errors.New("snapshot options: taken must be set"))
	}
	if !o.Expires.After(o.Taken) {
		faults = append(faults, errors.New("snapshot options: expires must be after taken"))
	}
	if !slices.Contains([]string{"", "Standard_LRS", "Standard_ZRS", "Premium_LRS"}, o.SKU) {
		faults = append(faults, fmt.Errorf("snapshot options: sku %q is not one for snapshots", o.SKU))
	}
	if len(o.Creator) > 256 {
		faults = append(faults, errors.New("snapshot options: creator must not have more than 256 characters"))
	}
	for name, v := range o.Tags {
		if strings.HasPrefix(strings.ToLower(name), tagPrefix) || name == "" || len(v) > 256 {
			faults = append(faults, fmt.Errorf("snapshot options: tag %q: must not begin with %s nor hold more than 256 characters", name, tagPrefix))
		}
	}
	return errors.Join(faults...)
}

// attached is a managed disk in a slot of a VM.
type attached struct {
	Disk
	id *arm.ResourceID
}

// disk reads what the VM's model does not tell of a disk. Its Properties are not nil.
func (c *Client) disk(ctx context.Context, vm VM, d attached) (armcompute.Disk, error) {
	a := attempting("read disk "+d.Name+" of vm", vm)
	res, err := c.disks.Get(a.reading(ctx, c), d.id.ResourceGroupName, d.id.Name, nil)
	if err == nil && res.Properties == nil {
		err = errors.New("the answer has no properties")
	}
	return res.Disk, a.fail(err)
}

// managedDisks are all disks of the VM, or an error when one of them is of another kind.
func managedDisks(a *attempt, model armcompute.VirtualMachine) ([]attached, error) {
	profile := model.Properties.StorageProfile
	if profile == nil || profile.OSDisk == nil {
		return nil, a.fail(errors.New("the vm's model has no operating system disk"))
	}
	var out []attached
	var faults []error
	for _, d := range disks(profile) {
		id, err := parseID(d.ID, "Microsoft.Compute/disks")
		switch {
		case d.ID == "" || (d.LUN < 0 && profile.OSDisk.DiffDiskSettings != nil):
			faults = append(faults, fmt.Errorf("%w: %q (lun %d)", ErrUnmanagedDisk, d.Name, d.LUN))
		case err != nil:
			faults = append(faults, err)
		default:
			out = append(out, attached{d, id})
		}
	}
	if len(faults) > 0 {
		e := a.decided(errors.Join(faults...))
		e.Advice = "nothing was changed; use the vault's backup for this VM"
		return nil, e
	}
	return out, nil
}

// snapshot reads what SnapshotDisks has made.
func snapshot(m armcompute.Snapshot) (Snapshot, error) {
	if m.Properties == nil {
		return Snapshot{}, errors.New("the answer has no properties")
	}
	p := m.Properties
	s := Snapshot{ID: value(m.ID), Name: value(m.Name), State: value(p.ProvisioningState), Percent: 100, SizeGB: int(value(p.DiskSizeGB)),
		Time: value(p.TimeCreated).UTC(), Tags: texts(m.Tags), LUN: -2}
	if p.CompletionPercent != nil {
		s.Percent = float64(*p.CompletionPercent)
	}
	if p.CreationData != nil {
		s.DiskID, s.DiskUniqueID = value(p.CreationData.SourceResourceID), value(p.CreationData.SourceUniqueID)
	}
	s.VM, s.VMID, s.Run, s.Expires = s.Tags[TagVM], s.Tags[TagVMID], s.Tags[TagRun], parseTime(s.Tags[TagExpires])
	if lun, err := strconv.Atoi(s.Tags[TagLUN]); err == nil {
		s.LUN = lun
	}
	return s, nil
}

func texts(tags map[string]*string) map[string]string {
	out := map[string]string{}
	for k, v := range tags {
		out[k] = value(v)
	}
	return out
}
