package fleet_test

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

var (
	// size is how many environments testWorkerDies uses. With more than the default it also measures
	// whether the time per environment stays the same; .ci/run does so.
	size = flag.Int("fleet", small, "how many environments the test of a whole fleet upgrades; 1000 also measures the time per environment")
	// rare tests look at what seldom happens, and take as long as all others; .ci/run holds them, too:
	//
	//	go test -race ./runbook/fleet -run TestPostgreSQL/Rare -rare
	rare = flag.Bool("rare", false, "hold also the tests of bounds, turns, lost sessions and databases, and of environments that kill their workers")
)

const small = 16

// TestPostgreSQL holds the tests against a real server. (Trap 15: workers that die with slots taken,
// steps longer than the lease, poison, a database that restarts.)
func TestPostgreSQL(t *testing.T) {
	if leftOut(t) {
		return
	}
	t.Run("WorkerDies", testWorkerDies)
	t.Run("Together", together(map[string]func(*testing.T){"Waiting": testWaiting, "Poison": testPoison, "LongStep": testLongStep,
		"Enqueue": testEnqueue, "Sweep": testSweep, "Migrate": testMigrate}))
	t.Run("Drain", testDrain) // it looks at the whole process
	if !*rare {
		return
	}
	t.Run("Rare", func(t *testing.T) {
		t.Run("Together", together(map[string]func(*testing.T){"DeadlyPoison": testDeadlyPoison, "Bounds": testBounds, "LostSession": testLostSession, "Slices": testSlices}))
		// These look at the whole process, or end the server.
		t.Run("Forgotten", testForgotten)
		t.Run("DatabaseRestarts", testDatabaseRestarts)
	})
}

// together holds tests at the same time.
func together(tests map[string]func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// testWorkerDies upgrades a fleet with two worker processes, one of which is killed half-way. A large
// one must take no longer per environment than one of 100 to which the same happens.
func testWorkerDies(t *testing.T) {
	each := upgradeWithDeath(t, *size)
	if *size <= small {
		return
	}
	ratio := float64(each) / float64(upgradeWithDeath(t, 100))
	t.Logf("the time per environment with %d is %.2f times that with 100", *size, ratio)
	if ratio > 1.3 {
		t.Error("more than 1.3")
	}
}

// upgradeWithDeath returns the time per environment, without the start of the workers and without the
// last of twenty, among which are those that the dead one had: their lease takes as long in any fleet.
func upgradeWithDeath(t *testing.T, n int) (each time.Duration) {
	t.Helper()
	const steps = 3
	m := newWorld(t, nil)
	m.enqueue(t, items("env", n)...)
	doomed, survivor := m.spawn(t), m.spawn(t)
	began := m.untilEffects(t, 1)
	m.untilEffects(t, n*steps/2)
	doomed.kill()
	most := n * 19 / 20
	each = m.untilEffects(t, most*steps).Sub(began) / time.Duration(most)
	r := m.untilOver(t)
	t.Logf("%d environments, two workers, one killed half-way: %s, %s each", n, time.Since(began).Round(time.Millisecond), each.Round(10*time.Microsecond))
	m.onceEach(t, r)
	survivor.drain(t) // it is not to work beside what is measured next
	return each
}

// untilEffects waits for so many effects.
func (m *member) untilEffects(t *testing.T, n int) time.Time {
	t.Helper()
	until(t, fmt.Sprintf("%d effects", n), func() bool { return len(m.effects(t)) >= n })
	return time.Now()
}
