package azurevm_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(r *http.Request, body string) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// fuzzed is a client whose requests all go to the function.
func fuzzed(t testing.TB, f transport) *azurevm.Client {
	client, err := azurevm.New(azurevm.Config{SubscriptionID: "00000000-0000-4000-8000-000000000107", Credential: token{}, PollInterval: time.Nanosecond,
		RetryWait: time.Nanosecond, PowerLimit: time.Second, HTTPClient: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Whatever a token says, nothing is sent to any other host than the endpoint.
func FuzzResumeToken(f *testing.F) {
	srv := azurevmtest.NewServer(azurevmtest.Options{Speed: 1})
	real, err := azurevm.New(srv.Config())
	if err != nil {
		f.Fatal(err)
	}
	seed, err := real.BeginDeallocate(context.Background(), manager)
	if err != nil {
		f.Fatal(err)
	}
	s := string(seed)
	for _, x := range []string{s, "", "{}", "null", `{"version":1}`, strings.ReplaceAll(s, "management.azure.com", "thief.invalid"), strings.ReplaceAll(s, "https", "http"),
		strings.Replace(s, "https://", "//", 1), strings.Replace(s, "https://", `https:\\\\`, 1), strings.Replace(s, "asyncURL", "ASYNCURL", 1), strings.Replace(s, "azure.com/", "azure.com@thief.invalid/", 1),
		strings.Replace(s, `\"method\"`, `\"fake\":true,\"x\"`, 1), strings.Replace(s, "InProgress", "Succeeded", 1)} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := fuzzed(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Scheme != "https" || r.URL.Host != "management.azure.com" || r.Method != http.MethodGet {
				t.Errorf("%s %s was sent for %q", r.Method, r.URL, s)
			}
			cancel()
			return nil, context.Canceled
		})
		err := client.ResumeDeallocate(ctx, manager, azurevm.ResumeToken(s), nil)
		if err == nil {
			t.Error("no error")
		}
		if errors.Is(err, azurevm.ErrToken) && strings.Contains(err.Error(), "signature-of-the-double") {
			t.Errorf("%v tells the token", err)
		}
	})
}

// Whatever stands in a job, a point or a listing of them: no panic, and never done and failed at once.
func FuzzJob(f *testing.F) {
	for _, seed := range []string{
		`{"name":"j","properties":{"jobType":"AzureIaaSVMJob","operation":"Backup","status":"InProgress","startTime":"2026-03-02T18:30:00.1234567Z","entityFriendlyName":"vm-node-mgmt-core","containerName":"iaasvmcontainerv2;rg-pexip-test;vm-node-mgmt-core","extendedInfo":{"tasksList":[{"taskId":"Take Snapshot","status":"Completed"},{"taskId":"Transfer data to vault","status":"InProgress"}]}}}`,
		`{"name":1,"properties":{"status":2,"actionsInfo":[1],"errorDetails":[{"errorCode":400000,"recommendations":["r",null,3]}]}}`,
		`{"value":[{"name":"j","properties":{"operation":"Backup","entityFriendlyName":"vm-node-mgmt-core","status":"Failed"}},null],"nextLink":""}`,
		`{"value":[{"id":"/Subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v/backupFabrics/Azure/protectionContainers/c/protectedItems/i","name":"p","properties":{"protectedItemType":"Microsoft.Compute/virtualMachines","virtualMachineId":"/subscriptions/00000000-0000-4000-8000-000000000107/resourceGroups/rg-pexip-test/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core","recoveryPointTime":"2026-03-01T00:00:00Z","recoveryPointTierDetails":[{"type":"InstantRP","status":"Valid"}],"recoveryPointProperties":{"expiryTime":null}}}]}`,
		`{"value":[],"nextLink":"https://thief.invalid/"}`, `<html>`, `null`, `[]`, `{"properties":{"status":"Completed","extendedInfo":{"tasksList":[{}]}}}`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		client := fuzzed(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "management.azure.com" {
				t.Errorf("%s was asked", r.URL)
			}
			return answer(r, body)
		})
		job, err := client.Job(t.Context(), vault, "j")
		if err == nil && job.Failed() && (job.Transferred() && len(job.Tasks) == 0) {
			t.Errorf("%+v", job)
		}
		found, ok, err := client.FindBackupJob(t.Context(), vault, manager, time.Time{})
		if err == nil && ok && !strings.EqualFold(found.VMName, manager.Name) {
			t.Errorf("%+v", found)
		}
		points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
		for i := range points {
			if err == nil && i > 0 && points[i].Time.After(points[i-1].Time) {
				t.Errorf("%+v", points)
			}
		}
		for _, p := range points {
			if p.Restorable() && (p.SoftDeleted || len(p.Tiers) == 0) {
				t.Errorf("%+v", p)
			}
		}
	})
}
