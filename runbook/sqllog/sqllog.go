package sqllog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Options are the settings of a Log. The zero value is usable.
type Options struct {
	// Schema holds the tables (default "runbook"): lower-case letters, digits and _, at most 63.
	Schema string
	// LockTimeout bounds the database calls of Lock and of its release (default 10 s).
	LockTimeout time.Duration
}

// Log is a runbook.Log and runbook.Locker in PostgreSQL. It is safe for concurrent use, also by
// several processes on several machines.
type Log struct {
	db          *sql.DB
	schema      string
	lockTimeout time.Duration
	sql         statements
	kept        atomic.Int64 // streams that this handle keeps, each with a connection

	mu    sync.Mutex
	heads map[string]head
}

// head is the last record of a stream that this handle has verified or written.
type head struct {
	seq  uint64
	hash string
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// New uses the database db, which stays the caller's to close. It does not connect. Every fault of
// the configuration is reported.
func New(db *sql.DB, o Options) (*Log, error) {
	if o.Schema == "" {
		o.Schema = "runbook"
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 10 * time.Second
	}
	var faults []error
	if db == nil {
		faults = append(faults, errors.New("sqllog: no database given"))
	}
	if !schemaName.MatchString(o.Schema) || strings.HasPrefix(o.Schema, "pg_") {
		faults = append(faults, fmt.Errorf("sqllog: %q cannot name a schema: lower-case letters, digits and _, at most 63, not beginning with pg_", o.Schema))
	}
	if o.LockTimeout < 0 {
		faults = append(faults, fmt.Errorf("sqllog: the lock timeout is %s", o.LockTimeout))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Log{db: db, schema: o.Schema, lockTimeout: o.LockTimeout, sql: prepare(o.Schema), heads: map[string]head{}}, nil
}

// Append implements runbook.Log. The record is durable when it returns nil. An error that is neither
// ErrConflict nor says that nothing was written leaves open whether the record is there.
func (l *Log) Append(ctx context.Context, stream string, r *runbook.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkName(stream); err != nil {
		return err
	}
	h, err := l.before(ctx, stream, r.Seq)
	if err != nil {
		return err
	}
	sealed := *r
	line, err := runbook.Seal(&sealed, h.hash)
	if err != nil {
		return err
	}
	if err := l.insert(ctx, stream, &sealed, line); err != nil {
		return err
	}
	l.advance(stream, head{sealed.Seq, sealed.Hash})
	*r = sealed
	return nil
}

// before returns the verified head that number seq follows, or ErrConflict if seq is not the next.
func (l *Log) before(ctx context.Context, stream string, seq uint64) (head, error) {
	h := l.head(stream)
	if seq > h.seq+1 && seq <= math.MaxInt64 {
		if _, err := l.read(ctx, stream, h.seq+1); err != nil {
			return h, err
		}
		h = l.head(stream)
	}
	if seq != h.seq+1 {
		return h, fmt.Errorf("append record %d to %s, which has at least %d: %w", seq, stream, h.seq, runbook.ErrConflict)
	}
	return h, nil
}

// insert is the compare-and-append.
func (l *Log) insert(ctx context.Context, stream string, r *runbook.Record, line []byte) error {
	op := fmt.Sprintf("append record %d to %s", r.Seq, stream)
	var result sql.Result
	err := repeat(ctx, func() (err error) {
		result, err = l.db.ExecContext(ctx, l.sql.insert, stream, int64(r.Seq), r.Hash, line, r.Prev)
		return err
	})
	if taken(err) {
		return fmt.Errorf("%s: %w", op, runbook.ErrConflict)
	}
	if err != nil {
		return appendError(op, stream, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return appendError(op, stream, err)
	}
	if n == 0 {
		return l.refused(ctx, op, stream)
	}
	return nil
}

// mostAgain bounds how often a call is repeated; with the growing wait before each that is about half
// a second.
const mostAgain = 30

// repeat repeats a call for as long as its failure is harmless.
func repeat(ctx context.Context, call func() error) error {
	err := call()
	for again := 1; harmless(err) && again <= mostAgain; again++ {
		if ended := poll.Sleep(ctx, time.Duration(again)*time.Millisecond); ended != nil {
			return fmt.Errorf("%w after %w", ended, err)
		}
		err = call()
	}
	return err
}

// refused explains an INSERT that found its conditions not met. Nothing was written.
func (l *Log) refused(ctx context.Context, op, stream string) error {
	var commit, fsync string
	if err := l.db.QueryRowContext(ctx, settings).Scan(&commit, &fsync); err != nil {
		return newError(op, stream, err, "nothing was written")
	}
	if commit == "off" || fsync == "off" {
		return &Error{Op: op, Stream: stream, Err: ErrNotDurable,
			Advice: fmt.Sprintf("synchronous_commit is %s and fsync is %s; nothing was written; switch on what is off for this role and database", commit, fsync)}
	}
	if _, err := l.read(ctx, stream, l.head(stream).seq+1); err != nil {
		return err
	}
	return fmt.Errorf("%s: the record before it changed meanwhile: %w", op, runbook.ErrConflict)
}

func (l *Log) head(stream string) head {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h, ok := l.heads[stream]; ok {
		return h
	}
	return head{hash: runbook.Origin(stream)}
}

func (l *Log) advance(stream string, h head) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.seq > l.heads[stream].seq {
		l.heads[stream] = h
	}
}

// longestName is far below what an index entry may have.
const longestName = 1000

func checkName(stream string) error {
	if stream == "" || len(stream) > longestName || !utf8.ValidString(stream) || strings.ContainsRune(stream, 0) {
		return fmt.Errorf("%.80q cannot name a journal", stream)
	}
	return nil
}
