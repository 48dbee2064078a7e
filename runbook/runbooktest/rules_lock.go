package runbooktest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const keeper = "Zoë <zoë@büro>, a name that is longer than what some stores would keep of it"

// lockers returns two handles as Lockers, or nothing if the store is none.
func (s *store) lockers() []runbook.Locker {
	first, ok1 := s.Log.(runbook.Locker)
	second, ok2 := s.another().(runbook.Locker)
	if !ok1 || !ok2 {
		return nil
	}
	return []runbook.Locker{first, second}
}

func checkLock(_ context.Context, s *store) error {
	lockers := s.lockers()
	for i, l := range lockers {
		release, err := l.Lock(stream, keeper)
		if err != nil {
			return fmt.Errorf("keep a stream that is free: %w", err)
		}
		for _, other := range lockers {
			if err := mustBeHeld(other); err != nil {
				return err
			}
		}
		if err := freeElsewhere(l); err != nil {
			return err
		}
		if err := release(); err != nil {
			return fmt.Errorf("release: %w", err)
		}
		again, err := lockers[1-i].Lock(stream, "bob@desk")
		if err != nil {
			return fmt.Errorf("keep a stream that was released: %w", err)
		}
		if err := again(); err != nil {
			return fmt.Errorf("release: %w", err)
		}
	}
	return nil
}

func mustBeHeld(l runbook.Locker) error {
	_, err := l.Lock(stream, "bob@desk")
	var held *runbook.LockedError
	if !errors.As(err, &held) {
		return fmt.Errorf("keep a stream that somebody keeps: the error is %v, not a *LockedError", err)
	}
	if held.Stream != stream || !strings.Contains(held.Owner, keeper) {
		return fmt.Errorf("the LockedError names the stream %q and the owner %q, not %q and %q", held.Stream, held.Owner, stream, keeper)
	}
	return nil
}

func freeElsewhere(l runbook.Locker) error {
	release, err := l.Lock("runs/test-0002", "bob@desk")
	if err != nil {
		return fmt.Errorf("keeping %s also keeps another stream: %w", stream, err)
	}
	return release()
}

func checkLockIsNoRecord(ctx context.Context, s *store) error {
	if lockers := s.lockers(); len(lockers) > 0 {
		release, err := lockers[0].Lock(stream, keeper)
		if err != nil {
			return fmt.Errorf("keep a stream that does not exist yet: %w", err)
		}
		defer release()
	}
	if err := listed(ctx, s, "", nil); err != nil {
		return err
	}
	if err := expect(ctx, s, stream, nil); err != nil {
		return err
	}
	records, err := appendN(ctx, s.another(), stream, 1, 2)
	if err != nil {
		return fmt.Errorf("while somebody keeps the stream: %w", err)
	}
	return expect(ctx, s, stream, records)
}
