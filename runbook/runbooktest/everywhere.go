package runbooktest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Trial is a fresh world with a run that has not begun, for [CrashEverywhere].
type Trial struct {
	// Log keeps the run's journals, and Environment is the environment that it is a run of.
	Log         runbook.Log
	Environment string
	// Start starts the run and drives it to its end. It does so as the process c: c is the runner's
	// Log, and every client sends through c.Transport. ctx ends when the process dies.
	Start func(ctx context.Context, c *Crash) error
	// Resume is the next process, after the death of the first: it resumes the run, takes it over or
	// settles it, to its end. It may set the trial's Log, if it goes on with another, for example a copy.
	// Give its runner a Clock that hurries, or it waits for Runner.Grace in the middle of a once step.
	Resume func(ctx context.Context, run string) error
	// Check, unless nil, looks at the world of a run that has ended: that what may happen once has
	// happened once, that what was changed is put back.
	Check func(t *testing.T, s *runbook.State)
}

// CrashEverywhere lets a run's process die before and after each of its records and requests, one
// death a trial, and lets another process go on; see [Trial.Survive] for what it checks. It returns
// how many such points the run has.
//
// fresh makes a trial in a world of its own; trials run side by side, as subtests. every is the
// stride: 1 tries all points, more only each such point, so that a quick test sees all parts of the
// run (an even stride counts as the next odd one, to meet both sides of records and requests).
//
// Where the number of requests varies, as it does when a run polls, a late point may not be reached;
// that trial then only checks that the run ended well.
func CrashEverywhere(t *testing.T, every int, fresh func(t *testing.T) *Trial) (points int) {
	t.Helper()
	whole := &Crash{}
	fresh(t).Survive(t, whole)
	all := Points(whole.Seen())
	if appends, _ := whole.Seen(); appends == 0 {
		t.Fatal("the run wrote nothing through the Crash that Start was given; it must be its runner's Log")
	}
	for i := 0; i < len(all); i += max(every, 1) | 1 {
		t.Run(all[i].String(), func(t *testing.T) {
			t.Parallel()
			fresh(t).Survive(t, all[i].Crash())
		})
	}
	return len(all)
}

// Point is where a process dies.
type Point struct {
	Request bool
	N       int
	After   bool
}

// Points lists all points of a run with so many appends and requests, see [Crash.Seen].
func Points(appends, requests int) []Point {
	var out []Point
	for _, kind := range []struct {
		request bool
		n       int
	}{{false, appends}, {true, requests}} {
		for n := 1; n <= kind.n; n++ {
			out = append(out, Point{kind.request, n, false}, Point{kind.request, n, true})
		}
	}
	return out
}

// String is the point in words, as the name of a subtest.
func (p Point) String() string {
	what, when := "record", "before"
	if p.Request {
		what = "request"
	}
	if p.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, what, p.N)
}

// Crash is a process that dies there; its Log is still to be set.
func (p Point) Crash() *Crash { return &Crash{At: p.N, Request: p.Request, After: p.After} }

// Survive is one trial: the process c, whose Log and Die it sets, drives the run and may die; the
// next process goes on. The test fails unless the run then has ended, owes nothing, has evidence that
// verifies, left its environment without an active run, and passes Check.
func (tr *Trial) Survive(t *testing.T, c *Crash) {
	t.Helper()
	s, err := tr.survive(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if c.At > 0 && !c.Happened() {
		t.Log("the run ended before the point was reached")
	}
	if tr.Check != nil {
		tr.Check(t, s)
	}
}

func (tr *Trial) survive(ctx context.Context, c *Crash) (*runbook.State, error) {
	if err := tr.start(ctx, c); err != nil && !c.Happened() {
		return nil, fmt.Errorf("the run ended, though its process lived: %w", err)
	}
	if err := tr.goOn(ctx); err != nil {
		return nil, fmt.Errorf("the next process: %w", err)
	}
	return tr.ended(ctx)
}

func (tr *Trial) start(ctx context.Context, c *Crash) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.Log, c.Die = tr.Log, cancel
	return tr.Start(ctx, c)
}

// goOn resumes the run that is active. One that died before its first record has left nothing to
// resume, so a new one is started, as a person would.
func (tr *Trial) goOn(ctx context.Context) error {
	run, err := tr.last(ctx)
	if err != nil {
		return err
	}
	if run.Run != "" {
		if run.Outcome != "" {
			return nil
		}
		if _, err = tr.runner().State(ctx, run.Run); !errors.Is(err, runbook.ErrUnknownRun) {
			return tr.Resume(ctx, run.Run)
		}
	}
	return tr.start(ctx, &Crash{})
}

// ended reads the environment's last run and checks what must be true of every run that has ended.
func (tr *Trial) ended(ctx context.Context) (*runbook.State, error) {
	run, err := tr.last(ctx)
	if err != nil {
		return nil, err
	}
	e, err := tr.runner().Evidence(ctx, run.Run)
	if err != nil {
		return nil, err
	}
	if s := e.State; s.End == nil || len(s.Owed) > 0 || run.Outcome == "" {
		return nil, fmt.Errorf("run %s: its end is %+v, it owes %v, its environment calls it %q", s.Run, s.End, s.Owed, run.Outcome)
	}
	return e.State, e.Verify()
}

// last is the environment's last run, the zero value if it has none.
func (tr *Trial) last(ctx context.Context) (last runbook.RunInfo, err error) {
	runs, err := tr.runner().List(ctx)
	for _, r := range runs {
		if r.Environment == tr.Environment {
			last = r
		}
	}
	return last, err
}

func (tr *Trial) runner() *runbook.Runner { return &runbook.Runner{Log: tr.Log, Actor: "runbooktest"} }
