package runbook_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// approval is a run that begins with a question that is open for a day.
func approval(l *lamp) *runbook.Definition {
	def := book(l)
	def.Steps[0] = runbook.Step{ID: "approve", Title: "Approve", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "Go?", Within: 24 * time.Hour}}
	return def
}

// Trap 5: the time to answer is over. An answer is refused and says what to do; the step has failed,
// and a person decides.
func TestApprovalAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := &lamp{on: true}, &memlog.Log{}
		r := runner(log)
		var waiting *runbook.WaitingError
		if _, err := r.Start(t.Context(), approval(l)); !errors.As(err, &waiting) {
			t.Fatal(err)
		}
		yes := runbook.Answer{How: "decide", Statement: "yes", PlanHash: waiting.Question.PlanHash}
		time.Sleep(25 * time.Hour)
		if err := r.Signal(t.Context(), "test-0001", "approve", yes); err == nil || !strings.Contains(err.Error(), "was to be answered until") {
			t.Errorf("an approval after the deadline: %v", err)
		}
		_, err := r.Resume(t.Context(), approval(l), "test-0001", "go on")
		if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "nobody answered within 24h") {
			t.Fatalf("resumed after the deadline: %v", err)
		}
		if err := r.Signal(t.Context(), "test-0001", "approve", retry()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Resume(t.Context(), approval(l), "test-0001", "ask again"); !errors.As(err, &waiting) || waiting.Question.Ask.Kind != runbook.Approval {
			t.Fatalf("asked again: %v", err)
		}
		if err := r.Signal(t.Context(), "test-0001", "approve", yes); err != nil {
			t.Fatal(err)
		}
		if s, err := r.Resume(t.Context(), approval(l), "test-0001", "answered"); err != nil || s.End == nil || l.launches != 1 {
			t.Errorf("%v, %+v", err, s)
		}
	})
}

// nobody is an Asker at which nobody types.
func nobody() runbook.Asker {
	return runbook.AskerFunc(func(ctx context.Context, _ runbook.Question) (runbook.Answer, error) {
		<-ctx.Done()
		return runbook.Answer{}, ctx.Err()
	})
}

// The deadline passes while the run asks.
func TestDeadlinePassesWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := runner(&memlog.Log{})
		asked := 0
		r.Asker = runbook.AskerFunc(func(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
			if asked++; asked > 1 {
				return runbook.Answer{}, runbook.ErrNoAnswer
			}
			return nobody().Ask(ctx, q)
		})
		began := time.Now()
		_, err := r.Start(t.Context(), approval(&lamp{on: true}))
		var waiting *runbook.WaitingError
		if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "nobody answered") {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 24*time.Hour || took > 24*time.Hour+time.Minute {
			t.Errorf("it gave up after %s", took)
		}
	})
}

// Trap 16: 72 hours of an open question under fake time. The journal is looked at ever more rarely,
// so that it costs next to nothing; an answer is still taken within half a minute.
func TestThreeDaysOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counting := &runbooktest.Counting{Log: &memlog.Log{}}
		def := book(&lamp{on: true})
		def.Steps[0] = runbook.Step{ID: "attest", Title: "Attest", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Seen?"}}
		r := runner(counting)
		r.Poll, r.Asker = 0, nobody()
		done := make(chan error, 1)
		go func() { _, err := r.Start(t.Context(), def); done <- err }()
		time.Sleep(72 * time.Hour)
		before := counting.Counts()
		if before.Reads > 72*60*2+200 || before.Appends > 10 {
			t.Errorf("three days cost %+v", before)
		}
		if err := runner(counting).Signal(t.Context(), "test-0001", "attest", runbook.Answer{How: "decide", Statement: "seen"}); err != nil {
			t.Fatal(err)
		}
		said := time.Now()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(said); took > 30*time.Second {
			t.Errorf("the answer was taken after %s", took)
		}
	})
}

// Trap 16: a step costs its intent and its outcome, one record and so one sync each.
func TestTwoSyncsPerStep(t *testing.T) {
	const steps = 20
	counting := &runbooktest.Counting{Log: newFilelog(t)}
	def := &runbook.Definition{Name: "n", Environment: "e"}
	for i := range steps {
		def.Steps = append(def.Steps, runbook.Step{ID: string(rune('a' + i)), Title: "t", Apply: func(*runbook.StepContext) error { return nil }})
	}
	if _, err := runner(counting).Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
	c := counting.Counts()
	syncs, known := counting.Syncs()
	const own = 4               // the environment's start and end, the run's start and end
	const folders = 2*3 + 2 + 1 // of two new streams, and of the environment's own folders
	if c.Appends != 2*steps+own || !known || syncs < c.Appends || syncs > c.Appends+folders {
		t.Errorf("%d steps: %+v, %d syncs", steps, c, syncs)
	}
}

// Trap 16: ten thousand runs are listed with one look at each environment's journal.
func TestListingTenThousandRuns(t *testing.T) {
	log := &memlog.Log{}
	for _, env := range []string{"a", "b"} {
		many(t, log, env, 5000)
	}
	counting := &runbooktest.Counting{Log: log}
	list, err := runner(counting).List(t.Context())
	if err != nil || len(list) != 10_000 {
		t.Fatalf("%d runs, %v", len(list), err)
	}
	if c := counting.Counts(); c.Reads != 2 || c.Lists != 1 {
		t.Errorf("it took %+v", c)
	}
	last := list[len(list)-1]
	if last.Run != "b-5000" || last.Outcome != runbook.Completed || last.Starter != "ann@laptop" || !last.Ended.After(last.Started) {
		t.Errorf("%+v", last)
	}
}
