// Package poll holds the one way in which the clients wait for something on a server.
package poll

import (
	"context"
	"fmt"
	"time"
)

// Until calls ask at once and then every interval until it says done, returns an error, ctx ends,
// or limit has passed (0: no limit). A terminal failure is ask's error; "not yet" is (false, nil).
// what names the awaited thing in the error of a passed limit, which matches context.DeadlineExceeded.
func Until(ctx context.Context, what string, interval, limit time.Duration, ask func(context.Context) (done bool, err error)) error {
	bounded := ctx
	if limit > 0 {
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

func limited(ctx, bounded context.Context, what string, limit time.Duration, err error) error {
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("waited %s for %s: %w", limit, what, context.DeadlineExceeded)
	}
	return err
}

// Sleep waits d or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
