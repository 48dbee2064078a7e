package azurevmtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// Whatever arrives: an answer, in JSON if it has a body, and never a panic.
func FuzzRequest(f *testing.F) {
	compute := group + "/providers/Microsoft.Compute/"
	for _, seed := range [][3]string{
		{"GET", path + version, ""}, {"HEAD", path + version, ""}, {"OPTIONS", "/", ""}, {"GET", "//" + path, ""}, {"TRACE", path + "/../x" + version, "<html>"},
		{"PUT", path + version, `{"properties":{"storageProfile":{"osDisk":{"managedDisk":{"id":1}},"dataDisks":[{"lun":-1},{"lun":1e300},null,3]}}}`},
		{"PATCH", path + version, `{"tags":3,"properties":null}`}, {"PUT", compute + "disks/d" + version, `null`},
		{"PUT", compute + "snapshots/s" + version, `{"location":"canadacentral","properties":{"diskSizeGB":"x","creationData":{"createOption":"Copy","sourceResourceId":"` + compute + "disks/" + vm + `-os"}}}`},
		{"DELETE", compute + "disks/" + vm + "-os" + version, ""}, {"POST", item + "/backup" + version, `{"properties":{"objectType":"IaasVMBackupRequest","recoveryPointExpiryTimeInUTC":"soon"}}`},
		{"POST", item + "/backup" + version, `{"properties":{"objectType":"IaasVMBackupRequest"}}`}, {"POST", path + "/start" + version, "["},
		{"GET", vault + "/backupJobs" + version + "&$skipToken=-9&$filter=%27%00", ""}, {"GET", "/subscriptions//subscriptions" + version, ""},
		{"POST", vault + "/backupValidateOperation" + version, `{"id":"/","properties":{"objectType":"ValidateIaasVMRestoreOperationRequest"}}`}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.Parse(target)
		if err != nil || u.Host != "" || strings.Contains(method, " ") {
			return
		}
		srv := azurevmtest.NewServer(azurevmtest.Options{})
		u.Scheme, u.Host = "https", "management.azure.com"
		req := &http.Request{Method: method, URL: u, Header: http.Header{"Authorization": {"Bearer any"}}, Body: io.NopCloser(strings.NewReader(body))}
		for range 2 {
			req.Body = io.NopCloser(strings.NewReader(body))
			res, err := srv.RoundTripper().RoundTrip(req.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(res.Body)
			if len(bytes.TrimSpace(raw)) > 0 && (!json.Valid(raw) || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json")) {
				t.Errorf("%d %s: %s", res.StatusCode, res.Header.Get("Content-Type"), raw)
			}
			if res.StatusCode >= 500 || (res.StatusCode >= 400 && res.Header.Get("X-Ms-Error-Code") == "") {
				t.Errorf("%d: %s", res.StatusCode, raw)
			}
		}
		srv.Settle()
		srv.State()
	})
}
