package runbooktest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// writers is how many goroutines race in the rules below, half of them on one handle.
const writers = 6

// handles returns one handle per writer: the first half share one, the others have their own.
func (s *store) handles() []runbook.Log {
	out := make([]runbook.Log, writers)
	for i := range out {
		out[i] = s.Log
		if i >= writers/2 {
			out[i] = s.another()
		}
	}
	return out
}

func checkOneWinner(ctx context.Context, s *store) error {
	handles := s.handles()
	for seq := uint64(1); seq <= 25; seq++ {
		var won atomic.Int32
		var g errgroup.Group
		start := make(chan struct{})
		for i, l := range handles {
			g.Go(func() error {
				r := record(seq, fmt.Sprintf(`{"writer":%d}`, i))
				<-start
				err := l.Append(ctx, stream, &r)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, runbook.ErrConflict) {
					return fmt.Errorf("a writer that came too late for number %d got %w, which does not match ErrConflict", seq, err)
				}
				return nil
			})
		}
		close(start)
		if err := g.Wait(); err != nil {
			return err
		}
		if won.Load() != 1 {
			return fmt.Errorf("of %d writers that appended number %d at once %d succeeded", writers, seq, won.Load())
		}
	}
	return expectLast(ctx, s.another(), stream, 25)
}

func checkRacingWriters(ctx context.Context, s *store) error {
	const each = 20
	var g errgroup.Group
	for i, l := range s.handles() {
		g.Go(func() error { return writeMany(ctx, l, i, each) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	got, err := s.another().Read(ctx, stream, 1)
	if err != nil {
		return err
	}
	if err := runbook.VerifyChain(stream, got); err != nil {
		return fmt.Errorf("after %d writers raced: %w", writers, err)
	}
	count := map[string]int{}
	for _, r := range got {
		count[r.Key]++
	}
	if len(got) != writers*each || len(count) != writers*each {
		return fmt.Errorf("%d writers had %d records acknowledged each, the stream holds %d of which %d differ", writers, each, len(got), len(count))
	}
	return nil
}

// writeMany appends n records as the engine does: read, append the next number, read on when
// somebody was faster.
func writeMany(ctx context.Context, l runbook.Log, writer, n int) error {
	have := uint64(0)
	for done := 0; done < n; {
		r := record(have+1, `{}`)
		r.Key = fmt.Sprintf("writer %d, record %d", writer, done)
		err := l.Append(ctx, stream, &r)
		if err == nil {
			have, done = have+1, done+1
			continue
		}
		if !errors.Is(err, runbook.ErrConflict) {
			return fmt.Errorf("append in a race: %w", err)
		}
		more, err := l.Read(ctx, stream, have+1)
		if err != nil {
			return fmt.Errorf("read in a race: %w", err)
		}
		if len(more) == 0 {
			return fmt.Errorf("number %d was refused with ErrConflict, but a Read after that finds no such record", have+1)
		}
		have += uint64(len(more))
	}
	return nil
}

func checkReadDuringAppend(ctx context.Context, s *store) error {
	const n = 60
	var g errgroup.Group
	done := make(chan struct{})
	g.Go(func() error {
		defer close(done)
		_, err := appendN(ctx, s, stream, 1, n)
		return err
	})
	for _, l := range []runbook.Log{s.Log, s.another()} {
		g.Go(func() error { return readUntil(ctx, l, done) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return expectLast(ctx, s, stream, n)
}

func readUntil(ctx context.Context, l runbook.Log, done <-chan struct{}) error {
	for last := 0; ; {
		got, err := l.Read(ctx, stream, 1)
		if err == nil {
			err = runbook.VerifyChain(stream, got)
		}
		if err != nil {
			return fmt.Errorf("read while another appends: %w", err)
		}
		if len(got) < last {
			return fmt.Errorf("a reader saw %d records and then only %d", last, len(got))
		}
		last = len(got)
		select {
		case <-done:
			return nil
		default:
		}
	}
}
