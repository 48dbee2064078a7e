package devopstest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// TestWhatOtherClientsAskFirst: connection data to try a credential, projects, pipelines.
func TestWhatOtherClientsAskFirst(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{User: "Kim"})
	for path, part := range map[string]string{
		"/ExampleOrg/_apis/connectionData":                                               `"providerDisplayName":"Kim"`,
		"/ExampleOrg/_apis/projects":                                                     `"count":1`,
		"/ExampleOrg/_apis/projects/verify-by-video%20platform":                          `"name":"Verify-by-Video Platform"`,
		"/ExampleOrg/Verify-by-Video%20Platform/_apis/build/definitions":                 `"queueStatus":"enabled"`,
		"/ExampleOrg/Verify-by-Video%20Platform/_apis/build/definitions?name=other":      `"count":0`,
		"/ExampleOrg/Verify-by-Video%20Platform/_apis/build/definitions?definitionIds=9": `"count":0`,
		"/ExampleOrg/Verify-by-Video%20Platform/_apis/pipelines":                         `"count":1`,
		"/ExampleOrg/Verify-by-Video%20Platform/_apis/pipelines/107":                     `"revision":3`,
	} {
		if got := ask(t, srv, "GET", path, nil); got.status != 200 || !strings.Contains(got.raw, part) {
			t.Errorf("%s: %d %s", path, got.status, got.raw)
		}
	}
}

// TestTheOlderWayToRun: POST builds has variables as JSON in a string; a run and its build are one.
func TestTheOlderWayToRun(t *testing.T) {
	ck := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	srv := devopstest.NewServer(devopstest.Options{Now: ck.Now, Speed: 1})
	definition := map[string]any{"id": 107}
	got := ask(t, srv, "POST", builds, map[string]any{"definition": definition, "parameters": `{"a":"1"}`, "templateParameters": map[string]string{"action": "start"}})
	if got.number("id") != "501" || got.number("parameters") != `{"a":"1"}` || got.number("reason") != "manual" {
		t.Error(got.raw)
	}
	for _, body := range []any{"x", map[string]any{"definition": definition, "parameters": "x"}} {
		if got := ask(t, srv, "POST", builds, body); got.status != 400 {
			t.Errorf("%v: %d", body, got.status)
		}
	}
	run := "/ExampleOrg/Verify-by-Video%20Platform/_apis/pipelines/107/runs/501"
	if got := ask(t, srv, "GET", run, nil); got.number("state") != "inProgress" {
		t.Error(got.raw)
	}
	ask(t, srv, "PATCH", builds+"/501", map[string]any{"status": "cancelling"})
	if got := ask(t, srv, "GET", run, nil); got.number("state") != "canceling" {
		t.Error(got.raw)
	}
	ck.Add(time.Minute)
	if got := ask(t, srv, "GET", run, nil); got.number("state") != "completed" || got.number("result") != "canceled" {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "GET", strings.TrimSuffix(run, "/501"), nil); len(got.values()) != 1 {
		t.Error(got.raw)
	}
	srv.SetMissingPermissions(devopstest.EditQueueConfiguration)
	if got := ask(t, srv, "POST", builds, map[string]any{"definition": definition}); got.status != 200 {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "POST", builds, map[string]any{"definition": definition, "templateParameters": map[string]string{"x": "y"}}); got.status != 403 ||
		!strings.Contains(got.raw, "Edit queue build configuration") {
		t.Error(got.raw)
	}
}

// TestCancelSeveralAtOnce: PATCH on the list changes several builds; the first refusal ends it.
func TestCancelSeveralAtOnce(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{Speed: 1})
	srv.Tick(nil)
	srv.Tick(nil)
	one := func(id int, status any) map[string]any { return map[string]any{"id": id, "status": status} }
	if got := ask(t, srv, "PATCH", builds, []any{one(501, 4), one(502, "cancelling")}); got.number("count") != "2" {
		t.Error(got.raw)
	}
	for want, body := range map[int]any{400: []any{one(501, "completed")}, 404: []any{one(9, 4)}} {
		if got := ask(t, srv, "PATCH", builds, body); got.status != want {
			t.Error(got.raw)
		}
	}
	if got := ask(t, srv, "PATCH", builds, "x"); got.status != 400 {
		t.Error(got.raw)
	}
	if got := ask(t, srv, "DELETE", builds+"/501", nil); got.status != 403 {
		t.Error(got.raw)
	}
}

// TestFiltersAndOrders as names, and as the numbers of the Node client.
func TestFiltersAndOrders(t *testing.T) {
	ck := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	srv := devopstest.NewServer(devopstest.Options{Now: ck.Now, Speed: 1})
	srv.Tick(nil) // 501: over
	ck.Add(6 * time.Minute)
	srv.QueueManual(nil) // 502: runs
	ck.Add(time.Minute)
	srv.Tick(nil) // 503: waits
	for query, want := range map[string]string{
		"": "503 502 501", "queryOrder=5": "501 502 503", "queryOrder=queueTimeAscending": "501 502 503", "queryOrder=4": "503 502 501",
		"queryOrder=startTimeAscending": "503 501 502", "queryOrder=finishTimeDescending": "501 503 502",
		"statusFilter=32": "503", "statusFilter=33": "503 502", "statusFilter=47": "503 502 501", "statusFilter=unheardOf": "", "statusFilter=64": "",
		"reasonFilter=1": "502", "reasonFilter=9": "503 502 501", "reasonFilter=2031": "503 502 501",
		"resultFilter=2": "501", "resultFilter=succeeded": "501", "resultFilter=8": "", "buildIds=501,503": "503 501", "branchName=refs/heads/x": "",
		"minTime=" + url.QueryEscape("Mon, 02 Mar 2026 18:05:00 GMT"): "503 502", "maxTime=2026-03-02T18:06:00Z": "502 501",
	} {
		got := ask(t, srv, "GET", builds+"?"+query, nil)
		var ids []string
		for _, b := range got.values() {
			ids = append(ids, fmt.Sprint(b.(map[string]any)["id"]))
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%s: %v, want %s", query, ids, want)
		}
	}
}

// TestEnumerationsAsSums: several days of a schedule are one number.
func TestEnumerationsAsSums(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{})
	doc := srv.Document()
	schedules := doc["triggers"].([]any)[0].(map[string]any)["schedules"].([]any)
	schedules[0].(map[string]any)["daysToBuild"] = 17
	schedules[1].(map[string]any)["daysToBuild"] = "Monday, friday"
	doc["jobAuthorizationScope"] = nil
	if got := ask(t, srv, "PUT", definitions, doc); strings.Count(got.raw, `"daysToBuild":"monday, friday"`) != 2 || got.number("jobAuthorizationScope") != "projectCollection" {
		t.Error(got.raw)
	}
	for _, days := range []any{128, 256, "someday"} {
		doc["revision"] = 4
		schedules[0].(map[string]any)["daysToBuild"] = days
		if got := ask(t, srv, "PUT", definitions, doc); got.status != 400 {
			t.Errorf("%v: %s", days, got.raw)
		}
	}
}

// TestEachRevisionHasItsDate: createdDate is that of the revision.
func TestEachRevisionHasItsDate(t *testing.T) {
	ck := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	srv := devopstest.NewServer(devopstest.Options{Now: ck.Now})
	ck.Add(time.Hour)
	srv.Edit("Pat", "", func(map[string]any) {})
	if got := srv.Document()["createdDate"]; got != "2026-03-02T19:00:00Z" {
		t.Errorf("%v", got)
	}
}

// TestFaultsReadyMade: what each looks like to any client. Every answer of the service has an activity
// id in two headers.
func TestFaultsReadyMade(t *testing.T) {
	for want, f := range map[string]devopstest.Fault{
		"203 text/html; charset=utf-8 <!DO": devopstest.SignInPage("PUT", ""),
		"401  ":                             devopstest.ExpiredToken("PUT", ""),
		`403 application/json; charset=utf-8 AccessDeniedException`:               devopstest.Forbidden("PUT", ""),
		"404 application/json; charset=utf-8 DefinitionNotFoundException":         devopstest.StaleRevision(404),
		"409 application/json; charset=utf-8 DefinitionRevisionConflictException": devopstest.StaleRevision(409),
		"400 application/json; charset=utf-8 InvalidDefinitionException":          devopstest.StaleRevision(400),
		"429 text/plain TF40":               devopstest.Throttled("PUT", "", 7),
		"503 text/html; charset=utf-8 <htm": devopstest.Unavailable("PUT", ""),
	} {
		srv := devopstest.NewServer(devopstest.Options{})
		if err := srv.Inject(f); err != nil {
			t.Fatal(err)
		}
		got := ask(t, srv, "PUT", definitions, srv.Document())
		text := got.raw[:min(4, len(got.raw))]
		if key, isText := got.doc["typeKey"].(string); isText {
			text = key
		}
		if seen := fmt.Sprint(got.status, " ", got.header.Get("Content-Type"), " ", text); seen != want {
			t.Errorf("%q, want %q", seen, want)
		}
		if got.status == 429 && got.header.Get("Retry-After") != "7" || got.status == 401 && got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%v", got.header)
		}
		if id := got.header.Get("X-VSS-E2EID"); id == "" || id != got.header.Get("ActivityId") {
			t.Errorf("%s: activity %v", want, got.header)
		}
		if left := srv.Armed(); len(left) != 0 || srv.State().Revision != 3 {
			t.Errorf("still armed: %v", left)
		}
		if got := ask(t, srv, "PUT", definitions, srv.Document()); got.status != 200 {
			t.Errorf("%s left something behind: %s", want, got.raw)
		}
	}
}

// TestDelayed: throttling comes with success too, and with the headers of throttling.
func TestDelayed(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{})
	if err := srv.Inject(devopstest.Delayed("GET", "definitions", 20)); err != nil {
		t.Fatal(err)
	}
	got := ask(t, srv, "GET", definitions, nil)
	if got.status != 200 || got.number("id") != "107" || got.header.Get("Retry-After") != "20" || got.header.Get("X-RateLimit-Remaining") != "0" ||
		len(got.header.Values("X-VSS-E2EID")) != 1 || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		t.Errorf("%d %v", got.status, got.header)
	}
	if got := ask(t, srv, "GET", definitions, nil); got.header.Get("Retry-After") != "" {
		t.Error("still delayed")
	}
}

// TestADocumentOfOnesOwn is served as the service would: enumerations are names, whatever was given.
func TestADocumentOfOnesOwn(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{Document: map[string]any{"queueStatus": 1, "repository": map[string]any{"defaultBranch": "main"}}})
	if got := ask(t, srv, "GET", definitions, nil); got.number("queueStatus") != "paused" || !strings.Contains(got.raw, `"defaultBranch":"refs/heads/main"`) {
		t.Error(got.raw)
	}
}

// FuzzServer: no request makes the double panic or answer in another form than the service does.
func FuzzServer(f *testing.F) {
	f.Add("PUT", "Verify-by-Video%20Platform/_apis/build/Definitions/107?api-version=7.1", `{"id":107,"revision":3,"queueStatus":1}`)
	f.Add("PUT", "Verify-by-Video%20Platform/_apis/build/Definitions/107?api-version=7.1", `{"id":107,"revision":3,"triggers":[{"schedules":[7]}],"variables":[],"repository":{"defaultBranch":3}}`)
	f.Add("POST", "Verify-by-Video%20Platform/_apis/build/builds?api-version=7.1", `{"definition":{"id":107},"parameters":"{}"}`)
	f.Add("POST", "5f0c1a9e-7b1d-4c55-9d6a-2f1f3b8f6a10/_apis/Pipelines/107/runs?api-version=7.1", `{"stagesToSkip":["Prepare"],"variables":{"a":{}}}`)
	f.Add("PATCH", "Verify-by-Video%20Platform/_apis/build/builds/501?api-version=7.1", `{"status":4}`)
	f.Add("PATCH", "Verify-by-Video%20Platform/_apis/build/builds?api-version=7.1", `[{"id":501,"status":"cancelling"}]`)
	f.Add("GET", "Verify-by-Video%20Platform/_apis/build/builds?$top=1&statusFilter=33&continuationToken=502&queryOrder=7&minTime=x", "")
	f.Add("GET", "Verify-by-Video%20Platform/_apis/build/builds/501/timeline", "")
	f.Add("GET", "_apis/permissions/33344d9c-fc72-4d6f-aba5-fa317101a7e9/2048?tokens=x,y", "")
	f.Add("OPTIONS", "_apis/Location", "")
	f.Add("GET", "_apis/ResourceAreas/%zz", "")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://dev.azure.com/ExampleOrg/"+target, strings.NewReader(body))
		if err != nil {
			return
		}
		req.SetBasicAuth("", "any")
		srv := devopstest.NewServer(devopstest.Options{})
		srv.Tick(nil)
		srv.Tick(nil)
		res, err := srv.Client().Do(req)
		if err != nil {
			return // a redirect or an address that net/http itself refuses
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		switch res.StatusCode {
		case 204: // the timeline of a build that waits
		case 200, 400, 403, 404, 405:
			if !json.Valid(bytes.TrimSpace(raw)) || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json; charset=utf-8; api-version=") {
				t.Fatalf("%s %s: %d %s", method, target, res.StatusCode, raw)
			}
		default:
			t.Fatalf("%s %s: %d %s", method, target, res.StatusCode, raw)
		}
		if _, err := json.Marshal(srv.State()); err != nil {
			t.Fatal(err)
		}
		if again := ask(t, srv, "GET", definitions, nil); again.status != 200 || again.number("id") != "107" {
			t.Fatalf("%s %s left a definition that cannot be read: %s", method, target, again.raw)
		}
	})
}

// TestSecretsNeverShow in whatever the double answers or keeps for people.
func TestSecretsNeverShow(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "pat"})
	doc := srv.Document()
	doc["variables"].(map[string]any)["servicePrincipalKey"].(map[string]any)["value"] = "new-secret"
	seen := ask(t, srv, "PUT", definitions, doc).raw + ask(t, srv, "GET", definitions, nil).raw + ask(t, srv, "GET", definitions+"?revision=4", nil).raw
	state, err := json.Marshal(srv.State())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(seen+string(state), "new-secret") || srv.Secret("servicePrincipalKey") != "new-secret" {
		t.Error("a secret shows")
	}
	if diff := cmp.Diff("", srv.Secret("unheardOf")); diff != "" {
		t.Error(diff)
	}
}
