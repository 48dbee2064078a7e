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
	_, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Test})
	if upgrade.ExitCode(nil, err) != upgrade.ExitInput || len(s.Requests()) > 0 {
		t.Fatalf("%v, %d requests", err, len(s.Requests()))
	}
	for _, part := range []string{"waivers.yaml", "line 3", "risks.yaml", "line 1", "gone.yaml", "no such file"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %v", part, err)
		}
	}
}
