package runbooktest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func fired(c <-chan time.Time) (at time.Time, yes bool) {
	select {
	case at = <-c:
		return at, true
	default:
		return at, false
	}
}

func TestClockFiresInOrder(t *testing.T) {
	c := runbooktest.NewClock(noon)
	late, soon, now := c.After(time.Hour), c.After(time.Minute), c.After(0)
	if at, yes := fired(now); !yes || !at.Equal(noon) {
		t.Errorf("a timer of nothing: %t, %s", yes, at)
	}
	c.Advance(time.Minute - 1)
	if _, yes := fired(soon); yes {
		t.Error("fired too early")
	}
	c.Advance(2 * time.Hour)
	for want, timer := range map[time.Time]<-chan time.Time{noon.Add(time.Minute): soon, noon.Add(time.Hour): late} {
		if at, yes := fired(timer); !yes || !at.Equal(want) {
			t.Errorf("fired %t at %s, want %s", yes, at, want)
		}
	}
	if want := noon.Add(2*time.Hour + time.Minute - 1); !c.Now().Equal(want) {
		t.Errorf("it is %s, want %s", c.Now(), want)
	}
}

func TestClockSuspends(t *testing.T) {
	c := runbooktest.NewClock(noon)
	timer := c.After(time.Minute)
	c.Suspend(8 * time.Hour)
	if _, yes := fired(timer); yes || !c.Now().Equal(noon.Add(8*time.Hour)) {
		t.Errorf("fired %t at %s, while the machine slept", yes, c.Now())
	}
	c.Suspend(-10 * time.Minute)
	c.Advance(time.Minute)
	if at, yes := fired(timer); !yes || !at.Equal(noon.Add(8*time.Hour-9*time.Minute)) {
		t.Errorf("fired %t, at %s", yes, at)
	}
	defer func() {
		if recover() == nil {
			t.Error("time went back")
		}
	}()
	c.Advance(-1)
}

func TestClockHurries(t *testing.T) {
	c := runbooktest.NewClock(noon)
	first := c.After(time.Hour)
	c.Hurry()
	for range 3 {
		<-c.After(time.Hour)
	}
	if at, yes := fired(first); !yes || !at.Equal(noon.Add(time.Hour)) || !c.Now().Equal(noon.Add(3*time.Hour)) {
		t.Errorf("an earlier timer fired %t at %s, it is %s", yes, at, c.Now())
	}
}

func TestClockWaitsForTimers(t *testing.T) {
	c := runbooktest.NewClock(noon)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := c.WaitForTimers(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody sets a timer: %v", err)
	}
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() { <-c.After(time.Duration(n+1) * time.Second) })
	}
	if err := c.WaitForTimers(t.Context(), 20); err != nil {
		t.Error(err)
	}
	c.Advance(20 * time.Second)
	wg.Wait()
}

// A failed step is to be tried again after eight hours. The machine sleeps that long: one look at
// the wall clock after it woke, and the run goes on.
func ExampleClock() {
	ctx := context.Background()
	clock := runbooktest.NewClock(time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC))
	tries := 0
	def := &runbook.Definition{Name: "nightly", Environment: "test", Steps: []runbook.Step{
		{ID: "copy", Title: "Copy", Retry: runbook.Retry{Times: 1, Wait: 8 * time.Hour}, Apply: func(*runbook.StepContext) error {
			fmt.Println("tried at", clock.Now().Format(time.TimeOnly))
			if tries++; tries == 1 {
				return errors.New("the other side is closed")
			}
			return nil
		}},
	}}
	done := make(chan error)
	go func() {
		_, err := (&runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Clock: clock}).Start(ctx, def)
		done <- err
	}()
	if err := clock.WaitForTimers(ctx, 1); err != nil {
		fmt.Println(err)
	}
	clock.Suspend(8 * time.Hour)
	clock.Advance(time.Minute)
	fmt.Println(<-done)
	// Output:
	// tried at 22:00:00
	// tried at 06:01:00
	// <nil>
}
