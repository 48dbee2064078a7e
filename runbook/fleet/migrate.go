package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Migrate makes the schema and River's tables in it. It may be called at every start, also by
// several processes at once; where everything is there it changes nothing.
func (f *Fleet) Migrate(ctx context.Context) error {
	if err := f.migrate(ctx); err != nil {
		return fmt.Errorf("fleet: prepare schema %s: %w", f.cfg.Schema, err)
	}
	return nil
}

func (f *Fleet) migrate(ctx context.Context) error {
	// River's migrations use several transactions, so one of the callers goes after the other.
	conn, err := f.cfg.DB.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	key := f.lockKey("migrate", "")
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, key); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, key) }() // else it ends with the connection
	var there bool
	// CREATE … IF NOT EXISTS asks for permissions even if there is nothing to do.
	if err := conn.QueryRow(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, f.cfg.Schema).Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{f.cfg.Schema}.Sanitize()); err != nil {
			return err
		}
	}
	m, err := rivermigrate.New(riverpgxv5.New(f.cfg.DB), &rivermigrate.Config{Schema: f.cfg.Schema, Logger: f.cfg.Logger})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// lockKey makes an advisory lock's number. Two share one with the probability 2^-64 per pair.
func (f *Fleet) lockKey(what, name string) int64 {
	sum := sha256.Sum256([]byte("runbook/fleet\x00" + f.cfg.Schema + "\x00" + what + "\x00" + name))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}
