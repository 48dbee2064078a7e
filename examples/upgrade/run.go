package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func plan(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	var t target
	t.flags(f)
	return func(ctx context.Context, _ []string) (int, error) {
		s, _, err := a.open(ctx, t)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		return a.preview(ctx, s)
	}
}

// preview shows the plan; a check that refuses makes the exit code.
func (a *app) preview(ctx context.Context, s *upgrade.Session) (int, error) {
	p, err := s.Plan(ctx)
	if err != nil {
		return upgrade.ExitCode(nil, err), err
	}
	v := upgrade.ViewPlan(p)
	if err := a.show("plan", v, func() { a.writePlan(v) }); err != nil {
		return upgrade.ExitFailed, err
	}
	if len(p.Refused) > 0 {
		return upgrade.ExitRefused, fmt.Errorf("refused, nothing was changed\n%s", upgrade.RefusalText(p))
	}
	return upgrade.ExitCompleted, nil
}

func (a *app) writePlan(v upgrade.PlanView) {
	switch {
	case a.ado != nil:
		a.ado.writePlan(v)
	case a.output == formatMermaid:
		v.WriteMermaid(a.out)
	default:
		v.WriteText(a.out, a.screen.width)
	}
}

// run shows the plan, refuses what the plan already refuses, and starts.
func run(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	var t target
	t.flags(f)
	t.people(f)
	return func(ctx context.Context, _ []string) (int, error) {
		s, prepared, err := a.open(ctx, t)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		if err := ready(ctx, s, prepared); err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		if code, err := a.preview(ctx, s); code != upgrade.ExitCompleted {
			return code, err
		}
		return a.drive(ctx, s, s.Run)
	}
}

// ready finds, before any request, that the environment is busy or that the answers do not fit.
func ready(ctx context.Context, s *upgrade.Session, prepared *runbook.Prepared) error {
	active, err := s.Runner.Active(ctx, string(s.Environment))
	if err != nil {
		return err
	}
	if active != "" {
		st, err := s.Runner.State(ctx, active)
		if err == nil && st.End == nil {
			return &runbook.ActiveRunError{Environment: string(s.Environment), Run: active, Starter: st.Starter, Started: st.Started, Owed: len(st.Owed)}
		}
	}
	if prepared == nil {
		return nil
	}
	p, err := s.Definition.Plan()
	if err != nil {
		return err
	}
	if faults := prepared.Check(p); len(faults) > 0 {
		return &upgrade.InputError{Err: errors.Join(faults...)}
	}
	return nil
}

func resume(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	var t target
	var id, reason string
	t.flags(f)
	t.people(f)
	f.StringVar(&id, "run", "", "the run; empty: the environment's active one")
	f.StringVar(&reason, "reason", "resumed", "why, for the record")
	return func(ctx context.Context, _ []string) (int, error) {
		s, _, err := a.open(ctx, t)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		return a.drive(ctx, s, func(ctx context.Context) (upgrade.Result, error) { return s.Resume(ctx, id, reason) })
	}
}

func takeOver(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	return withReason(f, a, "why is the run taken from its driver?", (*upgrade.Session).TakeOver)
}

func settle(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	return withReason(f, a, "why is the run ended?", (*upgrade.Session).Settle)
}

// withReason does something with a run that nobody should do without saying why.
func withReason(f *flag.FlagSet, a *app, question string, act func(*upgrade.Session, context.Context, string, string) (upgrade.Result, error)) func(context.Context, []string) (int, error) {
	var t target
	var id, reason string
	t.flags(f)
	t.people(f)
	f.StringVar(&id, "run", "", "the run; empty: the environment's active one")
	f.StringVar(&reason, "reason", "", "why, for the record")
	return func(ctx context.Context, _ []string) (int, error) {
		if reason == "" {
			return upgrade.ExitInput, errors.New("-reason is needed: " + question)
		}
		s, _, err := a.open(ctx, t)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		return a.drive(ctx, s, func(ctx context.Context) (upgrade.Result, error) { return act(s, ctx, id, reason) })
	}
}
