package upgrade

import (
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	phasePromotion  = "Promotion pathway"
	stepApprovePlan = "approve-plan"
)

func (p *Process) promotion() []runbook.Step {
	steps := []runbook.Step{
		{ID: "check-promotion-policy", Phase: phasePromotion, Title: "Check the promotion pathway", Gate: true, Expected: 5 * time.Second,
			Does: "reads the versions of Test and Production and applies the rules", Clauses: []string{"POL-1a", "POL-1b", "POL-5", "POL-4", "POL-1"}, Apply: p.whenRunning(p.checkPromotion)},
		attestReleaseNotes(), attestVendorSession(), attestBreakingChanges(),
	}
	steps = append(steps, p.attestMitigations()...)
	if p.env == policy.Test {
		steps = append(steps, attestProductionDate())
	}
	return append(steps, runbook.Step{ID: stepApprovePlan, Phase: phasePromotion, Title: "Approve the plan", Clauses: []string{"POL-0"},
		Does: "nothing has been changed before this step", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "May this plan be carried out?", SecondPerson: p.cfg.Approval.SecondPerson}})
}

// checkPromotion applies the rules to the versions that run now; for Production also to Test's run.
func (p *Process) checkPromotion(sc *runbook.StepContext) error {
	test, err := p.runs(sc, policy.Test)
	if err != nil {
		return err
	}
	production, err := p.runs(sc, policy.Production)
	if err != nil {
		return err
	}
	r := p.rules
	r.Test, r.Production, r.Budget = test, production, nil // the time is judged by its own step
	d := policy.Decide(r, time.Now())
	for _, w := range d.WaiversUsed {
		sc.Deviate("waiver used: " + w.String())
	}
	var void []string
	for _, w := range d.WaiversRefused {
		void = append(void, fmt.Sprintf("waiver %s counts for nothing: %s", w.ID, strings.Join(w.Reasons, "; ")))
		sc.Deviate(void[len(void)-1])
	}
	if err = p.judge(sc, d.Findings); is[*RefusedError](err) && void != nil {
		err = fmt.Errorf("%w; %s", err, strings.Join(void, "; "))
	}
	return err
}

// runs is the version of an environment's primary Management Node, nil when it does not answer.
// The environment that is upgraded must answer.
func (p *Process) runs(sc *runbook.StepContext, env policy.Environment) (*policy.Version, error) {
	primary, err := primaryNode(sc, p.node(env))
	if err != nil && (env == p.env || !pexip.Unavailable(err)) {
		return nil, fmt.Errorf("version of %s: %w", env, err)
	}
	if err != nil {
		return nil, nil
	}
	v, err := policy.ParseVersion(primary.Version)
	if err != nil {
		return nil, nil // an unreadable version is unknown, and unknown never passes
	}
	return &v, nil
}
