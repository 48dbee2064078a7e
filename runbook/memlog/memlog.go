// Package memlog is a runbook.Log in memory, for tests and for previews that must leave nothing behind.
package memlog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Log keeps streams in memory. The zero value is ready; it is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	streams map[string][]runbook.Record
	owners  map[string]string
}

// Append implements runbook.Log.
func (l *Log) Append(ctx context.Context, stream string, r *runbook.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	have := l.streams[stream]
	if r.Seq != uint64(len(have)+1) {
		return fmt.Errorf("append record %d to %s, which has %d: %w", r.Seq, stream, len(have), runbook.ErrConflict)
	}
	prev := runbook.Origin(stream)
	if len(have) > 0 {
		prev = have[len(have)-1].Hash
	}
	if _, err := runbook.Seal(r, prev); err != nil {
		return err
	}
	if l.streams == nil {
		l.streams = map[string][]runbook.Record{}
	}
	l.streams[stream] = append(have, *r)
	return nil
}

// Read implements runbook.Log.
func (l *Log) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	have := l.streams[stream]
	if from < 1 {
		from = 1
	}
	if from > uint64(len(have)) {
		return nil, ctx.Err()
	}
	return slices.Clone(have[from-1:]), ctx.Err()
}

// Streams implements runbook.Log.
func (l *Log) Streams(_ context.Context, prefix string) iter.Seq2[string, error] {
	l.mu.Lock()
	var names []string
	for name := range l.streams {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	l.mu.Unlock()
	slices.Sort(names)
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

// Lock implements runbook.Locker within this process.
func (l *Log) Lock(stream, owner string) (func() error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if by, held := l.owners[stream]; held {
		return nil, &runbook.LockedError{Stream: stream, Owner: by}
	}
	if l.owners == nil {
		l.owners = map[string]string{}
	}
	l.owners[stream] = owner
	return func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.owners, stream)
		return nil
	}, nil
}
