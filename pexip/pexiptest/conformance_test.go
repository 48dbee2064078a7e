package pexiptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// full is a deployment with at least one object of every kind.
func full(t *testing.T) *pexiptest.Server {
	t.Helper()
	srv := pexiptest.NewServer(pexiptest.Options{})
	c := newClient(t, srv)
	_, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	_, err = c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
	ok(t, err)
	_, err = c.CreateUpgradeRequest(t.Context(), 5)
	ok(t, err)
	ok(t, srv.SetParticipants(2))
	ok(t, srv.AddCall(pexiptest.Call{Start: time.Now().Add(-time.Hour)}))
	srv.AddAlarm(pexip.Alarm{Name: "x"})
	srv.ForgetRequests()
	return srv
}

func address(resource string) string {
	api, name, _ := strings.Cut(resource, "/")
	if rest, isCommand := strings.CutPrefix(name, "platform/"); isCommand {
		return "/api/admin/command/v1/platform/" + rest + "/"
	}
	return "/api/admin/" + api + "/v1/" + name + "/"
}

// readable says whether a resource has objects; commands have none.
func readable(resource string) bool {
	list, _ := pexiptest.Methods(resource)
	return slices.Contains(list, "GET")
}

func objectsOf(t *testing.T, srv *pexiptest.Server, resource string) []map[string]any {
	t.Helper()
	status, list, _ := send(t, srv, "GET", address(resource), "", "")
	rows, _ := list["objects"].([]any)
	if status != 200 || len(rows) == 0 {
		t.Fatalf("%s: %d, %d objects", resource, status, len(rows))
	}
	var out []map[string]any
	for _, row := range rows {
		out = append(out, row.(map[string]any))
	}
	return out
}

var moment = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$`)

// fits says whether a value has the type that the schema page names; null is always possible.
func fits(kind string, v any) bool {
	related := strings.HasPrefix(kind, "related:")
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "float" || kind == "integer" && v == float64(int64(v))
	case string:
		return kind == "string" || kind == "datetime" && moment.MatchString(v) || related && strings.HasPrefix(v, "/api/admin/")
	case map[string]any:
		return kind == "dict" || related && kindOf(kind, v)
	case []any:
		return related && !slices.ContainsFunc(v, func(e any) bool { return !fits(kind, e) })
	}
	return false
}

// kindOf holds an embedded object against its own schema.
func kindOf(kind string, v map[string]any) bool {
	known := pexiptest.Fields("embedded/upgrade_request/" + strings.TrimPrefix(kind, "related:"))
	for field, value := range v {
		if known[field] == "" || !fits(known[field], value) {
			return false
		}
	}
	return known != nil
}

// Every address, method, field and type that the double serves is one that the vendor's schema page
// names, and no more.
func TestEverythingServedIsInTheSchema(t *testing.T) {
	srv := full(t)
	vendor := pexiptest.Resources(true)
	for _, resource := range pexiptest.Resources(false) {
		if !slices.Contains(vendor, resource) {
			t.Errorf("%s is served and not in the schema", resource)
		}
		if !readable(resource) {
			continue
		}
		known := pexiptest.Fields(resource)
		for _, o := range objectsOf(t, srv, resource) {
			for field, value := range o {
				if known[field] == "" || !fits(known[field], value) {
					t.Errorf("%s serves %q = %v (%T), which is %q in the schema", resource, field, value, value, known[field])
				}
			}
			if self, _ := o["resource_uri"].(string); known["resource_uri"] != "" && !strings.HasPrefix(self, address(resource)) {
				t.Errorf("%s: resource_uri %q", resource, self)
			}
		}
	}
}

func TestListingsAndSchemasAreThoseOfTheSchemaPage(t *testing.T) {
	srv := full(t)
	var listed []string
	for api, path := range map[string]string{"configuration/": "configuration/v1/", "status/": "status/v1/", "history/": "history/v1/", "command/platform/": "command/v1/platform/"} {
		_, entries, _ := send(t, srv, "GET", "/api/admin/"+path, "", "")
		for name := range entries {
			listed = append(listed, api+name)
		}
	}
	want := pexiptest.Resources(false)
	slices.Sort(want)
	slices.Sort(listed)
	if !slices.Equal(listed, want) {
		t.Errorf("listed %q\nserved %q", listed, want)
	}
	for _, resource := range want {
		status, out, _ := send(t, srv, "GET", address(resource)+"schema/?format=json", "", "")
		list, detail := pexiptest.Methods(resource)
		fields, _ := out["fields"].(map[string]any)
		if status != 200 || len(fields) != len(pexiptest.Fields(resource)) ||
			fmt.Sprint(out["allowed_list_http_methods"]) != strings.ToLower(fmt.Sprint(list)) ||
			fmt.Sprint(out["allowed_detail_http_methods"]) != strings.ToLower(fmt.Sprint(detail)) {
			t.Errorf("%s: %d %v", resource, status, out)
		}
	}
}

// A method that the schema page does not name is refused, and reading works wherever it is named.
func TestMethodsServedAreInTheSchema(t *testing.T) {
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	for _, resource := range pexiptest.Resources(false) {
		list, detail := pexiptest.Methods(resource)
		for _, method := range methods {
			srv := full(t) // the request may change it
			checkMethod(t, srv, method, address(resource), list)
			if !readable(resource) {
				continue
			}
			self, _ := objectsOf(t, srv, resource)[0]["resource_uri"].(string)
			if pexiptest.Fields(resource)["resource_uri"] == "" {
				continue // its objects have no address
			}
			checkMethod(t, srv, method, self, detail)
		}
	}
	// The schema page lists no methods for the actions of an upgrade request. POST is inferred.
	for _, action := range []string{"upload", "finish", "cancel"} {
		if !slices.Contains(pexiptest.Resources(true), "configuration/upgrade_request/"+action) {
			t.Errorf("%s is not in the schema", action)
		}
		srv := full(t)
		self, _ := objectsOf(t, srv, "configuration/upgrade_request")[0]["resource_uri"].(string)
		for _, method := range methods {
			checkMethod(t, srv, method, self+action+"/", []string{"POST"})
		}
	}
}

func checkMethod(t *testing.T, srv *pexiptest.Server, method, path string, allowed []string) {
	t.Helper()
	status, _, _ := send(t, srv, method, path, "application/json", "{}")
	served := status != http.StatusNotFound && status != http.StatusMethodNotAllowed
	if served && !slices.Contains(allowed, method) {
		t.Errorf("%s %s: %d, but the schema allows %q", method, path, status, allowed)
	}
	if method == "GET" && slices.Contains(allowed, method) && status != 200 {
		t.Errorf("%s %s: %d", method, path, status)
	}
}

// What the actions of an upgrade request answer has the fields of the vendor's ok_response.
func TestRepliesAreOKResponses(t *testing.T) {
	for _, form := range []pexiptest.CreationReply{pexiptest.ReplyBody, pexiptest.ReplyNested} {
		srv := pexiptest.NewServer(pexiptest.Options{CreationReply: form})
		status, out, _ := send(t, srv, "POST", address("command/platform/upgrade"), "application/json", `{"request":true,"total_size":600}`)
		if data, nested := out["data"].(map[string]any); nested {
			out = data
		}
		id, _ := out["upload_id"].(string)
		checkOK(t, "create", status, out)
		self := address("configuration/upgrade_request") + id + "/"
		var b strings.Builder
		_, err := pexiptest.WritePackage(&b, 600, "39.1", "83067")
		ok(t, err)
		status, out, _ = send(t, srv, "POST", self+"upload/", "application/octet-stream", b.String(), "Content-Range", "bytes 0-599/600")
		checkOK(t, "upload", status, out)
		status, out, _ = send(t, srv, "POST", self+"finish/", "application/json", `{"validate_only":true}`)
		checkOK(t, "validate", status, out)
		if out["next_url"] == nil || out["upgrade"] == nil {
			t.Errorf("validate: %v", out)
		}
		status, out, _ = send(t, srv, "POST", self+"cancel/", "", "")
		checkOK(t, "cancel", status, out)
	}
}

func checkOK(t *testing.T, what string, status int, out map[string]any) {
	t.Helper()
	known := pexiptest.Fields("responses/upgrade_request/ok_response")
	if status < 200 || status > 299 || len(out) == 0 {
		t.Errorf("%s: %d %v", what, status, out)
	}
	for field, v := range out {
		if !fits(known[field], v) || known[field] == "" {
			t.Errorf("%s answers %q = %v, which is %q in the schema", what, field, v, known[field])
		}
	}
}

func TestSchemaFileIsWellFormed(t *testing.T) {
	all := pexiptest.Resources(true)
	if len(all) != 44 {
		t.Errorf("%d resources", len(all))
	}
	methods := []string{"DELETE", "GET", "PATCH", "POST", "PUT"}
	for _, resource := range all {
		list, detail := pexiptest.Methods(resource)
		for _, m := range slices.Concat(list, detail) {
			if !slices.Contains(methods, m) {
				t.Errorf("%s: method %q", resource, m)
			}
		}
		for field, kind := range pexiptest.Fields(resource) {
			base, of, related := strings.Cut(kind, ":")
			if !slices.Contains([]string{"string", "integer", "boolean", "float", "datetime", "dict", "related"}, base) || related != (of != "") {
				t.Errorf("%s.%s: type %q", resource, field, kind)
			}
		}
	}
	b, err := json.Marshal(pexiptest.Fields("status/alarm"))
	if err != nil || !strings.Contains(string(b), `"time_raised":"datetime"`) {
		t.Errorf("%s %v", b, err)
	}
}
