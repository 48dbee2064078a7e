package runbook

import (
	"context"
	"fmt"
	"time"
)

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
	tick := time.NewTicker(d.pollEvery())
	defer tick.Stop()
	for {
		select {
		case s := <-got:
			if s.err != nil {
				return Answer{}, s.err
			}
			return d.take(ctx, q, s.answer)
		case <-tick.C:
			if a, ok, err := d.fromSignal(ctx, q, after); ok || err != nil {
				return a, err
			}
			if err := d.interrupted(ctx); err != nil {
				return Answer{}, err
			}
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

// interrupted says whether an open question is overtaken by the wish to stop or to leave. While the
// run is already being left, its remaining questions stay open.
func (d *driver) interrupted(ctx context.Context) error {
	if d.leaving() {
		return nil
	}
	return d.between(ctx)
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
	if err := q.Check(a); err != nil {
		return Answer{}, fmt.Errorf("the answer to %s (%s) does not fit: %w", q.Step, a.How, err)
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
