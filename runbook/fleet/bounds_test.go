package fleet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
)

const msec = time.Millisecond

// testBounds measures how many environments are under way at once, from what their steps wrote.
func testBounds(t *testing.T) {
	m := newWorld(t, func(w *world) {
		w.Workers, w.Total, w.Groups, w.Step = 4, 5, map[string]int{"big": 3, "small": 1}, 5*msec
	})
	var all []fleet.Item
	for name, n := range map[string]int{"big": 15, "small": 6, "": 15} {
		for _, item := range items("env"+name, n) {
			all = append(all, fleet.Item{Environment: item.Environment, Group: name})
		}
	}
	m.enqueue(t, all...)
	m.spawn(t)
	m.spawn(t)
	m.onceEach(t, m.untilOver(t))
	most := m.overlap(t)
	t.Logf("at most at once: %v", most)
	for name, bound := range map[string]int{"envbig": 3, "envsmall": 1, "": 5} {
		if most[name] > bound || most[name] == 0 {
			t.Errorf("%q: %d at once, the bound is %d", name, most[name], bound)
		}
	}
}

// overlap is the largest number of environments between their first and their last effect, by the
// first word of their names and ("") of all.
func (m *member) overlap(t *testing.T) map[string]int {
	t.Helper()
	now, most := map[string]int{}, map[string]int{}
	for _, line := range m.effects(t) {
		step, env, _ := strings.Cut(line, " ")
		kind, _, _ := strings.Cut(env, "-")
		for _, name := range []string{kind, ""} {
			switch step {
			case "fuel":
				now[name]++
			case "drain":
				now[name]--
			}
			most[name] = max(most[name], now[name])
		}
	}
	return most
}

// testLongStep: a step that takes longer than the lease is nobody else's, because its worker lives.
func testLongStep(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Lease, w.Step = 90*msec, 600*msec })
	m.enqueue(t, fleet.Item{Environment: "env-1"})
	m.inProcess(t)
	m.world.member(t, "other").inProcess(t)
	r := m.untilOver(t)
	m.onceEach(t, r)
	if n := m.journal(t, r.Environments[0].Run, runbook.KindTakeover); n != 0 {
		t.Errorf("%d takeovers", n)
	}
}

// testLostSession: a worker whose session is cut says that it lives through another one, and keeps
// what it has.
func testLostSession(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Hold, w.Groups = true, map[string]int{"a": 1} })
	m.enqueue(t, fleet.Item{Environment: "env-1", Group: "a"}, fleet.Item{Environment: "env-2", Group: "a"})
	m.inProcess(t)
	var worker string
	until(t, "a step to run", func() bool {
		for _, e := range m.status(t).Environments {
			worker = max(worker, e.Worker)
		}
		return worker != "" && len(m.effects(t)) > 0
	})
	for range 2 {
		var cut int
		until(t, "a session", func() bool {
			err := m.pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'
				AND objsubid = 1 AND granted AND classid::bigint << 32 | objid::bigint = $1`, m.AliveKey(worker)).Scan(&cut)
			return err == nil && cut == 1
		})
	}
	if err := m.goOn(); err != nil {
		t.Fatal(err)
	}
	r := m.untilOver(t)
	m.onceEach(t, r)
	for _, e := range r.Environments {
		if n := m.journal(t, e.Run, runbook.KindTakeover); n != 0 {
			t.Errorf("%s: %d takeovers", e.Environment, n)
		}
	}
}

// testSlices: an environment whose time is over lets the other have its turn, and goes on later.
func testSlices(t *testing.T) {
	m := newWorld(t, func(w *world) { w.Workers, w.Step, w.Slice = 1, 400*msec, 300*msec })
	m.enqueue(t, items("env", 2)...)
	m.inProcess(t)
	r := m.untilOver(t)
	m.onceEach(t, r)
	var runs []*runbook.State
	for _, e := range r.Environments {
		s, err := m.runner().State(t.Context(), e.Run)
		if err != nil {
			t.Fatal(err)
		}
		if s.Epoch < 2 {
			t.Errorf("%s ended in one turn", e.Environment)
		}
		runs = append(runs, s)
	}
	if !runs[1].Started.Before(runs[0].End.At) {
		t.Error("the other had no turn before the first one ended")
	}
}
