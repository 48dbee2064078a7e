package runbooktest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func checkUnknownStream(ctx context.Context, s *store) error {
	for _, from := range []uint64{0, 1, 7} {
		got, err := s.Read(ctx, "runs/unknown-0001", from)
		if err != nil || len(got) != 0 {
			return fmt.Errorf("read an unknown stream from %d: %d records, %v", from, len(got), err)
		}
	}
	return listed(ctx, s, "runs/", nil)
}

func checkFrom(ctx context.Context, s *store) error {
	const n = 5
	want, err := appendN(ctx, s, stream, 1, n)
	if err != nil {
		return err
	}
	for _, l := range []runbook.Log{s, s.another()} {
		for _, from := range []uint64{n, 3, n + 1, 1, 0, 2, n + 2, math.MaxInt64, math.MaxUint64} {
			got, err := l.Read(ctx, stream, from)
			if err != nil {
				return fmt.Errorf("read %d records from %d on: %w", n, from, err)
			}
			first := min(max(from, 1), n+1) - 1
			if err := same(got, want[first:]); err != nil {
				return fmt.Errorf("read %d records from %d on: %w", n, from, err)
			}
		}
	}
	return nil
}

func checkReopened(ctx context.Context, s *store) error {
	want, err := appendN(ctx, s, stream, 1, 4)
	if err != nil {
		return err
	}
	next := s.another()
	if err := expect(ctx, next, stream, want); err != nil {
		return fmt.Errorf("opened anew: %w", err)
	}
	if err := refused(ctx, s.another(), 4, 1, 4, 6); err != nil {
		return fmt.Errorf("opened anew: %w", err)
	}
	more, err := appendN(ctx, next, stream, 5, 6)
	if err != nil {
		return fmt.Errorf("opened anew: %w", err)
	}
	want = append(want, more...)
	// The first handle learns of what the other wrote.
	if err := refused(ctx, s, 6, 5, 6); err != nil {
		return err
	}
	more, err = appendN(ctx, s, stream, 7, 7)
	if err != nil {
		return fmt.Errorf("behind what another handle wrote: %w", err)
	}
	return expect(ctx, s.another(), stream, append(want, more...))
}

func checkSeparate(ctx context.Context, s *store) error {
	want := map[string][]runbook.Record{}
	names := []string{"runs/a", "runs/ab", "runs/a/b", "runs/a-1", "environments/a"}
	for seq := range uint64(3) {
		for _, name := range names {
			more, err := appendN(ctx, s, name, seq+1, seq+1)
			if err != nil {
				return err
			}
			want[name] = append(want[name], more...)
		}
	}
	for _, name := range names {
		if err := expect(ctx, s, name, want[name]); err != nil {
			return err
		}
	}
	if want["runs/a"][0].Hash == want["runs/ab"][0].Hash {
		return fmt.Errorf("the same record has the same hash in two streams, so they could be exchanged")
	}
	return nil
}

func checkStreamsByPrefix(ctx context.Context, s *store) error {
	names := []string{"runs/a", "runs/a/b", "runs/a-1", "runs/a1", "runs/a_1", "runs/a.1", "runs/ab", "runs/B", "runs/c",
		"runs/100%", "runs/ä", "runs/é", "environments/a", "runsmore/a"}
	for _, name := range names {
		if _, err := appendN(ctx, s, name, 1, 2); err != nil {
			return err
		}
	}
	slices.Sort(names)
	another := s.another()
	for _, prefix := range []string{"runs/", "", "runs/a", "runs/a_", "runs/100%", "runs/%", "runs", "runs/a/", "r", "runs/z", "z", "runs/ä", "environments/"} {
		var want []string
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		for _, l := range []runbook.Log{s, another} {
			if err := listed(ctx, l, prefix, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func listed(ctx context.Context, l runbook.Log, prefix string, want []string) error {
	var got []string
	for name, err := range l.Streams(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list streams with %q: %w", prefix, err)
		}
		got = append(got, name)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the streams that begin with %q are listed as %.300q, not %.300q", prefix, got, want)
	}
	return nil
}

func checkStreamsWhileUsed(ctx context.Context, s *store) error {
	for i := range 5 {
		if _, err := appendN(ctx, s, fmt.Sprintf("runs/test-%04d", i+1), 1, 1); err != nil {
			return err
		}
	}
	seen := 0
	for name, err := range s.Streams(ctx, "runs/") {
		if err != nil {
			return err
		}
		if _, err := s.Read(ctx, name, 1); err != nil {
			return fmt.Errorf("read inside the loop: %w", err)
		}
		if _, err := appendN(ctx, s, name, 2, 2); err != nil {
			return fmt.Errorf("inside the loop: %w", err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		return fmt.Errorf("%d of 5 streams were listed before the loop was left", seen)
	}
	_, err := appendN(ctx, s, "runs/test-0001", 3, 3)
	return err
}

func checkManyStreams(ctx context.Context, s *store) error {
	const n = 1000
	want := make([]string, n)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range n {
		want[i] = fmt.Sprintf("runs/many-%04d", i+1)
		g.Go(func() error {
			_, err := appendN(gctx, s, want[i], 1, 1)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := listed(ctx, s.another(), "runs/", want); err != nil {
		return err
	}
	return expectLast(ctx, s, want[n-1], 1)
}

// expectLast checks that a stream is a chain of n records.
func expectLast(ctx context.Context, l runbook.Log, name string, n int) error {
	got, err := l.Read(ctx, name, 1)
	if err != nil {
		return err
	}
	if len(got) != n {
		return fmt.Errorf("%s has %d records, not %d", name, len(got), n)
	}
	return runbook.VerifyChain(name, got)
}
