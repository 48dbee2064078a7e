package azurevmtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

const (
	sub   = "/subscriptions/00000000-0000-4000-8000-000000000107"
	group = sub + "/resourceGroups/rg-pexip-test"
	path  = group + "/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core"
	vault = sub + "/resourceGroups/rg-backup/providers/Microsoft.RecoveryServices/vaults/rsv-pexip"
	item  = vault + "/backupFabrics/Azure/protectionContainers/IaasVMContainer%3Biaasvmcontainerv2%3Brg-pexip-test%3Bvm-node-mgmt-core" +
		"/protectedItems/VM;iaasvmcontainerv2;rg-pexip-test;vm-node-mgmt-core"
	version = "?api-version=2024-04-01"
)

var manager = azurevmtest.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}

type response struct {
	status int
	header http.Header
	body   map[string]any
}

// code is Azure's error code.
func (r response) code() string {
	e, _ := r.body["error"].(map[string]any)
	return fmt.Sprint(e["code"])
}

// send speaks to the server without the client, as curl would.
func send(t *testing.T, srv *azurevmtest.Server, method, target, body string) response {
	t.Helper()
	if !strings.HasPrefix(target, "https://") {
		target = srv.URL + target
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer any")
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := response{status: res.StatusCode, header: res.Header}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &r.body); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	return r
}

// hand makes a world whose clock is moved by hand.
func hand(o azurevmtest.Options) (*azurevmtest.Server, func(time.Duration)) {
	now := time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)
	var mu sync.Mutex
	o.Speed = 1
	o.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	return azurevmtest.NewServer(o), func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
}

func TestRefusals(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if !strings.Contains(string(srv.CertificatePEM()), "BEGIN CERTIFICATE") {
		t.Error("no certificate")
	}
	for _, test := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{"GET", "/", "", 404, "InvalidResourceType"},
		{"GET", "/subscriptions/x" + version, "", 404, "SubscriptionNotFound"},
		{"GET", path, "", 400, "MissingApiVersionParameter"},
		{"GET", path + "?api-version=latest", "", 400, "MissingApiVersionParameter"},
		{"GET", path + "x" + version, "", 404, "ResourceNotFound"},
		{"GET", strings.Replace(path, "rg-pexip", "rg-x", 1) + version, "", 404, "ResourceGroupNotFound"},
		{"GET", path + "/secrets" + version, "", 404, "InvalidResourceType"},
		{"DELETE", path + version, "", 405, "MethodNotAllowed"},
		{"GET", path + "/start" + version, "", 405, "MethodNotAllowed"},
		{"POST", path + "x/start" + version, "", 404, "ResourceNotFound"},
		{"GET", path + "x/instanceView" + version, "", 404, "ResourceNotFound"},
		{"GET", group + "/providers/Microsoft.Network/networkInterfaces/x" + version, "", 404, "ResourceNotFound"},
		{"GET", sub + "/providers/Microsoft.Compute/locations/x/operations/x" + version, "", 404, "ResourceNotFound"},
		{"PUT", path + "/providers/Microsoft.Authorization/locks" + version, "", 405, "MethodNotAllowed"},
		{"GET", vault + "x/backupJobs" + version, "", 404, "ResourceNotFound"},
		{"GET", vault + "x/backupJobs/x" + version, "", 404, "ResourceNotFound"},
		{"GET", vault + "x/backupProtectedItems" + version, "", 404, "ResourceNotFound"},
		{"POST", vault + "x/backupValidateOperation" + version, "{}", 404, "ResourceNotFound"},
		{"GET", vault + "/backupJobs/x" + version, "", 404, "BMSUserErrorJobNotFound"},
		{"GET", vault + "/backupJobs" + version + "&$filter=colour%20eq%20'red'", "", 400, "BMSUserErrorInvalidFilter"},
		{"GET", vault + "/backupJobs" + version + "&$filter=startTime%20eq%20'2026-03-02'", "", 400, "BMSUserErrorInvalidFilter"},
		{"GET", vault + "/backupOperations/x" + version, "", 404, "BMSUserErrorOperationNotFound"},
		{"GET", item + "/operationResults/x" + version, "", 404, "BMSUserErrorOperationNotFound"},
		{"GET", item + "x/recoveryPoints" + version, "", 404, "BMSUserErrorContainerObjectNotFound"},
		{"GET", item + "x/recoveryPoints/1" + version, "", 404, "BMSUserErrorContainerObjectNotFound"},
		{"GET", item + "/recoveryPoints/1" + version, "", 404, "BMSUserErrorRecoveryPointNotFound"},
		{"POST", item + "/recoveryPoints/1/restore" + version, "{}", 404, "BMSUserErrorRecoveryPointNotFound"},
		{"POST", item + "x/recoveryPoints/1/restore" + version, "{}", 404, "BMSUserErrorContainerObjectNotFound"},
		{"POST", item + "x/backup" + version, "{}", 404, "BMSUserErrorContainerObjectNotFound"},
		{"POST", strings.Replace(item, "rsv-pexip", "rsv", 1) + "/backup" + version, "{}", 404, "ResourceNotFound"},
		{"POST", item + "/backup" + version, "{", 400, "InvalidRequestContent"},
		{"POST", item + "/backup" + version, "{}", 400, "BMSUserErrorInvalidInput"},
		{"POST", item + "/backup" + version, `{"properties":{"objectType":"IaasVMBackupRequest","recoveryPointExpiryTimeInUTC":"2001-01-01T00:00:00Z"}}`, 400, "UserErrorInvalidRecoveryPointExpiry"},
		{"POST", vault + "/backupValidateOperation" + version, "[", 400, "InvalidRequestContent"},
		{"POST", vault + "/backupValidateOperation" + version, "{}", 400, "BMSUserErrorInvalidInput"},
	} {
		r := send(t, srv, test.method, test.target, test.body)
		if r.status != test.status || r.code() != test.code || r.header.Get("X-Ms-Error-Code") != test.code || r.header.Get("X-Ms-Correlation-Request-Id") == "" {
			t.Errorf("%s %s: %d %v", test.method, test.target, r.status, r.body)
		}
	}
	if n := srv.BackupCount(manager); n != 0 {
		t.Errorf("%d backups", n)
	}
}

func TestMissingToken(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	res, err := srv.Client().Get(srv.URL + path + version)
	if err != nil || res.StatusCode != 401 || srv.CertificatePEM() != nil {
		t.Errorf("%v, %v", res, err)
	}
	srv.Close()
}

func TestLongOperationOnTheWire(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{RetryAfter: 10 * time.Second})
	r := send(t, srv, "POST", strings.ToUpper(path)+"/DEALLOCATE"+version, "")
	async, location := r.header.Get("Azure-AsyncOperation"), r.header.Get("Location")
	if r.status != 202 || r.header.Get("Retry-After") != "10" || !strings.HasPrefix(async, srv.URL) || !strings.HasPrefix(location, srv.URL) {
		t.Fatalf("%+v", r)
	}
	wantPower(t, srv, azurevm.Deallocating)
	if a, l := send(t, srv, "GET", async, ""), send(t, srv, "GET", location, ""); a.body["status"] != "InProgress" || l.status != 202 {
		t.Errorf("%+v %+v", a, l)
	}
	if again := send(t, srv, "POST", path+"/deallocate"+version, ""); again.header.Get("Azure-AsyncOperation") != async {
		t.Errorf("a second deallocation was not joined: %+v", again)
	}
	pass(2 * time.Minute)
	if a, l := send(t, srv, "GET", async, ""), send(t, srv, "GET", location, ""); a.body["status"] != "Succeeded" || a.body["endTime"] == nil || l.status != 200 {
		t.Errorf("%+v %+v", a, l)
	}
	wantPower(t, srv, azurevm.Deallocated)
}

func wantPower(t *testing.T, srv *azurevmtest.Server, want azurevm.PowerState) {
	t.Helper()
	if got := srv.Power(manager); got != want {
		t.Errorf("the vm is %s, want %s", got, want)
	}
}

func TestNewerOperationPreempts(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{})
	stop := send(t, srv, "POST", path+"/powerOff"+version, "")
	wantPower(t, srv, azurevm.Stopping)
	start := send(t, srv, "POST", path+"/start"+version, "")
	r := send(t, srv, "GET", stop.header.Get("Azure-AsyncOperation"), "")
	if r.status != 200 || r.body["status"] != "Failed" || r.code() != "OperationPreempted" {
		t.Errorf("%+v", r)
	}
	pass(time.Hour)
	if r := send(t, srv, "GET", start.header.Get("Azure-AsyncOperation"), ""); r.body["status"] != "Succeeded" {
		t.Errorf("%+v", r)
	}
	wantPower(t, srv, azurevm.Running)
	send(t, srv, "POST", path+"/powerOff"+version, "")
	pass(time.Hour)
	wantPower(t, srv, azurevm.Stopped)
}

func TestHooks(t *testing.T) {
	var calls []string
	srv, pass := hand(azurevmtest.Options{OnPower: func(vm azurevmtest.VM, running bool) { calls = append(calls, fmt.Sprint(vm.PrivateIP, " ", running)) }})
	step := func(want ...string) {
		t.Helper()
		if d := cmp.Diff(want, calls); d != "" {
			t.Error(d)
		}
		calls = nil
	}
	send(t, srv, "POST", path+"/deallocate"+version, "")
	step("10.107.0.4 false")
	pass(time.Hour)
	srv.Settle()
	step()
	send(t, srv, "POST", path+"/start"+version, "")
	step()
	pass(3 * time.Minute)
	srv.Settle()
	step("10.107.0.4 true")
	srv.SetPower(manager, azurevm.Stopped)
	srv.SetPower(manager, azurevm.Deallocated)
	srv.SetPower(azurevmtest.VM{Name: "VM-NODE-MGMT-CORE"}, azurevm.Running)
	step("10.107.0.4 false", "10.107.0.4 true")
}

func TestListings(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{PageSize: 1})
	for _, scope := range []string{sub, group} {
		names, link := "", scope+"/providers/Microsoft.Compute/virtualMachines"+version
		for link != "" {
			r := send(t, srv, "GET", link, "")
			for _, v := range r.body["value"].([]any) {
				names += fmt.Sprint(v.(map[string]any)["name"], " ")
			}
			link, _ = r.body["nextLink"].(string)
		}
		if names != "vm-node-mgmt-core vm-node-conf-core " {
			t.Errorf("%s: %s", scope, names)
		}
	}
	r := send(t, srv, "GET", sub+"/resourceGroups/rg-backup/providers/Microsoft.Compute/virtualMachines"+version, "")
	if v, ok := r.body["value"].([]any); !ok || len(v) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestBackupOnTheWire(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{})
	const request = `{"properties":{"objectType":"IaasVMBackupRequest"}}`
	r := send(t, srv, "POST", item+"/backup"+version, request)
	status, result := r.header.Get("Azure-AsyncOperation"), r.header.Get("Location")
	if a, b := send(t, srv, "GET", status, ""), send(t, srv, "GET", result, ""); a.body["status"] != "InProgress" || b.status != 202 {
		t.Errorf("%+v %+v", a, b)
	}
	if r := send(t, srv, "POST", item+"/backup"+version, request); r.status != 409 || r.code() != "UserErrorBackupOperationInProgress" {
		t.Errorf("%+v", r)
	}
	pass(5 * time.Second)
	a, b := send(t, srv, "GET", status, ""), send(t, srv, "GET", result, "")
	if a.body["status"] != "Succeeded" || a.body["properties"].(map[string]any)["objectType"] != "OperationStatusJobExtendedInfo" || b.status != 204 {
		t.Errorf("%+v %+v", a, b)
	}
	pass(8 * time.Minute)
	points := srv.State().VMs[0].RecoveryPoints
	if len(points) != 1 || len(points[0].Tiers) != 1 || points[0].Expiry.Sub(points[0].Time) != 30*24*time.Hour {
		t.Errorf("%+v", points)
	}
	if r := send(t, srv, "GET", item+"/recoveryPoints/"+points[0].Name+version, ""); r.body["name"] != points[0].Name {
		t.Errorf("%+v", r)
	}
	pass(3 * time.Hour)
	if s := srv.State(); len(s.VMs[0].RecoveryPoints[0].Tiers) != 2 || s.Jobs[0].Status != "Completed" || s.Jobs[0].End == nil {
		t.Errorf("%+v", s)
	}
}

func TestStartDuringTheSnapshotShows(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{})
	srv.SetPower(manager, azurevm.Deallocated)
	send(t, srv, "POST", item+"/backup"+version, `{"properties":{"objectType":"IaasVMBackupRequest"}}`)
	send(t, srv, "POST", path+"/start"+version, "")
	pass(4 * time.Minute)
	srv.SetPower(manager, azurevm.Deallocated)
	pass(4 * time.Minute)
	if p := srv.State().VMs[0].RecoveryPoints; len(p) != 1 || p[0].Type != "FileSystemConsistent" {
		t.Errorf("%+v", p)
	}
}

func TestRestoreOnTheWire(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{})
	srv.OnRestore = nil
	point := srv.AddRecoveryPoint(manager, srv.Now(), "CrashConsistent")
	request := func(edit func(map[string]any)) string {
		r := map[string]any{"objectType": "IaasVMRestoreRequest", "recoveryType": "OriginalLocation", "recoveryPointId": point,
			"sourceResourceId": path, "region": "canadacentral", "storageAccountId": srv.StorageAccountID()}
		edit(r)
		b, _ := json.Marshal(map[string]any{"properties": r})
		return string(b)
	}
	url := item + "/recoveryPoints/" + point + "/restore" + version
	for name, value := range map[string]string{"objectType": "x", "recoveryPointId": "1", "sourceResourceId": sub, "storageAccountId": ""} {
		r := send(t, srv, "POST", url, request(func(m map[string]any) { m[name] = value }))
		if r.status != 400 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := send(t, srv, "POST", url, "{"); r.status != 400 {
		t.Errorf("%+v", r)
	}
	if r := send(t, srv, "POST", url, request(func(map[string]any) {})); r.status != 202 {
		t.Errorf("%+v", r)
	}
	pass(time.Hour)
	if j := srv.State().Jobs[0]; j.Status != "Failed" || !strings.Contains(j.Message, "must be deallocated") || srv.RestoreCount(manager) != 0 {
		t.Errorf("%+v", j)
	}
}

func TestValidationOfAnUnknownPoint(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	r := send(t, srv, "POST", vault+"/backupValidateOperation"+version, `{"id":"x","properties":{"objectType":"ValidateIaasVMRestoreOperationRequest"}}`)
	if r.status != 200 || !strings.Contains(fmt.Sprint(r.body), "UserErrorInstantRpNotFound") {
		t.Errorf("%+v", r)
	}
}

func TestLockedVault(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{Locks: []azurevmtest.Lock{{Name: "l", Level: "ReadOnly", Scope: sub + "/resourceGroups/rg-backup"}}})
	if r := send(t, srv, "POST", item+"/backup"+version, "{}"); r.status != 409 || r.code() != "ScopeLocked" {
		t.Errorf("%+v", r)
	}
	if r := send(t, srv, "POST", path+"/start"+version, ""); r.status != 202 {
		t.Errorf("%+v", r)
	}
}

func TestStateIsJSON(t *testing.T) {
	srv, pass := hand(azurevmtest.Options{Vaults: []azurevmtest.Vault{{ResourceGroup: "rg-backup", Name: "rsv-pexip", Protected: []azurevmtest.VM{manager}}}})
	send(t, srv, "POST", path+"/deallocate"+version, "")
	pass(time.Second)
	b, err := json.Marshal(srv.State())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"power":"deallocating"`, `"operation":"deallocate"`, `"address":"10.107.0.5"`, `"protected":false`, `"jobs":[]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s does not tell %s", b, want)
		}
	}
}

func TestWorldsThatCannotBe(t *testing.T) {
	one := azurevmtest.VM{ResourceGroup: "g", Name: "v", PrivateIP: "10.0.0.1"}
	for name, o := range map[string]azurevmtest.Options{
		"speed":   {Speed: -1},
		"twins":   {VMs: []azurevmtest.VM{one, one}},
		"address": {VMs: []azurevmtest.VM{{ResourceGroup: "g", Name: "v"}}},
		"role":    {Roles: []string{"God"}},
		"stray":   {Vaults: []azurevmtest.Vault{{ResourceGroup: "g", Name: "v", Protected: []azurevmtest.VM{one}}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			azurevmtest.NewServer(o)
		}()
	}
}

func TestConcurrentUse(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{OnPower: func(azurevmtest.VM, bool) {}})
	var wg sync.WaitGroup
	for _, do := range []func(){
		func() { send(t, srv, "POST", path+"/start"+version, "") },
		func() { send(t, srv, "POST", path+"/deallocate"+version, "") },
		func() { srv.SetPower(manager, azurevm.Stopped) },
		func() { srv.State() },
		func() { srv.Settle() },
		func() { srv.BackupCount(manager) },
	} {
		wg.Go(func() {
			for range 50 {
				do()
			}
		})
	}
	wg.Wait()
}
