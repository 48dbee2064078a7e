package sqllog_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/verify-by-video/pexip-upgrade/internal/pgtest"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// server is nil on machines without PostgreSQL; then only tests that need none are run.
var server *pgtest.Server

func TestMain(m *testing.M) {
	if dsn := os.Getenv("SQLLOG_TEST_KEEPER"); dsn != "" {
		keepUntilKilled(dsn, os.Getenv("SQLLOG_TEST_SCHEMA"))
		return
	}
	os.Exit(pgtest.Main(m, "sqllog", &server))
}

// keepUntilKilled is the program of the process that keeps a stream and is then killed.
func keepUntilKilled(dsn, schema string) {
	db, err := sql.Open("pgx", dsn)
	if err == nil {
		var l *sqllog.Log
		if l, err = sqllog.New(db, sqllog.Options{Schema: schema}); err == nil {
			_, err = l.Lock("runs/a", "eve@elsewhere")
		}
	}
	fmt.Println("kept:", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestPostgreSQL holds the tests against a real server.
func TestPostgreSQL(t *testing.T) {
	if pgtest.LeftOut(t, server) {
		return
	}
	t.Run("Conformance", testConformance)
	t.Run("SimpleProtocol", testSimpleProtocol)
	t.Run("Migrate", testMigrate)
	t.Run("Roles", testRoles)
	t.Run("Durability", testDurability)
	t.Run("Damage", testDamage)
	t.Run("Interrupted", testInterrupted)
	t.Run("Streams", testPages)
	t.Run("Lock", testLock)
	t.Run("Runs", testRuns)
	t.Run("EndedSessions", testEndedSessions)
	t.Run("Restart", testRestart)
	t.Run("Kill", testKill)
}

// pools are the connections of two processes. Making connections is the dearest thing that tests do
// to a server, so tests with many stores make these on the same pools.
type pools struct {
	dsn           string
	first, second *sql.DB
}

// connections makes the pools. settings are further connection parameters.
func connections(t testing.TB, settings ...string) *pools {
	t.Helper()
	dsn := strings.Join(append([]string{server.DSN()}, settings...), " ")
	return &pools{dsn: dsn, first: pool(t, dsn), second: pool(t, dsn)}
}

func pool(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(8) // as many as use it at once
	t.Cleanup(func() { db.Close() })
	return db
}

// store is a Log with what is needed to open it again.
type store struct {
	*pools
	*sqllog.Log
	db     *sql.DB
	schema string
}

var schemas atomic.Int64

func newSchema() string { return fmt.Sprintf("t%d", schemas.Add(1)) }

// open makes a new, empty store on pools of its own.
func open(t testing.TB, settings ...string) *store {
	t.Helper()
	return connections(t, settings...).open(t)
}

// open makes a new, empty store.
func (p *pools) open(t testing.TB) *store {
	t.Helper()
	s := p.store(t, p.first, newSchema())
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// another opens the same store on the second pool, as another process would.
func (s *store) another(t testing.TB) *store {
	t.Helper()
	return s.store(t, s.second, s.schema)
}

// connect opens a store that may not be there yet, on pools of its own.
func connect(t testing.TB, dsn, schema string) *store {
	t.Helper()
	p := &pools{dsn: dsn, first: pool(t, dsn), second: pool(t, dsn)}
	return p.store(t, p.first, schema)
}

func (p *pools) store(t testing.TB, db *sql.DB, schema string) *store {
	t.Helper()
	l, err := sqllog.New(db, sqllog.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return &store{pools: p, Log: l, db: db, schema: schema}
}

// exec runs SQL on the store; %s stands for its schema.
func (s *store) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := s.db.ExecContext(context.Background(), strings.ReplaceAll(statement, "%s", s.schema), args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func record(seq uint64) *runbook.Record {
	return &runbook.Record{V: runbook.RecordVersion, Seq: seq, Epoch: 1, Actor: "ann", Kind: runbook.KindNote, Key: "k", Data: []byte(fmt.Sprintf(`{"n":%d}`, seq))}
}

func (s *store) fill(t testing.TB, stream string, from, to uint64) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		if err := s.Append(t.Context(), stream, record(seq)); err != nil {
			t.Fatal(err)
		}
	}
}
