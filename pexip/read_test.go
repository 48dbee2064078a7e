package pexip_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Addresses are in the configuration only, versions in the status only, and a status row's own id is
// another number. There may be several Management Nodes, and a bursting node that is off is SUSPENDED.
func TestNodesJoinsConfigurationWithStatus(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	opt := pexiptest.Options{Now: func() time.Time { return now }, Nodes: []pexiptest.Node{
		{Name: "conf1", Role: pexip.Conferencing, Address: "10.0.0.5", SecondaryAddress: "10.1.0.5", StaticNATAddress: "198.51.100.5", Location: "Toronto"},
		{Name: "mgr", Role: pexip.Management, Address: "10.0.0.4"},
		{Name: "burst", Role: pexip.Conferencing, Address: "10.0.0.6", Location: "Victoria", CloudBursting: true},
		{Name: "mgr2", Role: pexip.Management, Address: "10.0.0.14", Version: "37"},
	}}
	bothWays(t, opt, nil, func(t *testing.T, _ *pexiptest.Server, c *pexip.Client) {
		got, err := c.Nodes(t.Context())
		ok(t, err)
		const v = "38 (81931.0.0)"
		want := []pexip.Node{
			{ID: 1, Name: "mgr", Role: pexip.Management, Primary: true, Address: "10.0.0.4", Version: v, UpgradeStatus: "IDLE", SyncStatus: "SYNCED", LastUpdated: now, HasStatus: true},
			{ID: 2, Name: "mgr2", Role: pexip.Management, Address: "10.0.0.14", Version: "37", UpgradeStatus: "IDLE", SyncStatus: "SYNCED", LastUpdated: now, HasStatus: true},
			{ID: 1, Name: "conf1", Role: pexip.Conferencing, NodeType: "CONFERENCING", Address: "10.0.0.5", SecondaryAddress: "10.1.0.5", StaticNATAddress: "198.51.100.5",
				Location: "Toronto", Version: v, UpgradeStatus: "IDLE", SyncStatus: "SYNCED", LastUpdated: now, HasStatus: true},
			{ID: 2, Name: "burst", Role: pexip.Conferencing, NodeType: "CONFERENCING", CloudBursting: true, Address: "10.0.0.6", Location: "Victoria", Version: v,
				UpgradeStatus: "IDLE", SyncStatus: "SUSPENDED", LastUpdated: now.Add(-24 * time.Hour), HasStatus: true},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if !got[0].UpgradeIdle() || !got[0].Synced() || got[3].Synced() {
			t.Error("idle or synced is wrong")
		}
	})
}

// list wraps rows in an envelope.
func rows(objects string) string {
	return `{"meta":{"limit":20,"offset":0,"total_count":1,"next":null,"previous":null},"objects":[` + objects + `]}`
}

func answer(path, body string) pexiptest.Fault {
	return pexiptest.Fault{Kind: pexiptest.Answer, Path: path, Status: 200, Body: body, Times: -1}
}

// Fields come and go between releases, and relations are addresses, objects, lists or null.
func TestNodesTakesWhatOtherReleasesSend(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv,
		answer("/status/v1/management_vm/", `{}`),
		answer("configuration/v1/worker_vm/", rows(`
			{"id":7,"name":"a","address":"10.0.0.7","system_location":{"name":"Nested","resource_uri":"/x/"},"maintenance_mode":true,"unheard_of":[1]},
			{"id":8,"name":"b","address":null,"system_location":null}`)),
		answer("status/v1/worker_vm/", rows(`
			{"id":1,"name":"a","version":"39.1","upgrade_status":"Idle","sync_status":null,"last_updated":"2020-11-27T20:40:44.605738"},
			{"id":2,"configuration_id":99,"name":"b"}`)))
	_, err := c.Nodes(t.Context())
	fails(t, err, nil, "read the state of the management nodes", "meta or objects is missing")

	srv.ClearFaults()
	inject(t, srv,
		pexiptest.Fault{Kind: pexiptest.Answer, Path: "/status/v1/management_vm/", Status: 404, Times: -1},
		answer("configuration/v1/worker_vm/", rows(`
			{"id":7,"name":"a","address":"10.0.0.7","system_location":{"name":"Nested","resource_uri":"/x/"},"maintenance_mode":true,"unheard_of":[1]},
			{"id":8,"name":"b","address":null,"system_location":null}`)),
		answer("status/v1/worker_vm/", rows(`
			{"id":1,"name":"a","version":"39.1","upgrade_status":"Idle","sync_status":null,"last_updated":"2020-11-27T20:40:44.605738"},
			{"id":2,"configuration_id":99,"name":"b"}`)))
	got, err := c.Nodes(t.Context())
	ok(t, err)
	if got[0].HasStatus || got[0].UpgradeIdle() || got[0].Synced() {
		t.Errorf("a node without status counts as idle or synced: %+v", got[0])
	}
	want := pexip.Node{ID: 7, Name: "a", Role: pexip.Conferencing, Address: "10.0.0.7", Location: "Nested", Version: "39.1", UpgradeStatus: "Idle", HasStatus: true, MaintenanceMode: true,
		LastUpdated: time.Date(2020, 11, 27, 20, 40, 44, 605738000, time.UTC)}
	if d := cmp.Diff(want, got[1]); d != "" {
		t.Error(d)
	}
	if got[2].HasStatus {
		t.Error("a status row of another configuration was joined by name")
	}
}

// The largest page is not known and smaller than asked for: only "next" tells that there is more.
func TestListsFollowNext(t *testing.T) {
	opt := pexiptest.Options{MaxLimit: 200} // less than is asked for: "next" counts, not the limit
	for i := range 450 {
		opt.Nodes = append(opt.Nodes, pexiptest.Node{Name: fmt.Sprintf("conf%03d", i), Address: fmt.Sprintf("10.1.%d.%d", i/200, i%200)})
	}
	srv, c := inProcess(t, opt, nil)
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	if len(nodes) != 451 || nodes[450].Name != "conf449" || !nodes[450].HasStatus {
		t.Errorf("%d nodes, last %+v", len(nodes), nodes[len(nodes)-1])
	}
	if n := sent(srv, "GET", "worker_vm"); n != 6 {
		t.Errorf("%d requests for conferencing nodes, want 3 pages twice", n)
	}
}

// "next" is a path on the node. Anything else would carry the credentials elsewhere, or go on for ever.
func TestListsRefuseStrangeNext(t *testing.T) {
	for next, want := range map[string]string{
		"https://evil.example.org/api/admin/status/v1/alarm/": "not a path below",
		"//evil.example.org/api/admin/status/v1/alarm/":       "not a path below",
		"/api/admin/../../etc/":                               "not a path below",
		"/other/":                                             "not a path below",
		"/api/admin/status/v1/alarm/?limit=1000":              "next page is itself",
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, answer("alarm", `{"meta":{"next":"`+next+`"},"objects":[]}`))
		_, err := c.Alarms(t.Context())
		fails(t, err, nil, want)
	}
	// Two pages that name each other.
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, answer("alarm/.offset=1$", `{"meta":{"next":"/api/admin/status/v1/alarm/?offset=2"},"objects":[]}`),
		answer("alarm", `{"meta":{"next":"/api/admin/status/v1/alarm/?offset=1"},"objects":[]}`))
	_, err := c.Alarms(t.Context())
	fails(t, err, nil, "more than 1000 pages")
}

// "Connectivity lost" alarms never reach the history, so they are read live; node is an address, no name.
func TestAlarms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv, c := inProcess(t, pexiptest.Options{Now: func() time.Time { return now }}, nil)
	none, err := c.Alarms(t.Context())
	ok(t, err)
	if len(none) != 0 {
		t.Errorf("alarms in a quiet world: %v", none)
	}
	a := pexip.Alarm{Identifier: 12, Name: "licenses_expiring", Level: "warning", Node: "10.0.0.4", Instance: "mgr", Details: "soon", Acknowledged: true}
	srv.AddAlarm(a)
	ok(t, srv.SetPower("10.0.0.5", false))
	got, err := c.Alarms(t.Context())
	ok(t, err)
	a.TimeRaised = now
	if len(got) != 2 || !cmp.Equal(got[0], a) || got[0].ConnectivityLost() || !got[1].ConnectivityLost() || got[1].Node != "10.0.0.5" {
		t.Errorf("%+v", got)
	}
}

// The timeout is read first, so that it can be put back to what it was.
func TestSettings(t *testing.T) {
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		ctx := t.Context()
		srv.SetSessionTimeout(true, 45)
		before, err := c.GlobalSettings(ctx)
		ok(t, err)
		if before != (pexip.GlobalSettings{SessionTimeoutEnabled: true, SessionTimeout: 45 * time.Minute}) {
			t.Errorf("%+v", before)
		}
		ok(t, c.SetSessionTimeoutEnabled(ctx, false))
		ok(t, c.SetSessionTimeoutEnabled(ctx, false))
		after, err := c.GlobalSettings(ctx)
		ok(t, err)
		if after.SessionTimeoutEnabled || after.SessionTimeout != 45*time.Minute {
			t.Errorf("%+v", after)
		}
		for _, r := range srv.Requests() {
			if r.Method == "PATCH" && string(r.Body) != `{"session_timeout_enabled":false}` {
				t.Errorf("PATCH carries %s", r.Body)
			}
		}
	})
}

func TestSettingsWithoutTheSettingAreAnError(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, answer("global", `{"id":1,"management_session_timeout":30}`))
	_, err := c.GlobalSettings(t.Context())
	fails(t, err, nil, "session_timeout_enabled is missing")
}

func TestPatchIsNotRepeated(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Method: "PATCH", Status: 503, Times: -1})
	err := c.SetSessionTimeoutEnabled(t.Context(), false)
	fails(t, err, nil, "switch the session timeout", "503", "safe to repeat")
	if n := sent(srv, "PATCH", ""); n != 1 {
		t.Errorf("%d PATCH requests", n)
	}
}

// Counting must not fetch every participant: meta.total_count of one row does, and if it is missing
// that is not zero.
func TestCounts(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	for _, want := range []int{0, 3} {
		ok(t, srv.SetParticipants(want))
		got, err := c.LiveParticipants(t.Context())
		ok(t, err)
		conferences, err := c.LiveConferences(t.Context())
		ok(t, err)
		if got != want || conferences != min(want, 1) {
			t.Errorf("%d participants in %d conferences, want %d", got, conferences, want)
		}
	}
	// An answer without a count must never read as "nobody is in a call".
	for _, body := range []string{`{}`, `{"meta":{}}`, `{"meta":null,"objects":[]}`, `[]`, `null`, ``} {
		srv.ClearFaults()
		inject(t, srv, answer("participant", body))
		if n, err := c.LiveParticipants(t.Context()); err == nil {
			t.Errorf("%q counts as %d participants", body, n)
		}
	}
}

// Whether a licence suits a new major is told nowhere: what can be compared is read as it is.
func TestLicences(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	ok(t, srv.SetParticipants(4))
	use, err := c.Licensing(t.Context())
	ok(t, err)
	if use.Port != (pexip.Usage{Count: 4, Total: 20}) || use.VMR != (pexip.Usage{Count: 2, Total: 10}) {
		t.Errorf("%+v", use)
	}
	licences, err := c.Licences(t.Context())
	ok(t, err)
	if len(licences) != 1 || licences[0].Status != "ACTIVE" || licences[0].ExpirationDate != "2027-01-01" {
		t.Errorf("%+v", licences)
	}
	inject(t, srv, answer("licensing", `{"meta":{},"objects":[]}`))
	_, err = c.Licensing(t.Context())
	fails(t, err, nil, "the list is empty")
}

// That a syslog server exists is not enough: each Management Node and each location with nodes must
// refer to it.
func TestSyslogCoverage(t *testing.T) {
	opt := pexiptest.Options{Nodes: []pexiptest.Node{{Name: "c1", Location: "Toronto"}, {Name: "c2", Location: "Toronto"}, {Name: "c3", Location: "Victoria"}}}
	for _, tc := range []struct {
		remove  []string
		unwired []string
	}{
		{nil, nil},
		{[]string{"management node mgr"}, []string{"management node mgr"}},
		{[]string{"location Toronto"}, []string{"location Toronto"}},
		{[]string{""}, []string{"location Toronto", "location Victoria", "management node mgr"}},
	} {
		srv, c := inProcess(t, opt, nil)
		for _, where := range tc.remove {
			ok(t, srv.RemoveSyslog(where))
		}
		got, err := c.SyslogCoverage(t.Context())
		ok(t, err)
		if d := cmp.Diff(tc.unwired, got.Unwired); d != "" || got.Covered() != (tc.remove == nil) {
			t.Errorf("after removing %q: covered %v, %s", tc.remove, got.Covered(), d)
		}
	}
}

func TestSyslogReferenceToADeletedServerIsNoCover(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv,
		answer("management_vm", rows(`{"id":1,"name":"mgr","syslog_servers":"/api/admin/configuration/v1/syslog_server/9/"}`)),
		answer("worker_vm", rows(`{"id":1,"name":"lost"},{"id":2,"name":"odd","system_location":"/nowhere/"}`)))
	got, err := c.SyslogCoverage(t.Context())
	ok(t, err)
	want := []string{"location /nowhere/", "management node mgr", "node lost (in no location)"}
	if d := cmp.Diff(want, got.Unwired); d != "" {
		t.Error(d)
	}
}

// What a node can do is read from its own listings and schemas, never from its version number.
func TestFeatures(t *testing.T) {
	for _, tc := range []struct {
		opt  pexiptest.Options
		want pexip.Features
	}{
		{pexiptest.Options{}, pexip.Features{ResumableUpload: true, OneShotUpload: true, Backup: true, ManagementStatus: true,
			UpgradeStates: []string{"pending", "completed", "running"}}},
		{pexiptest.Options{NoResumableUpload: true}, pexip.Features{OneShotUpload: true, Backup: true, ManagementStatus: true}},
	} {
		_, c := inProcess(t, tc.opt, nil)
		got, err := c.Features(t.Context())
		ok(t, err)
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestFeaturesAreNeverGuessed(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "platform/", Status: 404, Times: -1})
	got, err := c.Features(t.Context())
	ok(t, err)
	if got.ResumableUpload || got.OneShotUpload || got.Backup {
		t.Errorf("%+v", got)
	}
	for _, path := range []string{"configuration/v1/$", "status/v1/$", "platform/$", "platform/upgrade/schema", "upgrade_request/schema"} {
		srv.ClearFaults()
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: path, Status: 403, Times: -1})
		_, err := c.Features(t.Context())
		fails(t, err, pexip.ErrForbidden)
	}
}

// Every call that reads must end with the error of whichever of its requests fails.
func TestEveryReadReportsAFailure(t *testing.T) {
	calls := map[string]func(context.Context, *pexip.Client) error{
		"nodes":    func(ctx context.Context, c *pexip.Client) error { _, err := c.Nodes(ctx); return err },
		"syslog":   func(ctx context.Context, c *pexip.Client) error { _, err := c.SyslogCoverage(ctx); return err },
		"alarms":   func(ctx context.Context, c *pexip.Client) error { _, err := c.Alarms(ctx); return err },
		"licences": func(ctx context.Context, c *pexip.Client) error { _, err := c.Licences(ctx); return err },
		"use":      func(ctx context.Context, c *pexip.Client) error { _, err := c.Licensing(ctx); return err },
		"counts":   func(ctx context.Context, c *pexip.Client) error { _, err := c.LiveConferences(ctx); return err },
		"calls": func(ctx context.Context, c *pexip.Client) error {
			_, err := c.Calls(ctx, time.Time{}, time.Now())
			return err
		},
		"settings": func(ctx context.Context, c *pexip.Client) error { _, err := c.GlobalSettings(ctx); return err },
		"backups":  func(ctx context.Context, c *pexip.Client) error { _, err := c.Backups(ctx); return err },
		"requests": func(ctx context.Context, c *pexip.Client) error { _, err := c.UpgradeRequests(ctx); return err },
		"state":    func(ctx context.Context, c *pexip.Client) error { _, err := c.State(ctx); return err },
		"features": func(ctx context.Context, c *pexip.Client) error { _, err := c.Features(ctx); return err },
		"backup":   func(ctx context.Context, c *pexip.Client) error { _, err := c.CreateBackup(ctx, "secret"); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			srv, c := inProcess(t, pexiptest.Options{}, nil)
			ok(t, call(t.Context(), c))
			n := map[string]bool{}                 // requests that differ: a wait repeats some, more or less often
			for _, r := range srv.Requests()[1:] { // without the token
				n[r.Method+" "+r.URL] = true
			}
			for skip := range len(n) {
				srv.ClearFaults()
				inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Skip: skip, Status: http.StatusForbidden, Path: "/api/", Times: -1})
				fails(t, call(t.Context(), c), pexip.ErrForbidden)
			}
		})
	}
}
