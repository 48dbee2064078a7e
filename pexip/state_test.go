package pexip_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// roundTripped is the state as it comes back from a file.
func roundTripped(t *testing.T, s pexip.State) pexip.State {
	t.Helper()
	b, err := json.Marshal(s)
	ok(t, err)
	var out pexip.State
	ok(t, json.Unmarshal(b, &out))
	return out
}

func captured(t *testing.T, c *pexip.Client) pexip.State {
	t.Helper()
	s, err := c.State(t.Context())
	ok(t, err)
	return s
}

func TestStateHoldsEverythingButSecrets(t *testing.T) {
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		before := len(srv.Requests())
		s := captured(t, c)
		if n := len(srv.Requests()) - before; n > 11 { // with the token
			t.Errorf("%d requests", n)
		}
		want := []string{"aws_access_key", "aws_secret_key", "azure_secret", "gcp_private_key", "legacy_api_password", "live_captions_public_jwt_key", "pss_token"}
		if d := cmp.Diff(want, s.Omitted); d != "" {
			t.Errorf("omitted: %s", d)
		}
		names := slices.Concat(slices.Collect(maps.Keys(s.Settings)), s.Omitted)
		for name := range pexiptest.Fields("configuration/global") {
			if !slices.Contains(names, name) {
				t.Errorf("setting %s is neither there nor omitted", name)
			}
		}
		if len(s.Nodes) != 2 || len(s.Syslog.Servers) != 1 || !s.Syslog.Covered() || s.Licensing.Port.Total != 20 || len(s.Licences) != 1 || s.TakenAt.IsZero() {
			t.Errorf("%+v", s)
		}
		b, err := json.Marshal(s)
		ok(t, err)
		if text := string(b); strings.Contains(text, "ENT-1") || strings.Contains(text, `"pss_token":`) {
			t.Errorf("secrets are in %s", text)
		}
		if d := pexip.Diff(roundTripped(t, s), s); d != nil {
			t.Errorf("a state differs from itself after a round trip: %v", d)
		}
	})
}

// A secret may also sit inside a value, or show by its content only.
func TestStateFindsHiddenSecrets(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, answer("global/1", `{"session_timeout_enabled":true,"theme":{"name":"x","api_token":"t0ps3cret","list":[{"Password":"t0ps3cret","n":12345678901234567890}]},
		"banner":"-----BEGIN EC PRIVATE KEY-----t0ps3cret","ratio":1.50,"odd name/é":[1]}`))
	s := captured(t, c)
	b, err := json.Marshal(s)
	ok(t, err)
	if strings.Contains(string(b), "t0ps3cret") {
		t.Errorf("a secret is in %s", b)
	}
	if d := cmp.Diff([]string{"banner"}, s.Omitted); d != "" {
		t.Error(d)
	}
	if got := string(s.Settings["theme"]); got != `{"list":[{"n":12345678901234567890}],"name":"x"}` {
		t.Errorf("theme is %s", got)
	}
	if got := string(s.Settings["ratio"]); got != "1.50" {
		t.Errorf("a number was rewritten: %s", got)
	}
}

// The state after an upgrade: what was declared is expected, the passing of time is nothing, all
// else is to be looked at.
func TestDiffOfAnUpgrade(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	before := captured(t, c)
	ok(t, c.SetSessionTimeoutEnabled(t.Context(), false))
	ok(t, srv.SetVersion("", "39.1 (83067.0.0)"))
	ok(t, srv.SetParticipants(3)) // licences in use move by themselves
	after := captured(t, c)
	for i := range after.Nodes {
		after.Nodes[i].LastUpdated = after.Nodes[i].LastUpdated.Add(time.Hour)
	}
	after.TakenAt = after.TakenAt.Add(time.Hour)
	expected := []pexip.Expectation{pexip.ExpectVersion("39.1"), pexip.ExpectSetting("session_timeout_enabled", "true", "false")}
	want := []pexip.Change{
		{Path: "nodes/conferencing/conf1/version", Before: "38 (81931.0.0)", After: "39.1 (83067.0.0)", Expected: true},
		{Path: "nodes/management/mgr/version", Before: "38 (81931.0.0)", After: "39.1 (83067.0.0)", Expected: true},
		{Path: "settings/session_timeout_enabled", Before: "true", After: "false", Expected: true},
	}
	if d := cmp.Diff(want, pexip.Diff(before, roundTripped(t, after), expected...)); d != "" {
		t.Error(d)
	}
	for _, ch := range pexip.Diff(before, after) {
		if ch.Expected {
			t.Errorf("%s: nothing was declared", ch)
		}
	}
	// Another build of the same number is not what was expected.
	for _, ch := range pexip.Diff(before, after, pexip.ExpectVersion("39.1 (83068.0.0)")) {
		if ch.Expected || strings.HasSuffix(ch.Path, "/version") && !ch.Missing {
			t.Errorf("%s", ch)
		}
	}
}

func TestDiffSeesWhatDidNotHappen(t *testing.T) {
	opt := pexiptest.Options{Nodes: []pexiptest.Node{{Name: "conf1"}, {Name: "burst", CloudBursting: true}}}
	srv, c := inProcess(t, opt, nil)
	before := captured(t, c)
	ok(t, srv.SetVersion("mgr", "39.1 (83067.0.0)"))
	got := pexip.Diff(before, captured(t, c), pexip.ExpectVersion("39.1 (83067.0.0)"))
	want := []pexip.Change{
		{Path: "nodes/conferencing/conf1/version", Before: "38 (81931.0.0)", After: "38 (81931.0.0)", Missing: true},
		{Path: "nodes/management/mgr/version", Before: "38 (81931.0.0)", After: "39.1 (83067.0.0)", Expected: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if text := got[0].String(); text != "nodes/conferencing/conf1/version: 38 (81931.0.0) → 38 (81931.0.0) (should have changed)" {
		t.Error(text)
	}
}

func TestDiffOfEverything(t *testing.T) {
	before := pexip.State{
		Settings: map[string]json.RawMessage{"a": json.RawMessage(`"x"`), "gone": json.RawMessage(`1`)},
		Nodes: []pexip.Node{{ID: 1, Name: "mgr", Role: pexip.Management, HasStatus: true}, {ID: 1, Name: "same", Role: pexip.Conferencing},
			{ID: 2, Name: "same", Role: pexip.Conferencing}, {ID: 3, Name: "left/me", Role: pexip.Conferencing}},
		Alarms:    []pexip.Alarm{{Name: "cleared", Level: "warning", Node: "10.0.0.5", Instance: "x"}, {Name: "twice"}},
		Licences:  []pexip.Licence{{FulfillmentID: "F1", Status: "ACTIVE", Concurrent: 5}, {FulfillmentID: "F2"}},
		Licensing: pexip.Licensing{Port: pexip.Usage{Count: 1, Total: 20}, CustomLayouts: true},
		Syslog:    pexip.SyslogCoverage{Servers: []pexip.SyslogServer{{Address: "10.0.0.9", Port: 514, Transport: "udp"}}},
	}
	after := pexip.State{
		Settings: map[string]json.RawMessage{"a": json.RawMessage(`"y"`), "new": json.RawMessage(`null`)},
		Nodes: []pexip.Node{{ID: 1, Name: "mgr", Role: pexip.Management}, {ID: 1, Name: "same", Role: pexip.Conferencing},
			{ID: 2, Name: "same", Role: pexip.Conferencing, MaintenanceMode: true}},
		Alarms:    []pexip.Alarm{{Name: "twice"}, {Name: "twice"}},
		Licences:  []pexip.Licence{{FulfillmentID: "F1", Status: "EXPIRED", Concurrent: 5}},
		Licensing: pexip.Licensing{Port: pexip.Usage{Count: 9, Total: 10}},
		Syslog:    pexip.SyslogCoverage{Unwired: []string{"location Toronto"}},
	}
	var got []string
	for _, ch := range pexip.Diff(before, after, pexip.Expectation{Path: "alarms/cleared/*/*"}, pexip.Expectation{Path: "licensing/[", After: "x"}) {
		got = append(got, ch.String())
	}
	want := []string{
		"alarms/cleared/10.0.0.5/x: warning → none (expected)",
		"alarms/twice//#2: none → raised",
		"licences/F1/status: ACTIVE → EXPIRED",
		"licences/F2: there → none",
		"licensing/customlayouts_active: true → false",
		"licensing/port_total: 20 → 10",
		"nodes/conferencing/left%2Fme: there → none",
		"nodes/conferencing/same%232/maintenance_mode: false → true",
		"nodes/management/mgr/has_status: true → false",
		`settings/a: "x" → "y"`,
		"settings/gone: 1 → none",
		"settings/new: none → null",
		`syslog/10.0.0.9/514: udp "" audit=false support=false syslog=false web=false → none`,
		"syslog/unwired/location%20Toronto: none → no server",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestStateWithoutChangeIsNoDifference(t *testing.T) {
	_, c := inProcess(t, pexiptest.Options{}, nil)
	if d := pexip.Diff(captured(t, c), captured(t, c), pexip.ExpectSetting("session_timeout_enabled", "true", "false")); d != nil {
		t.Errorf("%v", d)
	}
}
