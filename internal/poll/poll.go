// Package poll holds the one way in which the clients wait for something on a server.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// breath is the time between two looks when none is given: a server is not asked without pause.
const breath = time.Millisecond

// Until calls ask at once and then every interval (not positive: 1 ms) until it says done, returns an
// error, ctx ends, or limit has passed (0: no limit; negative: it has passed, and ask gets one call
// with a context that has ended). A terminal failure is ask's error; "not yet" is (false, nil). what
// names the awaited thing in the error of a passed limit, which matches context.DeadlineExceeded.
func Until(ctx context.Context, what string, interval, limit time.Duration, ask func(context.Context) (done bool, err error)) error {
	if interval <= 0 {
		interval = breath
	}
	bounded := ctx
	if limit != 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	for {
		done, err := ask(bounded)
		if done || err != nil {
			return limited(ctx, bounded, what, limit, err)
		}
		if err := Sleep(bounded, interval); err != nil {
			return limited(ctx, bounded, what, limit, err)
		}
	}
}

// limited names what was waited for when it was the limit that ended the wait, and nothing else.
func limited(ctx, bounded context.Context, what string, limit time.Duration, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("waited %s for %s: %w", limit, what, context.DeadlineExceeded)
	}
	return err
}

// Sleep waits d or until ctx ends, whose error it then returns, also when d is not positive.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
