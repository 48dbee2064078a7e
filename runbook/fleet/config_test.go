package fleet_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

func TestConfigurationFaultsAreAllReported(t *testing.T) {
	_, err := fleet.New(fleet.Config{Log: onlyLog{}, Schema: "A", Workers: -1, Groups: map[string]int{"Prod": -1}, Lease: -1})
	for _, want := range []string{"no database", "cannot name a schema", "who is alive", "no actor", "must be positive", `"Prod" cannot name a group`, "-1 environments at once", "Lease is -1ns"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

// onlyLog is a store that does not know who is alive.
type onlyLog struct{ *memlog.Log }

// Lock is there, but not as runbook.Locker wants it.
func (onlyLog) Lock() {}

// TestUsableNames: River accepts what New accepts, and nothing connects.
func TestUsableNames(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), "host=/nonexistent user=x dbname=x")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	journals, err := sqllog.New(new(sql.DB), sqllog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("g", 40)
	f, err := fleet.New(fleet.Config{DB: pool, Log: journals, Actor: "ann", Schema: strings.Repeat("s", 40), Groups: map[string]int{"a-b_c": 1, longest: 0, "7": 2}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Work(t.Context()); err == nil || !strings.Contains(err.Error(), "no definition") {
		t.Errorf("work without a definition: %v", err)
	}
	if _, err := f.Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "no definition") {
		t.Errorf("sweep without a definition: %v", err)
	}
	if _, err := f.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "fleet: status") {
		t.Errorf("status without a database: %v", err)
	}
	if err := f.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "prepare schema sss") {
		t.Errorf("migrate without a database: %v", err)
	}
}
