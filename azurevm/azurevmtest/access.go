package azurevmtest

import (
	"net/http"
	"path"
	"strings"
)

type role struct{ actions, notActions []string }

// builtIn are Azure's own roles, as far as they concern what is served here.
var builtIn = map[string]role{
	"Owner": {actions: []string{"*"}},
	"Contributor": {actions: []string{"*"}, notActions: []string{"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
		"Microsoft.Authorization/elevateAccess/Action"}},
	"Reader": {actions: []string{"*/read"}},
	"Virtual Machine Contributor": {actions: []string{"Microsoft.Authorization/*/read", "Microsoft.Compute/locations/*",
		"Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/disks/read", "Microsoft.Compute/disks/write", "Microsoft.Compute/disks/delete",
		"Microsoft.Network/networkInterfaces/*", "Microsoft.RecoveryServices/locations/*",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/write", "Microsoft.RecoveryServices/Vaults/read"}},
	"Disk Snapshot Contributor": {actions: []string{"Microsoft.Authorization/*/read", "Microsoft.Compute/snapshots/delete",
		"Microsoft.Compute/snapshots/write", "Microsoft.Compute/snapshots/read", "Microsoft.Compute/snapshots/beginGetAccess/action",
		"Microsoft.Compute/snapshots/endGetAccess/action", "Microsoft.Compute/disks/beginGetAccess/action"}},
	"Backup Operator": {actions: []string{"Microsoft.Authorization/*/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/operationResults/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/backup/action",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/operationResults/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/operationsStatus/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints/read",
		"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints/restore/action",
		"Microsoft.RecoveryServices/Vaults/backupJobs/*", "Microsoft.RecoveryServices/Vaults/backupOperations/read",
		"Microsoft.RecoveryServices/Vaults/backupProtectedItems/read", "Microsoft.RecoveryServices/Vaults/backupValidateOperation/action",
		"Microsoft.RecoveryServices/locations/backupStatus/action"}},
}

// roles are the caller's, without what Options took away.
func (s *Server) roles() []role {
	var out []role
	for _, name := range s.options.Roles {
		r := builtIn[name]
		r.notActions = append(append([]string(nil), r.notActions...), s.options.MissingActions...)
		out = append(out, r)
	}
	return out
}

func (s *Server) may(action string) bool {
	for _, r := range s.roles() {
		if anyMatches(r.actions, action) && !anyMatches(r.notActions, action) {
			return true
		}
	}
	return false
}

func anyMatches(patterns []string, action string) bool {
	for _, p := range patterns {
		if matches(strings.Split(strings.ToLower(p), "*"), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// matches says whether the parts occur in that order, the first at the beginning and the last at
// the end, with anything between them.
func matches(parts []string, action string) bool {
	if len(parts) == 1 {
		return parts[0] == action
	}
	rest, found := strings.CutPrefix(action, parts[0])
	for _, p := range parts[1 : len(parts)-1] {
		if found {
			_, rest, found = strings.Cut(rest, p)
		}
	}
	return found && strings.HasSuffix(rest, parts[len(parts)-1])
}

// forbids refuses what no role grants, and changes to what is locked.
func (s *Server) forbids(c *call, r route) (answer, bool) {
	if !s.may(r.action) {
		return refuse(http.StatusForbidden, "AuthorizationFailed", "The client 'operator' does not have authorization to perform action '%s' over scope '%s'.", r.action, c.id), true
	}
	if c.r.Method == http.MethodGet || strings.HasSuffix(r.pattern, "/backupvalidateoperation") || strings.HasSuffix(r.pattern, "/backupstatus") {
		return answer{}, false
	}
	for _, l := range s.options.Locks {
		if (l.Level == "ReadOnly" || c.r.Method == http.MethodDelete) && within(c.id, l.Scope) {
			return refuse(http.StatusConflict, "ScopeLocked", "The scope '%s' cannot perform write operation because following scope(s) are locked: '%s'. Please remove the lock and try again.", path.Dir(c.id), l.Scope), true
		}
	}
	return answer{}, false
}

// within says whether id is scope or below it.
func within(id, scope string) bool {
	return strings.HasPrefix(strings.ToLower(id)+"/", strings.ToLower(strings.TrimRight(scope, "/"))+"/")
}

// authorization serves the caller's permissions and the locks at any scope.
func (s *Server) authorization(c *call, scope, kind string) answer {
	if c.r.Method != http.MethodGet {
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The resource does not support the method %s.", c.r.Method)
	}
	if action := "Microsoft.Authorization/" + kind + "/read"; !s.may(action) {
		return refuse(http.StatusForbidden, "AuthorizationFailed", "The client 'operator' does not have authorization to perform action '%s' over scope '%s'.", action, scope)
	}
	values := []any{}
	if kind == "permissions" {
		for _, r := range s.roles() {
			values = append(values, object{"actions": r.actions, "notActions": r.notActions, "dataActions": []string{}, "notDataActions": []string{}})
		}
		return s.page(c, values)
	}
	for _, l := range s.options.Locks {
		if within(scope, l.Scope) || within(l.Scope, scope) {
			values = append(values, object{"id": l.Scope + "/providers/Microsoft.Authorization/locks/" + l.Name, "name": l.Name,
				"type": "Microsoft.Authorization/locks", "properties": object{"level": l.Level, "notes": l.Notes}})
		}
	}
	return s.page(c, values)
}
