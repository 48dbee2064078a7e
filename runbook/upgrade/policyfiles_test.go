package upgrade_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func (s *stage) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// day is a date a number of days from today.
func day(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }

// waiverFile holds one that lifts POL-1a for Test, but for the changes: an old text, the new one, and so on.
func waiverFile(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(fmt.Sprintf(`version: 1
waivers:
  - id: W-7
    clause: POL-1a
    environment: test
    versions: ["39.1 (83067)"]
    reason: calls from the app are dropped
    requested_by: Ana
    approved_by: Bo
    approved_on: %s
    expires: %s
    amends_guide: no
`, day(-2), day(7)))
}

const riskText = "The Teams Connector must have the same version."

// riskFile holds one risk of every upgrade to 39, with acceptances.
func riskFile(class string, acceptances ...string) string {
	text := "version: 1\nrisks:\n  - {name: teams-connector, text: " + riskText + ", to: '>= 39', class: " + class + ", source: release notes, date: 2026-11-02}\n"
	if len(acceptances) > 0 {
		text += "acceptances:\n"
	}
	for _, a := range acceptances {
		text += "  - {risk: teams-connector, by: Ana, reason: planned for the same evening, on: 2026-11-20, " + a + "}\n"
	}
	return text
}

func accepted(version, text string) string {
	return fmt.Sprintf("version: %q, text_sha256: %s", version, policy.Risk{Text: text}.Digest())
}

// POL-0, UPG-5, POL-1: what the team's files say, and nothing else, lifts what the pathway refuses.
func TestTeamFiles(t *testing.T) {
	t.Parallel()
	const gate = "check-promotion-policy"
	s := quiet(t, upgradetest.Options{TestVersion: "38.1 (81931.0.0)", ProductionVersion: "37 (70000.0.0)"})
	promises := fmt.Sprintf("version: 1\npromises:\n  - {target: 38.1 (81931), opened: %s, earliest: %s, latest: %s}\n", day(-60), day(-50), day(-10))
	for _, c := range []struct {
		name, waivers, risks, promises string
		refused                        bool
		want                           string
	}{
		{name: "no waiver", waivers: "version: 1\n", refused: true, want: "one-major-ahead"},
		{name: "a waiver", want: "POL-1a waived: afterwards Test 39.1 (83067.0.0), Production 37 (70000.0.0): Test is 2 major version(s) ahead, 1 allowed; waiver W-7, approved by Bo for Ana"},
		{name: "expired", waivers: waiverFile(day(7), day(-1)), refused: true, want: "waiver W-7 counts for nothing: it expired at"},
		{name: "not approved yet", waivers: waiverFile(day(-2), day(2)), refused: true, want: "waiver W-7 counts for nothing: it is approved only on"},
		{name: "self-approved", waivers: waiverFile("Bo", "ana"), refused: true, want: "ana approved it and requested it; another person must approve"},
		{name: "of all environments", waivers: waiverFile("environment: test", "environment: all"), refused: true, want: `it is too broad: "all" is not one environment`},
		{name: "for years", waivers: waiverFile(day(7), day(700)), refused: true, want: "it is too broad: it expires more than 90 days after its approval"},
		{name: "of what is never waived", waivers: waiverFile("POL-1a", "UPG-5"), refused: true, want: "UPG-5 is never waived"},
		{name: "of another version", waivers: waiverFile("83067", "83068"), refused: true, want: "one-major-ahead"},
		{name: "of Production", waivers: waiverFile("environment: test", "environment: production"), refused: true, want: "one-major-ahead"},
		{name: "a named risk", risks: riskFile("must"), refused: true, want: "UPG-5 (named-risk): teams-connector: " + riskText},
		{name: "a lesser one", risks: riskFile("should"), refused: true, want: "or accept it by name"},
		{name: "an accepted one", risks: riskFile("must", accepted("39.1", riskText)), want: "accepted by Ana on 2026-11-20: planned for the same evening"},
		{name: "accepted with another text", risks: riskFile("must", accepted("39.1", riskText+" Really.")), refused: true, want: "is void: the text has changed since"},
		{name: "accepted for another version", risks: riskFile("must", accepted("39.2", riskText)), refused: true, want: "named-risk"},
		{name: "no direct path", risks: "version: 1\npaths:\n  - {target: 39.1, oldest_source: 39, source: release notes, date: 2026-11-02}\n", refused: true, want: "39.1 accepts 39 or later; installed is 38.1"},
		{name: "an overdue promise", promises: promises, want: "POL-1 fail: Production runs 37 (70000.0.0); it is to follow Test to 38.1 (81931.0.0)"},
	} {
		cfg := *s.cfg
		cfg.Policy.Waivers = s.write(t, "waivers.yaml", cmp.Or(c.waivers, waiverFile()))
		cfg.Policy.Risks = s.write(t, "risks.yaml", cmp.Or(c.risks, "version: 1\n"))
		cfg.Policy.Promises = s.write(t, "promises.yaml", cmp.Or(c.promises, "version: 1\n"))
		session, err := upgrade.Open(t.Context(), &cfg, upgrade.SessionOptions{Environment: policy.Test, Transport: s.Transport})
		must(t, err)
		p, err := session.Plan(t.Context())
		must(t, err)
		if st := p.Gates[gate]; slices.Contains(p.Refused, gate) != c.refused || !strings.Contains(st.Detail+st.Error, c.want) {
			t.Errorf("%s: refused %q\n%s%s\nwant %q", c.name, p.Refused, st.Detail, st.Error, c.want)
		}
	}
	if effects := s.effects(); len(effects) > 0 {
		t.Errorf("the plans sent %v", effects)
	}
}

// A waiver that was used, and one that counts for nothing, stand at the head of the report.
func TestReportNamesTheWaivers(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{TestVersion: "38.1 (81931.0.0)", ProductionVersion: "37 (70000.0.0)"})
	_, void, _ := strings.Cut(waiverFile("W-7", "W-8", "Bo", "Ana"), "waivers:\n")
	s.cfg.Policy.Waivers = s.write(t, "waivers.yaml", waiverFile()+void)
	deviations, _ := s.report(t)
	wantParts(t, deviations, "waiver used: W-7 of POL-1a, requested by Ana, approved by Bo", "one-major-ahead: POL-1a waived",
		"waiver W-8 counts for nothing: Ana approved it and requested it")
}

// What is wrong with the team's files is wrong input, told with file and line, before any request.
func TestPolicyFilesWithFaults(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	s.cfg.Policy.Waivers = s.write(t, "waivers.yaml", "version: 1\nwaivers:\n  - idd: W-7\n")
	s.cfg.Policy.Risks = s.write(t, "risks.yaml", "version: 9\n")
	s.cfg.Policy.Promises = filepath.Join(s.dir, "gone.yaml")
	s.cfg.Window.Calendar = s.write(t, "windows.yaml", "version: 1\ntime_zone: Local\n")
	_, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Test})
	if upgrade.ExitCode(nil, err) != upgrade.ExitInput || len(s.Requests()) > 0 {
		t.Fatalf("%v, %d requests", err, len(s.Requests()))
	}
	for _, part := range []string{"waivers.yaml", "line 3", "risks.yaml", "line 1", "gone.yaml", "no such file", "windows.yaml", "line 2: time_zone: the zone Local"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %v", part, err)
		}
	}
}

// Changes in the service hours are meant only on days that are named.
func TestCalendarInTheServiceHours(t *testing.T) {
	cfg := parseConfigFile(t, "minimal.yaml")
	for days, fine := range map[string]bool{"": false, "first: 2026-12-25": true, "last: 2026-12-25": true} {
		path := filepath.Join(t.TempDir(), "windows.yaml")
		must(t, os.WriteFile(path, []byte("version: 1\ntime_zone: UTC\nallow:\n  - from: 00:00\n    to: 24:00\n    "+days+"\n"), 0o600))
		cfg.Window.Calendar = path
		r, err := cfg.PolicyRequest(t.Context(), policy.Test, nil)
		switch {
		case fine && (err != nil || len(r.Budget.Calendar.Allow) != 1):
			t.Errorf("%q: %+v, %v", days, r.Budget, err)
		case !fine && (upgrade.ExitCode(nil, err) != upgrade.ExitInput || !strings.Contains(err.Error(), "window.calendar: "+path+": 00:00–24:00 Mon Tue Wed Thu Fri Sat Sun UTC overlaps the service hours, for example at")):
			t.Errorf("%q: %v", days, err)
		}
	}
}

// The change window and the calendar's windows are allowed, and nothing that the calendar denies.
func TestCalendarAddsToTheChangeWindow(t *testing.T) {
	cfg := parseConfigFile(t, "full.yaml")
	cfg.Policy = upgrade.PolicyConfig{}
	cfg.Window.Calendar = filepath.Join(t.TempDir(), "windows.yaml")
	must(t, os.WriteFile(cfg.Window.Calendar, []byte(`version: 1
time_zone: America/Vancouver
allow:
  - days: [Wed]
    from: 20:00
    to: 24:00
deny:
  - first: 2026-12-15
    last: 2027-01-04
    from: 00:00
    to: 24:00
    reason: year end
`), 0o600))
	r, err := cfg.PolicyRequest(t.Context(), policy.Test, nil)
	must(t, err)
	for text, allowed := range map[string]bool{
		"2026-11-27 22:30 -0500": true,  // Friday, the change window
		"2026-12-02 21:00 -0800": true,  // Wednesday, the calendar
		"2026-12-03 21:00 -0800": false, // Thursday
		"2026-12-16 21:00 -0800": false, // denied
		"2027-01-06 21:00 -0800": true,
	} {
		if r.Budget.Calendar.Contains(at(t, text)) != allowed {
			t.Errorf("%s: %v", text, !allowed)
		}
	}
	if e := r.Budget.Estimate; e.Upload != 0 || e.Nodes != 3*time.Minute {
		t.Errorf("of two VMs and no package: %+v", e)
	}
}
