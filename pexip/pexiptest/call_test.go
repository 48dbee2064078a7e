package pexiptest_test

import (
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// The call after an upgrade is made on the new software: not before its node has started with it.
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
	}{{15 * time.Minute, 0, false}, {time.Minute, 1, true}, {time.Minute, 1, false}} {
		clock.advance(step.wait)
		calls, err := c.Calls(t.Context(), began, clock.now)
		ok(t, err)
		if len(calls) != step.want || step.want > 0 && calls[0].End.IsZero() != step.live {
			t.Fatalf("at %s: %+v", clock.now.Format(time.TimeOnly), calls)
		}
		if step.want == 0 {
			continue
		}
		nodes, err := c.Nodes(t.Context())
		ok(t, err)
		if n := nodes[1]; n.Role != pexip.Conferencing || calls[0].Node != n.Address || n.BootTime.Before(began) || calls[0].Start.Before(n.BootTime) {
			t.Errorf("%+v, %+v", calls[0], n)
		}
	}
}
