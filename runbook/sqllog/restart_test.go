package sqllog_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// testKill kills the server while several writers append. What was acknowledged is there when it is
// back, on the same handle, and nothing else but what was under way.
func testKill(t *testing.T) {
	s := open(t)
	names := []string{"runs/a", "runs/b", "runs/c", "runs/d"}
	acknowledged := map[string]uint64{}
	for range 3 {
		killMidAppend(t, s, names, acknowledged)
		for _, name := range names {
			got, err := s.Read(t.Context(), name, 1)
			if err != nil {
				t.Fatalf("read %s after the restart: %v", name, err)
			}
			if n := uint64(len(got)); n < acknowledged[name] || n > acknowledged[name]+1 {
				t.Errorf("%s: %d records were acknowledged, %d are there", name, acknowledged[name], n)
			}
			if err := runbook.VerifyChain(name, got); err != nil {
				t.Error(err)
			}
			acknowledged[name] = uint64(len(got))
		}
	}
	for _, name := range names {
		s.fill(t, name, acknowledged[name]+1, acknowledged[name]+1)
	}
}

// killMidAppend lets writers append until each has met the killed server, and restarts it.
func killMidAppend(t *testing.T, s *store, names []string, acknowledged map[string]uint64) {
	t.Helper()
	var mu sync.Mutex
	enough := make(chan struct{})
	total := 0
	var g errgroup.Group
	known := maps.Clone(acknowledged) // read while writers that run already note theirs
	for _, name := range names {
		g.Go(func() error {
			for next := known[name] + 1; ; next++ {
				if err := s.Append(context.Background(), name, record(next)); err != nil {
					return unknown(err)
				}
				mu.Lock()
				acknowledged[name] = next
				if total++; total == 50 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
}

// unknown checks that an append that met a dying server does not claim to know its outcome.
func unknown(err error) error {
	var e *sqllog.Error
	if errors.Is(err, runbook.ErrConflict) || !errors.As(err, &e) || !strings.Contains(err.Error(), "unknown") {
		return err
	}
	return nil
}

// testEndedSessions ends the session of a pool while nobody uses it. No call notices: what could not
// be sent is sent on another.
func testEndedSessions(t *testing.T) {
	s := open(t)
	seq := uint64(0)
	calls := map[string]func() error{
		"append": func() error { seq++; return s.Append(t.Context(), "runs/a", record(seq)) },
		"read":   func() error { _, err := s.Read(t.Context(), "runs/a", 1); return err },
		"streams": func() (err error) {
			for _, err = range s.Streams(t.Context(), "runs/") {
			}
			return err
		},
		"lock": func() error {
			release, err := s.Lock("runs/a", "ann")
			if err != nil {
				return err
			}
			return release()
		},
	}
	for name, call := range calls {
		if err := call(); err != nil { // and the session has its statements prepared
			t.Fatal(err)
		}
		s.endSession(t)
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// endSession ends the one session of the store's pool from outside.
func (s *store) endSession(t *testing.T) {
	t.Helper()
	if n := s.db.Stats().OpenConnections; n != 1 {
		t.Fatalf("%d sessions", n)
	}
	var pid int
	if err := s.db.QueryRowContext(t.Context(), `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if _, err := s.second.ExecContext(t.Context(), `SELECT pg_terminate_backend($1)`, pid); err != nil {
		t.Fatal(err)
	}
	backend, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	err = poll.Until(t.Context(), "the session to end", time.Millisecond, 10*time.Second, func(context.Context) (bool, error) {
		return backend.Signal(syscall.Signal(0)) != nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testRestart stops the server in order: a call may fail, the next one connects again.
func testRestart(t *testing.T) {
	s := open(t)
	s.fill(t, "runs/a", 1, 3)
	release, err := s.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), "runs/a", 1); err == nil {
		t.Error("read without a server")
	}
	if err := s.Append(t.Context(), "runs/a", record(4)); err == nil || errors.Is(err, runbook.ErrConflict) {
		t.Errorf("append without a server: %v", err)
	}
	if _, err := s.Lock("runs/b", "ann"); err == nil {
		t.Error("lock without a server")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := release(); err == nil {
		t.Error("a lock survived the server")
	}
	got, err := s.Read(t.Context(), "runs/a", 1)
	if err != nil || len(got) != 3 {
		t.Fatalf("after the restart %d records, %v", len(got), err)
	}
	s.fill(t, "runs/a", 4, 5)
}

// testRuns drives runs on the store: a crash at each record, and a crash of the database inside a
// step. The rocket flies once per environment.
func testRuns(t *testing.T) {
	s := open(t)
	next := s.another(t)
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			launches, environment := 0, fmt.Sprintf("crash-%d-%t", n, after)
			crash := &runbooktest.Crash{Log: s, At: n, After: after}
			_, err := (&runbook.Runner{Log: crash, Actor: "ann@laptop"}).Start(t.Context(), launch(environment, &launches, nil))
			if !crash.Happened() {
				if err != nil || n < 8 {
					t.Fatalf("%v after only %d records", err, n-1)
				}
				break
			}
			if !errors.Is(err, runbooktest.ErrCrash) {
				t.Fatalf("%s: %v", environment, err)
			}
			finish(t, next, environment, &launches)
		}
	}
	launches := 0
	_, err := (&runbook.Runner{Log: s, Actor: "ann@laptop"}).Start(t.Context(), launch("restart", &launches, func() error {
		return errors.Join(server.Kill(), server.Restart())
	}))
	if err != nil { // unless the pool noticed in time
		finish(t, next, "restart", &launches)
	}
	if launches != 1 {
		t.Errorf("%d launches", launches)
	}
}

// finish ends an interrupted run as another process does, or starts one if none began.
func finish(t *testing.T, l runbook.Log, environment string, launches *int) {
	t.Helper()
	r := &runbook.Runner{Log: l, Actor: "bob@desk", Grace: time.Millisecond}
	run, err := r.Active(t.Context(), environment)
	if err == nil && run != "" {
		_, err = r.Resume(t.Context(), launch(environment, launches, nil), run, "the other one died")
	}
	if _, serr := r.State(t.Context(), environment+"-0001"); errors.Is(serr, runbook.ErrUnknownRun) {
		_, err = r.Start(t.Context(), launch(environment, launches, nil))
	}
	if err != nil || *launches != 1 {
		t.Fatalf("%s: %v, %d launches", environment, err, *launches)
	}
}

// launch is a runbook with a step that may happen once; between is called after it happened.
func launch(environment string, launches *int, between func() error) *runbook.Definition {
	return &runbook.Definition{Name: "launch", Environment: environment, Steps: []runbook.Step{
		{ID: "look", Title: "Look", Apply: func(sc *runbook.StepContext) error { return sc.Output("clear") }},
		{ID: "launch", Title: "Launch", Effect: runbook.Once,
			Apply: func(sc *runbook.StepContext) error {
				if err := sc.Guard(); err != nil {
					return err
				}
				*launches++
				if between != nil {
					return between()
				}
				return nil
			},
			Resolve: func(*runbook.StepContext) (runbook.Resolution, error) {
				if *launches > 0 {
					return runbook.ResolvedDone, nil
				}
				return runbook.ResolvedNotDone, nil
			}},
	}}
}
