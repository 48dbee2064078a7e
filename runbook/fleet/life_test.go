package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// testDrain: a worker that is told to stop finishes its step, gives the environment back at once and
// leaves nothing running. Another one goes on.
func testDrain(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Step, w.Lease = 150*msec, time.Hour })
	m.enqueue(t, fleet.Item{Environment: "env-1"})
	stop := m.inProcess(t)
	until(t, "a step to run", func() bool { return len(m.effects(t)) > 0 })
	stop()
	e := m.one(t, "env-1")
	s, err := m.runner().State(t.Context(), e.Run)
	if err != nil || e.State != fleet.Queued || s.Step("fuel").Status != runbook.StepDone || s.Step("launch").Status != runbook.StepPending {
		t.Errorf("after the drain %v, %+v, %+v", err, e, s)
	}
	noGoroutines(t)
	m.spawn(t).drain(t) // a process may also be told before it has anything to do
	next := m.spawn(t)
	m.onceEach(t, m.untilOver(t))
	next.drain(t)
}

// runner reads the journals.
func (m *member) runner() *runbook.Runner { return &runbook.Runner{Log: m.log, Actor: m.actor} }

// noGoroutines waits until nothing of a worker runs in this process any more.
func noGoroutines(t *testing.T) {
	t.Helper()
	until(t, "all goroutines of the worker to end", func() bool {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		return !bytes.Contains(buf, []byte("riverqueue")) && !bytes.Contains(buf, []byte("(*process).")) && !bytes.Contains(buf, []byte("(*driver)."))
	})
}

// testHandedOutAgain: whatever River does with the job of a run that has ended, there is no second run.
func testHandedOutAgain(t *testing.T, m *member) {
	if _, err := m.pool.Exec(t.Context(), `UPDATE fleet_`+m.Name+`.river_job SET state = 'available', finalized_at = NULL, metadata = '{}'`); err != nil {
		t.Fatal(err)
	}
	m.onceEach(t, m.untilOver(t))
	// But who enqueues it again wants another run.
	m.enqueue(t, fleet.Item{Environment: "env-1"})
	r := m.untilOver(t)
	if got := r.Environments[0]; len(r.Environments) != 3 || got.Run != "env-1-0002" || got.State != fleet.Completed {
		t.Errorf("the fleet says %+v", r)
	}
}

// testForgotten: a job that River could not hand back, because the database was away for too long, is
// nobody's although its worker lives.
func testForgotten(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Lease, w.HandBack = 300*msec, 500*msec })
	m.inProcess(t)
	m.enqueue(t, fleet.Item{Environment: "asking-1"})
	e := m.untilIs(t, "asking-1", fleet.Waiting)
	var worker string
	if err := m.pool.QueryRow(t.Context(), `UPDATE fleet_`+m.Name+`.river_job SET state = 'running', attempted_at = now() RETURNING attempted_by[1]`).Scan(&worker); err != nil {
		t.Fatal(err)
	}
	if err := m.Abort(t.Context(), e.Run, "enough"); err != nil {
		t.Fatal(err)
	}
	m.untilIs(t, "asking-1", fleet.Aborted)
}

func testEnqueue(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Groups = map[string]int{"a": 1} })
	_, err := m.Enqueue(t.Context(), []fleet.Item{{Environment: "env-1"}, {Group: "a"}, {Environment: "env-2", Group: "b"}})
	if err == nil || !strings.Contains(err.Error(), "item 2 names no environment") || !strings.Contains(err.Error(), `no group "b"`) {
		t.Errorf("faulty items: %v", err)
	}
	if r := m.status(t); len(r.Environments) != 0 || !r.Over() {
		t.Errorf("after faulty items %+v", r)
	}
	m.enqueue(t, fleet.Item{Environment: "env-1"})
	if n, err := m.Enqueue(t.Context(), []fleet.Item{{Environment: "env-1", Group: "a"}, {Environment: "env-2"}}); n != 1 || err != nil {
		t.Errorf("one of two is there already: %d taken, %v", n, err)
	}
	// A run that somebody began, and whose process died, is driven to its end; no other is started.
	crash := &runbooktest.Crash{Log: m.log, At: 6}
	def, err := m.definition(t.Context(), m.runner(), "env-3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&runbook.Runner{Log: crash, Actor: "eve@laptop"}).Start(t.Context(), def); !errors.Is(err, runbooktest.ErrCrash) {
		t.Fatal(err)
	}
	m.enqueue(t, fleet.Item{Environment: "env-3"})
	m.inProcess(t)
	m.onceEach(t, m.untilOver(t))
	if run := m.one(t, "env-3").Run; run != "env-3-0001" {
		t.Errorf("driven was %s", run)
	}
	t.Run("HandedOutAgain", func(t *testing.T) { testHandedOutAgain(t, m) })
}

// testElsewhere: a run that somebody drives from a terminal is theirs until they let go of it.
func testElsewhere(t *testing.T, m *member) {
	release, err := m.log.Lock(runbook.RunStream("asking-1-0001"), "eve@laptop")
	if err != nil {
		t.Fatal(err)
	}
	m.enqueue(t, fleet.Item{Environment: "asking-1"})
	if e := m.untilIs(t, "asking-1", fleet.Elsewhere); !strings.Contains(e.Text, "eve@laptop") {
		t.Errorf("the fleet says %+v", e)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	m.untilIs(t, "asking-1", fleet.Waiting)
}

// testSweep: what a lost laptop had changed is put back; what the fleet drives is not swept.
func testSweep(t *testing.T) {
	m := newWorld(t, func(w *world) {
		w.Sweeps = fleet.Sweep{Every: time.Second, Silent: time.Nanosecond, Waiting: time.Nanosecond}
	})
	m.enqueue(t, fleet.Item{Environment: "asking-1"})
	stop := m.inProcess(t)
	m.untilIs(t, "asking-1", fleet.Waiting)
	laptop := &runbook.Runner{Log: m.log, Actor: "eve@laptop"}
	var waiting *runbook.WaitingError
	def, err := m.definition(t.Context(), laptop, "asking-2")
	if err == nil {
		_, err = laptop.Start(t.Context(), def)
	}
	if !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	until(t, "the laptop's run to be swept", func() bool {
		s, err := laptop.State(t.Context(), "asking-2-0001")
		return err == nil && s.End != nil && s.End.Outcome == runbook.Aborted && len(s.Owed) == 0
	})
	stop()
	if swept, err := m.Sweep(t.Context()); err != nil || len(swept) != 0 {
		t.Errorf("swept again: %+v, %v", swept, err)
	}
	if e := m.one(t, "asking-1"); e.State != fleet.Waiting || count(m.effects(t), "drain asking-2") != 1 || count(m.effects(t), "drain asking-1") != 0 {
		t.Errorf("the fleet's own run: %+v, effects %q", e, m.effects(t))
	}
}

// testMigrate: two processes that start at once both find what they need.
func testMigrate(t *testing.T) {
	m := emptyWorld(t, nil)
	done := make(chan error)
	for range 2 {
		go func() { done <- m.Migrate(context.Background()) }()
	}
	if err := errors.Join(<-done, <-done, m.Migrate(t.Context())); err != nil {
		t.Error(err)
	}
}

// testDatabaseRestarts crashes the database twice while two workers are busy.
func testDatabaseRestarts(t *testing.T) {
	const n = 16
	m := newWorld(t, func(w *world) { w.Hold, w.Workers, w.Step, w.Lease, w.HandBack = true, 3, 5*msec, 500*msec, 500*msec })
	m.enqueue(t, items("env", n)...)
	m.spawn(t)
	m.inProcess(t)
	until(t, "both to have work", func() bool {
		var workers int
		err := m.pool.QueryRow(t.Context(), `SELECT count(DISTINCT attempted_by[1]) FROM fleet_`+m.Name+`.river_job`).Scan(&workers)
		return err == nil && workers == 2
	})
	if err := m.goOn(); err != nil {
		t.Fatal(err)
	}
	for _, part := range []int{n / 2, n * 3 / 2} {
		until(t, "some effects", func() bool { return len(m.effects(t)) >= part })
		if err := errors.Join(server.Kill(), server.Restart()); err != nil {
			t.Fatal(err)
		}
	}
	r := m.untilOver(t)
	m.onceEach(t, r)
}
