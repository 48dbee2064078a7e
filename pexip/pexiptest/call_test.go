package pexiptest_test

import (
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// The call after an upgrade is made on the new software: not before its node runs it.
func TestTestCallComesAfterTheUpgrade(t *testing.T) {
	clock := newClock()
	srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1, TestCall: true})
	c := newClient(t, srv)
	began := clock.now
	start(t, c, "39.1", "83067")
	for _, step := range []struct {
		wait time.Duration
		want int
		live bool
	}{{16*time.Minute - time.Second, 0, false}, {time.Second, 1, true}, {time.Minute, 1, false}} {
		clock.advance(step.wait)
		calls, err := c.Calls(t.Context(), began, clock.now)
		ok(t, err)
		if len(calls) != step.want || step.want > 0 && calls[0].End.IsZero() != step.live {
			t.Fatalf("at %s: %+v", clock.now.Format(time.TimeOnly), calls)
		}
	}
}
