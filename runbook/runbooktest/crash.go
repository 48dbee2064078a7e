package runbooktest

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// ErrCrash is matched by every error of a Crash that has happened.
var ErrCrash = errors.New("the process has died")

// Crash is the store as seen by a process that dies at one of its appends. From then on every use of
// it fails with ErrCrash, and what that process kept is released; the store behind it lives on for
// the next process. It is safe for concurrent use.
//
//	for n := 1; ; n++ {
//		crash := &runbooktest.Crash{Log: log, At: n}
//		… start the run on crash
//		if !crash.Happened() {
//			break // the run has fewer than n records
//		}
//		… resume it on log, and check that what may happen once has happened once
//	}
type Crash struct {
	// Log is the store behind it.
	Log runbook.Log
	// At is the append that kills, counted from 1; 0: none. Conflicts count as appends.
	At int
	// After: the record still reaches the store, but the process does not learn of it.
	After bool

	mu       sync.Mutex
	appends  int
	happened bool
	kept     map[int]func() error
	locks    int
}

// Happened says whether the process has died.
func (c *Crash) Happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.happened
}

// Append implements runbook.Log. Appends wait for each other, so that the n-th is well defined.
func (c *Crash) Append(ctx context.Context, stream string, r *runbook.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.happened {
		return ErrCrash
	}
	c.appends++
	if c.appends != c.At {
		return c.Log.Append(ctx, stream, r)
	}
	var err error
	if c.After {
		err = c.Log.Append(ctx, stream, r)
	}
	return errors.Join(ErrCrash, err, c.die())
}

// die releases what the process kept, as its end does.
func (c *Crash) die() error {
	c.happened = true
	var errs []error
	for id, release := range c.kept {
		delete(c.kept, id)
		errs = append(errs, release())
	}
	return errors.Join(errs...)
}

// Read implements runbook.Log.
func (c *Crash) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	if c.Happened() {
		return nil, ErrCrash
	}
	return c.Log.Read(ctx, stream, from)
}

// Streams implements runbook.Log.
func (c *Crash) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if c.Happened() {
		return func(yield func(string, error) bool) { yield("", ErrCrash) }
	}
	return c.Log.Streams(ctx, prefix)
}

// Lock implements runbook.Locker. A store that is none is kept by everybody.
func (c *Crash) Lock(stream, owner string) (func() error, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.happened {
		return nil, ErrCrash
	}
	release, err := lock(c.Log, stream, owner)
	if err != nil {
		return nil, err
	}
	if c.kept == nil {
		c.kept = map[int]func() error{}
	}
	c.locks++
	id := c.locks
	c.kept[id] = release
	return func() error { return c.release(id) }, nil
}

func (c *Crash) release(id int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	release, kept := c.kept[id]
	if !kept {
		return nil
	}
	delete(c.kept, id)
	return release()
}

// lock keeps a stream if the store can do that.
func lock(l runbook.Log, stream, owner string) (func() error, error) {
	if locker, ok := l.(runbook.Locker); ok {
		return locker.Lock(stream, owner)
	}
	return func() error { return nil }, nil
}
