package sqllog

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Lock implements runbook.Locker, for all machines that share the database. It takes one connection
// of the pool until it is released, and does not wait: a stream that is kept is a *LockedError with
// the owner's name. The lock ends with the process and with the connection. Release may be called
// more than once; it is an error if the lock was lost before.
func (l *Log) Lock(stream, owner string) (release func() error, err error) {
	if err := checkName(stream); err != nil {
		return nil, err
	}
	if err := l.roomForLock(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.lockTimeout)
	defer cancel()
	var k *keeping
	err = repeat(ctx, func() (err error) {
		k, err = l.keep(ctx, stream, owner)
		return err
	})
	if err != nil {
		l.kept.Add(-1)
		return nil, err
	}
	return sync.OnceValue(func() error { return l.release(k, stream) }), nil
}

// roomForLock refuses a lock that would take the last connection that the pool allows: the owner
// could then not write a single record, and would wait for ever.
func (l *Log) roomForLock() error {
	limit := int64(l.db.Stats().MaxOpenConnections)
	if kept := l.kept.Add(1); limit > 0 && kept >= limit {
		l.kept.Add(-1)
		return fmt.Errorf("sqllog: %d streams are kept and the pool allows %d connections; each kept stream needs one, the journal at least one more: raise SetMaxOpenConns", kept-1, limit)
	}
	return nil
}

// keeping is a lock that is held.
type keeping struct {
	*sql.Conn
	timeout sql.NullString // the session's idle_session_timeout before, on servers that know it
}

// keep takes the lock on a connection of its own.
func (l *Log) keep(ctx context.Context, stream, owner string) (*keeping, error) {
	op := "own " + stream
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return nil, newError(op, stream, err, "")
	}
	k := &keeping{Conn: conn}
	free, err := l.tryLock(ctx, k, stream, owner)
	if err == nil && free {
		return k, nil
	}
	if err != nil {
		return nil, errors.Join(newError(op, stream, err, ""), discard(conn))
	}
	held := &runbook.LockedError{Stream: stream, Owner: l.owner(ctx, conn, stream)}
	if err := conn.Close(); err != nil {
		return nil, errors.Join(held, err)
	}
	return nil, held
}

// lasting lets a session be idle: a run waits for hours, and a server that ends idle sessions (since
// PostgreSQL 14) would end the lock. It returns what was set before.
const lasting = `SELECT was, CASE WHEN was IS NOT NULL THEN set_config('idle_session_timeout', '0', false) END
	FROM (SELECT current_setting('idle_session_timeout', true) AS was OFFSET 0) AS before`

func (l *Log) tryLock(ctx context.Context, k *keeping, stream, owner string) (free bool, err error) {
	err = k.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1::bigint)`, l.lockKey(stream)).Scan(&free)
	if err != nil || !free {
		return false, err
	}
	if _, err := k.ExecContext(ctx, l.sql.own, stream, storable(owner)); err != nil {
		return false, err
	}
	var now sql.NullString
	err = k.QueryRowContext(ctx, lasting).Scan(&k.timeout, &now)
	return err == nil, err
}

// owner names whoever holds the lock.
func (l *Log) owner(ctx context.Context, conn *sql.Conn, stream string) string {
	var name string
	var since time.Time
	err := conn.QueryRowContext(ctx, l.sql.owner, stream, l.lockKey(stream)).Scan(&name, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return "somebody who came or left just now"
	}
	if err != nil {
		return "somebody whose name could not be read: " + err.Error()
	}
	return fmt.Sprintf("%s, since %s", name, since.UTC().Format(time.RFC3339))
}

// unlock gives a lock back, and the session the setting that it had before.
const unlock = `SELECT pg_advisory_unlock($1::bigint), CASE WHEN $2::text IS NOT NULL THEN set_config('idle_session_timeout', $2::text, false) END`

// release gives the lock back, and its session to the pool: a new one for each run would be the
// dearest part of a short run.
func (l *Log) release(k *keeping, stream string) error {
	defer l.kept.Add(-1)
	ctx, cancel := context.WithTimeout(context.Background(), l.lockTimeout)
	defer cancel()
	var held bool
	var reset sql.NullString
	err := k.QueryRowContext(ctx, unlock, l.lockKey(stream), k.timeout).Scan(&held, &reset)
	if err == nil && !held {
		err = errors.New("it was not held any more")
	}
	if err != nil {
		return errors.Join(newError("release "+stream, stream, err, "the lock ended with its connection; the journal is not affected"), discard(k.Conn))
	}
	return k.Close()
}

// discard ends the connection instead of giving it back to the pool.
func discard(conn *sql.Conn) error {
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

func (l *Log) lockKey(stream string) int64 { return key("own", l.schema, stream) }

// key makes an advisory lock's number. Two streams share one with the probability 2^-64 per pair.
func key(what, schema, stream string) int64 {
	sum := sha256.Sum256([]byte("runbook/sqllog\x00" + what + "\x00" + schema + "\x00" + stream))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// storable makes text fit for a text column.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
