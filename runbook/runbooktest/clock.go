package runbooktest

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Clock is a [runbook.Clock] that only its test moves, so that days pass at once. As in a real
// machine the wall clock and the clock that timers run on are two: [Clock.Advance] moves both,
// [Clock.Suspend] only the wall clock. It is safe for concurrent use; make it with [NewClock].
//
// A test needs no sleeping: it waits until the program has set its timer, then moves the clock.
//
//	err := clock.WaitForTimers(ctx, 1)
//	…
//	clock.Advance(time.Minute)
type Clock struct {
	mu     sync.Mutex
	wall   time.Time
	awake  time.Duration // what timers run on
	timers []timer
	set    chan struct{} // closed when a timer is set
	hurry  bool
}

type timer struct {
	due   time.Duration // by Clock.awake
	fires chan time.Time
}

// NewClock returns a clock that stands at now.
func NewClock(now time.Time) *Clock {
	return &Clock{wall: now.Round(0), set: make(chan struct{})}
}

// Now implements runbook.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// After implements runbook.Clock. A timer of nothing or less fires at once. There is no way to stop
// one: whoever stops listening leaves it set until it fires for nobody.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	fires, hurry := c.after(d)
	if hurry {
		runtime.Gosched() // others have their turn, as they have while somebody waits
	}
	return fires
}

func (c *Clock) after(d time.Duration) (fires chan time.Time, hurry bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fires = make(chan time.Time, 1)
	c.timers = append(c.timers, timer{c.awake + max(d, 0), fires})
	if d <= 0 || c.hurry {
		c.advance(max(d, 0))
	}
	close(c.set)
	c.set = make(chan struct{})
	return fires, c.hurry
}

// Advance lets d pass while the machine is awake. Timers fire in order, each while the clock shows
// its moment. What a program does then happens beside the test: a timer that it sets only afterwards
// counts from the end of d. A negative d panics, because time goes only forward; see Suspend.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("runbooktest: Clock.Advance: time does not go back")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(d)
}

func (c *Clock) advance(d time.Duration) {
	until := c.awake + d
	slices.SortStableFunc(c.timers, func(a, b timer) int { return int(a.due - b.due) })
	for len(c.timers) > 0 && c.timers[0].due <= until {
		c.pass(c.timers[0].due - c.awake)
		c.timers[0].fires <- c.wall
		c.timers = c.timers[1:]
	}
	c.pass(until - c.awake)
}

func (c *Clock) pass(d time.Duration) {
	c.awake, c.wall = c.awake+d, c.wall.Add(d)
}

// Hurry lets the clock advance by itself from now on: whoever waits for d finds that d has passed. It
// suits runs whose waits are not what is tested, such as the one before a once step of a run that was
// taken over is looked into (see Runner.Grace).
func (c *Clock) Hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hurry = true
}

// Suspend lets the machine sleep for d: the wall clock jumps, timers stand still. A negative d sets
// the wall clock back, as a correction of a wrong clock does.
func (c *Clock) Suspend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// WaitForTimers returns when at least n timers are set, those counted that nobody listens to any
// more, or with ctx's error.
func (c *Clock) WaitForTimers(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		enough, set := len(c.timers) >= n, c.set
		c.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-set:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
