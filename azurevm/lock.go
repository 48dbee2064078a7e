package azurevm

import (
	"context"
	"errors"
	"net/url"
	"strings"
)

const apiLocks = "2020-05-01"

// Lock forbids changes to a scope and all below it, whatever roles allow.
type Lock struct {
	Name string
	// Level is ReadOnly, which forbids start and stop too, or CanNotDelete, which should not.
	Level string
	// Scope is the resource id of what is locked.
	Scope string
	Notes string
}

// Locks lists the locks that bear on the VM: its own, its resource group's and the subscription's
// ("Lock your Azure resources to protect your infrastructure"). A ReadOnly one blocks Deallocate
// and Start; of any other an operator should know, because users report blocked stops. Those on the
// groups AzureBackupRG_… are listed too: Azure Backup keeps its snapshots there, and backups fail
// when it may not delete old ones. When a scope cannot be read, the error says so and the locks of the
// others are still returned. It has no side effects.
func (c *Client) Locks(ctx context.Context, vm VM) ([]Lock, error) {
	if err := vm.check(); err != nil {
		return nil, err
	}
	var locks []Lock
	var faults []error
	seen := map[string]bool{}
	for _, scope := range []string{c.vmID(vm), c.groupID(vm.ResourceGroup), c.subscriptionID()} {
		a := &attempt{operation: "list the locks of", object: scope}
		found, err := list[lockResource](ctx, c, a, escapePath(scope)+"/providers/Microsoft.Authorization/locks", url.Values{"api-version": {apiLocks}})
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, r := range found {
			if l := r.lock(); c.bearsOn(l, vm) && !seen[strings.ToLower(r.ID)] {
				seen[strings.ToLower(r.ID)] = true
				locks = append(locks, l)
			}
		}
	}
	return locks, errors.Join(faults...)
}

// bearsOn leaves out what a listing at a wide scope tells of resources beside the VM.
func (c *Client) bearsOn(l Lock, vm VM) bool {
	scope := strings.ToLower(l.Scope)
	return strings.HasPrefix(strings.ToLower(c.vmID(vm))+"/", scope+"/") || strings.HasPrefix(scope, strings.ToLower(c.groupID("AzureBackupRG_")))
}

type lockResource struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		Level string `json:"level"`
		Notes string `json:"notes"`
	} `json:"properties"`
}

func (r lockResource) lock() Lock {
	l := Lock{Name: r.Name, Level: r.Properties.Level, Notes: r.Properties.Notes, Scope: r.ID}
	if i := strings.LastIndex(strings.ToLower(r.ID), "/providers/microsoft.authorization/locks/"); i >= 0 {
		l.Scope = r.ID[:i]
	}
	return l
}
