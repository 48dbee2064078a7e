package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Signal records what a person says from outside the process that drives the run. It disturbs
// nobody and may be called while the run is driven or while it is not. An answer that does not fit
// the question or comes too late, an unknown step and an ended run are errors, and nothing is recorded.
// The answer's files are copied into the run's folder first; if the process ends in between they lie there
// without being referred to, which is no harm.
func (r *Runner) Signal(ctx context.Context, run, step string, a Answer) error {
	return r.signal(ctx, run, step, a, func(*State) error { return nil })
}

// signal records an answer, provided that may has nothing against the state that it is added to.
func (r *Runner) signal(ctx context.Context, run, step string, a Answer, may func(*State) error) error {
	a.Actor, a.Attached = r.Actor, nil
	for {
		s, err := r.State(ctx, run)
		if err != nil {
			return err
		}
		if err := may(s); err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		ask, err := s.accepts(step, a, r.now())
		if err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		if a, err = r.complete(run, step, ask, a); err != nil {
			return fmt.Errorf("run %s: the answer to %s: %w; nothing was recorded", run, step, err)
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

// accepts says whether an answer from outside makes sense now, and to which question.
func (s *State) accepts(step string, a Answer, now time.Time) (Ask, error) {
	if s.End != nil {
		return Ask{}, fmt.Errorf("it has already ended (%s)", s.End.Outcome)
	}
	if a.Decision != "" {
		return Ask{}, s.acceptsDecision(step, a, now)
	}
	for _, p := range slices.Concat(s.Plan.Steps, s.Plan.Rollback) {
		if p.ID == step {
			q, err := s.asked(p, now)
			if err != nil {
				return q.Ask, err
			}
			return q.Ask, s.answerable(q, a, now)
		}
	}
	return Ask{}, fmt.Errorf("its plan has no step %q", step)
}

// asked is the question that a step asks now, or will ask as far as the plan says.
func (s *State) asked(p PlannedStep, now time.Time) (q Question, err error) {
	st := s.Step(p.ID)
	switch {
	case st.Status.Over():
		return q, fmt.Errorf("%s is already %s", p.ID, st.Status)
	case s.Waiting != nil && s.Waiting.Question.Step == p.ID && s.Waiting.late(now):
		return q, fmt.Errorf("%s was to be answered until %s; the answer was not recorded: resume the run, and decide about the step", p.ID, s.Waiting.Until().Format(time.RFC3339))
	case s.Waiting != nil && s.Waiting.Question.Step == p.ID:
		return s.Waiting.Question, nil
	case p.Ask == nil:
		return q, fmt.Errorf("%s asks nothing", p.ID)
	}
	return Question{Step: p.ID, Ask: *p.Ask, PlanHash: s.Plan.Hash}, nil
}

func (s *State) answerable(q Question, a Answer, now time.Time) error {
	if q.Ask.SecondPerson && a.Actor == s.Starter {
		return fmt.Errorf("%s must be answered by a second person, not by %s who started the run", q.Step, a.Actor)
	}
	return q.check(a, now)
}

func (s *State) acceptsDecision(step string, a Answer, now time.Time) error {
	if a.Decision == DecideAbort && step == settleStep {
		return nil
	}
	if s.Waiting == nil || s.Waiting.Question.Step != step || s.Waiting.Question.Ask.Kind != DecisionWanted {
		return fmt.Errorf("%s waits for no decision", step)
	}
	return s.Waiting.Question.check(a, now)
}

// Abort asks the process that drives the run to put everything back and end after its current step.
func (r *Runner) Abort(ctx context.Context, run, reason string) error {
	return r.Signal(ctx, run, settleStep, Answer{How: "decide", Decision: DecideAbort, Statement: reason})
}
