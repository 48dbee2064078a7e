// Package awake keeps the workstation from sleeping while something long is being sent (PRE-4), and
// asks the operating system whether it really does.
package awake

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// Lock is a request to the operating system not to sleep. It ends with Release, or with this process,
// however that ends.
type Lock struct {
	// How says for the record by what the workstation is kept awake and whether that was verified, or
	// why it is not kept awake and that a person must see to it.
	How string
	// Kept says whether the system took the request, Verified whether it also lists it as active.
	Kept, Verified bool

	end func() string
}

// held is a request that the system has taken.
type held struct {
	release func()
	// active asks the system whether it still knows of the request.
	active func(context.Context) (bool, error)
	// limit is how long the system may take to show a change of what it lists (0: listLimit).
	limit time.Duration
}

const (
	listLimit = 3 * time.Second
	// listPause is how often the system is asked.
	listPause = 50 * time.Millisecond
)

// Keep asks the operating system not to sleep. It never fails: what could not be had is in the result.
func Keep(reason string) *Lock { return lock(keep(reason)) }

func lock(h *held, how string, err error) *Lock {
	if err != nil {
		how = "not kept awake (" + err.Error() + "); see to it by hand"
		return &Lock{How: how, end: func() string { return how }}
	}
	l := &Lock{How: how, Kept: true}
	if err := h.becomes(true); err != nil {
		l.How += ", not verified (" + err.Error() + ")"
	} else {
		l.How, l.Verified = l.How+", seen active", true
	}
	l.end = sync.OnceValue(func() string {
		h.release()
		if !l.Verified {
			return l.How + "; released, not verified"
		}
		if err := h.becomes(false); err != nil {
			return l.How + "; released, but not seen so (" + err.Error() + ")"
		}
		return l.How + "; seen released"
	})
	return l
}

// Release lets the workstation sleep again and returns how it was kept awake and released, for the
// record. It may be repeated.
func (l *Lock) Release() string { return l.end() }

// becomes waits until the system lists the request, or does not any more.
func (h *held) becomes(active bool) error {
	var last error
	err := poll.Until(context.Background(), "the system's list", listPause, cmp.Or(h.limit, listLimit), func(ctx context.Context) (bool, error) {
		is, err := h.active(ctx)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		last = err
		return err != nil || is == active, nil
	})
	switch {
	case last != nil:
		return last
	case err == nil:
		return nil
	case active:
		return errors.New("the system does not list it")
	}
	return errors.New("the system still lists it")
}
