package azurevm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// making is one snapshot that is to exist.
type making struct {
	c     *Client
	vm    VM
	name  string
	of    attached
	model armcompute.Snapshot
	last  Snapshot
}

func (c *Client) plannedSnapshots(a *attempt, vm VM, model armcompute.VirtualMachine, o SnapshotOptions) ([]*making, error) {
	all, err := managedDisks(a, model)
	if err != nil {
		return nil, err
	}
	var out []*making
	for _, d := range all {
		out = append(out, &making{c: c, vm: vm, of: d, name: resourceName("snap", vm, d.LUN, o.Taken, o.Run), model: armcompute.Snapshot{
			Location: model.Location, Tags: o.tags(vm, value(model.Properties.VMID), d.LUN), SKU: o.sku(),
			Properties: &armcompute.SnapshotProperties{Incremental: new(true),
				CreationData:        &armcompute.CreationData{CreateOption: new(armcompute.DiskCreateOptionCopy), SourceResourceID: new(d.ID)},
				NetworkAccessPolicy: new(armcompute.NetworkAccessPolicyDenyAll), PublicNetworkAccess: new(armcompute.PublicNetworkAccessDisabled)}}})
	}
	return out, nil
}

func (o SnapshotOptions) sku() *armcompute.SnapshotSKU {
	name := o.SKU
	if name == "" {
		name = "Standard_LRS"
	}
	return &armcompute.SnapshotSKU{Name: new(armcompute.SnapshotStorageAccountTypes(name))}
}

func (o SnapshotOptions) tags(vm VM, vmID string, lun int) map[string]*string {
	tags := map[string]*string{}
	for k, v := range o.Tags {
		tags[k] = &v
	}
	own := map[string]string{TagVM: vm.String(), TagVMID: vmID, TagRun: o.Run, TagLUN: strconv.Itoa(lun),
		TagExpires: o.Expires.UTC().Format(time.RFC3339), TagCreator: o.Creator}
	for k, v := range own {
		tags[k] = &v
	}
	return tags
}

// resourceName is at most 80 characters of those that Azure takes, and the same for the same occasion.
// The digest keeps names apart that were shortened or had other characters.
func resourceName(kind string, vm VM, lun int, at time.Time, run string) string {
	role := "os"
	if lun >= 0 {
		role = "lun" + strconv.Itoa(lun)
	}
	stamp := at.UTC().Format("20060102T150405Z")
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.ToLower(vm.String())+"\x00"+run)))[:8]
	return fmt.Sprintf("%s-%.20s-%s-%s-%.20s-%s", kind, plainName(vm.Name), role, stamp, plainName(run), digest)
}

func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return '-'
	}, s)
}

// existing reads the snapshot; the error is for one that is of something else. A PUT would change it
// and not copy anew.
func (m *making) existing(ctx context.Context) (found bool, err error) {
	a := attempting("read snapshot "+m.name+" of vm", m.vm)
	res, err := m.c.snapshots.Get(a.reading(ctx, m.c), m.vm.ResourceGroup, m.name, nil)
	if err = a.fail(err); errors.Is(err, ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	s, err := snapshot(res.Snapshot)
	if err != nil {
		return false, a.fail(err)
	}
	if !strings.EqualFold(s.DiskID, m.of.ID) || s.Run != value(m.model.Tags[TagRun]) || !strings.EqualFold(s.VMID, value(m.model.Tags[TagVMID])) {
		e := a.decided(fmt.Errorf("%w: a snapshot of that name is of something else", ErrConflict))
		e.Advice = "nothing was changed; use another run or time"
		return false, e
	}
	m.last = s
	return true, nil
}

// takeAll makes the snapshots side by side. What was made is returned in any case.
func takeAll(ctx context.Context, all []*making, watch func(Snapshot)) ([]Snapshot, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	errs := make([]error, len(all))
	for i, m := range all {
		wg.Go(func() {
			errs[i] = m.take(ctx, func() {
				if watch != nil {
					mu.Lock()
					defer mu.Unlock()
					watch(m.last)
				}
			})
		})
	}
	wg.Wait()
	var out []Snapshot
	for _, m := range all {
		if m.last.ID != "" {
			out = append(out, m.last)
		}
	}
	return out, errors.Join(errs...)
}

func (m *making) take(ctx context.Context, watch func()) error {
	p := &change{client: m.c, verb: "make snapshot " + m.name + " of vm", object: m.vm.String(), limit: m.c.cfg.DiskLimit,
		wanted: "snapshot " + m.name, missed: notDone, seen: func() string { return fmt.Sprintf("%q", m.last.State) }}
	p.send = func(ctx context.Context) (operation, error) {
		return sending(m.c.snapshots.BeginCreateOrUpdate(ctx, m.vm.ResourceGroup, m.name, m.model, nil))
	}
	p.observe = func(ctx context.Context) (stage, error) {
		found, err := m.existing(ctx)
		if err != nil || !found {
			return resting, err
		}
		watch()
		return made(p, m.last.State, m.last.Percent)
	}
	return p.run(ctx)
}

// made reads how far the making of a disk or a snapshot is.
func made(p *change, state string, percent float64) (stage, error) {
	switch strings.ToLower(state) {
	case "succeeded":
		if percent >= 100 {
			return reached, nil
		}
	case "failed", "canceled", "cancelled":
		e := (&attempt{operation: p.verb, object: p.object}).decided(fmt.Errorf("its provisioning state is %s", state))
		e.Advice = "delete it in the portal, or use another run or time, then try again"
		return resting, e
	}
	return nearing, nil
}

// notDone is the error for a request without effect.
func notDone(e *Error) error {
	n := *e
	n.final = true
	if n.Err == nil {
		n.Err = errors.New("it was asked for and is not there")
	}
	n.Advice = "it is safe to try again"
	return &n
}
