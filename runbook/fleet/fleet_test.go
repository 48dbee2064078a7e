package fleet_test

import (
	"flag"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
)

// size is how many environments testWorkerDies uses. With more than the default it also measures
// whether the time per environment stays the same.
var size = flag.Int("fleet", small, "how many environments the test of a whole fleet upgrades; 1000 also measures the time per environment")

const small = 30

// TestPostgreSQL holds the tests against a real server. (Trap 15: workers that die with slots taken,
// steps longer than the lease, poison, a database that restarts.)
func TestPostgreSQL(t *testing.T) {
	if leftOut(t) {
		return
	}
	t.Run("WorkerDies", testWorkerDies)
	t.Run("Linear", testLinear)
	t.Run("Together", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){"Waiting": testWaiting, "TimeToAnswer": testTimeToAnswer, "Poison": testPoison,
			"DeadlyPoison": testDeadlyPoison, "Bounds": testBounds, "LongStep": testLongStep, "LostSession": testLostSession, "Slices": testSlices,
			"Enqueue": testEnqueue, "HandedOutAgain": testHandedOutAgain, "Elsewhere": testElsewhere, "Sweep": testSweep, "Migrate": testMigrate} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	// These look at the whole process, or end the server.
	t.Run("Drain", testDrain)
	t.Run("Forgotten", testForgotten)
	t.Run("DatabaseRestarts", testDatabaseRestarts)
}

// testWorkerDies upgrades a fleet with two worker processes, one of which is killed half-way.
func testWorkerDies(t *testing.T) {
	m := newWorld(t, nil)
	r, took := m.upgrade(t, *size, true)
	t.Logf("%d environments, two workers, one killed half-way: %s", *size, took.Round(time.Millisecond))
	m.onceEach(t, r)
}

// upgrade upgrades n environments with two worker processes.
func (m *member) upgrade(t *testing.T, n int, kill bool) (fleet.Report, time.Duration) {
	t.Helper()
	m.enqueue(t, items("env", n)...)
	began := time.Now()
	doomed := m.spawn(t)
	m.spawn(t)
	if kill {
		until(t, "half of the effects", func() bool { return len(m.effects(t)) >= n*3/2 })
		doomed.kill()
	}
	r := m.untilOver(t)
	return r, time.Since(began)
}

// testLinear measures the time per environment, for 100 and for -fleet environments.
func testLinear(t *testing.T) {
	if *size <= small {
		return
	}
	per := func(n int) time.Duration {
		m := newWorld(t, nil)
		r, took := m.upgrade(t, n, false)
		m.onceEach(t, r)
		t.Logf("%d environments, two workers: %s, %s each", n, took.Round(time.Millisecond), (took / time.Duration(n)).Round(10*time.Microsecond))
		return took / time.Duration(n)
	}
	ratio := float64(per(*size)) / float64(per(100))
	t.Logf("the time per environment with %d is %.2f times that with 100", *size, ratio)
	if ratio > 1.3 {
		t.Error("more than 1.3")
	}
}
