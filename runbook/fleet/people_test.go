package fleet_test

import (
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
)

// testWaiting: a run that waits for a person takes no slot, leaves no trace while nothing happens, and
// goes on as soon as it is answered from another process.
func testWaiting(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Workers = 1 })
	m.enqueue(t, items("asking", 2)...)
	m.spawn(t)
	e := m.untilIs(t, "asking-0001", fleet.Waiting)
	m.untilIs(t, "asking-0002", fleet.Waiting)
	if e.Question == nil || e.Question.Step != "agree" || e.Text != "Is the sky clear?" || e.Owed != 1 || e.Worker != "" {
		t.Errorf("the fleet says %+v", e)
	}
	m.enqueue(t, items("env", 3)...) // one worker: they would wait for ever if waiting took it
	for _, item := range items("env", 3) {
		m.untilIs(t, item.Environment, fleet.Completed)
	}
	person := m.world.member(t, "bob@elsewhere")
	if err := person.Signal(t.Context(), e.Run, "agree", runbook.Answer{How: "test", Statement: "not a cloud"}); err != nil {
		t.Fatal(err)
	}
	m.untilIs(t, "asking-0001", fleet.Completed)
	if n := m.journal(t, e.Run, runbook.KindTakeover); n != 1 {
		t.Errorf("%d takeovers for one answer", n)
	}
	if err := person.Signal(t.Context(), e.Run, "agree", runbook.Answer{Statement: "again"}); err == nil {
		t.Error("an answer to a run that has ended")
	}
	second := m.one(t, "asking-0002").Run
	if err := person.Abort(t.Context(), second, "rain"); err != nil {
		t.Fatal(err)
	}
	e = m.untilIs(t, "asking-0002", fleet.Aborted)
	if e.Text != "rain" || count(m.effects(t), "drain asking-0002") != 1 || count(m.effects(t), "launch asking-0002") != 0 {
		t.Errorf("aborted with %+v, effects %q", e, m.effects(t))
	}
	t.Run("TimeToAnswer", func(t *testing.T) { testTimeToAnswer(t, m) })
	t.Run("Elsewhere", func(t *testing.T) { testElsewhere(t, m) })
}

// testTimeToAnswer: a question that may only be answered for a while ends without anybody, and
// without a look before its time.
func testTimeToAnswer(t *testing.T, m *member) {
	m.enqueue(t, fleet.Item{Environment: "impatient-1"})
	e := m.untilIs(t, "impatient-1", fleet.Deciding)
	if !strings.Contains(e.Text, "nobody answered") {
		t.Errorf("the fleet says %+v", e)
	}
}

// testPoison: environments that fail in every way are in nobody's way.
func testPoison(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Workers, w.Attempts = 1, 2 })
	poison := map[string]string{"broken-0001": "no configuration", "panicking-0001": "nil configuration", "mistaken-0001": "is not one of mistaken-0001"}
	for name := range poison {
		m.enqueue(t, fleet.Item{Environment: name})
	}
	m.enqueue(t, items("failing", 2)...)
	m.enqueue(t, items("env", 5)...)
	m.inProcess(t)
	for _, item := range items("env", 5) {
		m.untilIs(t, item.Environment, fleet.Completed)
	}
	for name, says := range poison {
		if e := m.untilIs(t, name, fleet.GivenUp); !strings.Contains(e.Text, says) {
			t.Errorf("%s: %s", name, e.Text)
		}
	}
	e := m.untilIs(t, "failing-0001", fleet.Deciding)
	if e.Text != "engine of failing-0001 is cold" || e.Owed != 1 {
		t.Errorf("the fleet says %+v", e)
	}
	for decision, want := range map[runbook.Decision]fleet.State{runbook.DecideDone: fleet.Completed, runbook.DecideAbort: fleet.Aborted} {
		name := map[runbook.Decision]string{runbook.DecideDone: "failing-0001", runbook.DecideAbort: "failing-0002"}[decision]
		if err := m.Signal(t.Context(), m.untilIs(t, name, fleet.Deciding).Run, "fail", runbook.Answer{How: "test", Decision: decision, Statement: "so"}); err != nil {
			t.Fatal(err)
		}
		m.untilIs(t, name, want)
	}
	m.noPassword(t)
	// What was given up is taken again.
	m.enqueue(t, fleet.Item{Environment: "broken-0001"})
}

// noPassword looks for the secret in all that River keeps.
func (m *member) noPassword(t *testing.T) {
	t.Helper()
	var n, redacted int
	err := m.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE j::text LIKE '%'||$1||'%'), count(*) FILTER (WHERE j::text LIKE '%redacted%') FROM fleet_`+m.Name+`.river_job j`, password).Scan(&n, &redacted)
	if err != nil || n != 0 || redacted == 0 {
		t.Errorf("%d jobs with the secret, %d with its replacement, %v", n, redacted, err)
	}
}

// testDeadlyPoison: an environment that ends every worker that touches it is given up, while workers
// that are started again, as a service manager does it, get the others done.
func testDeadlyPoison(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Lease, w.Attempts, w.Others, w.Workers = 150*msec, 3, 5, 2 })
	m.enqueue(t, fleet.Item{Environment: "deadly-1"})
	m.enqueue(t, items("env", m.Others)...)
	for deaths := 0; ; deaths++ {
		w := m.spawn(t)
		if !m.overOrDead(t, w) {
			continue
		}
		if deaths < 3 {
			t.Errorf("only %d deaths", deaths)
		}
		break
	}
	if e := m.one(t, "deadly-1"); e.State != fleet.GivenUp || !strings.Contains(e.Text, "ended") {
		t.Errorf("the fleet says %+v", e)
	}
	for _, item := range items("env", m.Others) {
		if e := m.one(t, item.Environment); e.State != fleet.Completed || count(m.effects(t), "launch "+item.Environment) != 1 {
			t.Errorf("the fleet says %+v", e)
		}
	}
}

// overOrDead waits until the fleet is over, or the worker is dead.
func (m *member) overOrDead(t *testing.T, w *worker) (over bool) {
	t.Helper()
	until(t, "the end of the fleet or of its worker", func() bool {
		select {
		case err := <-w.ended:
			w.ended <- err
			return true
		default:
			over = m.status(t).Over()
			return over
		}
	})
	return over
}
