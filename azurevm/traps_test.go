package azurevm_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// Every client of the backup module takes the vault before its resource group, both are strings, and
// an exchange compiles. A second vault with the names exchanged answers whoever mixes them up.
func TestVaultBeforeResourceGroupInEveryCall(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{Vaults: []azurevmtest.Vault{
		{ResourceGroup: "rg-backup", Name: "rsv-pexip"}, {ResourceGroup: "rsv-pexip", Name: "rg-backup", Protected: []azurevmtest.VM{}}}})
	id := startBackup(t, client, time.Now().AddDate(0, 0, 30))
	if _, err := client.WaitVaultTransfer(t.Context(), vault, id, nil); err != nil {
		t.Fatal(err)
	}
	points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
	if err != nil || len(points) != 1 {
		t.Fatalf("%+v, %v", points, err)
	}
	if _, found, err := client.FindBackupJob(t.Context(), vault, manager, time.Time{}); err != nil || !found {
		t.Fatal(found, err)
	}
	srv.SetPower(managerVM, azurevm.Deallocated)
	o := azurevm.RestoreOptions{RecoveryPoint: points[0], StorageAccountID: srv.StorageAccountID()}
	if err := client.ValidateRestore(t.Context(), vault, manager, o); err != nil {
		t.Fatal(err)
	}
	if id, err = client.StartRestore(t.Context(), vault, manager, o); err != nil {
		t.Fatal(err)
	}
	if _, err := client.WaitJob(t.Context(), vault, id, nil); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, r := range srv.Requests() {
		lower := strings.ToLower(r.URL)
		if !strings.Contains(lower, "microsoft.recoveryservices") {
			continue
		}
		prefix := "/subscriptions/00000000-0000-4000-8000-000000000107/resourcegroups/rg-backup/providers/microsoft.recoveryservices/vaults/rsv-pexip/"
		rest, ours := strings.CutPrefix(lower, prefix)
		if !ours || strings.Contains(lower, "/operationresults/") { // which may be gone, or have no content
			t.Errorf("%s %s", r.Method, r.URL)
		}
		kind, _, _ := strings.Cut(rest, "/")
		kind, _, _ = strings.Cut(kind, "?")
		kinds[kind] = true
	}
	for _, kind := range []string{"backupprotecteditems", "backupfabrics", "backupoperations", "backupjobs", "backupvalidateoperation"} {
		if !kinds[kind] {
			t.Errorf("no request was about %s", kind)
		}
	}
}

// A 409 that an unregistered provider answers must not make the SDK register it, which is a write.
func TestProviderIsNotRegistered(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Times: -1, Status: 409,
		Body: `{"error":{"code":"MissingSubscriptionRegistration","message":"The subscription is not registered to use namespace 'Microsoft.Compute'."}}`})
	wantError(t, client.Deallocate(t.Context(), manager, nil), azurevm.ErrConflict, "MissingSubscriptionRegistration")
	_, err := client.Power(t.Context(), manager)
	wantError(t, err, azurevm.ErrConflict, "MissingSubscriptionRegistration")
	if n := posts(srv); n != 0 {
		t.Errorf("%d POSTs", n)
	}
}

type scoped struct{ seen *[]string }

func (c scoped) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*c.seen = append(*c.seen, o.Scopes...)
	return azcore.AccessToken{Token: "rehearsal", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// Another endpoint needs another audience, and the SDK wants both.
func TestAudience(t *testing.T) {
	for audience, want := range map[string]string{"": "https://management.azure.com/.default", "https://management.core.usgovcloudapi.net": "https://management.core.usgovcloudapi.net/.default"} {
		srv := azurevmtest.NewServer(azurevmtest.Options{})
		var scopes []string
		cfg := srv.Config()
		cfg.Audience, cfg.Credential = audience, scoped{&scopes}
		if _, err := connect(t, cfg).Power(t.Context(), manager); err != nil {
			t.Fatal(err)
		}
		if len(scopes) != 1 || scopes[0] != want {
			t.Errorf("%q, want %q", scopes, want)
		}
	}
}

// Each service has its own versions, and those of the backup service must not be lowered.
func TestAPIVersions(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{})
	if _, err := client.SwapDisks(t.Context(), manager, o, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Snapshots(t.Context(), manager); err != nil {
		t.Fatal(err)
	}
	id := startBackup(t, client, time.Time{})
	if _, err := client.WaitJob(t.Context(), vault, id, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Locks(t.Context(), manager); err != nil {
		t.Fatal(err)
	}
	for _, r := range srv.Requests() {
		lower := strings.ToLower(r.URL)
		for part, want := range map[string]string{"microsoft.recoveryservices": "2024-04-01", "/virtualmachines/vm-node-mgmt-core?": "2026-04-01",
			"/disks/": "2026-03-02", "/snapshots": "2026-03-02", "/locks": "2020-05-01"} {
			if strings.Contains(lower, part) && !strings.Contains(lower, "api-version="+want) {
				t.Errorf("%s, want %s", r.URL, want)
			}
		}
	}
}

// A client is used by several goroutines at once; a poller of the SDK may not be.
func TestConcurrentChanges(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	var wg sync.WaitGroup
	for _, vm := range []azurevm.VM{manager, conference, manager, conference} {
		wg.Go(func() {
			if err := client.Deallocate(t.Context(), vm, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p := srv.Power(managerVM); p != azurevm.Deallocated {
		t.Error(p)
	}
}

// The retention is sent as days in UTC: a month after 31 January is in March.
func TestRetentionIsExplicit(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	keep := time.Now().AddDate(0, 0, 30)
	sent := regexp.MustCompile(`"recoveryPointExpiryTimeInUTC":"([^"]+Z)"`)
	for _, asked := range []time.Time{keep, {}} { // none is thirty days too, and is sent
		srv.ForgetRequests()
		id := startBackup(t, client, asked)
		if _, err := client.WaitJob(t.Context(), vault, id, nil); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(srv.Requests(), func(r azurevmtest.Request) bool { return r.Method == "POST" && sent.Match(r.Body) })
		if i < 0 {
			t.Fatal("no expiry was sent")
		}
		at, err := time.Parse(time.RFC3339Nano, string(sent.FindSubmatch(srv.Requests()[i].Body)[1]))
		if err != nil || at.Sub(keep).Abs() > time.Hour {
			t.Errorf("%s, want %s: %v", at, keep, err)
		}
	}
}

// The protected item's name has semicolons, and a link in an answer may have shortened it.
func TestLinksWithOtherNamesAreReducedToTheOperation(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{Trigger: -1})
	const link = "https://elsewhere.invalid/subscriptions//subscriptions/x/resourceGroups/other/providers/Microsoft.RecoveryServices/vaults/v/backupFabrics/Azure/protectionContainers/c/protectedItems/short/operationsStatus/"
	for _, r := range []string{"Azure-Asyncoperation", "Location"} {
		id := startBackup(t, client, time.Time{})
		if _, err := client.WaitJob(t.Context(), vault, id, nil); err != nil {
			t.Fatal(err)
		}
		last := ""
		for _, q := range srv.Requests() {
			if _, op, found := strings.Cut(q.URL, "/backupOperations/"); found {
				last, _, _ = strings.Cut(op, "?")
			}
		}
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 202, Header: http.Header{r: {link + last + "?api-version=2019-05-13"}}})
		if again := startBackup(t, client, time.Time{}); again != id {
			t.Errorf("%s: %s, want %s", r, again, id)
		}
	}
}

// The status is asked for in the VM's region, at the subscription, whose rights a role on the VM does not give.
func TestFindVault(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	got, err := client.FindVault(t.Context(), manager)
	if err != nil || got.Vault != vault || got.Status != "Protected" || got.Policy != "DefaultPolicy" || got.VaultID == "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, r := range srv.Requests() {
		if r.Method == "POST" && (!strings.HasPrefix(r.URL, "/Subscriptions/") || !strings.Contains(r.URL, "/locations/canadacentral/")) {
			t.Errorf("%s", r.URL)
		}
	}
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupstatus", Status: 200, Body: `{"protectionStatus":"Protected","vaultId":"nonsense"}`})
	if _, err := client.FindVault(t.Context(), manager); err == nil || !strings.Contains(err.Error(), "not the resource id") {
		t.Error(err)
	}
	srv.Unprotect(managerVM)
	got, err = client.FindVault(t.Context(), manager)
	wantError(t, err, azurevm.ErrNotProtected, `"NotProtected"`, "enable the backup")
	if got.Status != "NotProtected" {
		t.Errorf("%+v", got)
	}
	_, err = client.FindVault(t.Context(), azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "x"})
	wantError(t, err, azurevm.ErrNotFound)
	_, narrow := start(t, azurevmtest.Options{MissingActions: []string{"Microsoft.RecoveryServices/locations/*"}})
	_, err = narrow.FindVault(t.Context(), manager)
	wantError(t, err, azurevm.ErrForbidden, "backupStatus/action")
}

// The transfer is a wait of its own, and the service may skip it.
func TestWaitVaultTransfer(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	id := startBackup(t, client, time.Time{})
	job, err := client.WaitVaultTransfer(t.Context(), vault, id, nil)
	if err != nil || !job.Transferred() {
		t.Fatalf("%+v, %v", job, err)
	}
	points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
	if err != nil || !points[0].InVault() || !points[0].InSnapshot() || points[0].Attached != 1 {
		t.Errorf("%+v, %v", points, err)
	}
	for body, transferred := range map[string]bool{
		`{"name":"j","properties":{"status":"Completed"}}`: true,
		`{"name":"j","properties":{"status":"CompletedWithWarnings","extendedInfo":{"dynamicErrorMessage":"skipped","tasksList":[
			{"taskId":"Take Snapshot","status":"Completed"},{"taskId":"transfer data to vault","status":"Skipped"}]}}}`: false,
	} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupjobs/j", Status: 200, Body: body})
		job, err := client.WaitVaultTransfer(t.Context(), vault, "j", nil)
		if (err == nil) != transferred || !job.SnapshotTaken() {
			t.Errorf("%s: %+v, %v", body, job, err)
		}
		if err != nil {
			wantError(t, err, azurevm.ErrJobFailed, "skipped", "snapshot stays usable")
		}
	}
	srv.FailNextJob("Transfer data to vault", "network")
	id = startBackup(t, client, time.Time{})
	_, err = client.WaitVaultTransfer(t.Context(), vault, id, nil)
	wantError(t, err, azurevm.ErrJobFailed, "network")
}

// The token of a long wait expires; nobody waits on without one.
func TestExpiredTokenEndsAWait(t *testing.T) {
	o, _ := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	err := client.Deallocate(t.Context(), manager, func(p azurevm.PowerState) {
		if p == azurevm.Deallocating {
			inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Times: -1, Status: 401,
				Body: `{"error":{"code":"ExpiredAuthenticationToken","message":"The access token expiry UTC time is earlier than current UTC time."}}`})
		}
	})
	wantError(t, err, azurevm.ErrUnauthorized, "ExpiredAuthenticationToken", "sign in again")
}

// Azure asks for a fresh token with a challenge; the request, refused without effect, is sent again.
func TestClaimsChallenge(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 401, Header: http.Header{"Www-Authenticate": {
		`Bearer authorization_uri="https://login.windows.net/", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`}}})
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Error(err)
	}
}

func TestSlowBodyIsReadToItsEnd(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	if err := srv.SlowBody("/instanceview", time.Millisecond, 1); err != nil {
		t.Fatal(err)
	}
	if p, err := client.Power(t.Context(), manager); err != nil || p != azurevm.Running {
		t.Error(p, err)
	}
}

// An answer that says 200 and asks to wait is waited for.
func TestRetryAfterWithStatus200(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Status: 200, Times: 2, Header: http.Header{"X-Ms-Retry-After-Ms": {"20"}},
		Body: `{"status":"InProgress"}`})
	begin := time.Now()
	if err := client.Deallocate(t.Context(), manager, nil); err != nil || time.Since(begin) < 40*time.Millisecond {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}

func TestDiskPermissions(t *testing.T) {
	for _, test := range []struct {
		roles, missing []string
	}{
		{[]string{"Contributor"}, []string{}},
		{[]string{"Virtual Machine Contributor", "Disk Snapshot Contributor"}, []string{}},
		{[]string{"Virtual Machine Contributor"}, []string{"disks/beginGetAccess/action missing", "snapshots/delete missing", "snapshots/read missing", "snapshots/write missing"}},
		{[]string{"Disk Snapshot Contributor"}, []string{"disks/read missing", "disks/write missing", "locations/diskOperations/read missing",
			"networkInterfaces/join/action missing", "virtualMachines/write missing"}},
	} {
		srv, client := start(t, azurevmtest.Options{Roles: test.roles})
		wanted := client.DiskPermissions([]azurevm.VM{manager, conference})
		verdicts, err := client.CheckPermissions(t.Context(), wanted)
		if err != nil || !slices.Equal(missing(verdicts), test.missing) {
			t.Errorf("%v: %q, %v", test.roles, missing(verdicts), err)
		}
		if n := count(srv, "GET", "/permissions"); n != 4 {
			t.Errorf("%d requests", n)
		}
	}
	_, client := start(t, azurevmtest.Options{})
	for _, p := range client.DiskPermissions([]azurevm.VM{manager}) {
		_, one := start(t, azurevmtest.Options{Roles: []string{p.Role}})
		verdicts, err := one.CheckPermissions(t.Context(), []azurevm.Permission{p})
		if err != nil || verdicts[0].Verdict != azurevm.VerdictGranted {
			t.Errorf("%+v: %+v, %v", p, verdicts, err)
		}
	}
}

// With exactly the roles that are named, the whole second method works.
func TestNamedRolesAreEnoughForASwap(t *testing.T) {
	o := disked(azurevmtest.Options{Roles: []string{"Virtual Machine Contributor", "Disk Snapshot Contributor"}})
	srv, client := start(t, o)
	swap := azurevm.SwapOptions{Snapshots: snapshots(t, srv, client), Run: "r", At: time.Now()}
	if _, err := client.SwapDisks(t.Context(), manager, swap, nil); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteExpiredSnapshots(t.Context(), manager, time.Now().AddDate(1, 0, 0)); err != nil {
		t.Error(err)
	}
}

// The header's error code goes before the body's, which must not be lost, nor must nested ones; and the
// SDK's error has neither message nor correlation id, which is what Microsoft's support asks for.
func TestCorrelationIDAndNestedCodes(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "PUT", Times: -1, Status: 403, Header: http.Header{"X-Ms-Request-Id": {"r-1"}, "X-Ms-Error-Code": {"Outer"}},
		Body: `{"error":{"code":"RequestDisallowedByPolicy","message":"tag missing","details":[{"code":"Inner","message":"cost-centre"}]}}`})
	srv.SetPower(managerVM, azurevm.Deallocated)
	_, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), nil)
	e := wantError(t, err, azurevm.ErrForbidden, "tag missing", "Inner: cost-centre", "r-1", "an Azure Policy forbids it")
	if want := []azurevm.Detail{{Code: "RequestDisallowedByPolicy"}, {Code: "Inner", Message: "cost-centre"}}; e.CorrelationID != "r-1" || e.Code != "Outer" || !slices.Equal(e.Details, want) {
		t.Errorf("%+v", e)
	}
	var target *azurevm.Error
	if !errors.As(err, &target) {
		t.Error("not an *Error")
	}
}

// A point may be without some of the disks, and then brings back a part of the VM.
func TestPointWithoutAllDisks(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	srv.ExcludeDisks(managerVM)
	if _, err := client.WaitSnapshot(t.Context(), vault, startBackup(t, client, time.Time{}), nil); err != nil {
		t.Fatal(err)
	}
	points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
	if err != nil || points[0].Disks != 1 || points[0].Attached != 3 {
		t.Errorf("%+v, %v", points, err)
	}
	if item, err := client.ProtectedItem(t.Context(), vault, manager); err != nil || !item.DisksExcluded {
		t.Errorf("%+v, %v", item, err)
	}
}
