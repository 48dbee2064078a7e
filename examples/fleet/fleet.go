package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// member is this process' part of the fleet.
type member struct {
	*fleet.Fleet
	options
	journals *sqllog.Log
	close    func()
}

func join(ctx context.Context, o options) (*member, error) {
	pool, err := pgxpool.New(ctx, o.dsn)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("pgx", o.dsn)
	if err != nil {
		pool.Close()
		return nil, err
	}
	db.SetMaxIdleConns(2 * o.atOnce) // so that they are kept between runs
	m := &member{options: o, close: func() {
		pool.Close()
		_ = db.Close() // nothing is under way any more
	}}
	if m.journals, err = sqllog.New(db, sqllog.Options{}); err == nil {
		m.Fleet, err = fleet.New(fleet.Config{DB: pool, Log: m.journals, Actor: upgrade.Identity(), Definition: m.definition,
			Workers: o.atOnce, Lease: time.Second, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// definition is the runbook of the world whose configuration lies in the environment's folder. Each
// world's Test system is one environment of the fleet.
func (m *member) definition(ctx context.Context, r *runbook.Runner, environment string) (*runbook.Definition, error) {
	cfg, err := upgrade.LoadConfig(filepath.Join(m.dir, environment, "upgrade.yaml"))
	if err != nil {
		return nil, err
	}
	s, err := upgrade.Open(ctx, cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: r.Actor, Log: r.Log, Asker: upgradetest.People{}})
	if err != nil {
		return nil, err
	}
	*r = *s.Runner // its secrets, its folder, who is asked
	s.Definition.Environment = environment
	return s.Definition, nil
}

// work is a worker process.
func work(ctx context.Context, o options) error {
	m, err := join(ctx, o)
	if err != nil {
		return err
	}
	defer m.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, err := os.Stdin.Read(make([]byte, 1)) // nothing is ever sent; it ends with the parent
		if err != nil {
			stop()
		}
	}()
	return m.Work(ctx)
}

// migrate makes the tables of both parts.
func (m *member) migrate(ctx context.Context) error {
	return errors.Join(m.journals.Migrate(ctx), m.Migrate(ctx))
}
