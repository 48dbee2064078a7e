package azurevm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

func missing(verdicts []azurevm.PermissionVerdict) []string {
	out := []string{}
	for _, v := range verdicts {
		if v.Verdict != azurevm.VerdictGranted {
			_, action, _ := strings.Cut(v.Action, "/")
			out = append(out, action+" "+string(v.Verdict))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Virtual Machine Contributor cannot "Back up now", whatever its name suggests.
func TestPermissions(t *testing.T) {
	const item = "Vaults/backupFabrics/protectionContainers/protectedItems/"
	for _, test := range []struct {
		roles, taken, missing []string
	}{
		{[]string{"Contributor"}, nil, []string{}},
		{[]string{"Owner"}, nil, []string{}},
		{[]string{"Virtual Machine Contributor", "Backup Operator"}, nil, []string{}},
		{[]string{"Virtual Machine Contributor", "Reader"}, nil, []string{item + "backup/action missing", item + "recoveryPoints/restore/action missing",
			"Vaults/backupValidateOperation/action missing"}},
		{[]string{"Reader", "Backup Operator"}, nil, []string{"virtualMachines/deallocate/action missing", "virtualMachines/start/action missing", "virtualMachines/write missing"}},
		{[]string{"Contributor"}, []string{"microsoft.compute/*/START/*"}, []string{"virtualMachines/start/action missing"}},
		{[]string{"Contributor", "Owner"}, []string{"*/nothing"}, []string{}},
	} {
		srv, client := start(t, azurevmtest.Options{Roles: test.roles, MissingActions: test.taken, PageSize: 1})
		wanted := client.RequiredPermissions([]azurevm.VM{manager, conference}, vault)
		verdicts, err := client.CheckPermissions(t.Context(), wanted)
		if err != nil || len(verdicts) != len(wanted) {
			t.Fatalf("%d verdicts, %v", len(verdicts), err)
		}
		if d := cmp.Diff(test.missing, missing(verdicts)); d != "" {
			t.Errorf("%v: %s", test.roles, d)
		}
		// two VMs, their group, the subscription, the vault
		if n, want := count(srv, "GET", "/permissions"), 5*len(test.roles); n != want {
			t.Errorf("%v: %d requests, want %d", test.roles, n, want)
		}
	}
}

func TestEveryPermissionNamesARoleThatGrantsIt(t *testing.T) {
	_, client := start(t, azurevmtest.Options{})
	for _, p := range client.RequiredPermissions([]azurevm.VM{manager}, vault) {
		_, one := start(t, azurevmtest.Options{Roles: []string{p.Role}})
		verdicts, err := one.CheckPermissions(t.Context(), []azurevm.Permission{p})
		if err != nil || verdicts[0].Verdict != azurevm.VerdictGranted || p.Purpose == "" {
			t.Errorf("%+v: %+v, %v", p, verdicts, err)
		}
	}
}

// NotActions are no denials: another role may still grant. A star stands for slashes too.
func TestNotActionsAreOfTheSameRole(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/permissions", Times: -1, Status: 200, Body: `{"value":[
		{"actions":["*"],"notActions":["Microsoft.Compute/*/action"]},{"actions":["Microsoft.*/start/action"],"notActions":[]}]}`})
	wanted := []azurevm.Permission{{Action: "Microsoft.Compute/virtualMachines/start/action", Scope: "/subscriptions/s"},
		{Action: "Microsoft.Compute/virtualMachines/deallocate/action", Scope: "/subscriptions/s", Role: "R"}}
	verdicts, err := client.CheckPermissions(t.Context(), wanted)
	if err != nil || verdicts[0].Verdict != azurevm.VerdictGranted || verdicts[1].Verdict != azurevm.VerdictMissing ||
		verdicts[1].Detail != "no role of the caller has it; R has" {
		t.Errorf("%+v, %v", verdicts, err)
	}
}

// Not being allowed to ask is not a no.
func TestPermissionsThatCannotBeRead(t *testing.T) {
	for status, detail := range map[int]string{403: "may not read its own", 404: "no such resource", 400: "400 Bad Request"} {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/permissions", Times: -1, Status: status})
		verdicts, err := client.CheckPermissions(t.Context(), client.RequiredPermissions(nil, vault))
		if err != nil || verdicts[0].Verdict != azurevm.VerdictUnknown || !strings.Contains(verdicts[0].Detail, detail) {
			t.Errorf("%d: %+v, %v", status, verdicts[0], err)
		}
	}
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/permissions", Times: -1, Status: 401})
	_, err := client.CheckPermissions(t.Context(), client.RequiredPermissions(nil, vault))
	wantError(t, err, azurevm.ErrUnauthorized)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.CheckPermissions(ctx, client.RequiredPermissions(nil, vault)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Some regions refuse the current version of the API.
func TestPermissionsInAnOldRegion(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/permissions.*2022-04-01", Times: -1, Status: 400,
		Body: `{"error":{"code":"NoRegisteredProviderFound","message":"no"}}`})
	verdicts, err := client.CheckPermissions(t.Context(), client.RequiredPermissions(nil, vault))
	if err != nil || len(missing(verdicts)) != 0 {
		t.Errorf("%v, %v", missing(verdicts), err)
	}
}

// Locks are inherited from the group and the subscription, and a listing tells of those below too.
func TestLocks(t *testing.T) {
	const sub = "/subscriptions/00000000-0000-4000-8000-000000000107"
	const group = sub + "/resourceGroups/RG-pexip-test"
	_, client := start(t, azurevmtest.Options{PageSize: 1, Locks: []azurevmtest.Lock{
		{Name: "all", Level: "CanNotDelete", Scope: sub, Notes: "finance"},
		{Name: "group", Level: "ReadOnly", Scope: group},
		{Name: "vm", Level: "CanNotDelete", Scope: group + "/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core"},
		{Name: "namesake", Level: "ReadOnly", Scope: group + "/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core-2"},
		{Name: "elsewhere", Level: "ReadOnly", Scope: sub + "/resourceGroups/rg-backup"}}})
	locks, err := client.Locks(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range locks {
		got[l.Name] = l.Level + l.Notes
	}
	if d := cmp.Diff(map[string]string{"all": "CanNotDeletefinance", "group": "ReadOnly", "vm": "CanNotDelete"}, got); d != "" || len(locks) != 3 {
		t.Errorf("%d locks: %s", len(locks), d)
	}
}

func TestLocksThatCannotBeRead(t *testing.T) {
	const sub = "/subscriptions/00000000-0000-4000-8000-000000000107"
	srv, client := start(t, azurevmtest.Options{Locks: []azurevmtest.Lock{{Name: "all", Level: "ReadOnly", Scope: sub}}})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "virtualmachines/.*/locks", Status: 403})
	locks, err := client.Locks(t.Context(), manager)
	wantErr := fmt.Sprint(err)
	if !errors.Is(err, azurevm.ErrForbidden) || !strings.Contains(wantErr, "virtualMachines/vm-node-mgmt-core") || len(locks) != 1 {
		t.Errorf("%v, %v", locks, err)
	}
}

// Azure Backup keeps its snapshots in groups of its own; a lock there makes backups fail after a while.
func TestLocksOfTheBackupGroup(t *testing.T) {
	const sub = "/subscriptions/00000000-0000-4000-8000-000000000107"
	_, client := start(t, azurevmtest.Options{Locks: []azurevmtest.Lock{{Name: "keep", Level: "CanNotDelete", Scope: sub + "/resourceGroups/AzureBackupRG_canadacentral_1"}}})
	locks, err := client.Locks(t.Context(), manager)
	if err != nil || len(locks) != 1 || locks[0].Name != "keep" {
		t.Errorf("%+v, %v", locks, err)
	}
}
