package devopstest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// reply is an answer as any client would see it.
type reply struct {
	status int
	header http.Header
	raw    string
	doc    map[string]any
}

func (r reply) number(key string) string { return fmt.Sprint(r.doc[key]) }

// values is the list in an answer.
func (r reply) values() []any {
	out, _ := r.doc["value"].([]any)
	return out
}

// ask sends a request the way the vendor's Node client does: version in Accept, user name PAT.
func ask(t *testing.T, srv *devopstest.Server, method, path string, body any) reply {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(srv.OrganizationURL(), "/ExampleOrg")+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("PAT", "pat")
	req.Header.Set("Accept", "application/json;api-version=7.2-preview.7")
	req.Header.Set("X-TFS-Session", "session")
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{status: res.StatusCode, header: res.Header, raw: string(text)}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	_ = dec.Decode(&out.doc)
	return out
}

const definitions = "/exampleorg/Verify-by-Video%20Platform/_apis/build/Definitions/107"

const builds = "/ExampleOrg/Verify-by-Video%20Platform/_apis/build/builds"

// TestDiscovery: clients ask for everything, for one area in their own spelling, with allHostTypes, or for
// a single resource area, and take errors for text without the JSON media type.
func TestDiscovery(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{})
	for path, n := range map[string]int{"/exampleorg/_apis": 9, "/ExampleOrg/_apis?allHostTypes=true": 9, "/ExampleOrg/_apis/Build": 4, "/ExampleOrg/_apis/Location": 2, "/ExampleOrg/_apis/x": 0} {
		got := ask(t, srv, "OPTIONS", path, nil)
		if len(got.values()) != n {
			t.Errorf("%s: %d locations, want %d", path, len(got.values()), n)
		}
	}
	got := ask(t, srv, "GET", "/ExampleOrg/_apis/ResourceAreas", nil)
	if !strings.Contains(got.raw, `"locationUrl":"https://dev.azure.com/exampleorg/"`) {
		t.Error(got.raw)
	}
	one := ask(t, srv, "GET", "/ExampleOrg/_apis/ResourceAreas/965220D5-5bb9-42cf-8d67-9b146df2a5a4", nil)
	if one.number("name") != "build" {
		t.Error(one.raw)
	}
	if h := one.header; h.Get("X-VSS-E2EID") == "" || h.Get("X-VSS-E2EID") != h.Get("ActivityId") || h.Get("X-TFS-Session") != "session" ||
		h.Get("Content-Type") != "application/json; charset=utf-8; api-version=7.2-preview.7" {
		t.Errorf("headers %v", h)
	}
}

// TestAddresses: the vendor's client sends the organization in lower case and every client its own
// spelling of the path; a project goes by name, escaped, or by GUID.
func TestAddresses(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{})
	for _, path := range []string{
		"/exampleorg/Verify-by-Video%20Platform/_apis/build/Definitions/107",
		"/EXAMPLEORG/verify-by-video%20PLATFORM/_APIS/Build/definitions/107",
		"/ExampleOrg/5f0c1a9e-7b1d-4c55-9d6a-2f1f3b8f6a10/_apis/build/definitions/107/",
		"/ExampleOrg/5F0C1A9E-7B1D-4C55-9D6A-2F1F3B8F6A10/_apis/pipelines/107",
	} {
		if got := ask(t, srv, "GET", path, nil); got.status != 200 || got.number("id") != "107" {
			t.Errorf("%s: %d %s", path, got.status, got.raw)
		}
	}
	for _, path := range []string{"/ExampleOrg/Verify-by-Video+Platform/_apis/build/definitions/107", "/ExampleOrg/Verify-by-Video%2520Platform/_apis/build/definitions/107"} {
		if got := ask(t, srv, "GET", path, nil); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// TestUnknownRequests: whatever the double does not serve gets the service's own error body, never a page
// or a panic; a definition cannot be patched.
func TestUnknownRequests(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{})
	project := "/ExampleOrg/5F0C1A9E-7b1d-4c55-9d6a-2f1f3b8f6a10/_apis"
	for _, test := range []struct {
		method, path string
		status       int
		typeKey      string
	}{
		{"GET", "/OtherOrg/_apis", 404, "VssResourceNotFoundException"},
		{"GET", "/ExampleOrg", 404, "VssResourceNotFoundException"},
		{"GET", "/ExampleOrg/_apis/x", 404, "VssResourceNotFoundException"},
		{"GET", "/ExampleOrg/_apis/ResourceAreas/x", 404, "VssResourceNotFoundException"},
		{"POST", "/ExampleOrg/_apis/x", 405, "VssRequestMethodNotAllowed"},
		{"GET", "/ExampleOrg/Other/_apis/build/builds", 404, "ProjectDoesNotExistWithNameException"},
		{"GET", project + "/git/repositories", 404, "VssResourceNotFoundException"},
		{"GET", project + "/build/definitions/108", 404, "DefinitionNotFoundException"},
		{"GET", project + "/build/definitions/108/revisions", 404, "DefinitionNotFoundException"},
		{"GET", project + "/build/definitions/107?revision=99", 404, "DefinitionNotFoundException"},
		{"PATCH", project + "/build/definitions/107", 400, "ArgumentNullException"},
		{"DELETE", project + "/build/definitions/107", 403, "AccessDeniedException"},
		{"POST", project + "/build/definitions", 403, "AccessDeniedException"},
		{"PUT", project + "/build/definitions", 405, "VssRequestMethodNotAllowed"},
		{"GET", project + "/build/definitions/107/yaml", 404, "VssResourceNotFoundException"},
		{"POST", project + "/build/definitions/107/revisions", 405, "VssRequestMethodNotAllowed"},
		{"POST", project + "/build/builds", 404, "DefinitionNotFoundException"},
		{"PUT", project + "/build/builds", 405, "VssRequestMethodNotAllowed"},
		{"GET", project + "/build/builds/9", 404, "BuildNotFoundException"},
		{"GET", project + "/build/builds/9/timeline", 404, "BuildNotFoundException"},
		{"POST", project + "/build/builds/9/timeline", 405, "VssRequestMethodNotAllowed"},
		{"POST", project + "/pipelines/9/runs", 404, "PipelineNotFoundException"},
		{"PATCH", project + "/pipelines/107/runs", 405, "VssRequestMethodNotAllowed"},
		{"POST", project + "/pipelines/107/runs/9", 405, "VssRequestMethodNotAllowed"},
		{"GET", project + "/pipelines/107/runs/9", 404, "BuildNotFoundException"},
		{"GET", project + "/pipelines/107/logs", 404, "VssResourceNotFoundException"},
		{"GET", project + "/pipelinesx/107", 404, "VssResourceNotFoundException"},
		{"POST", project + "/pipelines", 405, "VssRequestMethodNotAllowed"},
		{"GET", "/ExampleOrg/_apis/projects/Other", 404, "ProjectDoesNotExistWithNameException"},
		{"GET", project + "/build/definitions/107?api-version=9.9", 400, "VssVersionOutOfRangeException"},
		{"GET", project + "/build/definitions/107?api-version=7.2", 400, "VssInvalidPreviewVersionException"},
		{"GET", project + "/build/definitions/107?api-version=newest", 400, "VssInvalidApiResourceVersionException"},
		{"GET", "/ExampleOrg/_apis/permissions/x/1", 404, "InvalidSecurityNamespaceException"},
	} {
		got := ask(t, srv, test.method, test.path, nil)
		if got.status != test.status || got.number("typeKey") != test.typeKey || got.number("message") == "" {
			t.Errorf("%s %s: %d %s", test.method, test.path, got.status, got.raw)
		}
		if !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") || (test.status == 405) != (got.header.Get("Allow") != "") {
			t.Errorf("%s %s: %v", test.method, test.path, got.header)
		}
	}
}

// TestAnswersToHeadHaveNoBody, in process as over a socket.
func TestAnswersToHeadHaveNoBody(t *testing.T) {
	got := ask(t, devopstest.NewServer(devopstest.Options{}), "HEAD", definitions, nil)
	if got.status != 405 || got.raw != "" || !strings.Contains(got.header.Get("Allow"), "GET") {
		t.Errorf("%d %q %v", got.status, got.raw, got.header)
	}
}

// TestAWriteReplacesTheDocument: PUT deletes what is left out or gives it a default, keeps fields that
// nobody knows, takes enumerations as numbers, gives branches their full form, and keeps a secret for null
// and for no value, but not for a mask.
func TestAWriteReplacesTheDocument(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "pat"})
	doc := ask(t, srv, "GET", definitions, nil).doc
	doc["queueStatus"] = 1 // as the Node client sends enumerations
	doc["triggers"].([]any)[0].(map[string]any)["triggerType"] = 8
	doc["repository"].(map[string]any)["defaultBranch"] = "main"
	doc["unheardOf"] = map[string]any{"x": json.Number("9007199254740993")}
	delete(doc, "jobAuthorizationScope")
	delete(doc["variables"].(map[string]any), "environment")
	delete(doc["variables"].(map[string]any)["servicePrincipalKey"].(map[string]any), "value")
	got := ask(t, srv, "PUT", definitions, doc)
	if got.status != 200 || got.number("revision") != "4" || got.number("queueStatus") != "paused" || got.number("jobAuthorizationScope") != "projectCollection" {
		t.Errorf("%d %s", got.status, got.raw)
	}
	for _, part := range []string{`"triggerType":"schedule"`, `"defaultBranch":"refs/heads/main"`, `"unheardOf":{"x":9007199254740993}`, `"servicePrincipalKey":{"isSecret":true,"value":null}`} {
		if !strings.Contains(got.raw, part) {
			t.Errorf("no %s in %s", part, got.raw)
		}
	}
	if strings.Contains(got.raw, `"environment"`) || srv.Secret("servicePrincipalKey") != "stored-secret" {
		t.Error("a deleted variable stayed, or a secret was lost")
	}
	doc = got.doc
	delete(doc, "queueStatus")
	doc["variables"].(map[string]any)["servicePrincipalKey"].(map[string]any)["value"] = "***"
	if got = ask(t, srv, "PUT", definitions, doc); got.number("queueStatus") != "enabled" {
		t.Errorf("an omitted status became %s", got.number("queueStatus"))
	}
	if srv.Secret("servicePrincipalKey") != "***" {
		t.Error("a mask written back did not become the secret")
	}
	if old := ask(t, srv, "GET", definitions+"?revision=4", nil); old.number("queueStatus") != "paused" {
		t.Error(old.raw)
	}
}

// TestWritesThatAreRefused: a revision that is not the newest has three answers, switchable.
func TestWritesThatAreRefused(t *testing.T) {
	for answer, status := range map[string]int{"": 404, "404": 404, "409": 409, "400": 400} {
		srv := devopstest.NewServer(devopstest.Options{StaleRevision: answer})
		doc := srv.Document()
		srv.Edit("Pat", "meanwhile", func(map[string]any) {})
		if got := ask(t, srv, "PUT", definitions, doc); got.status != status {
			t.Errorf("%q: %d", answer, got.status)
		}
	}
	srv := devopstest.NewServer(devopstest.Options{EchoComment: true})
	for _, body := range []any{"text", map[string]any{"id": 108}, map[string]any{"id": 107, "revision": 3, "queueStatus": "sleeping"}} {
		if got := ask(t, srv, "PUT", definitions, body); got.status != 400 {
			t.Errorf("%v: %d", body, got.status)
		}
	}
	srv.SetQueueStatus("sleeping", "Pat")
	if s := srv.State(); s.Revision != 3 || srv.PutCount() != 3 {
		t.Errorf("%+v", s)
	}
	srv.Edit("Pat", "echoed", func(map[string]any) {})
	if got := ask(t, srv, "GET", definitions, nil); got.number("comment") != "echoed" {
		t.Error(got.raw)
	}
}

// TestWritesNeedAVersionAndACredential: Basic with any user name or Bearer; only reads may come without a
// version.
func TestWritesNeedAVersionAndACredential(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{Token: "token"})
	send := func(authorization, accept string) int {
		req, _ := http.NewRequestWithContext(t.Context(), "PUT", "https://dev.azure.com"+definitions, strings.NewReader("{}"))
		req.Header.Set("Authorization", authorization)
		req.Header.Set("Accept", accept)
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for _, authorization := range []string{"", "Bearer", "Bearer other", "Basic ???", "Basic OnBhdA==", "Digest x"} {
		if got := send(authorization, "application/json;api-version=7.1"); got != 401 {
			t.Errorf("%q: %d", authorization, got)
		}
	}
	if got := send("Bearer token", "application/json"); got != 400 || srv.PutCount() != 0 {
		t.Errorf("without a version: %d", got)
	}
}

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestQueue: builds queue while paused, start oldest first when enabled, run on when paused meanwhile, and
// are refused when disabled.
func TestQueue(t *testing.T) {
	ck := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	var ran []int
	srv := devopstest.NewServer(devopstest.Options{Now: ck.Now, Speed: 1, OnRun: func(b devopstest.Build) { ran = append(ran, b.ID) }})
	srv.Tick(nil) // 501 runs at once
	srv.SetQueueStatus("paused", "Pat")
	srv.Tick(nil)        // 502
	srv.QueueManual(nil) // 503
	ck.Add(time.Hour)
	if s := srv.State(); s.Builds[0].Status != "completed" || !s.Builds[0].Finished.Equal(s.Builds[0].Started.Add(5*time.Minute)) || len(s.Backlog) != 2 {
		t.Errorf("paused: %+v", s)
	}
	srv.SetQueueStatus("enabled", "Pat")
	ck.Add(7 * time.Minute)
	s := srv.State()
	if s.Builds[1].Status != "completed" || s.Builds[2].Status != "inProgress" || !s.Builds[2].Started.Equal(s.Builds[1].Finished) {
		t.Errorf("resumed: %+v", s)
	}
	if fmt.Sprint(ran) != "[501 502 503]" {
		t.Errorf("ran %v", ran)
	}
	srv.SetQueueStatus("disabled", "Pat")
	if b := srv.Tick(nil); b.ID != 0 {
		t.Error("queued while disabled")
	}
	if got := ask(t, srv, "POST", "/ExampleOrg/Verify-by-Video%20Platform/_apis/Pipelines/107/runs", nil); got.number("typeKey") != "DefinitionDisabledException" {
		t.Error(got.raw)
	}
	if _, err := json.Marshal(srv.State()); err != nil {
		t.Error(err)
	}
}

// TestBuildsOverTheWire: filters as names and as sums of numbers, a timeline that is 204 before the start,
// and cancelling that takes its time and a permission.
func TestBuildsOverTheWire(t *testing.T) {
	ck := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	srv := devopstest.NewServer(devopstest.Options{Now: ck.Now, Speed: 1, MissingPermissions: []devopstest.Permission{devopstest.StopBuilds}})
	run := ask(t, srv, "POST", "/ExampleOrg/Verify-by-Video%20Platform/_apis/Pipelines/107/runs", map[string]any{"stagesToSkip": []string{"Prepare"}})
	if run.number("id") != "501" || run.number("state") != "inProgress" {
		t.Fatal(run.raw)
	}
	ck.Add(time.Minute)
	srv.Tick(nil)
	for query, n := range map[string]int{
		"": 2, "?statusFilter=all": 2, "?statusFilter=notStarted,postponed": 1, "?statusFilter=33": 2, "?statusFilter=2": 0, "?definitions=9": 0,
		"?reasonFilter=manual": 1, "?$top=1": 1, "?minTime=" + url.QueryEscape("2026-03-02T18:00:30Z"): 1,
	} {
		if got := ask(t, srv, "GET", builds+query, nil); len(got.values()) != n {
			t.Errorf("%s: %d builds, want %d", query, len(got.values()), n)
		}
	}
	if got := ask(t, srv, "GET", builds+"/501/timeline", nil); !strings.Contains(got.raw, `"result":"skipped"`) {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "GET", builds+"/502/timeline", nil); got.status != 204 {
		t.Error(got.status)
	}
	if got := ask(t, srv, "PATCH", builds+"/502", map[string]any{"status": 4}); got.status != 403 {
		t.Errorf("stopped somebody else's build: %s", got.raw)
	}
	if got := ask(t, srv, "PATCH", builds+"/501", map[string]any{"status": "postponed"}); got.status != 400 {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "PATCH", builds+"/501", "x"); got.status != 400 {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "PATCH", builds+"/501", map[string]any{"status": "Cancelling"}); got.number("status") != "cancelling" {
		t.Error(got.raw)
	}
	ck.Add(time.Minute)
	if got := ask(t, srv, "PATCH", builds+"/501", map[string]any{"status": 4}); got.number("typeKey") != "BuildStatusInvalidChangeException" {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "GET", builds+"/501/timeline", nil); !strings.Contains(got.raw, `"result":"canceled"`) {
		t.Error(got.raw)
	}
	srv.SetMissingPermissions(devopstest.QueueBuilds)
	if got := ask(t, srv, "POST", "/ExampleOrg/Verify-by-Video%20Platform/_apis/Pipelines/107/runs", nil); got.status != 403 || srv.RunCount() != 1 {
		t.Error(got.raw)
	}
}

// TestOnRunMayUseTheServer: a world asks for the state while it reacts.
func TestOnRunMayUseTheServer(t *testing.T) {
	var srv *devopstest.Server
	seen := 0
	srv = devopstest.NewServer(devopstest.Options{OnRun: func(devopstest.Build) { seen = len(srv.State().Builds) }})
	srv.Tick(nil)
	if seen != 1 {
		t.Errorf("seen %d", seen)
	}
}

// TestStartAndTrust: TLS on loopback, for clients that trust the certificate.
func TestStartAndTrust(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{})
	if srv.CertificatePEM() != nil {
		t.Error("a certificate before the start")
	}
	srv.Close()
	if err := srv.StartAt("256.0.0.1:0"); err == nil {
		t.Error("started on an impossible address")
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(srv.CertificatePEM())
	own := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer own.CloseIdleConnections()
	req, _ := http.NewRequestWithContext(t.Context(), "OPTIONS", srv.OrganizationURL()+"/_apis", nil)
	req.SetBasicAuth("", "any")
	res, err := own.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || len(srv.Requests()) != 1 {
		t.Errorf("%d", res.StatusCode)
	}
}

// TestConcurrentUse: the race detector watches.
func TestConcurrentUse(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{OnRun: func(devopstest.Build) {}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			srv.Tick(map[string]string{"n": fmt.Sprint(i)})
			srv.Edit("Pat", "", func(doc map[string]any) { doc["tags"] = []any{i} })
			ask(t, srv, "GET", builds, nil)
			ask(t, srv, "GET", definitions, nil)
			srv.State()
		})
	}
	all.Wait()
	if s := srv.State(); len(s.Builds) != 8 || s.Revision != 11 {
		t.Errorf("%+v", s)
	}
}
