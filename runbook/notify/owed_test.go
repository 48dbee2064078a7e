package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// next is the next post, while time goes on by step.
func (r *receiver) next(t *testing.T, clock *runbooktest.Clock, step time.Duration) post {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		select {
		case p := <-r.posts:
			return p
		case <-tick.C:
			clock.Advance(step)
		case <-limit.C:
			t.Fatal("nothing arrived within 30 s")
		}
	}
}

// What is owed for too long is told once, counted from the record in the journal, which may be older
// than this process.
func TestOwedForTooLong(t *testing.T) {
	clock := runbooktest.NewClock(at)
	r := newReceiver(t, nil)
	n := r.start(t, func(c *notify.Config) { c.Clock, c.OwedAfter = clock, time.Hour })
	n.Observe(owes(runbook.KindOwe, "desk", at.Add(-2*time.Hour)))
	p := r.next(t, clock, 0)
	if p.Event != notify.Owed || p.Step != "lamp-off" || !strings.Contains(p.Text, "lamp/desk is not put back, since") || !strings.Contains(p.Text, "settle") {
		t.Errorf("told: %s", p.body)
	}
	n.Observe(owes(runbook.KindOwe, "desk", at.Add(-2*time.Hour))) // told again by a resumed run
	n.Observe(owes(runbook.KindOwe, "hall", at))
	n.Observe(owes(runbook.KindOwe, "attic", at))
	n.Observe(owes(runbook.KindSettled, "attic", at))
	clock.Suspend(59 * time.Minute) // the machine sleeps: its timers stand still, the wall clock does not
	if p := r.next(t, clock, time.Minute); !strings.Contains(p.Text, "lamp/hall") {
		t.Errorf("told: %s", p.body)
	}
	if rest := r.got(t, n); len(rest) != 0 {
		t.Errorf("told beside: %s", rest[0].body)
	}
}

func TestNothingIsOwedAfterTheEnd(t *testing.T) {
	clock := runbooktest.NewClock(at)
	r := newReceiver(t, nil)
	n := r.start(t, func(c *notify.Config) { c.Clock, c.OwedAfter = clock, time.Hour })
	n.Observe(owes(runbook.KindOwe, "desk", at))
	n.Observe(end("test-0001"))
	clock.Advance(2 * time.Hour)
	n.Observe(owes(runbook.KindOwe, "probe", at)) // once this is told, the watch has looked
	if p := r.next(t, clock, 0); p.Event != notify.Ended {
		t.Errorf("told: %s", p.body)
	}
	if p := r.next(t, clock, 0); !strings.Contains(p.Text, "lamp/probe") {
		t.Errorf("told: %s", p.body)
	}
	if rest := r.got(t, n); len(rest) != 0 {
		t.Errorf("told beside: %s", rest[0].body)
	}
}
