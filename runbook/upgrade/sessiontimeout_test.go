package upgrade_test

import (
	"net/http"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// The setting itself tells whether a switch took effect whose answer was lost: nobody has to decide.
func TestLostAnswerToTheSwitchOfTheSessionTimeout(t *testing.T) {
	t.Parallel()
	for step, skip := range map[string]int{"disable-session-timeout": 0, "restore-session-timeout": 1} {
		for _, fault := range []pexiptest.Fault{{Kind: pexiptest.DropAfter}, {Kind: pexiptest.AnswerAfter, Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"}} {
			t.Run(step+" "+string(fault.Kind), func(t *testing.T) {
				t.Parallel()
				s := quiet(t, upgradetest.Options{})
				fault.Method, fault.Path, fault.Skip = http.MethodPatch, "/global/1/", skip
				must(t, s.Test.Inject(fault))
				state := run(t, s.open(t, policy.Test, upgradetest.People{}))
				if st := state.Step(step); state.End.Outcome != runbook.Completed || st.Tries != 1 || len(s.Test.Armed()) > 0 {
					t.Errorf("%+v, %d tries, %v", state.End, st.Tries, s.Test.Armed())
				}
				s.wantPutBack(t)
			})
		}
	}
}

// A switch that did not take effect is the failure that it was, not one of reading it back.
func TestRefusedSwitchOfTheSessionTimeout(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	must(t, s.Test.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Method: http.MethodPatch, Path: "/global/1/", Skip: 1, Status: http.StatusForbidden}))
	session := s.open(t, policy.Test, decisions(runbook.PreparedAnswer{Step: "restore-session-timeout", Decision: runbook.DecideRetry, Statement: "the role has the right again"}))
	failed := ""
	session.Runner.Observer = func(e runbook.Event) {
		if e.Kind == runbook.EventKind(runbook.KindFail) {
			failed += e.Text
		}
	}
	state := run(t, session)
	if st := state.Step("restore-session-timeout"); st.Tries != 2 || !contains(failed, "switch the session timeout", "403") {
		t.Errorf("%d tries, failed with %q", st.Tries, failed)
	}
	s.wantPutBack(t)
}
