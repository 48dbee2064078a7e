package poll_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

var never = func(context.Context) (bool, error) { return false, nil }

// TestTheFirstLookIsAtOnce, the others are one interval apart.
func TestTheFirstLookIsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, looks := time.Now(), []time.Duration{}
		err := poll.Until(t.Context(), "a build", 10*time.Second, time.Hour, func(context.Context) (bool, error) {
			looks = append(looks, time.Since(began))
			return len(looks) == 3, nil
		})
		if diff := cmp.Diff([]time.Duration{0, 10 * time.Second, 20 * time.Second}, looks); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

// TestALookThatTakesLong is followed by a whole interval: a slow server is not asked more often.
func TestALookThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, n := time.Now(), 0
		err := poll.Until(t.Context(), "a build", 10*time.Second, 0, func(ctx context.Context) (bool, error) {
			n++
			return n == 3, poll.Sleep(ctx, time.Minute)
		})
		if took := time.Since(began); took != 3*time.Minute+20*time.Second || err != nil {
			t.Error(took, err)
		}
	})
}

// TestALimitNamesWhatWasWaitedFor, also when it passes during a look, which ends with it.
func TestALimitNamesWhatWasWaitedFor(t *testing.T) {
	for name, ask := range map[string]func(context.Context) (bool, error){
		"between two looks": never,
		"during a look":     func(ctx context.Context) (bool, error) { return false, poll.Sleep(ctx, time.Hour) },
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := poll.Until(t.Context(), "build 7", 7*time.Second, time.Minute, ask)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waited 1m0s for build 7") {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took != time.Minute {
				t.Errorf("%s: %s", name, took)
			}
		})
	}
}

// TestATerminalFailureEndsTheWait as it is, also when the limit passes at the same time.
func TestATerminalFailureEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, looks := errors.New("gone"), 0
		err := poll.Until(t.Context(), "a build", time.Second, time.Minute, func(context.Context) (bool, error) {
			looks++
			return false, gone
		})
		if err != gone || looks != 1 {
			t.Error(err, looks)
		}
		err = poll.Until(t.Context(), "a build", time.Second, time.Minute, func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, gone
		})
		if err != gone {
			t.Error(err)
		}
		err = poll.Until(t.Context(), "a build", time.Second, time.Minute, func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return true, nil
		})
		if err != nil {
			t.Errorf("done at the last moment: %v", err)
		}
	})
}

// TestTheCallersContextEndsTheWait with its own error, not with that of the limit.
func TestTheCallersContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []time.Duration{0, time.Hour} {
			ctx, stop := context.WithTimeout(t.Context(), 90*time.Second)
			began := time.Now()
			if err := poll.Until(ctx, "a build", time.Minute, limit, never); err != context.DeadlineExceeded {
				t.Errorf("limit %s: %v", limit, err)
			}
			if took := time.Since(began); took != 90*time.Second {
				t.Errorf("limit %s: %s", limit, took)
			}
			stop()
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		looks := 0
		err := poll.Until(ctx, "a build", time.Minute, time.Hour, func(context.Context) (bool, error) { looks++; return false, nil })
		if err != context.Canceled || looks != 1 {
			t.Errorf("ended before: %v after %d looks", err, looks)
		}
	})
}

// TestNoLimit waits for as long as it takes.
func TestNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := poll.Until(t.Context(), "a build", time.Hour, 0, func(context.Context) (bool, error) {
			return time.Since(began) >= 1000*time.Hour, nil
		})
		if err != nil || time.Since(began) != 1000*time.Hour {
			t.Error(err, time.Since(began))
		}
	})
}

// TestALimitThatHasPassed, such as what is left of a longer one, allows no wait at all.
func TestALimitThatHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, looks := time.Now(), 0
		err := poll.Until(t.Context(), "a build", time.Hour, -time.Second, func(ctx context.Context) (bool, error) {
			looks++
			return false, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || looks != 1 || time.Since(began) != 0 {
			t.Error(err, looks, time.Since(began))
		}
	})
}

// TestNoInterval still lets time pass between two looks: the server gets a pause, and a limit its end.
func TestNoInterval(t *testing.T) {
	for _, interval := range []time.Duration{0, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			looks := 0
			err := poll.Until(t.Context(), "a build", interval, time.Second, func(context.Context) (bool, error) { looks++; return false, nil })
			if !errors.Is(err, context.DeadlineExceeded) || looks < 2 || looks > 1001 {
				t.Errorf("interval %s: %v after %d looks", interval, err, looks)
			}
		})
	}
}

// TestSleep: a context that has ended wins over a time that has passed.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for _, d := range []time.Duration{0, -time.Hour, time.Minute} {
			if err := poll.Sleep(t.Context(), d); err != nil {
				t.Error(d, err)
			}
		}
		if took := time.Since(began); took != time.Minute {
			t.Error(took)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := poll.Sleep(ctx, time.Hour); err != context.DeadlineExceeded {
			t.Error(err)
		}
		for range 100 {
			if err := poll.Sleep(ctx, -1); err != context.DeadlineExceeded {
				t.Fatal(err)
			}
		}
	})
}
