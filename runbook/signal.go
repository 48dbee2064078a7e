package runbook

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Signal records what a person says from outside the process that drives the run. It disturbs
// nobody and may be called while the run is driven or while it is not. An answer that does not fit
// the question or comes too late, an unknown step and an ended run are errors, and nothing is recorded.
func (r *Runner) Signal(ctx context.Context, run, step string, a Answer) error {
	a.Actor = r.Actor
	for {
		s, err := r.State(ctx, run)
		if err != nil {
			return err
		}
		if err := s.accepts(step, a, r.now()); err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		raw, err := r.encode(a)
		if err != nil {
			return err
		}
		rec := Record{V: RecordVersion, Seq: s.Records + 1, Epoch: s.Epoch, At: r.now(), Actor: r.Actor, Kind: KindSignal, Key: step, Data: raw}
		err = r.Log.Append(ctx, RunStream(run), &rec)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// accepts says whether an answer from outside makes sense now.
func (s *State) accepts(step string, a Answer, now time.Time) error {
	if s.End != nil {
		return fmt.Errorf("it has already ended (%s)", s.End.Outcome)
	}
	if a.Decision != "" {
		return s.acceptsDecision(step, a)
	}
	for _, p := range append(append([]PlannedStep(nil), s.Plan.Steps...), s.Plan.Rollback...) {
		if p.ID != step {
			continue
		}
		st := s.Step(step)
		if st.Status.Over() {
			return fmt.Errorf("%s is already %s", step, st.Status)
		}
		if s.Waiting != nil && s.Waiting.Question.Step == step {
			if s.Waiting.late(now) {
				return fmt.Errorf("%s was to be answered until %s; the answer was not recorded: resume the run, and decide about the step", step, s.Waiting.Until().Format(time.RFC3339))
			}
			return s.answerable(s.Waiting.Question, a)
		}
		if p.Ask == nil {
			return fmt.Errorf("%s asks nothing", step)
		}
		return s.answerable(Question{Step: step, Ask: *p.Ask, PlanHash: s.Plan.Hash}, a)
	}
	return fmt.Errorf("its plan has no step %q", step)
}

func (s *State) answerable(q Question, a Answer) error {
	if q.Ask.SecondPerson && a.Actor == s.Starter {
		return fmt.Errorf("%s must be answered by a second person, not by %s who started the run", q.Step, a.Actor)
	}
	return q.Check(a)
}

func (s *State) acceptsDecision(step string, a Answer) error {
	if a.Decision == DecideAbort && step == settleStep {
		return nil
	}
	if s.Waiting == nil || s.Waiting.Question.Step != step || s.Waiting.Question.Ask.Kind != DecisionWanted {
		return fmt.Errorf("%s waits for no decision", step)
	}
	return s.Waiting.Question.Check(a)
}

// Abort asks the process that drives the run to put everything back and end after its current step.
func (r *Runner) Abort(ctx context.Context, run, reason string) error {
	return r.Signal(ctx, run, settleStep, Answer{How: "decide", Decision: DecideAbort, Statement: reason})
}
