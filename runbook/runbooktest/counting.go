package runbooktest

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Syncer is implemented by stores that count how often they made something durable (fsync).
type Syncer interface {
	// Syncs is the number since the handle was opened. It never falls.
	Syncs() uint64
}

// Counting counts what is asked of a store. It changes nothing and is safe for concurrent use.
type Counting struct {
	// Log is the store behind it.
	Log runbook.Log

	appends, conflicts, failures, reads, lists atomic.Uint64
}

// Counts is what a Counting has seen.
type Counts struct {
	// Appends are acknowledged records, Conflicts refused ones, Failures all other errors of Append.
	Appends, Conflicts, Failures uint64
	// Reads and Lists are calls of Read and of Streams.
	Reads, Lists uint64
}

// Counts returns what was counted so far.
func (c *Counting) Counts() Counts {
	return Counts{Appends: c.appends.Load(), Conflicts: c.conflicts.Load(), Failures: c.failures.Load(), Reads: c.reads.Load(), Lists: c.lists.Load()}
}

// Syncs is how often the store has synced, and whether it knows. It counts everything that was done
// through the store's handle, also past this Counting.
func (c *Counting) Syncs() (n uint64, known bool) {
	s, ok := c.Log.(Syncer)
	if !ok {
		return 0, false
	}
	return s.Syncs(), true
}

// Append implements runbook.Log.
func (c *Counting) Append(ctx context.Context, stream string, r *runbook.Record) error {
	err := c.Log.Append(ctx, stream, r)
	switch {
	case err == nil:
		c.appends.Add(1)
	case errors.Is(err, runbook.ErrConflict):
		c.conflicts.Add(1)
	default:
		c.failures.Add(1)
	}
	return err
}

// Read implements runbook.Log.
func (c *Counting) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	c.reads.Add(1)
	return c.Log.Read(ctx, stream, from)
}

// Streams implements runbook.Log.
func (c *Counting) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	c.lists.Add(1)
	return c.Log.Streams(ctx, prefix)
}

// Lock implements runbook.Locker. A store that is none is kept by everybody.
func (c *Counting) Lock(stream, owner string) (func() error, error) {
	return lock(c.Log, stream, owner)
}
