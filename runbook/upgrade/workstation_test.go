//go:build !windows

package upgrade_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/internal/awake"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// awakeFinding is what the check of the workstation found.
func awakeFinding(t *testing.T, st runbook.StepState) policy.Finding {
	t.Helper()
	var fs policy.Findings
	if json.Unmarshal(st.Output, &fs) != nil || len(fs) != 1 || fs[0].Clause != "PRE-4" {
		t.Fatalf("findings %v of %+v", fs, st)
	}
	return fs[0]
}

// A workstation that cannot be kept awake is a finding that somebody acknowledges before anything is
// changed; the plan shows it, and so does the report.
func TestWorkstationThatIsNotKeptAwakeIsAcknowledged(t *testing.T) {
	t.Parallel()
	if held := awake.Keep("a test"); held.Kept { // TestMain hides the programs that it needs
		held.Release()
		t.Fatalf("this system needs no program: %s", held.How)
	}
	s := newStage(t, upgradetest.Options{})
	s.cfg.Policy.Acknowledge = nil
	session := s.open(t, policy.Test, notAsked{"check-workstation", upgradetest.People{}})
	p, err := session.Plan(t.Context())
	must(t, err)
	if f := awakeFinding(t, *p.Gates["check-workstation"]); f.Status != policy.Fail || f.Class != policy.Should || len(p.Refused) > 0 {
		t.Errorf("the plan shows %+v, refused %v", f, p.Refused)
	}
	if _, err = session.Run(t.Context()); upgrade.ExitCode(nil, err) != upgrade.ExitWaiting || len(s.effects()) > 0 {
		t.Fatalf("%v, sent %v", err, s.effects())
	}
	session.Runner.Asker = upgradetest.People{}
	r, err := session.Resume(t.Context(), "", "acknowledged")
	must(t, err)
	report, err := os.ReadFile(r.Report)
	must(t, err)
	if f := awakeFinding(t, r.State.Step("check-workstation")); f.Status != policy.Acknowledged || !contains(string(report), "acknowledged by ann@desk", "PRE-4 acknowledged: while the package is uploaded this workstation is not kept awake") {
		t.Errorf("%+v, report\n%s", f, report)
	}
}

// What is uploaded by hand goes from a workstation that the program does not know.
func TestWorkstationOfAnUploadByHandIsAdvice(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	s.cfg.Upload.Method = upgrade.UploadManual
	p, err := s.open(t, policy.Test, nil).Plan(t.Context())
	must(t, err)
	if f := awakeFinding(t, *p.Gates["check-workstation"]); f.Class != policy.Advice || f.Status != policy.Fail {
		t.Errorf("%+v", f)
	}
}
