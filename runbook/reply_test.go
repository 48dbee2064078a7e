package runbook_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// askTwice asks, fails with the answer "wrong", and asks again.
func askTwice() *runbook.Definition {
	return &runbook.Definition{Name: "n", Environment: "e", Steps: []runbook.Step{{ID: "s", Title: "s", Apply: func(sc *runbook.StepContext) error {
		a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: "which?"})
		if err == nil && a.Statement == "wrong" {
			err = errors.New("that is wrong")
		}
		return err
	}}}}
}

func signals(t *testing.T, r *runbook.Runner, run string) (n int) {
	t.Helper()
	e, err := r.Evidence(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range e.Records {
		if rec.Kind == runbook.KindSignal {
			n++
		}
	}
	return n
}

// waiting drives a run on until it waits, and returns the reply to what it asks.
func waiting(t *testing.T, state *runbook.State, err error) runbook.Reply {
	t.Helper()
	var w *runbook.WaitingError
	if !errors.As(err, &w) {
		t.Fatalf("the run does not wait: %v", err)
	}
	return runbook.Reply{Run: state.Run, Question: state.Waiting.Number(), PlanHash: state.Plan.Hash, Answer: runbook.Answer{How: "page"}}
}

// A reply counts only for the question and the plan that were shown.
func TestReplyIsBoundToWhatWasShown(t *testing.T) {
	def, r := askTwice(), runner(new(memlog.Log))
	state, err := r.Start(t.Context(), def)
	first := waiting(t, state, err)
	first.Answer.Statement = "wrong"
	refuse := func(p runbook.Reply, why string) {
		t.Helper()
		before := signals(t, r, p.Run)
		err := r.Reply(t.Context(), p)
		if !errors.Is(err, runbook.ErrOutdated) || !strings.Contains(err.Error(), why) || signals(t, r, p.Run) != before {
			t.Errorf("%v, want %q and nothing recorded", err, why)
		}
	}
	other := first
	other.PlanHash = "another"
	refuse(other, "its plan is now")
	other = first
	other.Question--
	refuse(other, "does not ask this question any more")
	if err := r.Reply(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	refuse(first, "ann@laptop has already answered")
	state, err = r.Resume(t.Context(), def, first.Run, "go on")
	decision := waiting(t, state, err)
	refuse(first, "does not ask this question any more")
	decision.Answer.Decision = runbook.DecideRetry
	if err := r.Reply(t.Context(), decision); err != nil {
		t.Fatal(err)
	}
	state, err = r.Resume(t.Context(), def, first.Run, "go on")
	again := waiting(t, state, err)
	refuse(first, "does not ask this question any more")
	again.Answer.Statement = "right"
	if err := r.Reply(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resume(t.Context(), def, first.Run, "go on"); err != nil {
		t.Fatal(err)
	}
	refuse(again, "it has ended")
}

// Of replies that come at the same time one is recorded.
func TestReplyIsRecordedOnce(t *testing.T) {
	r := runner(newFilelog(t))
	state, err := r.Start(t.Context(), askTwice())
	p := waiting(t, state, err)
	p.Answer.Statement = "right"
	for _, reply := range []runbook.Reply{p, {Run: p.Run, PlanHash: p.PlanHash, Answer: runbook.Answer{How: "page", Statement: "enough"}}} {
		before := signals(t, r, p.Run)
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = r.Reply(context.Background(), reply) })
		}
		wg.Wait()
		recorded := 0
		for _, err := range errs {
			if err == nil {
				recorded++
			} else if !errors.Is(err, runbook.ErrOutdated) {
				t.Error(err)
			}
		}
		if recorded != 1 || signals(t, r, p.Run) != before+1 {
			t.Errorf("%d replies succeeded, %d were recorded", recorded, signals(t, r, p.Run)-before)
		}
	}
	if state, err = r.Resume(t.Context(), askTwice(), p.Run, "go on"); err != nil || state.End.Outcome != runbook.Aborted {
		t.Fatalf("%v, %+v", err, state.End)
	}
}

// What does not fit is told, and the question stays open.
func TestReplyIsChecked(t *testing.T) {
	r := runner(new(memlog.Log))
	state, err := r.Start(t.Context(), askTwice())
	p := waiting(t, state, err)
	if err := r.Reply(t.Context(), p); err == nil || errors.Is(err, runbook.ErrOutdated) || !strings.Contains(err.Error(), "own words") {
		t.Errorf("an empty statement: %v", err)
	}
	if err := r.Reply(t.Context(), runbook.Reply{Run: p.Run, PlanHash: p.PlanHash}); err == nil || !strings.Contains(err.Error(), "needs a reason") {
		t.Errorf("an end without a reason: %v", err)
	}
	if err := r.Reply(t.Context(), runbook.Reply{Run: "e-0002"}); !errors.Is(err, runbook.ErrUnknownRun) {
		t.Errorf("an unknown run: %v", err)
	}
	if state, err := r.State(t.Context(), p.Run); err != nil || state.Waiting == nil || state.Last().IsZero() {
		t.Errorf("%v, %+v", err, state)
	} else if _, answered := state.Answered(); answered {
		t.Error("it counts as answered")
	}
}
