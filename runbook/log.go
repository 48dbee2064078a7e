package runbook

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Log is the only seam of the engine: an append-only store of named streams. Everything that the
// engine promises follows from Append.
type Log interface {
	// Append adds r to stream if and only if r.Seq is the next number of that stream, fills r.Prev and
	// r.Hash, and has made it durable when it returns nil. Another number is ErrConflict. After any
	// other error the record may or may not be there: the caller must read before it goes on.
	Append(ctx context.Context, stream string, r *Record) error
	// Read returns the records of stream from number from on, checked against the hash chain.
	// A stream that does not exist has no records.
	Read(ctx context.Context, stream string, from uint64) ([]Record, error)
	// Streams yields the names that begin with prefix, in order.
	Streams(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// Locker is implemented by stores that know whether a stream's owner is alive on this machine.
type Locker interface {
	// Lock keeps stream until release is called or the process ends. A held one is a *LockedError.
	Lock(stream, owner string) (release func() error, err error)
}

// ErrConflict is matched by the error of an Append whose number was already taken.
var ErrConflict = errors.New("another writer was faster")

// LockedError says who drives a run right now.
type LockedError struct{ Stream, Owner string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is being driven by %s, which is alive", e.Stream, e.Owner)
}

// RunStream and EnvironmentStream name the two kinds of stream, and with "" are the prefix of their names.
func RunStream(run string) string                 { return "runs/" + run }
func EnvironmentStream(environment string) string { return "environments/" + environment }
