package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Item is an environment to be upgraded, and its group (empty: "default").
type Item struct{ Environment, Group string }

// args are a job's arguments: one environment, on its way to the end of one run.
type args struct {
	Environment string `json:"environment" river:"unique"`
	Group       string `json:"group"`
	// After is the number of the record, in the environment's journal, that the job's run comes after.
	// However often River hands the job out, it is that one run.
	After uint64 `json:"after"`
}

// Kind implements river.JobArgs.
func (args) Kind() string { return "fleet" }

// The priorities of jobs: what has begun is finished before something else begins.
const (
	priorityBegun = 1
	priorityNew   = 2
)

// active are the states of a job that is not over.
var active = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
	rivertype.JobStateRetryable, rivertype.JobStateScheduled}

// batch is how many jobs are inserted by one statement.
const batch = 1000

// Enqueue hands environments to the fleet, each for one run, and returns how many it took. One that
// the fleet has already, and that is not over, is not taken twice. An environment with an active run,
// whoever began that, is driven to its end; otherwise a new run is started. When an item is faulty
// all faults are reported and none is taken. After another error it may be repeated.
func (f *Fleet) Enqueue(ctx context.Context, items []Item) (taken int, err error) {
	if err := f.checkItems(items); err != nil {
		return 0, err
	}
	for from := 0; from < len(items); from += batch {
		n, err := f.enqueue(ctx, items[from:min(from+batch, len(items))])
		taken += n
		if err != nil {
			return taken, fmt.Errorf("fleet: enqueue: %w", err)
		}
	}
	return taken, nil
}

func (f *Fleet) checkItems(items []Item) error {
	var faults []error
	for i, item := range items {
		if item.Environment == "" {
			faults = append(faults, fmt.Errorf("fleet: item %d names no environment", i+1))
		}
		if _, known := f.cfg.Groups[item.group()]; !known {
			faults = append(faults, fmt.Errorf("fleet: item %d (%s): there is no group %q", i+1, item.Environment, item.Group))
		}
	}
	return errors.Join(faults...)
}

func (i Item) group() string {
	if i.Group == "" {
		return defaultGroup
	}
	return i.Group
}

func (f *Fleet) enqueue(ctx context.Context, items []Item) (taken int, err error) {
	jobs := make([]river.InsertManyParams, len(items))
	for i, item := range items {
		after, err := f.after(ctx, item.Environment)
		if err != nil {
			return 0, err
		}
		jobs[i] = river.InsertManyParams{Args: args{Environment: item.Environment, Group: item.group(), After: after},
			InsertOpts: &river.InsertOpts{Queue: queue(item.group()), Priority: priorityNew, MaxAttempts: f.cfg.Attempts,
				UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: active}}}
	}
	inserted, err := f.client.InsertMany(ctx, jobs)
	for _, job := range inserted {
		if !job.UniqueSkippedAsDuplicate {
			taken++
		}
	}
	return taken, err
}

// queue is the River queue of a group. Each group has its own, so that one with all its slots taken
// is not in the way of others.
func queue(group string) string { return "fleet-" + group }

// after is the number of the record that ended the environment's last run; 0: there was none.
func (f *Fleet) after(ctx context.Context, environment string) (uint64, error) {
	records, err := f.cfg.Log.Read(ctx, runbook.EnvironmentStream(environment), 1)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	last := records[len(records)-1]
	if last.Kind == runbook.KindEnd {
		return last.Seq, nil
	}
	// The end of a run is written to its own journal first.
	state, err := f.runner().State(ctx, last.Key)
	if err == nil && state.End != nil {
		return last.Seq, nil
	}
	if errors.Is(err, runbook.ErrUnknownRun) {
		err = nil
	}
	return last.Seq - 1, err
}

// run finds the run of a job; nil: it has not begun.
func (f *Fleet) run(ctx context.Context, a args) (*runbook.State, error) {
	records, err := f.cfg.Log.Read(ctx, runbook.EnvironmentStream(a.Environment), a.After+1)
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		if rec.Kind != runbook.KindStart {
			continue
		}
		state, err := f.runner().State(ctx, rec.Key)
		if errors.Is(err, runbook.ErrUnknownRun) {
			return nil, nil // its process died before the first record; Start clears that up
		}
		if err != nil || !state.Started.IsZero() {
			return state, err
		}
	}
	return nil, nil
}
