package features_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func (w *world) runSteps() []step {
	return []step{
		{`^(Test|Production) is upgraded$`, w.run},
		{`^Test has been upgraded in this way$`, func() { w.testUpgraded("") }},
		{`^Test has been upgraded in this way, with the mitigation "([^"]*)"$`, w.testUpgraded},
		{`^a second person approves and the upgrade of (Test|Production) is resumed$`, w.approvedAndResumed},
		{`^a second person approves another plan's rollback and the upgrade of (Test|Production) is resumed$`, w.otherApprovedAndResumed},
		{`^a second person must approve$`, func() { w.tweak(func(c *upgrade.Config) { c.Approval.SecondPerson = true }) }},
		{`^an upgrade of (Test|Production) was begun$`, w.run},
		{`^everything is put back for (Test|Production)$`, w.settle},
		{`^the configuration is changed in the meantime$`, func() { w.cfg.Snapshot.RetentionDays += 7 }},
		{`^the plan for (Test|Production) is looked at$`, w.plan},
		{`^the upgrade of (Test|Production) is brought to its approval$`, w.toApproval},
		{`^the upgrade of (Test|Production) is resumed$`, w.resume},
		{`^when "([^"]*)" begins, a colleague takes the upgrade of (Test|Production) over$`, w.colleagueTakesOver},
	}
}

// when has something happen at the moment at which a step begins for the first time.
func (w *world) when(title string, do func() error) { w.during[title] = append(w.during[title], do) }

func (w *world) observe(e runbook.Event) {
	if e.Kind != runbook.EventKind(runbook.KindIntent) {
		return
	}
	for _, do := range w.during[e.Title] {
		w.fail(do())
	}
	delete(w.during, e.Title)
}

// session is what all sessions of a scenario share: a network that is none, and journals in memory. That they last
// on a disk is shown by package filelog, and by the tests of package upgrade that kill processes.
func (w *world) session(actor, env string, asker runbook.Asker) upgrade.SessionOptions {
	return upgrade.SessionOptions{Environment: environment(env), Actor: actor, Asker: asker, Log: &w.log,
		Transport: func(http.RoundTripper) http.RoundTripper { return transport{} }}
}

// open makes a session in a context that ends when the operator's workstation does.
func (w *world) open(ctx context.Context, env string) (context.Context, *upgrade.Session, error) {
	if err := w.begin(ctx); err != nil {
		return nil, nil, err
	}
	ctx, w.stop = context.WithCancel(ctx)
	o := w.session(operator, env, w.people)
	o.Observer = w.observe
	s, err := upgrade.Open(ctx, w.cfg, o)
	if err == nil {
		s.Runner.Grace = pollInterval // whoever drove a run before is dead, not asleep
	}
	return ctx, s, err
}

func (w *world) act(ctx context.Context, env string, do func(context.Context, *upgrade.Session) (upgrade.Result, error)) error {
	ctx, s, err := w.open(ctx, env)
	if err != nil {
		return err
	}
	defer w.stop()
	w.result, w.err = do(ctx, s)
	return nil
}

func (w *world) run(ctx context.Context, env string) error {
	return w.act(ctx, env, func(ctx context.Context, s *upgrade.Session) (upgrade.Result, error) { return s.Run(ctx) })
}

// toApproval ends where nothing has been changed yet.
func (w *world) toApproval(ctx context.Context, env string) error {
	w.people.silent["Approve the plan"] = true
	return w.run(ctx, env)
}

func (w *world) resume(ctx context.Context, env string) error {
	return w.act(ctx, env, func(ctx context.Context, s *upgrade.Session) (upgrade.Result, error) {
		return s.Resume(ctx, "", "resumed in the scenario")
	})
}

func (w *world) settle(ctx context.Context, env string) error {
	return w.act(ctx, env, func(ctx context.Context, s *upgrade.Session) (upgrade.Result, error) {
		return s.Settle(ctx, "", "put back in the scenario")
	})
}

func (w *world) plan(ctx context.Context, env string) error {
	return w.act(ctx, env, func(ctx context.Context, s *upgrade.Session) (_ upgrade.Result, err error) {
		w.preview, err = s.Plan(ctx)
		return upgrade.Result{}, err
	})
}

// approve: the approval comes from another workstation, as a signal.
func (w *world) approve(plan string, values map[string]string) error {
	second, err := upgrade.OpenRunner(w.cfg.State, upgrade.SessionOptions{Actor: "second@workstation", Log: &w.log})
	if err != nil {
		return err
	}
	state := w.result.State
	return second.Signal(context.Background(), state.Run, state.Waiting.Question.Step,
		runbook.Answer{How: "scenario", Statement: "approved", Values: values, PlanHash: plan})
}

func (w *world) approvedAndResumed(ctx context.Context, env string) error {
	if err := w.approve(w.result.State.Plan.Hash, nil); err != nil {
		return err
	}
	return w.resume(ctx, env)
}

// otherApprovedAndResumed: the refusal is expected, and so is that it leaves no trace.
func (w *world) otherApprovedAndResumed(ctx context.Context, env string) error {
	err := w.approve(strings.Repeat("0", 64), map[string]string{"support-case": "PEX-4711"})
	if err == nil || !strings.Contains(err.Error(), "the approval is for plan") {
		return fmt.Errorf("the approval of another plan was not refused: %v", err)
	}
	return w.resume(ctx, env)
}

// testUpgraded is an earlier upgrade of Test, by the same process.
func (w *world) testUpgraded(mitigation string) {
	w.later(func() error {
		earlier := newPeople()
		if mitigation != "" {
			earlier.say("Breaking changes mitigated", "expected", "yes")
			earlier.say("Breaking changes mitigated", "mitigation", mitigation)
		}
		s, err := upgrade.Open(context.Background(), w.cfg, w.session(operator, "test", earlier))
		if err != nil {
			return err
		}
		if _, err = s.Run(context.Background()); err != nil {
			return fmt.Errorf("the earlier upgrade of Test: %w", err)
		}
		for _, part := range []interface{ ForgetRequests() }{w.sim.Test, w.sim.Production, w.sim.Azure, w.sim.Pipeline, w.sim.Service} {
			part.ForgetRequests()
		}
		return nil
	})
}

// colleagueTakesOver has the colleague drive the run to its end while its first driver is held up.
func (w *world) colleagueTakesOver(title, env string) {
	w.when(title, func() error {
		s, err := upgrade.Open(context.Background(), w.cfg, w.session("colleague@workstation", env, newPeople()))
		if err != nil {
			return err
		}
		_, err = s.TakeOver(context.Background(), "", "the first workstation does not go on")
		return err
	})
}
