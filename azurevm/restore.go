package azurevm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicesbackup/v4"
)

// RestoreOptions say what a VM is restored from.
type RestoreOptions struct {
	// RecoveryPoint must be one of the VM's own.
	RecoveryPoint RecoveryPoint
	// StorageAccountID is the resource id of a general-purpose storage account in the vault's
	// region, not zone-redundant, through which the service restores.
	StorageAccountID string
}

// ValidateRestore asks the service whether StartRestore would be accepted, and changes nothing. It
// may be repeated. The error lists what the service objects to ("Operation - Validate"). That an
// empty list, or entries with code Success, mean acceptance is unverified.
func (c *Client) ValidateRestore(ctx context.Context, vault Vault, vm VM, o RestoreOptions) error {
	r, err := c.prepareRestore(ctx, vault, vm, o)
	if err != nil {
		return err
	}
	a := attempting("validate a restore of vm", vm)
	res, err := c.backup.NewOperationClient().Validate(a.reading(ctx, c), vault.Name, vault.ResourceGroup,
		armrecoveryservicesbackup.ValidateOperationRequestResource{ID: &r.point.ID,
			Properties: &armrecoveryservicesbackup.ValidateIaasVMRestoreOperationRequest{RestoreRequest: r.request}}, nil)
	if err != nil {
		return a.fail(err)
	}
	if res.ValidateOperationResponse == nil {
		return nil
	}
	return objections(a, res.ValidateOperationResponse.ValidationResults)
}

func objections(a *attempt, results []*armrecoveryservicesbackup.ErrorDetail) error {
	e := a.decided(errors.New("the service would not accept it"))
	e.Advice = "nothing was changed"
	for _, r := range results {
		if r == nil || strings.EqualFold(value(r.Code), "Success") {
			continue
		}
		message := value(r.Message)
		for _, advice := range r.Recommendations {
			message = joinNonEmpty(" ", message, value(advice))
		}
		e.Details = append(e.Details, Detail{value(r.Code), message})
	}
	if len(e.Details) == 0 {
		return nil
	}
	return e
}

// StartRestore requests that the VM's disks be replaced by those of the recovery point, and returns
// the id of the vault's job; wait for it with WaitJob, then Start the VM. The VM keeps its
// interfaces and addresses. The service takes a snapshot of the present disks first, and leaves
// them in the resource group ("Restore Azure VMs using REST API").
//
// The VM must be deallocated; when it is not, nothing is requested and the error matches
// ErrConflict. (Whether the service would stop it by itself is undocumented.) The request is sent
// once and never repeated. ErrOutcomeUnknown: look with FindRestoreJob before requesting another.
func (c *Client) StartRestore(ctx context.Context, vault Vault, vm VM, o RestoreOptions) (string, error) {
	r, err := c.prepareRestore(ctx, vault, vm, o)
	if err != nil {
		return "", err
	}
	a := attempting("request a restore of vm", vm)
	if err := deallocated(a, r.power); err != nil {
		return "", err
	}
	_, err = c.backup.NewRestoresClient().BeginTrigger(a.once(ctx), vault.Name, vault.ResourceGroup, fabric, r.item.Container, r.item.Name,
		r.point.Name, armrecoveryservicesbackup.RestoreRequestResource{Properties: r.request}, nil)
	return c.triggered(ctx, vault, a, err, "it may have been accepted; look for its job with FindRestoreJob before requesting another")
}

type restore struct {
	item    ProtectedItem
	point   RecoveryPoint
	power   PowerState
	request *armrecoveryservicesbackup.IaasVMRestoreRequest
}

// prepareRestore reads what a restore is made of, and makes sure that the point is this VM's.
func (c *Client) prepareRestore(ctx context.Context, vault Vault, vm VM, o RestoreOptions) (restore, error) {
	if err := errors.Join(vault.check(), vm.check(), o.check()); err != nil {
		return restore{}, err
	}
	model, err := c.model(ctx, vm)
	if err != nil {
		return restore{}, err
	}
	inst := instance(vm, model)
	r := restore{power: inst.Power}
	if r.item, err = c.ProtectedItem(ctx, vault, vm); err != nil {
		return restore{}, err
	}
	if r.point, err = c.ownPoint(ctx, vault, vm, o.RecoveryPoint.Name); err != nil {
		return restore{}, err
	}
	r.request = &armrecoveryservicesbackup.IaasVMRestoreRequest{
		RecoveryPointID: &r.point.Name, RecoveryType: new(armrecoveryservicesbackup.RecoveryTypeOriginalLocation),
		SourceResourceID: new(c.vmID(vm)), StorageAccountID: &o.StorageAccountID, Region: &inst.Location,
		CreateNewCloudService: new(false), OriginalStorageAccountOption: new(false)}
	return r, nil
}

func (o RestoreOptions) check() error {
	var faults []error
	if o.RecoveryPoint.Name == "" || strings.Contains(o.RecoveryPoint.Name, "/") {
		faults = append(faults, fmt.Errorf("recovery point %q: not a name", o.RecoveryPoint.Name))
	}
	if _, err := parseID(o.StorageAccountID, "Microsoft.Storage/storageAccounts"); err != nil {
		faults = append(faults, fmt.Errorf("storage account: %w", err))
	}
	return errors.Join(faults...)
}

func (c *Client) ownPoint(ctx context.Context, vault Vault, vm VM, name string) (RecoveryPoint, error) {
	points, err := c.RecoveryPoints(ctx, vault, vm, time.Time{})
	if err != nil {
		return RecoveryPoint{}, err
	}
	a := attempting("restore vm", vm)
	for _, p := range points {
		if p.Name != name {
			continue
		}
		if !p.Restorable() {
			return RecoveryPoint{}, a.decided(fmt.Errorf("recovery point %s of %s cannot be restored: its tiers are %v", p.Name, p.Time, p.Tiers))
		}
		return p, nil
	}
	return RecoveryPoint{}, a.decided(fmt.Errorf("recovery point %s is not one of this vm's: %w", name, ErrNotFound))
}
