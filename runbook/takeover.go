package runbook

import (
	"context"
	"errors"
	"fmt"
)

// Resume takes a run over, whose process has ended, and drives it on. A run that is alive is a
// *LockedError; another plan is a *PlanChangedError. Nothing that was done is repeated.
func (r *Runner) Resume(ctx context.Context, def *Definition, run, reason string) (*State, error) {
	return r.goOn(ctx, def, run, takeover{reason: reason}, nothingFirst)
}

// TakeOver is Resume for a run whose driver seems to be alive but does not go on: a stopped process,
// a machine that sleeps. It needs a reason. The former driver is fenced off by the journal: it can
// record nothing more, and its requests that change something are refused (see CheckOwner). What it
// had already sent still takes effect; the step is then in doubt here, as after a crash.
func (r *Runner) TakeOver(ctx context.Context, def *Definition, run, reason string) (*State, error) {
	if reason == "" {
		return nil, errors.New("taking a run over from a driver that is alive needs a reason")
	}
	return r.goOn(ctx, def, run, takeover{reason: reason, alive: true}, nothingFirst)
}

func nothingFirst(*driver) error { return nil }

// Settle takes a run over, puts back everything that it owes and ends it as aborted. It may be
// repeated. What cannot be put back now stays owed and is the error. It works wherever the journal
// is, and with a changed plan, because only the definition's Undos are used; but a rollback that was
// begun is gone through to its end, with the plan that it began with.
func (r *Runner) Settle(ctx context.Context, def *Definition, run, reason string) (*State, error) {
	return r.goOn(ctx, def, run, takeover{reason: reason, settling: true}, func(d *driver) error {
		if d.state.Leaving != "" {
			return nil
		}
		a := answerData{Answer: Answer{Actor: r.Actor, How: "settle", Statement: reason, Decision: DecideAbort}}
		return d.append(ctx, KindAnswer, settleStep, 0, a)
	})
}

// settleStep is the key of answers that concern the run's end and not one of its steps.
const settleStep = "settle"

// takeover says why a run is taken over, and what must not stop that.
type takeover struct {
	reason string
	// alive: also from a driver that seems to be alive.
	alive bool
	// settling: nothing but the undos will be used.
	settling bool
}

// goOn takes a run over, does something first, and drives it on.
func (r *Runner) goOn(ctx context.Context, def *Definition, run string, t takeover, first func(*driver) error) (*State, error) {
	d, release, err := r.takeOver(ctx, def, run, t)
	if err != nil {
		return nil, err
	}
	defer release()
	if d.state.End != nil {
		return d.state, nil
	}
	if err := first(d); err != nil {
		return d.state, err
	}
	return d.drive(ctx)
}

func (r *Runner) takeOver(ctx context.Context, def *Definition, run string, t takeover) (*driver, func(), error) {
	plan, err := def.Plan()
	if err != nil {
		return nil, nil, err
	}
	release, err := r.lock(run)
	var alive *LockedError
	if t.alive && errors.As(err, &alive) {
		release, err = func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	d, err := r.own(ctx, def, run, plan, t)
	if err != nil {
		release()
		return nil, nil, err
	}
	return d, release, nil
}

// own reads the run and appends the takeover that makes this process its owner. A run that has ended
// needs no owner; only what its environment must know of that is completed.
func (r *Runner) own(ctx context.Context, def *Definition, run string, plan Plan, t takeover) (*driver, error) {
	state, err := r.State(ctx, run)
	if err != nil {
		return nil, err
	}
	d := r.driver(def, state)
	if state.End != nil {
		return d, r.endEnvironment(ctx, def.Environment, state)
	}
	return d, d.openEpoch(ctx, plan, t)
}

func (d *driver) openEpoch(ctx context.Context, plan Plan, t takeover) error {
	data := takeoverData{Reason: t.reason}
	if plan.Hash != d.state.Plan.Hash {
		if err := d.acceptPlan(plan, t, &data); err != nil {
			return err
		}
	}
	d.epoch = d.state.Epoch + 1
	if err := d.append(ctx, KindTakeover, "", 0, data); err != nil {
		return fmt.Errorf("take over run %s: %w", d.state.Run, err)
	}
	return nil
}

// acceptPlan decides whether the run may go on with a plan that differs from the one it has.
func (d *driver) acceptPlan(plan Plan, t takeover, data *takeoverData) error {
	if t.settling && d.state.Leaving != DecideRollback {
		data.Reason = fmt.Sprintf("%s; only to put back what is owed, with the changed plan %.12s", t.reason, plan.Hash)
		return nil
	}
	if d.AcceptPlan == "" {
		return &PlanChangedError{Run: d.state.Run, Was: d.state.Plan.Hash, Is: plan.Hash}
	}
	if err := stillThere(d.state, plan); err != nil {
		return err
	}
	data.Reason, data.Plan = t.reason+"; changed plan accepted: "+d.AcceptPlan, &plan
	return nil
}

// stillThere checks that a changed plan has all steps that were begun, in their order.
func stillThere(s *State, plan Plan) error {
	at := map[string]int{}
	for i, p := range plan.Steps {
		at[p.ID] = i
	}
	last := -1
	for _, p := range s.Plan.Steps {
		if s.Step(p.ID).Status == StepPending {
			continue
		}
		i, ok := at[p.ID]
		if !ok || i < last {
			return fmt.Errorf("run %s cannot go on with the changed plan: %s was already begun and is missing or in another place", s.Run, p.ID)
		}
		last = i
	}
	return nil
}
