package sqllog

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Read implements runbook.Log. It verifies the chain from its beginning, or, when from lies behind
// what this handle has verified before, from there; so looking for news is cheap.
func (l *Log) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	if err := checkName(stream); err != nil {
		return nil, err
	}
	return l.read(ctx, stream, from)
}

func (l *Log) read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	var c *chain
	err := repeat(ctx, func() (err error) {
		c, err = l.readOnce(ctx, stream, from)
		return err
	})
	if err != nil {
		return nil, newError("read "+stream, stream, err, "")
	}
	l.advance(stream, c.at)
	return c.out, nil
}

func (l *Log) readOnce(ctx context.Context, stream string, from uint64) (*chain, error) {
	known := l.head(stream) // before the query, which therefore must see it
	c := &chain{stream: stream, at: head{hash: runbook.Origin(stream)}, known: known, from: from}
	if known.seq > 0 && from > known.seq {
		c.at, c.anchored = known, true
	}
	rows, err := l.db.QueryContext(ctx, l.sql.read, stream, int64(c.at.seq))
	if err != nil {
		return nil, err
	}
	return c, c.readAll(rows)
}

// chain verifies rows one after the other.
type chain struct {
	stream   string
	at       head   // verified so far
	known    head   // what this handle has seen before
	anchored bool   // the first row is the known one
	from     uint64 // the first record that is wanted
	out      []runbook.Record
}

func (c *chain) readAll(rows *sql.Rows) error {
	defer rows.Close()
	seen := head{}
	for rows.Next() {
		var seq int64
		var hash string
		var line []byte
		if err := rows.Scan(&seq, &hash, &line); err != nil {
			return err
		}
		if err := c.take(uint64(seq), hash, line); err != nil {
			return err
		}
		seen = c.at
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if seen.seq < c.known.seq {
		return fmt.Errorf("%w: it ends after record %d, but record %d was there before", runbook.ErrDamaged, seen.seq, c.known.seq)
	}
	return nil
}

// take checks one row.
func (c *chain) take(seq uint64, hash string, line []byte) error {
	if c.anchored && seq == c.known.seq {
		return c.sameAsKnown(seq, hash)
	}
	r, err := runbook.Open(line, c.at.hash, c.at.seq+1)
	if err != nil {
		return err
	}
	if r.Hash != hash || r.Seq != seq {
		return fmt.Errorf("%w: the row of record %d is marked as record %d with another hash", runbook.ErrDamaged, r.Seq, seq)
	}
	c.at = head{r.Seq, r.Hash}
	if r.Seq >= c.from {
		c.out = append(c.out, r)
	}
	return c.sameAsKnown(seq, hash)
}

func (c *chain) sameAsKnown(seq uint64, hash string) error {
	if seq == c.known.seq && hash != c.known.hash {
		return fmt.Errorf("%w: record %d is not the one that was there before", runbook.ErrDamaged, seq)
	}
	return nil
}

// Streams implements runbook.Log. Names come in pages of 1,000; no connection is kept in between.
func (l *Log) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		query, after := l.sql.first, prefix
		for {
			var page []string
			err := repeat(ctx, func() (err error) {
				page, err = l.page(ctx, query, after)
				return err
			})
			if err != nil {
				yield("", newError(fmt.Sprintf("list the journals that begin with %q", prefix), "", err, ""))
				return
			}
			for _, name := range page {
				// Names with the prefix lie side by side, because they sort by their bytes.
				if !strings.HasPrefix(name, prefix) || !yield(name, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
			query, after = l.sql.next, page[len(page)-1]
		}
	}
}

func (l *Log) page(ctx context.Context, query, after string) ([]string, error) {
	rows, err := l.db.QueryContext(ctx, query, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
