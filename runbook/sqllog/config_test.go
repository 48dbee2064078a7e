package sqllog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

func TestConfigurationFaultsAreAllReported(t *testing.T) {
	_, err := sqllog.New(nil, sqllog.Options{Schema: `a"; DROP SCHEMA b`, LockTimeout: -time.Second})
	for _, want := range []string{"no database", "cannot name a schema", "lock timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	for _, bad := range []string{"Upper", "1a", "a.b", "pg_x", strings.Repeat("a", 64), "ä"} {
		if _, err := sqllog.New(new(sql.DB), sqllog.Options{Schema: bad}); err == nil {
			t.Errorf("the schema %q was accepted", bad)
		}
	}
}

// scripted is a database that answers each statement with the next error of a script, nil for one
// row affected. It stands for faults that a real server shows too rarely to test.
type scripted struct {
	errs  []error
	calls int
}

func (s *scripted) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s *scripted) Driver() driver.Driver                        { return nil }
func (s *scripted) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("not used") }
func (s *scripted) Begin() (driver.Tx, error)                    { return nil, s.next() }
func (s *scripted) Close() error                                 { return nil }

func (s *scripted) next() error {
	s.calls++
	if len(s.errs) == 0 {
		return nil
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err
}

func (s *scripted) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return driver.RowsAffected(1), nil
}

func (s *scripted) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, s.next()
}

func scriptedLog(t *testing.T, errs ...error) (*sqllog.Log, *scripted) {
	t.Helper()
	s := &scripted{errs: errs}
	db := sql.OpenDB(s)
	t.Cleanup(func() { db.Close() })
	l, err := sqllog.New(db, sqllog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l, s
}

// serverError is an error as drivers give it.
type serverError string

func (e serverError) Error() string    { return "the server says " + string(e) }
func (e serverError) SQLState() string { return string(e) }

func TestAppendSaysWhatIsKnown(t *testing.T) {
	lost := errors.New("unexpected EOF")
	for _, c := range []struct {
		err      error
		conflict bool
		says     string
	}{
		{err: serverError("23505"), conflict: true},
		{err: fmt.Errorf("wrapped: %w", serverError("23505")), conflict: true},
		{err: lost, says: "unknown; read the journal"},
		{err: serverError("57P01"), says: "unknown; read the journal"},
		{err: serverError("57P02"), says: "the database crashed"},
		{err: serverError("08006"), says: "unknown; read the journal"},
		{err: serverError("40003"), says: "unknown; read the journal"},
		{err: context.DeadlineExceeded, says: "interrupted; read the journal"},
		{err: serverError("53100"), says: "nothing was written; the database's disk is full"},
		{err: serverError("42P01"), says: "nothing was written; the tables are missing"},
		{err: serverError("XX000"), says: "nothing was written"},
	} {
		l, s := scriptedLog(t, c.err)
		err := l.Append(t.Context(), "runs/a", record(1))
		if errors.Is(err, runbook.ErrConflict) != c.conflict || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.err, err)
		}
		var e *sqllog.Error
		if !c.conflict && (!errors.As(err, &e) || !errors.Is(err, c.err) || e.Stream != "runs/a") {
			t.Errorf("%v is not in %v", c.err, err)
		}
		if s.calls != 1 {
			t.Errorf("%v: %d calls; an append must not be repeated", c.err, s.calls)
		}
		// The handle has not taken the record for written: its number is still the next one.
		if err := l.Append(t.Context(), "runs/a", record(1)); err != nil {
			t.Errorf("%v: the same number again: %v", c.err, err)
		}
	}
}

// The server may roll a transaction back in favour of another one; then it may be repeated.
func TestRolledBackAppendIsRepeated(t *testing.T) {
	l, s := scriptedLog(t, serverError("40001"), serverError("40P01"), serverError("40001"))
	if err := l.Append(t.Context(), "runs/a", record(1)); err != nil || s.calls != 4 {
		t.Errorf("%v after %d calls", err, s.calls)
	}
	s.errs = []error{serverError("40001"), serverError("23505")}
	if err := l.Append(t.Context(), "runs/a", record(2)); !errors.Is(err, runbook.ErrConflict) {
		t.Errorf("the other one was faster: %v", err)
	}
	for range 40 {
		s.errs = append(s.errs, serverError("40001"))
	}
	if err := l.Append(t.Context(), "runs/a", record(2)); err == nil || errors.Is(err, runbook.ErrConflict) || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("always rolled back: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := l.Append(ctx, "runs/a", record(2)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("with a context that ends: %v", err)
	}
}

// unsentError is pgx's error of a call that it could not send.
type unsentError struct{}

func (unsentError) Error() string     { return "broken pipe" }
func (unsentError) SafeToRetry() bool { return true }

// What was not sent is sent again, whatever call it is; what is given up says what was attempted.
func TestUnsentCallsAreRepeated(t *testing.T) {
	l, s := scriptedLog(t, unsentError{}, unsentError{})
	if err := l.Append(t.Context(), "runs/a", record(1)); err != nil || s.calls != 3 {
		t.Errorf("%v after %d calls", err, s.calls)
	}
	lost := errors.New("connection reset by peer")
	for op, call := range map[string]func() error{
		"read runs/a": func() error { _, err := l.Read(t.Context(), "runs/a", 1); return err },
		"own runs/a":  func() error { _, err := l.Lock("runs/a", "ann"); return err },
		"list the journals": func() (err error) {
			for _, err = range l.Streams(t.Context(), "runs/") {
			}
			return err
		},
	} {
		s.errs, s.calls = []error{unsentError{}, unsentError{}, lost}, 0
		if err := call(); s.calls != 3 || !errors.Is(err, lost) || !strings.Contains(err.Error(), op) {
			t.Errorf("%s: %v after %d calls", op, err, s.calls)
		}
	}
}

// A lock whose time is over while it is tried again still names the journal.
func TestLockGivesUpInTime(t *testing.T) {
	s := &scripted{}
	for range 40 {
		s.errs = append(s.errs, unsentError{})
	}
	db := sql.OpenDB(s)
	defer db.Close()
	l, err := sqllog.New(db, sqllog.Options{LockTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Lock("runs/a", "ann")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "own runs/a") {
		t.Errorf("%v", err)
	}
}

// What cannot be right is refused without asking the database.
func TestRefusedWithoutADatabase(t *testing.T) {
	l, s := scriptedLog(t)
	for _, name := range []string{"", "a\x00b", "a\xff", strings.Repeat("a", 1001)} {
		if err := l.Append(t.Context(), name, record(1)); err == nil {
			t.Errorf("append to %.20q", name)
		}
		if _, err := l.Read(t.Context(), name, 1); err == nil {
			t.Errorf("read %.20q", name)
		}
		if _, err := l.Lock(name, "ann"); err == nil {
			t.Errorf("lock %.20q", name)
		}
	}
	for _, seq := range []uint64{0, math.MaxInt64 + 1, math.MaxUint64} {
		if err := l.Append(t.Context(), "runs/a", record(seq)); !errors.Is(err, runbook.ErrConflict) {
			t.Errorf("number %d: %v", seq, err)
		}
	}
	if s.calls != 0 {
		t.Errorf("%d calls", s.calls)
	}
}

func TestFaultsOfOtherCalls(t *testing.T) {
	lost := errors.New("connection reset by peer")
	l, s := scriptedLog(t, lost)
	if _, err := l.Read(t.Context(), "runs/a", 1); !errors.Is(err, lost) || !strings.Contains(err.Error(), "read runs/a") {
		t.Errorf("read: %v", err)
	}
	s.errs = []error{lost}
	for _, err := range l.Streams(t.Context(), "runs/") {
		if !errors.Is(err, lost) || !strings.Contains(err.Error(), "runs/") {
			t.Errorf("streams: %v", err)
		}
	}
	s.errs = []error{lost}
	if _, err := l.Lock("runs/a", "ann"); !errors.Is(err, lost) || !strings.Contains(err.Error(), "own runs/a") {
		t.Errorf("lock: %v", err)
	}
	s.errs = []error{lost}
	if err := l.Migrate(t.Context()); !errors.Is(err, lost) {
		t.Errorf("migrate: %v", err)
	}
	s.errs = []error{lost} // an append that must read first
	if err := l.Append(t.Context(), "runs/a", record(5)); !errors.Is(err, lost) || errors.Is(err, runbook.ErrConflict) {
		t.Errorf("append: %v", err)
	}
}
