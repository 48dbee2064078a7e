package upgrade_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// toRollback is a run whose verification failed and whose rollback waits for its approval, and its session.
func toRollback(t *testing.T, s *stage) (*upgrade.Session, *runbook.State) {
	t.Helper()
	must(t, s.Service.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Status: http.StatusInternalServerError}))
	back := runbook.PreparedAnswer{Step: "run-endpoint-checks", Decision: runbook.DecideRollback, Statement: "calls fail"}
	session := s.open(t, policy.Test, notAsked{"approve-rollback", decisions(back)})
	r, err := session.Run(t.Context())
	if r.State == nil || r.State.Waiting == nil || r.State.Waiting.Question.Step != "approve-rollback" {
		t.Fatalf("the run does not wait for the approval: %v", err)
	}
	return session, r.State
}

// notAsked is people who have no answer to one step's question.
type notAsked struct {
	step string
	runbook.Asker
}

func (n notAsked) Ask(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
	if q.Step == n.step {
		return runbook.Answer{}, runbook.ErrNoAnswer
	}
	return n.Asker.Ask(ctx, q)
}

func (s *stage) wantNotRolledBack(t *testing.T) {
	t.Helper()
	for _, vm := range s.Azure.State().VMs {
		if vm.Restores > 0 {
			t.Errorf("%s was restored", vm.Name)
		}
	}
	for _, e := range s.effects() {
		if strings.Contains(e, "/restore?") {
			t.Errorf("sent %s", e)
		}
	}
}

// Consent to roll back is consent to this run's plan: one for another plan, or for none, is refused from
// wherever it comes, and no VM is touched. The right one is taken afterwards.
func TestRollbackApprovalForAnotherPlanIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	session, state := toRollback(t, s)
	consent := func(hash string) runbook.Answer {
		return runbook.Answer{How: "decide", Statement: "Pexip agrees", Values: map[string]string{"support-case": "PEX-4711"}, PlanHash: hash}
	}
	for _, hash := range []string{strings.Repeat("0", 64), state.Plan.Hash[:12], strings.ToUpper(state.Plan.Hash), ""} {
		err := session.Runner.Signal(t.Context(), state.Run, "approve-rollback", consent(hash))
		if err == nil || !contains(err.Error(), "the approval is for plan", state.Plan.Hash[:12]) {
			t.Errorf("signal for plan %q: %v", hash, err)
		}
	}
	session.Runner.Asker = runbook.AskerFunc(func(context.Context, runbook.Question) (runbook.Answer, error) {
		return consent(strings.Repeat("f", 64)), nil
	})
	r, err := session.Resume(t.Context(), "", "an answer for another plan")
	if err == nil || r.State.Step("approve-rollback").Status.Over() {
		t.Errorf("asked at the prompt: %v, %s", err, r.State.Step("approve-rollback").Status)
	}
	s.wantNotRolledBack(t)

	session.Runner.Asker = runbook.AskerFunc(func(_ context.Context, q runbook.Question) (runbook.Answer, error) {
		if q.Ask.Kind == runbook.DecisionWanted {
			return runbook.Answer{How: "test", Statement: "asked again", Decision: runbook.DecideRetry}, nil
		}
		return consent(state.Plan.Hash), nil
	})
	if r, err = session.Resume(t.Context(), "", "approved"); err != nil || r.State.End.Outcome != runbook.RolledBack {
		t.Fatalf("%v, %+v", err, r.State.End)
	}
	s.wantPutBack(t)
}
