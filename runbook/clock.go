package runbook

import (
	"context"
	"time"
)

// Clock is where the engine takes the time from, for records, retries and the time in which a
// question is to be answered. A step's own waits and its Timeout run on the system's timers.
type Clock interface {
	// Now is the wall clock.
	Now() time.Time
	// After sends once d has passed by the clock that timers run on. That clock may stand still while
	// the machine sleeps, so nothing here waits longer than a minute without a look at Now.
	After(d time.Duration) <-chan time.Time
}

// systemClock is the default.
type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// longestNap bounds how late the engine notices that the machine has slept.
const longestNap = time.Minute

func (r *Runner) clock() Clock {
	if r.Clock != nil {
		return r.Clock
	}
	return systemClock{}
}

// now is the wall clock without Go's monotonic reading, which stands still in a suspended machine.
func (r *Runner) now() time.Time { return r.clock().Now().Round(0) }

// nap waits d, at most longestNap.
func (r *Runner) nap(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	select {
	case <-r.clock().After(min(d, longestNap)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sleep waits until d has passed by the wall clock.
func (r *Runner) sleep(ctx context.Context, d time.Duration) error {
	for until := r.now().Add(d); ; {
		left := until.Sub(r.now())
		if err := r.nap(ctx, left); err != nil || left <= longestNap {
			return err
		}
	}
}
