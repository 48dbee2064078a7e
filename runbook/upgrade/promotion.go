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
	phasePromotion      = "Promotion pathway"
	stepBreakingChanges = "attest-breaking-changes"
	stepProductionDate  = "record-production-date"
	stepApprovePlan     = "approve-plan"
)

func (p *Process) promotion() []runbook.Step {
	steps := []runbook.Step{
		{ID: "check-promotion-policy", Phase: phasePromotion, Title: "Check the promotion pathway", Gate: true, Expected: 5 * time.Second,
			Does: "reads the versions of Test and Production and applies the rules", Clauses: []string{"POL-1a", "POL-1b", "POL-5", "POL-4", "POL-1"}, Apply: p.whenRunning(p.checkPromotion)},
		attest("attest-release-notes", phasePromotion, "Release notes reviewed", "POL-2",
			runbook.Field{Name: "link", Text: "link to the release notes that were read", Required: true}),
		attest("attest-vendor-session", phasePromotion, "Vendor's introduction attended", "POL-2a",
			runbook.Field{Name: "attended", Text: "was it attended", Required: true, OneOf: []string{"yes", "no", "none offered"}}),
		attest(stepBreakingChanges, phasePromotion, "Breaking changes mitigated", "POL-3",
			runbook.Field{Name: "mitigation", Text: "document that describes the mitigation, or \"none\" if no breaking change is expected", Required: true}),
	}
	if p.test != nil && p.test.Promise != nil {
		for i, m := range p.test.Promise.Mitigations {
			steps = append(steps, attest(fmt.Sprintf("attest-mitigation-%d", i+1), phasePromotion, "Apply Test's mitigation to Production: "+m.Text, "POL-3",
				runbook.Field{Name: "applied", Text: "was it applied to Production", Required: true, OneOf: []string{"yes"}}))
		}
	}
	if p.env == policy.Test {
		steps = append(steps, attest(stepProductionDate, phasePromotion, "Date of the Production upgrade", "POL-1",
			runbook.Field{Name: "date", Text: "until when Production is to follow (YYYY-MM-DD)", Required: true, Date: true}))
	}
	return append(steps, runbook.Step{ID: stepApprovePlan, Phase: phasePromotion, Title: "Approve the plan", Clauses: []string{"POL-0"},
		Does: "nothing has been changed before this step", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "May this plan be carried out?", SecondPerson: p.cfg.Approval.SecondPerson}})
}

// attest makes a step in which a person states that a clause is met.
func attest(id, phase, title, clause string, fields ...runbook.Field) runbook.Step {
	return runbook.Step{ID: id, Phase: phase, Title: title, Clauses: []string{clause}, Does: "a person states it",
		Ask: &runbook.Ask{Kind: runbook.Attestation, Text: ClauseText(clause), Fields: fields}}
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
