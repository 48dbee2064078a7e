package upgrade_test

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/verify-by-video/pexip-upgrade/internal/pgtest"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

func TestMain(m *testing.M) {
	if code, yes := child(); yes {
		os.Exit(code)
	}
	// Without programs no run keeps this machine awake: starting the one that does takes longer than a simulated upload.
	if err := os.Setenv("PATH", ""); err != nil {
		panic(err)
	}
	// Many of these tests wait for processes. The command line is read later and may say otherwise.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	debug.SetGCPercent(400) // many small worlds come and go: a tenth less to do
	code := m.Run()
	if server != nil {
		if err := server.Close(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// server runs once a test has asked for it, unless PostgreSQL is not installed.
var (
	server   *pgtest.Server
	postgres = sync.OnceValue(func() (err error) {
		server, err = pgtest.Start()
		return err
	})
)

// leftOut starts PostgreSQL, or says what cannot be tested without.
func leftOut(t *testing.T) bool {
	t.Helper()
	if err := postgres(); err != nil && !errors.Is(err, pgtest.ErrNotInstalled) {
		t.Fatal(err)
	}
	return pgtest.LeftOut(t, server)
}

var schemas atomic.Int64

// newSchema makes a store of its own in the database, and returns its name.
func newSchema(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("t%d", schemas.Add(1))
	must(t, database(t, name).Migrate(t.Context()))
	return name
}

// store is one process's handle of a store in the database.
type store struct {
	*sqllog.Log
	schema string
}

// database opens a store of the database as one more process would.
func database(t *testing.T, schema string) *store {
	t.Helper()
	log, db, err := openStore(server.DSN(), schema)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return &store{log, schema}
}

func openStore(dsn, schema string) (*sqllog.Log, *sql.DB, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, nil, err
	}
	log, err := sqllog.New(db, sqllog.Options{Schema: schema})
	return log, db, err
}
