package upgrade_test

import (
	"fmt"
	"os"
	"path/filepath"
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

// A waiver from the team's file lifts what it names, and stands at the head of the report.
func TestWaiverFromAFile(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{PackageSize: 1 << 20, TestVersion: "38.1 (81931.0.0)", ProductionVersion: "37 (70000.0.0)"})
	today := time.Now().UTC()
	s.cfg.Policy.Waivers = s.write(t, "waivers.yaml", fmt.Sprintf(`version: 1
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
`, today.AddDate(0, 0, -2).Format(time.DateOnly), today.AddDate(0, 0, 7).Format(time.DateOnly)))
	deviations, _ := s.report(t)
	wantParts(t, deviations, "waiver used: ", "W-7", "one-major-ahead: POL-1a waived")
}

// What is wrong with the team's files is wrong input, told with file and line, before any request.
func TestPolicyFilesWithFaults(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{PackageSize: 1 << 20})
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
