package azurevm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	apiPermissions = "2022-04-01"
	// apiPermissionsOld is for regions that refuse the newer version.
	apiPermissionsOld = "2015-07-01"
)

// Permission is an action that this package needs at a scope, and what for.
type Permission struct {
	// Action as in role definitions, for example Microsoft.Compute/virtualMachines/start/action.
	Action string
	// Scope is a resource id.
	Scope   string
	Purpose string
	// Role is the narrowest common built-in role with the action. Contributor has all of them.
	Role string
}

// Verdict says whether a permission is granted.
type Verdict string

// The verdicts. VerdictUnknown is not a yes.
const (
	VerdictGranted Verdict = "granted"
	VerdictMissing Verdict = "missing"
	VerdictUnknown Verdict = "unknown"
)

// PermissionVerdict is the answer about one permission.
type PermissionVerdict struct {
	Permission
	Verdict Verdict
	// Detail tells why a verdict is not granted.
	Detail string
}

const (
	roleReader   = "Reader"
	roleVM       = "Virtual Machine Contributor"
	roleOperator = "Backup Operator"
	roleSnapshot = "Disk Snapshot Contributor"
)

// RequiredPermissions lists what the methods of this package need for these VMs and this vault,
// in the order in which they are used. Virtual Machine Contributor does not include "Backup now".
// Network interfaces are asked about at the VM's resource group, where they usually are. Not
// listed are the rights on the storage account of a restore, the one that FindVault names, and what
// DiskPermissions lists.
func (c *Client) RequiredPermissions(vms []VM, vault Vault) []Permission {
	const compute, network = "Microsoft.Compute/", "Microsoft.Network/"
	var out []Permission
	for _, vm := range vms {
		id := c.vmID(vm)
		out = append(out,
			Permission{compute + "virtualMachines/read", id, "look up the VM", roleReader},
			Permission{compute + "virtualMachines/instanceView/read", id, "read its power state", roleReader},
			Permission{network + "networkInterfaces/read", c.groupID(vm.ResourceGroup), "read its addresses", roleReader},
			Permission{compute + "virtualMachines/deallocate/action", id, "stop it", roleVM},
			Permission{compute + "virtualMachines/start/action", id, "start it", roleVM},
			Permission{compute + "virtualMachines/write", id, "replace its disks in a restore", roleVM},
			Permission{"Microsoft.Authorization/locks/read", id, "list its locks", roleReader},
			Permission{"Microsoft.Authorization/locks/read", c.groupID(vm.ResourceGroup), "list the locks of its resource group", roleReader})
	}
	out = append(out, Permission{compute + "locations/operations/read", c.subscriptionID(), "follow a stop or start", roleReader},
		Permission{"Microsoft.Authorization/locks/read", c.subscriptionID(), "list the locks of the subscription", roleReader})
	return append(out, c.vaultPermissions(vault)...)
}

// DiskPermissions lists what SnapshotDisks, DeleteExpiredSnapshots and SwapDisks need for these VMs
// beyond RequiredPermissions. Virtual Machine Contributor may make disks but not snapshots. That
// copying a disk asks for beginGetAccess, and writing a VM's model for joining its interfaces, is
// unverified; both are in the roles that are named.
func (c *Client) DiskPermissions(vms []VM) []Permission {
	const disk, snapshot = "Microsoft.Compute/disks/", "Microsoft.Compute/snapshots/"
	var out []Permission
	seen := map[string]bool{}
	for _, vm := range vms {
		out = append(out, Permission{"Microsoft.Compute/virtualMachines/write", c.vmID(vm), "exchange its disks", roleVM})
		group := c.groupID(vm.ResourceGroup)
		if seen[strings.ToLower(group)] {
			continue
		}
		seen[strings.ToLower(group)] = true
		out = append(out,
			Permission{disk + "read", group, "read the properties of disks", roleVM},
			Permission{disk + "beginGetAccess/action", group, "copy a disk into a snapshot", roleSnapshot},
			Permission{snapshot + "read", group, "find snapshots", roleSnapshot},
			Permission{snapshot + "write", group, "snapshot disks", roleSnapshot},
			Permission{snapshot + "delete", group, "delete expired snapshots", roleSnapshot},
			Permission{disk + "write", group, "make a disk of a snapshot", roleVM},
			Permission{"Microsoft.Network/networkInterfaces/join/action", group, "keep its interface when its disks are exchanged", roleVM})
	}
	// Virtual Machine Contributor, unlike the role for snapshots, has all actions on locations.
	return append(out, Permission{"Microsoft.Compute/locations/diskOperations/read", c.subscriptionID(), "follow the making of disks and snapshots", roleVM})
}

func (c *Client) vaultPermissions(vault Vault) []Permission {
	const vaults = "Microsoft.RecoveryServices/Vaults/"
	const item = vaults + "backupFabrics/protectionContainers/protectedItems/"
	id := c.vaultID(vault)
	return []Permission{
		{vaults + "backupProtectedItems/read", id, "find the VM in the vault", roleOperator},
		{item + "backup/action", id, "back up now", roleOperator},
		{vaults + "backupOperations/read", id, "find the job of a request", roleOperator},
		{vaults + "backupJobs/read", id, "follow jobs", roleOperator},
		{item + "recoveryPoints/read", id, "list recovery points", roleOperator},
		{vaults + "backupValidateOperation/action", id, "validate a restore", roleOperator},
		{item + "recoveryPoints/restore/action", id, "restore", roleOperator},
	}
}

// CheckPermissions asks, once per scope, what the caller may do there, and compares ("Permissions -
// List For Resource"). Conditions of role assignments, deny assignments, policies and locks are
// not seen this way: granted means that no role is missing. A scope that cannot be asked about
// makes its verdicts unknown; only being signed out, and the end of ctx, are errors. It has no
// side effects.
func (c *Client) CheckPermissions(ctx context.Context, wanted []Permission) ([]PermissionVerdict, error) {
	known := map[string]grants{}
	var out []PermissionVerdict
	for _, p := range wanted {
		scope := strings.ToLower(p.Scope)
		g, ok := known[scope]
		if !ok {
			g = c.grants(ctx, p.Scope)
			if g.err != nil && (ctx.Err() != nil || errors.Is(g.err, ErrUnauthorized)) {
				return nil, g.err
			}
			known[scope] = g
		}
		out = append(out, g.verdict(p))
	}
	return out, nil
}

// grants is what the caller may do at one scope.
type grants struct {
	roles []role
	err   error
}

// role is what one role assignment permits.
type role struct {
	Actions    []string `json:"actions"`
	NotActions []string `json:"notActions"`
}

func (c *Client) grants(ctx context.Context, scope string) grants {
	path := escapePath(strings.TrimRight(scope, "/")) + "/providers/Microsoft.Authorization/permissions"
	read := func(version string) ([]role, error) {
		a := &attempt{operation: "read the caller's permissions at", object: scope}
		return list[role](ctx, c, a, path, url.Values{"api-version": {version}})
	}
	roles, err := read(apiPermissions)
	if e, ok := errors.AsType[*Error](err); ok && e.has("InvalidApiVersion", "InvalidApiVersionParameter", "NoRegisteredProviderFound") {
		roles, err = read(apiPermissionsOld)
	}
	return grants{roles, err}
}

func (g grants) verdict(p Permission) PermissionVerdict {
	v := PermissionVerdict{Permission: p, Verdict: VerdictMissing}
	if e, ok := errors.AsType[*Error](g.err); ok {
		v.Verdict, v.Detail = VerdictUnknown, e.Error()
		switch e.Status {
		case http.StatusForbidden:
			v.Detail = "the caller may not read its own permissions there"
		case http.StatusNotFound:
			v.Detail = "there is no such resource, or the caller may not see it"
		}
		return v
	}
	for _, r := range g.roles {
		if matchAny(r.Actions, p.Action) && !matchAny(r.NotActions, p.Action) {
			v.Verdict = VerdictGranted
			return v
		}
	}
	v.Detail = fmt.Sprintf("no role of the caller has it; %s has", p.Role)
	return v
}

func matchAny(patterns []string, action string) bool {
	for _, p := range patterns {
		if matchAction(strings.ToLower(p), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// matchAction: each * stands for any run of characters, slashes included ("Understand Azure role
// definitions").
func matchAction(pattern, action string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == action
	}
	after, ok := strings.CutPrefix(action, head)
	if !ok {
		return false
	}
	for i := 0; i <= len(after); i++ {
		if matchAction(rest, after[i:]) {
			return true
		}
	}
	return false
}
