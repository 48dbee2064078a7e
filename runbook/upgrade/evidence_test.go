package upgrade_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// report runs an upgrade of Test, verifies its bundle and returns the report in two parts: the
// deviations, and what follows them.
func (s *stage) report(t *testing.T) (deviations, rest string) {
	t.Helper()
	r, err := s.open(t, policy.Test, upgradetest.People{}).Run(t.Context())
	must(t, err)
	_, err = runbook.ReadBundle(filepath.Dir(r.Evidence), nil)
	must(t, err)
	if page, err := os.Stat(r.ReportHTML); err != nil || page.Size() > 200_000 {
		t.Errorf("the page of a plain run: %v, %v", page, err)
	}
	raw, err := os.ReadFile(r.Report)
	must(t, err)
	_, text, ok := strings.Cut(string(raw), "## Deviations")
	if !ok {
		t.Fatal("the report names no deviations")
	}
	deviations, rest, ok = strings.Cut(text, "\n## ")
	if !ok {
		t.Fatal("the report ends with the deviations")
	}
	return deviations, rest
}

func wantParts(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

// The report begins with all that is no plain pass, and proves the package link by link.
func TestReportOfFindingsAndCustody(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	s.Test.AddAlarm(pexip.Alarm{Name: "licensing_limit", Level: "warning", Node: "10.20.0.4", Details: "nearly all in use"})
	deviations, rest := s.report(t)
	wantParts(t, deviations, "alarm: VER-1 acknowledged", "by ann@desk: simulated answer", "pexip-prefers-own-backup: SNAP-1 advice")
	sum := s.cfg.Package.SHA256
	wantParts(t, rest, "## Package custody", "| published | "+sum+" | https://www.pexip.com/help-center/platform-download |",
		"| on disk | "+sum, "| sent | "+sum+" | SHA-256 of what was sent", "| package holds | 39.1", "| reported by test-mgmt-core | 39.1 (83067.0.0) |",
		"## Promise for Production\n\n| target | opened | earliest | before | mitigations |", "## Findings of check-promotion-policy", "| POL-1a | one-major-ahead | must | pass |",
		"## Calls at the stated time", "| test-call@pexiptest.invalid | test-conf-core | 39.1 (83067.0.0) |", "## State before and after", "/version | 38.1 (81931.0.0) | 39.1 (83067.0.0) | expected |", "settings/session_timeout_enabled | true | false | expected |")
	if strings.Contains(rest, "Pat Caller") || strings.Contains(rest, "192.0.2.7") {
		t.Errorf("the report names the caller:\n%s", rest)
	}
	if strings.Contains(deviations, "state-changed") || strings.Contains(rest, "| unexpected |") {
		t.Errorf("a plain upgrade changed something else:\n%s", rest)
	}
}

// What only a person has seen is never shown as observed.
func TestReportOfWhatWasNotObserved(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	s.cfg.Upload.Method = upgrade.UploadManual
	s.cfg.Test.Checks = upgrade.ChecksConfig{}
	s.cfg.Waits.ManagementNode = s.cfg.Waits.StartResolve // nobody uploads anything here
	r, err := s.open(t, policy.Test, upgradetest.People{}).Run(t.Context())
	if upgrade.ExitCode(r.State, err) != upgrade.ExitDecision {
		t.Fatal(err)
	}
	for _, n := range s.Test.State().Nodes {
		must(t, s.Test.SetVersion(n.Name, "39.1 (83067.0.0)"))
	}
	retry := runbook.PreparedAnswer{Step: "wait-management-node", Decision: runbook.DecideRetry, Statement: "it is done now"}
	r, err = s.open(t, policy.Test, decisions(retry)).Resume(t.Context(), r.State.Run, "")
	must(t, err)
	raw, err := os.ReadFile(r.Report)
	must(t, err)
	wantParts(t, string(raw), "**upload-package** (UPG-5 PRE-4 RISK-2) the package was uploaded by a person", "the upgrade was started by a person",
		"no endpoint check is configured", "| sent | not known | uploaded by a person, not observed |")
}
