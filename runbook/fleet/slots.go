package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// keeper holds the database session of one worker process: that the process is alive, and which
// slots it has. Both are advisory locks, so they end with the process, whatever ends it.
type keeper struct {
	fleet *Fleet
	name  string

	mu    sync.Mutex
	conn  *pgx.Conn      // nil while there is none
	alive bool           // conn holds the lock that says so
	slots map[int64]bool // taken by this process
	used  int            // environments that are driven now
}

// patience bounds every statement of a keeper.
const patience = 10 * time.Second

// idle lets the session live for as long as the process does, and lets the server notice within half
// a minute that the machine is gone.
const idle = `SELECT set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false),
	CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL THEN set_config('idle_session_timeout', '0', false) END`

// renew makes sure that there is a session and that it says that the process is alive. After a loss
// it takes the slots again; one that somebody else has meanwhile is lost, and its environment goes on
// without.
func (k *keeper) renew(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if k.conn == nil || k.conn.IsClosed() || k.conn.Ping(ctx) != nil {
		if err := k.connect(ctx); err != nil {
			return err
		}
	}
	if k.alive {
		return nil
	}
	if err := k.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, k.fleet.lockKey("alive", k.name)).Scan(&k.alive); err != nil {
		return err
	}
	if !k.alive {
		return errors.New("the lost session is still known to the database")
	}
	return nil
}

func (k *keeper) connect(ctx context.Context) error {
	k.disconnect(ctx)
	pooled, err := k.fleet.cfg.DB.Acquire(ctx)
	if err != nil {
		return err
	}
	k.conn = pooled.Hijack() // it is kept for as long as the process works
	if _, err := k.conn.Exec(ctx, idle); err != nil {
		return err
	}
	for key := range k.slots {
		var got bool
		if err := k.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&got); err != nil {
			return err
		}
		if !got {
			delete(k.slots, key)
		}
	}
	return nil
}

func (k *keeper) disconnect(ctx context.Context) {
	if k.conn != nil {
		_ = k.conn.Close(ctx) // broken, or not needed any more
	}
	k.conn, k.alive = nil, false
}

// close gives everything back.
func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	k.disconnect(ctx)
}

// take takes a slot of the process, one of all processes, and one of the group. ok is false when one
// of the three is not to be had now, or the session is lost.
func (k *keeper) take(group string) (release func(), ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.used >= k.fleet.cfg.Workers || k.conn == nil || k.conn.IsClosed() {
		return nil, false, nil
	}
	var keys []int64
	for _, bound := range []struct {
		name string
		most int
	}{{"group " + group, k.fleet.cfg.most(group)}, {"total", k.fleet.cfg.Total}} {
		key, ok, err := k.one(bound.name, bound.most)
		if !ok || err != nil {
			k.giveBack(keys)
			return nil, false, err
		}
		if key != 0 {
			keys = append(keys, key)
		}
	}
	k.used++
	return sync.OnceFunc(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.used--
		k.giveBack(keys)
	}), true, nil
}

// free takes the first of the given locks that is free. The recursion, unlike a LIMIT, promises that
// it takes no second one.
const free = `WITH RECURSIVE tried(i, got) AS (SELECT 0, false UNION ALL
	SELECT i + 1, pg_try_advisory_lock(($1::bigint[])[i + 1]) FROM tried WHERE NOT got AND i < cardinality($1::bigint[]))
SELECT i FROM tried WHERE got`

// one takes one of the slots 1 to most of a bound; most 0 needs none.
func (k *keeper) one(bound string, most int) (key int64, ok bool, err error) {
	if most == 0 {
		return 0, true, nil
	}
	var keys []int64 // a session may take a lock twice, so only those that it does not have
	for i := range most {
		if key := k.fleet.lockKey("slot", fmt.Sprintf("%s %d", bound, i+1)); !k.slots[key] {
			keys = append(keys, key)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var i int
	err = k.conn.QueryRow(ctx, free, keys).Scan(&i)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("take a slot (%s): %w", bound, err)
	}
	k.slots[keys[i-1]] = true
	return keys[i-1], true, nil
}

func (k *keeper) giveBack(keys []int64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, key := range keys {
		if k.slots[key] && k.conn != nil {
			_, _ = k.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, key) // a lost session has no locks
		}
		delete(k.slots, key)
	}
}

// present asks which of the named processes are alive.
const present = `SELECT name FROM unnest($1::text[], $2::bigint[]) AS p(name, key) JOIN pg_locks l
	ON l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint << 32 | l.objid::bigint = p.key
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// present says which of the named worker processes are alive.
func (f *Fleet) present(ctx context.Context, names []string) (map[string]bool, error) {
	keys := make([]int64, len(names))
	for i, name := range names {
		keys[i] = f.lockKey("alive", name)
	}
	rows, err := f.cfg.DB.Query(ctx, present, names, keys)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	out := map[string]bool{}
	for _, name := range found {
		out[name] = true
	}
	return out, err
}
