package azurevm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// A token must not be sent over plain HTTP.
func TestNewReportsAllFaults(t *testing.T) {
	_, err := azurevm.New(azurevm.Config{SubscriptionID: "a/b", Endpoint: "http://management.azure.com", PollInterval: -1, RestoreLimit: -1})
	for _, fault := range []string{"subscription id", "credential", "https", "poll interval", "restore limit"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell %q", err, fault)
		}
	}
	for _, endpoint := range []string{"https://user:secret@host", "https://host/?a=b", "https://", "://", "management.azure.com"} {
		_, err := azurevm.New(azurevm.Config{SubscriptionID: "s", Credential: token{}, Endpoint: endpoint})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for _, cfg := range []azurevm.Config{{SubscriptionID: "s", Credential: token{}},
		{SubscriptionID: "s", Credential: token{}, Endpoint: "https://management.usgovcloudapi.net/"}} {
		if _, err := azurevm.New(cfg); err != nil {
			t.Error(err)
		}
	}
}

type token struct{ err error }

func (c token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "rehearsal", ExpiresOn: time.Now().Add(time.Hour)}, c.err
}

func TestInstance(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{VMs: []azurevmtest.VM{{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core",
		PrivateIP: "10.9.8.7", DataDisks: 2, Power: azurevm.Stopped}}})
	got, err := client.Instance(t.Context(), azurevm.VM{ResourceGroup: "RG-PEXIP-TEST", Name: "VM-node-mgmt-core"})
	if err != nil {
		t.Fatal(err)
	}
	group := "/subscriptions/" + srv.Config().SubscriptionID + "/resourceGroups/rg-pexip-test/providers/"
	disk := func(role string, lun int) azurevm.Disk {
		name := "vm-node-mgmt-core-" + role
		return azurevm.Disk{Name: name, ID: group + "Microsoft.Compute/disks/" + name, LUN: lun}
	}
	want := azurevm.Instance{VM: azurevm.VM{ResourceGroup: "RG-PEXIP-TEST", Name: "VM-node-mgmt-core"},
		ID:   group + "Microsoft.Compute/virtualMachines/vm-node-mgmt-core",
		VMID: "00000000-0000-4000-a000-000000000001", Location: "canadacentral", Power: azurevm.Stopped, ProvisioningState: "Succeeded",
		Addresses: []netip.Addr{netip.MustParseAddr("10.9.8.7")}, Disks: []azurevm.Disk{disk("os", -1), disk("data0", 0), disk("data1", 1)}}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestInstanceInProcess(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	inst, err := connect(t, srv.Config()).Instance(t.Context(), conference)
	if err != nil || len(inst.Addresses) != 1 {
		t.Errorf("%+v, %v", inst, err)
	}
}

// An interface proves nothing unless it names this VM as its owner.
func TestInstanceRefusesAForeignInterface(t *testing.T) {
	for name, body := range map[string]string{
		`belongs to "/subscriptions/s/vm-other"`: `{"properties":{"virtualMachine":{"id":"/subscriptions/s/vm-other"}}}`,
		`belongs to ""`:                          `{"properties":{}}`,
		"ParseAddr":                              `{"properties":{"virtualMachine":{"id":"%s"},"ipConfigurations":[{"properties":{"privateIPAddress":"10.0.0"}}]}}`,
		"invalid character":                      `<html>`,
	} {
		srv, client := start(t, azurevmtest.Options{})
		if strings.Contains(body, "%s") {
			body = fmt.Sprintf(body, "/subscriptions/"+srv.Config().SubscriptionID+"/resourceGroups/rg-pexip-test/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core")
		}
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/networkinterfaces/", Status: 200, Body: body})
		if _, err := client.Instance(t.Context(), manager); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A configuration may have a block instead of an address, or no address; ids come in any case.
func TestInstanceAddressForms(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	id := "/SUBSCRIPTIONS/" + srv.Config().SubscriptionID + "/resourceGroups/rg-pexip-test/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core"
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/networkinterfaces/", Status: 200, Body: `{"properties":{"virtualMachine":{"id":"` + id +
		`"},"ipConfigurations":[{"properties":{"privateIPAddress":"10.0.0.16/28"}},{"properties":{}},{"properties":{"privateIPAddress":"fd00::5"}}]}}`})
	inst, err := client.Instance(t.Context(), manager)
	if err != nil || fmt.Sprint(inst.Addresses) != "[10.0.0.16 fd00::5]" {
		t.Errorf("%v, %v", inst.Addresses, err)
	}
}

// The power state is one of several statuses, in any case and at any place.
func TestInstanceOfOddAnswers(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "no properties",
		`{"properties":{"networkProfile":{"networkInterfaces":[{"id":"nonsense"}]}}}`: "network interface",
	} {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/virtualmachines/", Status: 200, Body: body})
		if _, err := client.Instance(t.Context(), manager); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/virtualmachines/", Status: 200,
		Body: `{"properties":{"storageProfile":{"osDisk":{"name":"os"}},"instanceView":{"statuses":[null,{},{"code":"POWERSTATE/Deallocated"}]}}}`})
	inst, err := client.Instance(t.Context(), manager)
	if err != nil || inst.Power != azurevm.Deallocated || len(inst.Disks) != 1 || inst.Disks[0].ID != "" {
		t.Errorf("%+v, %v", inst, err)
	}
}

// The power state may be missing.
func TestPowerStates(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	settled := map[azurevm.PowerState]bool{azurevm.Running: true, azurevm.Stopped: true, azurevm.Deallocated: true,
		azurevm.Starting: false, azurevm.Stopping: false, azurevm.Deallocating: false, azurevm.Unknown: false}
	for state, want := range settled {
		srv.SetPower(managerVM, state)
		got, err := client.Power(t.Context(), manager)
		if err != nil || got != state || got.Settled() != want {
			t.Errorf("%s: got %s, %v", state, got, err)
		}
	}
}

func TestNamesThatAddressSomethingElse(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for _, vm := range []azurevm.VM{{}, {ResourceGroup: "g"}, {ResourceGroup: "g", Name: ".."}, {ResourceGroup: "g", Name: "a/b"},
		{ResourceGroup: "g;h", Name: "a"}, {ResourceGroup: "g", Name: "a%2fb"}, {ResourceGroup: "g", Name: "a b"}} {
		_, err1 := client.Instance(t.Context(), vm)
		_, err2 := client.Power(t.Context(), vm)
		_, err3 := client.ProtectedItem(t.Context(), vault, vm)
		_, err4 := client.Locks(t.Context(), vm)
		_, _, err5 := client.FindBackupJob(t.Context(), vault, vm, time.Time{})
		for _, err := range []error{err1, err2, err3, err4, err5, client.Start(t.Context(), vm, nil)} {
			if err == nil || !strings.Contains(err.Error(), "not a valid name") {
				t.Errorf("%v: %v", vm, err)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// Reads, and only they, are repeated on 429, 5xx and lost connections.
func TestReadsAreRepeated(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for _, f := range []azurevmtest.Fault{{Kind: azurevmtest.Answer, Status: 502, Body: "<html>"},
		{Kind: azurevmtest.Answer, Status: 429, Header: http.Header{"Retry-After-Ms": {"1"}}}, {Kind: azurevmtest.DropBefore}} {
		inject(t, srv, f)
	}
	if _, err := client.Power(t.Context(), manager); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Requests()); n != 4 {
		t.Errorf("%d requests", n)
	}
}

// 403 and 409 are not repeated, causes are nested, and not every body is JSON.
func TestErrorsOfReads(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html"}}
	for _, test := range []struct {
		fault  azurevmtest.Fault
		target error
		status int
		words  []string
	}{
		{azurevmtest.Fault{Status: 401, Body: `{"error":{"code":"ExpiredAuthenticationToken","message":"expired"}}`}, azurevm.ErrUnauthorized, 401, []string{"ExpiredAuthenticationToken", "sign in again"}},
		{azurevmtest.Fault{Status: 403, Header: html, Body: "<html>denied by proxy</html>"}, azurevm.ErrForbidden, 403, []string{"403 Forbidden", "denied by proxy"}},
		{azurevmtest.Fault{Status: 404, Body: `{"code":"NotFound","message":"flat"}`}, azurevm.ErrNotFound, 404, []string{"NotFound: flat"}},
		{azurevmtest.Fault{Status: 409, Body: `{"error":{"code":"Busy","message":"m","details":[{"code":"Inner","message":"why","details":[{"code":"Innermost"}]}]}}`},
			azurevm.ErrConflict, 409, []string{"Inner: why", "Innermost"}},
	} {
		srv, client := start(t, azurevmtest.Options{})
		test.fault.Kind, test.fault.Times = azurevmtest.Answer, -1
		inject(t, srv, test.fault)
		_, err := client.Power(t.Context(), manager)
		e := wantError(t, err, test.target, append(test.words, "read the power state of vm rg-pexip-test/vm-node-mgmt-core", "GET /subscriptions/")...)
		if e.Status != test.status || e.Method != "GET" {
			t.Errorf("%+v", e)
		}
	}
}

// The SDK gives up at once when Retry-After is over a minute.
func TestThrottledReadTellsHowLong(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Times: -1, Status: 429, Header: http.Header{"Retry-After": {"1200"}},
		Body: `{"error":{"code":"TooManyRequests","message":"later"}}`})
	_, err := client.Power(t.Context(), manager)
	e, ok := errors.AsType[*azurevm.Error](err)
	if !ok || e.RetryAfter != 20*time.Minute || !strings.Contains(e.Error(), "try again in 20m0s") {
		t.Errorf("got %v", err)
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestLongBodyIsCapped(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Times: -1, Status: 400, Body: strings.Repeat("x", 1<<20)})
	_, err := client.Power(t.Context(), manager)
	e, ok := errors.AsType[*azurevm.Error](err)
	if !ok || len(e.Body) > 4<<10 || len(e.Error()) > 1<<10 {
		t.Errorf("body %d, text %d bytes", len(e.Body), len(e.Error()))
	}
}

func TestNoToken(t *testing.T) {
	srv, _ := start(t, azurevmtest.Options{})
	cfg := srv.Config()
	cfg.Credential = token{errors.New("az login has expired")}
	client := connect(t, cfg)
	_, err := client.Power(t.Context(), manager)
	wantError(t, err, azurevm.ErrUnauthorized, "az login has expired")
	wantError(t, client.Start(t.Context(), manager, nil), azurevm.ErrUnauthorized)
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestWrongToken(t *testing.T) {
	srv, _ := start(t, azurevmtest.Options{Token: "the right one"})
	cfg := srv.Config()
	if _, err := connect(t, cfg).Power(t.Context(), manager); err != nil {
		t.Error(err)
	}
	cfg.Credential = token{}
	_, err := connect(t, cfg).Power(t.Context(), manager)
	wantError(t, err, azurevm.ErrUnauthorized, "InvalidAuthenticationToken")
}

func TestUntrustedCertificate(t *testing.T) {
	srv, _ := start(t, azurevmtest.Options{})
	cfg := srv.Config()
	cfg.HTTPClient = nil
	_, err := connect(t, cfg).Power(t.Context(), manager)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}

// A VM may have several interfaces, with several addresses each, in other resource groups than its own.
func TestInterfacesElsewhere(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	id := "/subscriptions/" + srv.Config().SubscriptionID + "/resourceGroups/rg-pexip-test/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core"
	nic := func(name string) string {
		return "/subscriptions/" + srv.Config().SubscriptionID + "/resourceGroups/rg-network/providers/Microsoft.Network/networkInterfaces/" + name
	}
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/virtualmachines/", Status: 200,
		Body: fmt.Sprintf(`{"properties":{"networkProfile":{"networkInterfaces":[{"id":%q},{"id":%q}]}}}`, nic("one"), nic("two"))})
	for name, addresses := range map[string][2]string{"one": {"10.0.0.4", "10.0.0.5"}, "two": {"10.0.1.4", "fd00::4"}} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "rg-network/.*/networkinterfaces/" + name, Status: 200, Body: fmt.Sprintf(
			`{"properties":{"virtualMachine":{"id":%q},"ipConfigurations":[{"properties":{"privateIPAddress":%q}},{"properties":{"privateIPAddress":%q}}]}}`, id, addresses[0], addresses[1])})
	}
	inst, err := client.Instance(t.Context(), manager)
	if err != nil || fmt.Sprint(inst.Addresses) != "[10.0.0.4 10.0.0.5 10.0.1.4 fd00::4]" {
		t.Errorf("%v, %v", inst.Addresses, err)
	}
}
