package web

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// overview reads the list of runs, at most once in a while for everybody together: pages that are
// open, and whoever collects metrics, do not multiply the load of the store.
type overview struct {
	runner *runbook.Runner
	fresh  time.Duration
	now    func() time.Time

	turn chan struct{} // one reads, the others wait for what it finds
	at   time.Time
	runs []listed
}

// listed is a run in the list. State is set for those that have not ended, and must not be changed.
type listed struct {
	runbook.RunInfo
	State *runbook.State
	// Fault says why the journal of a run cannot be read.
	Fault string
}

// read lists the runs, newest first.
func (o *overview) read(ctx context.Context) ([]listed, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if age := o.now().Sub(o.at); !o.at.IsZero() && 0 <= age && age < o.fresh {
		return o.runs, nil
	}
	infos, err := o.runner.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	runs := make([]listed, 0, len(infos))
	for _, info := range infos {
		runs = append(runs, o.look(ctx, info))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(runs, func(a, b listed) int { return b.Started.Compare(a.Started) })
	o.at, o.runs = o.now(), runs
	return runs, nil
}

func (o *overview) look(ctx context.Context, info runbook.RunInfo) listed {
	l := listed{RunInfo: info}
	if info.Outcome != "" {
		return l
	}
	s, err := o.runner.State(ctx, info.Run)
	if err != nil && !errors.Is(err, runbook.ErrUnknownRun) {
		l.Fault = err.Error()
	}
	l.State = s
	return l
}

// version changes with everything that the list shows.
func version(runs []listed) string {
	h := fnv.New64a()
	for _, l := range runs {
		records := uint64(0)
		if l.State != nil {
			records = l.State.Records
		}
		fmt.Fprintf(h, "%s %s %d %s\n", l.Run, l.Outcome, records, l.Fault)
	}
	return fmt.Sprintf("%x", h.Sum64())
}
