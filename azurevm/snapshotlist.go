package azurevm

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// Snapshots lists what SnapshotDisks has made of the VM, newest first, those included that are not
// ready. It has no side effects.
func (c *Client) Snapshots(ctx context.Context, vm VM) ([]Snapshot, error) {
	if err := vm.check(); err != nil {
		return nil, err
	}
	a := attempting("list the snapshots of vm", vm)
	all, err := list[armcompute.Snapshot](ctx, c, a, escapePath(c.groupID(vm.ResourceGroup)+"/providers/Microsoft.Compute/snapshots"),
		url.Values{"api-version": {apiDisks}})
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for _, m := range all {
		s, err := snapshot(m)
		if err == nil && strings.EqualFold(s.VM, vm.String()) {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Snapshot) int { return b.Time.Compare(a.Time) })
	return out, nil
}

// DeleteExpiredSnapshots deletes those of Snapshots that expired before asOf, and returns them, also
// with an error about others. Nothing else deletes a snapshot. It is safe to repeat.
func (c *Client) DeleteExpiredSnapshots(ctx context.Context, vm VM, asOf time.Time) ([]Snapshot, error) {
	all, err := c.Snapshots(ctx, vm)
	if err != nil {
		return nil, err
	}
	var gone []Snapshot
	var faults []error
	for _, s := range all {
		if s.Expires.IsZero() || !s.Expires.Before(asOf) {
			continue
		}
		if err := c.deleteSnapshot(ctx, vm, s); err != nil {
			faults = append(faults, err)
			continue
		}
		gone = append(gone, s)
	}
	return gone, errors.Join(faults...)
}

func (c *Client) deleteSnapshot(ctx context.Context, vm VM, s Snapshot) error {
	p := &change{client: c, verb: "delete snapshot " + s.Name + " of vm", object: vm.String(), limit: c.cfg.DiskLimit,
		wanted: "snapshot " + s.Name + " to be gone", missed: notGone, seen: func() string { return "there" }}
	p.send = func(ctx context.Context) (operation, error) {
		return sending(c.snapshots.BeginDelete(ctx, vm.ResourceGroup, s.Name, nil))
	}
	p.observe = func(ctx context.Context) (stage, error) {
		a := attempting("read snapshot "+s.Name+" of vm", vm)
		res, err := c.snapshots.Get(a.reading(ctx, c), vm.ResourceGroup, s.Name, nil)
		switch err = a.fail(err); {
		case errors.Is(err, ErrNotFound):
			return reached, nil
		case err == nil && res.Properties != nil && strings.EqualFold(value(res.Properties.ProvisioningState), "Deleting"):
			return nearing, nil
		}
		return resting, err
	}
	return p.run(ctx)
}

func notGone(e *Error) error {
	n := *e
	n.final, n.Err = true, errors.New("it is still there")
	n.Advice = "it is safe to try again"
	return &n
}
