package runbook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ask puts a question to the Asker and watches the journal for a signal; the first answer counts.
// With neither it records what it waits for and returns a *WaitingError.
func (d *driver) ask(ctx context.Context, q Question, after uint64) (Answer, error) {
	if a, ok, err := d.fromSignal(ctx, q, after); ok || err != nil {
		return a, err
	}
	if err := d.wait(ctx, q); err != nil {
		return Answer{}, err
	}
	if err := d.inTime(q); err != nil {
		return Answer{}, err
	}
	answer, err := d.race(ctx, q, after)
	if errors.Is(err, ErrNoAnswer) {
		var owed []Owed
		d.read(func(s *State) { owed = append(owed, s.Owed...) })
		return Answer{}, &WaitingError{Question: q, Owed: owed}
	}
	return answer, err
}

func (d *driver) wait(ctx context.Context, q Question) error {
	var same bool
	d.read(func(s *State) {
		was := Question{}
		if s.Waiting != nil {
			was = s.Waiting.Question
		}
		a, _ := json.Marshal(was)
		b, _ := json.Marshal(q)
		same = string(a) == string(b)
	})
	if !same {
		if err := d.append(ctx, KindWait, q.Step, 0, q); err != nil {
			return err
		}
	}
	var w *Wait
	d.read(func(s *State) { w = s.Waiting })
	d.show(Event{Kind: EventKind(KindWait), Step: q.Step, Title: q.Title, Clauses: q.Clauses, Text: q.Ask.Text, Waiting: w})
	return nil
}

// fromSignal takes the first fitting signal for the question.
func (d *driver) fromSignal(ctx context.Context, q Question, after uint64) (Answer, bool, error) {
	if err := d.refresh(ctx); err != nil {
		return Answer{}, false, err
	}
	var sig signal
	var found bool
	d.read(func(s *State) {
		after = max(after, s.Step(q.Step).takenSeq)
		sig, found = s.pending(q.Step, after, func(a Answer) bool { return q.check(a, d.now()) == nil && d.mayAnswer(q, a) == nil })
	})
	if !found {
		return Answer{}, false, nil
	}
	return sig.answer, true, d.append(ctx, KindAnswer, q.Step, 0, answerData{Answer: sig.answer, Ask: q.Ask, Signal: sig.seq})
}

func (d *driver) mayAnswer(q Question, a Answer) error {
	if q.Ask.SecondPerson && a.Actor == d.state.Starter {
		return fmt.Errorf("%s must be answered by a second person, not by %s who started the run", q.Step, a.Actor)
	}
	return nil
}

// race asks the Asker while it watches the journal.
func (d *driver) race(ctx context.Context, q Question, after uint64) (Answer, error) {
	if d.Asker == nil {
		return Answer{}, ErrNoAnswer
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	type said struct {
		answer Answer
		err    error
	}
	got := make(chan said, 1)
	go func() {
		a, err := d.Asker.Ask(asking, q)
		got <- said{a, err}
	}()
	for nap := d.pollEvery(); ; nap = longer(nap) {
		select {
		case s := <-got:
			if s.err != nil {
				return Answer{}, s.err
			}
			return d.take(ctx, q, s.answer)
		case <-d.clock().After(nap):
			if a, ok, err := d.fromSignal(ctx, q, after); ok || err != nil {
				return a, err
			}
			if err := cmp.Or(d.interrupted(ctx), d.inTime(q)); err != nil {
				return Answer{}, err
			}
		case <-d.stop():
			return Answer{}, ErrStopped
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

// stop is Drain, unless the run is being left: its remaining questions stay open.
func (d *driver) stop() <-chan struct{} {
	if d.leaving() {
		return nil
	}
	return d.Drain
}

// longestPoll bounds how rarely an open question looks for answers from elsewhere.
const longestPoll = 30 * time.Second

// longer makes the looks rarer the longer a question is open: a tenth of that time.
func longer(nap time.Duration) time.Duration {
	return max(nap, min(nap+nap/10+1, longestPoll))
}

// inTime is an error once the time to answer the question is over.
func (d *driver) inTime(q Question) (err error) {
	d.read(func(s *State) {
		if w := s.Waiting; w != nil && w.Question.Step == q.Step && w.late(d.now()) {
			err = fmt.Errorf("nobody answered within %s, until %s", q.Ask.Within, w.Until().Format(time.RFC3339))
		}
	})
	return err
}

// interrupted says whether an open question is overtaken by the wish to stop or to leave. While the
// run is already being left, its remaining questions stay open.
func (d *driver) interrupted(ctx context.Context) error {
	if d.leaving() {
		return nil
	}
	return d.wanted(ctx)
}

// take records an Asker's answer. The actor is this process's identity; an answer that does not
// fit is an error, so that no wrong answer is recorded.
func (d *driver) take(ctx context.Context, q Question, a Answer) (Answer, error) {
	a.Actor = d.Actor
	if q.Ask.Kind == Approval && a.PlanHash == "" {
		a.PlanHash = q.PlanHash
	}
	if err := d.mayAnswer(q, a); err != nil {
		return Answer{}, ErrNoAnswer
	}
	a.Attached = nil
	if err := q.check(a, d.now()); err != nil {
		return Answer{}, fmt.Errorf("the answer to %s (%s) does not fit: %w", q.Step, a.How, err)
	}
	a, err := d.complete(q.Run, q.Step, q.Ask, a)
	if err != nil {
		return Answer{}, fmt.Errorf("the answer to %s (%s): %w; nothing was recorded", q.Step, a.How, err)
	}
	return a, d.append(ctx, KindAnswer, q.Step, 0, answerData{Answer: a, Ask: q.Ask})
}

func (d *driver) pollEvery() time.Duration {
	if d.Poll > 0 {
		return d.Poll
	}
	return 250 * time.Millisecond
}

func (d *driver) question(step, title string, clauses []string, ask Ask) Question {
	return Question{Run: d.state.Run, Step: step, Title: title, Clauses: clauses, Ask: ask, PlanHash: d.state.Plan.Hash}
}
