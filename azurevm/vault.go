package azurevm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicesbackup/v4"
)

const (
	// apiBackup is the version that armrecoveryservicesbackup/v4 v4.1.0 speaks. Older ones answer
	// numbers where names belong.
	apiBackup = "2024-04-01"
	fabric    = "Azure"
)

// Vault names a Recovery Services vault of the client's subscription.
type Vault struct{ ResourceGroup, Name string }

// String is "group/name".
func (v Vault) String() string { return v.ResourceGroup + "/" + v.Name }

func (v Vault) check() error { return checkName("vault", v.ResourceGroup, v.Name) }

func (c *Client) vaultID(v Vault) string {
	return c.groupID(v.ResourceGroup) + "/providers/Microsoft.RecoveryServices/vaults/" + v.Name
}

// ProtectedItem is how a vault backs up one VM.
type ProtectedItem struct {
	// Container and Name are what the vault calls the VM.
	Container, Name string
	// ProtectionState is Protected, IRPending (no backup yet), ProtectionStopped, ….
	ProtectionState string
	// HealthStatus is Passed, ActionRequired, ActionSuggested or Invalid.
	HealthStatus, PolicyName string
	// LastRecoveryPoint is zero when there is none.
	LastRecoveryPoint time.Time
	// DisksExcluded: not all disks of the VM are backed up, so a restore would bring back a part.
	DisksExcluded bool
}

// ProtectedItem finds the VM among the items of the vault by its resource id. The error matches
// ErrNotProtected when it is not among them, and ErrNotFound when there is no such vault. It has
// no side effects.
func (c *Client) ProtectedItem(ctx context.Context, vault Vault, vm VM) (ProtectedItem, error) {
	if err := errors.Join(vault.check(), vm.check()); err != nil {
		return ProtectedItem{}, err
	}
	a := attempting("find vm "+vm.String()+" in vault", vault)
	pager := c.backup.NewBackupProtectedItemsClient().NewListPager(vault.Name, vault.ResourceGroup,
		&armrecoveryservicesbackup.BackupProtectedItemsClientListOptions{
			Filter: new("backupManagementType eq 'AzureIaasVM' and itemType eq 'VM'")})
	for pages := 0; pager.More(); pages++ {
		if pages == maxPages {
			return ProtectedItem{}, a.fail(fmt.Errorf("the listing has more than %d pages", maxPages))
		}
		page, err := pager.NextPage(a.reading(ctx, c))
		if err != nil {
			return ProtectedItem{}, a.fail(err)
		}
		for _, item := range page.Value {
			if item == nil {
				continue
			}
			if p := computeItem(item.Properties); p != nil && c.protects(p, vm) {
				found, err := protectedItem(value(item.ID), p)
				return found, a.fail(err)
			}
		}
	}
	e := a.decided(ErrNotProtected)
	e.Advice = "enable the backup of this VM in the vault, or configure the vault that has it"
	return ProtectedItem{}, e
}

// Protection is what the backup service says about one VM, in whatever vault.
type Protection struct {
	// Status is Protected, NotProtected, Protecting, ProtectionFailed or Invalid.
	Status string
	// Vault is the one that has the VM; VaultID is its resource id, whose subscription may be another.
	Vault   Vault
	VaultID string
	Policy  string
}

// FindVault asks which vault backs up the VM ("Backup Status - Get"). The error matches
// ErrNotProtected when none does. It needs the action
// Microsoft.RecoveryServices/locations/backupStatus/action on the subscription: rights on the VM
// or its group are not enough. It has no side effects.
func (c *Client) FindVault(ctx context.Context, vm VM) (Protection, error) {
	model, err := c.model(ctx, vm)
	if err != nil {
		return Protection{}, err
	}
	a := attempting("find the vault of vm", vm)
	res, err := c.backup.NewBackupStatusClient().Get(a.reading(ctx, c), value(model.Location), armrecoveryservicesbackup.BackupStatusRequest{
		ResourceID: new(c.vmID(vm)), ResourceType: new(armrecoveryservicesbackup.DataSourceTypeVM)}, nil)
	if err != nil {
		return Protection{}, a.fail(err)
	}
	p := Protection{Status: string(value(res.ProtectionStatus)), VaultID: value(res.VaultID), Policy: value(res.PolicyName)}
	if p.VaultID == "" {
		e := a.decided(fmt.Errorf("%w: no vault has it, its status is %q", ErrNotProtected, p.Status))
		e.Code, e.Message = value(res.ErrorCode), value(res.ErrorMessage)
		e.Advice = "enable the backup of this VM in a vault"
		return p, e
	}
	id, err := parseID(p.VaultID, "Microsoft.RecoveryServices/vaults")
	if err != nil {
		return p, a.fail(err)
	}
	p.Vault = Vault{ResourceGroup: id.ResourceGroupName, Name: id.Name}
	return p, nil
}

// computeItem gives the two types an Azure VM may come as in one form, and nil for others.
func computeItem(p armrecoveryservicesbackup.ProtectedItemClassification) *armrecoveryservicesbackup.AzureIaaSComputeVMProtectedItem {
	switch p := p.(type) {
	case *armrecoveryservicesbackup.AzureIaaSComputeVMProtectedItem:
		return p
	case *armrecoveryservicesbackup.AzureIaaSVMProtectedItem:
		same := armrecoveryservicesbackup.AzureIaaSComputeVMProtectedItem(*p)
		return &same
	}
	return nil
}

func (c *Client) protects(p *armrecoveryservicesbackup.AzureIaaSComputeVMProtectedItem, vm VM) bool {
	id := c.vmID(vm)
	return strings.EqualFold(value(p.VirtualMachineID), id) || strings.EqualFold(value(p.SourceResourceID), id)
}

func protectedItem(id string, p *armrecoveryservicesbackup.AzureIaaSComputeVMProtectedItem) (ProtectedItem, error) {
	parsed, err := arm.ParseResourceID(id)
	if err != nil || parsed.Parent == nil {
		return ProtectedItem{}, fmt.Errorf("protected item %q: not a resource id that names its container", id)
	}
	item := ProtectedItem{Container: parsed.Parent.Name, Name: parsed.Name, PolicyName: value(p.PolicyName),
		ProtectionState: string(value(p.ProtectionState)), HealthStatus: string(value(p.HealthStatus)),
		LastRecoveryPoint: value(p.LastRecoveryPoint)}
	if x := p.ExtendedProperties; x != nil && x.DiskExclusionProperties != nil {
		item.DisksExcluded = value(x.DiskExclusionProperties.IsInclusionList) || len(x.DiskExclusionProperties.DiskLunList) > 0
	}
	return item, nil
}

// itemPath is the path of a protected item, escaped.
func (c *Client) itemPath(vault Vault, item ProtectedItem) string {
	return escapePath(c.vaultID(vault) + "/backupFabrics/" + fabric + "/protectionContainers/" + item.Container +
		"/protectedItems/" + item.Name)
}

func backupQuery(filter string) url.Values {
	q := url.Values{"api-version": {apiBackup}}
	if filter != "" {
		q.Set("$filter", filter)
	}
	return q
}
