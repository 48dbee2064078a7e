package sqllog_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/verify-by-video/pexip-upgrade/internal/pgtest"
	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// everywhere holds the conformance suite against more configurations than the default; .ci/run does so:
//
//	go test -race ./runbook/sqllog -run TestPostgreSQL/Conformance -conformance
var everywhere = flag.Bool("conformance", false, "hold the conformance suite also against serializable transactions, and a pool of one connection")

func testConformance(t *testing.T) {
	t.Run("default", func(t *testing.T) { conforms(t, connections(t)) })
	if !*everywhere {
		return
	}
	t.Run("serializable", func(t *testing.T) {
		conforms(t, connections(t, `options='-c default_transaction_isolation=serializable'`))
	})
	// With one connection for everything, no call may wait for a second one while it holds one.
	t.Run("one connection", func(t *testing.T) {
		type unlocked struct{ runbook.Log }
		one := connections(t)
		one.first.SetMaxOpenConns(1)
		runbooktest.TestLog(t, func(t *testing.T) runbook.Log { return unlocked{one.open(t).Log} }, nil)
	})
}

func conforms(t *testing.T, two *pools) {
	t.Helper()
	runbooktest.TestLog(t,
		func(t *testing.T) runbook.Log { return two.open(t) },
		func(t *testing.T, l runbook.Log) runbook.Log { return l.(*store).another(t) })
}

// Poolers often force drivers to send parameters as text.
func testSimpleProtocol(t *testing.T) {
	s := open(t, "default_query_exec_mode=simple_protocol")
	for seq, data := range []string{`"'; DROP TABLE records; -- \\ \\x00 $1"`, `"Grüße \u0000 <b>"`, `{}`} {
		r := record(uint64(seq + 1))
		r.Data = []byte(data)
		if err := s.Append(t.Context(), "runs/a'$1", r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Append(t.Context(), "runs/a'$1", record(3)); !errors.Is(err, runbook.ErrConflict) {
		t.Errorf("a number that is taken: %v", err)
	}
	if got, err := s.another(t).Read(t.Context(), "runs/a'$1", 1); err != nil || len(got) != 3 {
		t.Errorf("%d records, %v", len(got), err)
	}
	release, err := s.Lock("runs/a'$1", "o'hara")
	if err != nil {
		t.Fatal(err)
	}
	var held *runbook.LockedError
	if _, err := s.another(t).Lock("runs/a'$1", "eve"); !errors.As(err, &held) || !strings.HasPrefix(held.Owner, "o'hara") {
		t.Errorf("a kept stream: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func testMigrate(t *testing.T) {
	s := connect(t, server.DSN(), newSchema())
	wantAdvice(t, s.Append(t.Context(), "runs/a", record(1)), "42P01", "call Migrate")
	if _, err := s.Read(t.Context(), "runs/a", 1); err == nil {
		t.Error("read without tables")
	}
	var g errgroup.Group
	for range 8 {
		g.Go(func() error { return s.another(t).Migrate(t.Context()) })
	}
	if err := g.Wait(); err != nil {
		t.Fatalf("eight at once: %v", err)
	}
	s.fill(t, "runs/a", 1, 1)
	if err := s.Migrate(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	if got, err := s.Read(t.Context(), "runs/a", 1); err != nil || len(got) != 1 {
		t.Errorf("after that %d records, %v", len(got), err)
	}
	s.exec(t, `UPDATE %s.meta SET version = 2`)
	if err := s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("tables of a newer program: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Migrate(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}

// A role with nothing but the permissions of the package comment can do everything.
func testRoles(t *testing.T) {
	s := open(t)
	for _, statement := range []string{
		`CREATE ROLE %s_operator LOGIN`,
		`CREATE ROLE %s_stranger LOGIN`,
		`GRANT USAGE ON SCHEMA %s TO %s_operator`,
		`GRANT SELECT, INSERT ON %s.records TO %s_operator`,
		`GRANT SELECT ON %s.meta TO %s_operator`,
		`GRANT SELECT, INSERT, UPDATE ON %s.owners TO %s_operator`,
	} {
		s.exec(t, statement)
	}
	operator := connect(t, s.dsn+" user="+s.schema+"_operator", s.schema)
	if err := operator.Migrate(t.Context()); err != nil {
		t.Errorf("migrate what is there: %v", err)
	}
	operator.fill(t, "runs/a", 1, 3)
	if got, err := operator.Read(t.Context(), "runs/a", 1); err != nil || len(got) != 3 {
		t.Errorf("%d records, %v", len(got), err)
	}
	release, err := s.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	var held *runbook.LockedError
	if _, err := operator.Lock("runs/a", "bob"); !errors.As(err, &held) || !strings.HasPrefix(held.Owner, "ann, since 2") {
		t.Errorf("a stream that another role keeps: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if release, err = operator.Lock("runs/a", "bob"); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if _, err := operator.db.Exec("DELETE FROM " + s.schema + ".records"); err == nil {
		t.Error("the role may delete records")
	}
	stranger := connect(t, s.dsn+" user="+s.schema+"_stranger", s.schema)
	wantAdvice(t, stranger.Append(t.Context(), "runs/a", record(1)), "42501", "lacks a permission")
	if err := stranger.Migrate(t.Context()); err == nil {
		t.Error("a stranger migrates")
	}
	if _, err := stranger.Lock("runs/a", "eve"); err == nil {
		t.Error("a stranger keeps a stream")
	}
	reader := connect(t, s.dsn+` options='-c default_transaction_read_only=on'`, s.schema)
	wantAdvice(t, reader.Append(t.Context(), "runs/a", record(4)), "25006", "connect to the primary")
}

func wantAdvice(t *testing.T, err error, state, text string) {
	t.Helper()
	var e *sqllog.Error
	if !errors.As(err, &e) || e.SQLState != state || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("the error is %v; it should have the state %s and say %q and that nothing was written", err, state, text)
	}
}

func testDurability(t *testing.T) {
	s := open(t)
	s.fill(t, "runs/a", 1, 1)
	for value, fine := range map[string]bool{"off": false, "local": true, "remote_write": true, "on": true} {
		l := connect(t, s.dsn+" options='-c synchronous_commit="+value+"'", s.schema)
		err := l.Append(t.Context(), "runs/"+value, record(1))
		if (err == nil) != fine || errors.Is(err, sqllog.ErrNotDurable) == fine {
			t.Errorf("synchronous_commit %s: %v", value, err)
		}
		if err != nil && !strings.Contains(err.Error(), "synchronous_commit is off") {
			t.Errorf("synchronous_commit %s: %v", value, err)
		}
	}
	if got, err := s.Read(t.Context(), "runs/off", 1); err != nil || len(got) != 0 {
		t.Errorf("a refused record is there: %d records, %v", len(got), err)
	}
	// fsync is switched off under a handle that has written before.
	setFsync(t, s, "off")
	err := s.Append(t.Context(), "runs/a", record(2))
	setFsync(t, s, "on")
	if !errors.Is(err, sqllog.ErrNotDurable) {
		t.Errorf("fsync off: %v", err)
	}
	s.fill(t, "runs/a", 2, 2)
}

// setFsync waits until the store's only connection has heard of the change.
func setFsync(t *testing.T, s *store, value string) {
	t.Helper()
	s.db.SetMaxOpenConns(1)
	s.exec(t, "ALTER SYSTEM SET fsync = "+value)
	s.exec(t, "SELECT pg_reload_conf()")
	err := poll.Until(t.Context(), "the server to reload", time.Millisecond, 10*time.Second, func(ctx context.Context) (bool, error) {
		var is string
		err := s.db.QueryRowContext(ctx, "SELECT current_setting('fsync')").Scan(&is)
		return is == value, err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testInterrupted(t *testing.T) {
	s := open(t)
	s.fill(t, "runs/a", 1, 1)
	// Somebody is just appending the same number and has not committed.
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	other := s.another(t)
	if _, err := tx.Exec(strings.ReplaceAll(`INSERT INTO %s.records SELECT stream, 2, hash, line FROM %s.records WHERE seq = 1`, "%s", s.schema)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- other.Append(ctx, "runs/a", record(2)) }()
	waitForBlocked(t, s, true)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "read the journal") {
		t.Errorf("an append that was interrupted: %v", err)
	}
	waitForBlocked(t, s, false) // otherwise the server may still finish what nobody waits for
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got, err := other.Read(t.Context(), "runs/a", 1); err != nil || len(got) != 1 {
		t.Errorf("after the interruption %d records, %v", len(got), err)
	}
	other.fill(t, "runs/a", 2, 2)
	// A statement that the server gave up by itself has certainly not written.
	slow := connect(t, s.dsn+` options='-c statement_timeout=20'`, s.schema)
	tx, err = s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("LOCK TABLE " + s.schema + ".records IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	wantAdvice(t, slow.Append(t.Context(), "runs/b", record(1)), "57014", "timeout")
}

// waitForBlocked waits until some session waits for a lock of another one, or none does.
func waitForBlocked(t *testing.T, s *store, blocked bool) {
	t.Helper()
	err := poll.Until(t.Context(), "sessions to wait for each other, or to stop that", time.Millisecond, 10*time.Second, func(ctx context.Context) (bool, error) {
		var n int
		err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&n)
		return (n > 0) == blocked, err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// More streams than a page has; they are written by SQL, because only their names matter here.
func testPages(t *testing.T) {
	s := open(t)
	const n = 10_000
	s.exec(t, `INSERT INTO %s.records SELECT 'runs/' || to_char(g, 'FM000000'), 1, '', '' FROM generate_series(1, $1::int) g`, n)
	s.exec(t, `INSERT INTO %s.records SELECT stream, 2, '', '' FROM %s.records`)
	s.fill(t, "environments/test", 1, 1)
	s.fill(t, "sums/a", 1, 1)
	for prefix, want := range map[string]int{"runs/": n, "runs/00": 9999, "runs/0099": 100, "runs/010000": 1, "": n + 2, "runt": 0} {
		got, last := 0, ""
		for name, err := range s.Streams(t.Context(), prefix) {
			if err != nil || name <= last || !strings.HasPrefix(name, prefix) {
				t.Fatalf("%q: %q after %q, %v", prefix, name, last, err)
			}
			last = name
			got++
		}
		if got != want {
			t.Errorf("%d streams begin with %q, want %d", got, prefix, want)
		}
	}
	for name, err := range s.Streams(cancelled(t), "runs/") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %q, %v", name, err)
		}
	}
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func BenchmarkLog(b *testing.B) {
	if pgtest.LeftOut(b, server) {
		return
	}
	var current *store
	runbooktest.BenchmarkLog(b, func(b *testing.B) runbook.Log {
		current = open(b)
		current.db.SetMaxOpenConns(1)
		return current.Log
	}, func() uint64 { return walSyncs(b, current.db) })
}

// walSyncs is how often the server has synced its log, of its own accord or ours.
func walSyncs(b *testing.B, db *sql.DB) uint64 {
	var n uint64
	if _, err := db.Exec("SELECT pg_stat_force_next_flush()"); err != nil {
		b.Fatal(fmt.Errorf("PostgreSQL 15 or newer is needed: %w", err))
	}
	query := "SELECT wal_sync FROM pg_stat_wal"
	var version int
	if err := db.QueryRow("SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		b.Fatal(err)
	}
	if version >= 180000 {
		query = "SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'"
	}
	if err := db.QueryRow(query).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}
