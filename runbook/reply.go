package runbook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Reply is an answer to exactly the question that a person was shown, for forms that may have been
// on a screen for a while.
type Reply struct {
	Run string
	// Question is the number of the question that was shown, as Wait.Number gives it; 0 replies to no
	// question: the wish that the run puts everything back and ends, with the reason as the answer's
	// Statement.
	Question uint64
	// PlanHash is that of the plan as it was shown.
	PlanHash string
	Answer   Answer
}

// ErrOutdated is matched by the error about a reply to something that has changed since it was shown.
var ErrOutdated = errors.New("nothing was recorded")

// Reply records an answer as Signal does, but only if the run still asks the question that was shown,
// under the plan that was shown, and nobody has answered it meanwhile: otherwise the error matches
// ErrOutdated. The comparison and the record are one: of several replies to a question one is recorded,
// so a form that is sent twice does no harm.
func (r *Runner) Reply(ctx context.Context, p Reply) error {
	if p.Question == 0 {
		p.Answer.Decision = DecideAbort
		return r.signal(ctx, p.Run, settleStep, p.Answer, p.current)
	}
	s, err := r.State(ctx, p.Run)
	if err != nil {
		return err
	}
	step := "" // current refuses a run that asks nothing
	if s.Waiting != nil {
		step = s.Waiting.Question.Step
	}
	return r.signal(ctx, p.Run, step, p.Answer, p.current)
}

// current says whether what was shown is still so.
func (p Reply) current(s *State) error {
	switch {
	case s.End != nil:
		return fmt.Errorf("it has ended (%s): %w", s.End.Outcome, ErrOutdated)
	case s.Plan.Hash != p.PlanHash:
		return fmt.Errorf("its plan is now %.12s, not %.12s: %w", s.Plan.Hash, p.PlanHash, ErrOutdated)
	case p.Question == 0 && s.Leaving != "":
		return fmt.Errorf("it is being ended already (%s): %w", s.Leaving, ErrOutdated)
	case p.Question == 0 && strings.TrimSpace(p.Answer.Statement) == "":
		return errors.New("ending the run needs a reason")
	case p.Question == 0:
		return given(s.Aborting())
	case s.Waiting == nil || s.Waiting.seq != p.Question:
		return fmt.Errorf("it does not ask this question any more: %w", ErrOutdated)
	}
	return given(s.Answered())
}

func given(a Answer, yes bool) error {
	if !yes {
		return nil
	}
	return fmt.Errorf("%s has already answered: %w", a.Actor, ErrOutdated)
}

// Number tells this question from every other one of its run, also from the same one asked again. Only a Wait that
// State or Evidence has read from a journal has it; one that was decoded from JSON has 0.
func (w *Wait) Number() uint64 { return w.seq }

// Answered is the answer to what the run waits for that was recorded from outside, and that the run
// takes as soon as it is driven on.
func (s *State) Answered() (Answer, bool) {
	if s.Waiting == nil {
		return Answer{}, false
	}
	// What does not fit was refused when it came.
	sig, found := s.pending(s.Waiting.Question.Step, s.Waiting.seq, func(Answer) bool { return true })
	return sig.answer, found
}

// Aborting is the wish to end the run that was recorded from outside, and that the run has not taken yet.
func (s *State) Aborting() (Answer, bool) {
	sig, found := s.pending(settleStep, s.Step(settleStep).takenSeq, func(a Answer) bool { return a.Decision == DecideAbort })
	return sig.answer, found
}

// Last is when the run's last record was written, by the clock of whoever wrote it.
func (s *State) Last() time.Time { return s.last }
