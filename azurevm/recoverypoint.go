package azurevm

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Tier is where a recovery point is kept: Type is InstantRP (the snapshot), HardenedRP (the vault)
// or ArchivedRP, Status Valid, Disabled, Deleted, Rehydrated or Invalid.
type Tier struct{ Type, Status string }

// RecoveryPoint is a state that a VM can be brought back to.
type RecoveryPoint struct {
	// ID is the resource id; Name is what a restore is requested with.
	ID, Name string
	Time     time.Time
	// Type is CrashConsistent, FileSystemConsistent or AppConsistent. A VM that was off gives
	// CrashConsistent, although nothing was being written.
	Type  string
	Tiers []Tier
	// Expiry is zero when the service does not say it.
	Expiry time.Time
	// Disks is how many disks it has, and Attached how many the VM had; -1 when the service does
	// not say it.
	Disks, Attached int
	// SoftDeleted points are kept for a while after their deletion and cannot be restored as they are.
	SoftDeleted bool
}

// Restorable says whether the point is in the snapshot or the vault tier now and valid there.
func (p RecoveryPoint) Restorable() bool {
	return !p.SoftDeleted && (p.InSnapshot() || p.InVault())
}

// InSnapshot says whether the point is kept as a snapshot beside the disks, from which a restore is fast.
func (p RecoveryPoint) InSnapshot() bool { return p.in("InstantRP") }

// InVault says whether the point is kept in the vault.
func (p RecoveryPoint) InVault() bool { return p.in("HardenedRP") }

func (p RecoveryPoint) in(tier string) bool {
	return slices.ContainsFunc(p.Tiers, func(t Tier) bool {
		return strings.EqualFold(t.Status, "Valid") && strings.EqualFold(t.Type, tier)
	})
}

// RecoveryPoints lists the VM's recovery points of since and later, newest first; a zero since
// lists all. A point is listed as soon as the snapshot is taken. The error matches
// ErrNotProtected when the vault does not know the VM. It has no side effects.
func (c *Client) RecoveryPoints(ctx context.Context, vault Vault, vm VM, since time.Time) ([]RecoveryPoint, error) {
	item, err := c.ProtectedItem(ctx, vault, vm)
	if err != nil {
		return nil, err
	}
	a := attempting("list the recovery points of vm "+vm.String()+" in vault", vault)
	all, err := list[pointResource](ctx, c, a, c.itemPath(vault, item)+"/recoveryPoints", backupQuery(""))
	if err != nil {
		return nil, err
	}
	var points []RecoveryPoint
	for _, r := range all {
		if p := r.point(); !p.Time.Before(since) {
			points = append(points, p)
		}
	}
	slices.SortStableFunc(points, func(a, b RecoveryPoint) int { return b.Time.Compare(a.Time) })
	return points, nil
}

// pointResource is read leniently, as jobResource is.
type pointResource struct {
	ID         text `json:"id"`
	Name       text `json:"name"`
	Properties struct {
		RecoveryPointTime        timestamp `json:"recoveryPointTime"`
		RecoveryPointType        text      `json:"recoveryPointType"`
		RecoveryPointTierDetails []struct {
			Type   text `json:"type"`
			Status text `json:"status"`
		} `json:"recoveryPointTierDetails"`
		RecoveryPointProperties struct {
			ExpiryTime    timestamp `json:"expiryTime"`
			IsSoftDeleted bool      `json:"isSoftDeleted"`
		} `json:"recoveryPointProperties"`
		RecoveryPointDiskConfiguration struct {
			NumberOfDisksIncludedInBackup *int `json:"numberOfDisksIncludedInBackup"`
			NumberOfDisksAttachedToVM     *int `json:"numberOfDisksAttachedToVm"`
		} `json:"recoveryPointDiskConfiguration"`
	} `json:"properties"`
}

func (r pointResource) point() RecoveryPoint {
	p := r.Properties
	point := RecoveryPoint{ID: string(r.ID), Name: string(r.Name), Time: p.RecoveryPointTime.Time, Type: string(p.RecoveryPointType),
		Expiry: p.RecoveryPointProperties.ExpiryTime.Time, SoftDeleted: p.RecoveryPointProperties.IsSoftDeleted, Disks: -1, Attached: -1}
	for _, t := range p.RecoveryPointTierDetails {
		point.Tiers = append(point.Tiers, Tier{string(t.Type), string(t.Status)})
	}
	if n := p.RecoveryPointDiskConfiguration.NumberOfDisksIncludedInBackup; n != nil {
		point.Disks = *n
	}
	if n := p.RecoveryPointDiskConfiguration.NumberOfDisksAttachedToVM; n != nil {
		point.Attached = *n
	}
	return point
}
