package sqllog

import (
	"context"
	"database/sql"
	"fmt"
)

// Version is the version of the tables that this package works with.
const Version = 1

// Migrate makes the schema and its tables. It may be called at every start, also by several
// processes at once and by a role that may not make tables: where they are there it changes
// nothing. Tables of a newer program are an error.
func (l *Log) Migrate(ctx context.Context) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return newError("prepare schema "+l.schema, "", err, "")
	}
	defer tx.Rollback()
	if err := l.migrate(ctx, tx); err != nil {
		return newError("prepare schema "+l.schema, "", err, "nothing was changed")
	}
	if err := tx.Commit(); err != nil {
		return newError("prepare schema "+l.schema, "", err, "it may be repeated")
	}
	return nil
}

func (l *Log) migrate(ctx context.Context, tx *sql.Tx) error {
	// CREATE … IF NOT EXISTS fails when two do it at once, and asks for permissions even if there is
	// nothing to do.
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, key("migrate", l.schema, "")); err != nil {
		return err
	}
	var schema, meta bool
	err := tx.QueryRowContext(ctx, `SELECT to_regnamespace($1::text) IS NOT NULL, to_regclass($1::text || '.meta') IS NOT NULL`, l.schema).Scan(&schema, &meta)
	if err != nil {
		return err
	}
	if meta {
		return l.checkVersion(ctx, tx)
	}
	if !schema {
		if _, err := tx.ExecContext(ctx, "CREATE SCHEMA "+l.schema); err != nil {
			return err
		}
	}
	for _, statement := range l.sql.migrate {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) checkVersion(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, l.sql.version).Scan(&version); err != nil {
		return err
	}
	if version != Version {
		return fmt.Errorf("the tables have version %d and this program works with %d; use the program that made them", version, Version)
	}
	return nil
}
