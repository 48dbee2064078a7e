package runbook

import (
	"context"
	"errors"
	"fmt"
)

// settleAll settles what is owed in reverse order of its owing. All are tried, each with its own
// precondition; for what fails a person decides: retry, or done by hand with a reason.
func (d *driver) settleAll(ctx context.Context) error {
	for {
		failed, err := d.settleOnce(ctx)
		if err != nil || failed == nil {
			return err
		}
		answer, err := d.ask(ctx, failed.question(d), failed.seq())
		if err != nil {
			return err
		}
		if err := d.settleDecided(ctx, failed, answer); err != nil {
			return err
		}
	}
}

// unsettled is an obligation whose undo failed.
type unsettled struct {
	owed Owed
	step Step
	err  error
}

func (u *unsettled) question(d *driver) Question {
	return d.decision(&u.step, u.err, []Decision{DecideRetry, DecideDone})
}

func (u *unsettled) seq() uint64 {
	var f *stepFailure
	errors.As(u.err, &f)
	return f.seq
}

// settleOnce tries all that is owed and returns the first that could not be settled.
func (d *driver) settleOnce(ctx context.Context) (first *unsettled, err error) {
	var owed []Owed
	d.read(func(s *State) { owed = append(owed, s.Owed...) })
	for i := len(owed) - 1; i >= 0; i-- {
		u := &unsettled{owed: owed[i], step: d.settleStepFor(owed[i])}
		if done, err := d.statedSettled(ctx, u); done || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		u.err = d.try(ctx, &u.step, true)
		var failure *stepFailure
		if u.err != nil && !errors.As(u.err, &failure) {
			return nil, u.err
		}
		if u.err != nil && first == nil {
			first = u
		}
	}
	return first, nil
}

// statedSettled takes a person's earlier signal that an undo which failed before was done by hand.
func (d *driver) statedSettled(ctx context.Context, u *unsettled) (bool, error) {
	var st StepState
	d.read(func(s *State) { st = s.Step(u.step.ID) })
	if st.Status != StepFailed {
		return false, nil
	}
	answer, ok, err := d.fromSignal(ctx, d.decision(&u.step, errors.New(st.Error), []Decision{DecideDone}), st.failedSeq)
	if !ok || err != nil {
		return false, err
	}
	return true, d.settleDecided(ctx, u, answer)
}

// settleDecided closes an obligation that a person states to have met; a retry needs nothing.
func (d *driver) settleDecided(ctx context.Context, u *unsettled, answer Answer) error {
	if answer.Decision != DecideDone {
		return nil
	}
	if err := d.decided(ctx, &u.step, answer); err != nil {
		return err
	}
	return d.settled(ctx, &u.step, u.owed, "stated by "+answer.Actor+": "+answer.Statement)
}

// settled records that an obligation was met.
func (d *driver) settled(ctx context.Context, s *Step, o Owed, note string) error {
	if err := d.append(ctx, KindSettled, o.ID(), 0, settledData{Note: note}); err != nil {
		return err
	}
	d.showOwed(KindSettled, s, o, note)
	return nil
}

// showOwed tells observers of an obligation. What is shown is as the journal has it, without secrets.
func (d *driver) showOwed(kind Kind, s *Step, o Owed, text string) {
	if d.Observer == nil {
		return
	}
	shown := o
	shown.Notes = nil // the step's own memory, which it goes on writing to
	e := Event{Kind: EventKind(kind), Step: s.ID, Title: s.Title, Phase: s.Phase, Clauses: s.Clauses, Text: text, Owed: &shown}
	if u := d.def.undo(o.Kind); u != nil {
		e.Title = u.Title
	}
	d.show(e)
}

// showDebts tells observers, when a run is driven on, what it owes already.
func (d *driver) showDebts() {
	var owed []Owed
	d.read(func(s *State) { owed = append(owed, s.Owed...) })
	for _, o := range owed {
		d.showOwed(KindOwe, &Step{ID: o.Step}, o, "still to be put back")
	}
}

// phasePutBack is the phase of the steps that settle.
const phasePutBack = "Put back"

// settleStepFor makes the step that settles one obligation.
func (d *driver) settleStepFor(o Owed) Step {
	s := Step{ID: "settle/" + o.ID(), Phase: phasePutBack, Title: "put back " + o.ID()}
	if u := d.def.undo(o.Kind); u != nil {
		s.Title, s.Clauses = u.Title, u.Clauses
	}
	s.Apply = func(sc *StepContext) error {
		if err := sc.Settle(o.Kind, o.Key); err != nil {
			return fmt.Errorf("put back %s (found: %s): %w", o.ID(), o.Found, err)
		}
		return nil
	}
	return s
}
