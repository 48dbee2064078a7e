package pexip_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// everything calls each method of the client that sends anything.
func everything(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
	t.Helper()
	ctx := t.Context()
	_, err := c.Features(ctx)
	ok(t, err)
	_, err = c.CheckAccess(ctx)
	ok(t, err)
	before := captured(t, c)
	_, err = c.LiveParticipants(ctx)
	ok(t, err)
	_, err = c.LiveConferences(ctx)
	ok(t, err)
	_, err = c.Calls(ctx, time.Now().Add(-time.Hour), time.Now())
	ok(t, err)
	_, err = c.GlobalSettings(ctx)
	ok(t, err)
	_, err = c.SyslogCoverage(ctx)
	ok(t, err)
	b, err := c.CreateBackup(ctx, "open sesame")
	ok(t, err)
	ok(t, c.DownloadBackup(ctx, b, new(strings.Builder)))
	s, err := c.CreateSnapshot(ctx, pexip.SnapshotOptions{Hours: 5, EndHours: 1, Metrics: true})
	ok(t, err)
	_, err = c.DownloadSnapshot(ctx, s, new(strings.Builder))
	ok(t, err)
	for _, on := range []bool{true, false} {
		ok(t, c.SetSessionTimeoutEnabled(ctx, !on))
		ok(t, c.SetMaintenanceMode(ctx, before.Nodes[1], on, "upgrade"))
	}
	_, err = c.ProbeChunkEncoding(ctx)
	ok(t, err)
	made, err := c.CreateUpgradeRequest(ctx, 10)
	ok(t, err)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "cancel", Status: 404}) // so that DELETE is used, too
	ok(t, c.CancelUpgradeRequest(ctx, made.ID))
	p := pack(t, 9000, "39.1", "83067")
	id := uploaded(t, c, p)
	_, err = c.ValidateUpgrade(ctx, id)
	ok(t, err)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "finish", Status: 400})
	fails(t, c.StartUpgrade(ctx, id), nil, "400")
	_, err = c.UpgradeBegan(ctx, "39.1")
	ok(t, err)
	_, err = c.UploadAndStart(ctx, p, nil)
	ok(t, err)
}

var objectID = regexp.MustCompile(`/v1/([a-z_]+)/[^/]+/`)

// resourceOf maps a path to the schema's name for it, and says whether it names one object.
func resourceOf(path string) (resource string, detail bool) {
	path = strings.Trim(strings.TrimPrefix(path, "/api/admin/"), "/")
	if rest, isCommand := strings.CutPrefix(path, "command/v1/platform"); isCommand {
		return "command/platform" + rest, false
	}
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return "", false
	}
	resource = parts[0] + "/" + parts[2]
	if len(parts) > 4 {
		resource += "/" + parts[4]
	}
	return resource, len(parts) > 3
}

// Every request of the client is one that the vendor's schema page knows: address, method and the
// fields sent. Nothing ever goes to a whole collection but reads, and nothing is replaced by PUT.
func TestEveryRequestIsInTheSchema(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	everything(t, srv, c)
	seen := map[string]bool{}
	for _, r := range srv.Requests() {
		u, err := url.Parse(r.URL)
		ok(t, err)
		if !strings.HasSuffix(u.Path, "/") {
			t.Errorf("%s %s: without the slash at the end the node redirects", r.Method, r.URL)
		}
		if r.Method == "PUT" {
			t.Errorf("PUT %s would replace what it does not name", r.URL)
		}
		resource, detail := resourceOf(u.Path)
		parts := strings.Split(strings.Trim(u.Path, "/"), "/")
		switch last := parts[len(parts)-1]; {
		case u.Path == "/oauth/token/", last == "schema", resource == "", resource == "command/platform", strings.HasSuffix(u.Path, "/download/"):
			continue
		case slices.Contains([]string{"upload", "finish", "cancel"}, last):
			if r.Method != "POST" || !objectID.MatchString(u.Path) {
				t.Errorf("%s %s", r.Method, r.URL)
			}
		default:
			list, one := pexiptest.Methods(resource)
			if detail {
				list = one
			}
			if !slices.Contains(list, r.Method) {
				t.Errorf("%s %s: the schema names %q", r.Method, r.URL, list)
			}
			if !detail && !r.ReadOnly() && !strings.HasPrefix(resource, "command/") {
				t.Errorf("%s %s reaches a whole collection", r.Method, r.URL)
			}
		}
		seen[r.Method+" "+resource] = true
		checkFields(t, r, resource)
	}
	for _, want := range []string{"DELETE configuration/upgrade_request", "POST configuration/upgrade_request/finish", "PATCH configuration/worker_vm", "POST command/platform/snapshot"} {
		if !seen[want] {
			t.Errorf("%s was never sent", want)
		}
	}
	for request := range seen {
		for _, never := range []string{"software_bundle", "backup_restore", "history/alarm", "history/conference", "autobackup", "start_cloudnode"} {
			if strings.Contains(request, never) {
				t.Errorf("%s is not for an upgrade", request)
			}
		}
	}
}

func checkFields(t *testing.T, r pexiptest.Request, resource string) {
	t.Helper()
	var body map[string]any
	if len(r.Body) == 0 || json.Unmarshal(r.Body, &body) != nil {
		return // bytes of a package
	}
	known := pexiptest.Fields(resource)
	for field := range body {
		if known[field] == "" {
			t.Errorf("%s %s sends %q, which the schema does not name", r.Method, r.URL, field)
		}
	}
}

// Old clients send a change of one setting with 85 others: ours must change nothing else.
func TestNothingElseChanges(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	before := captured(t, c)
	ok(t, c.SetSessionTimeoutEnabled(t.Context(), false))
	ok(t, c.SetMaintenanceMode(t.Context(), before.Nodes[1], true, "x"))
	want := []string{"nodes/conferencing/conf1/maintenance_mode", "nodes/conferencing/conf1/maintenance_mode_reason", "settings/session_timeout_enabled"}
	var got []string
	for _, ch := range pexip.Diff(before, captured(t, c)) {
		got = append(got, ch.Path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("changed %q, want %q", got, want)
	}
	_ = srv
}
