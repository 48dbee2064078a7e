package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const sweepQueue = "fleet-sweeps"

type sweepArgs struct{}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return "fleet-sweep" }

// sweepJob is called by River's leader. Of all sweeps one is under way at a time.
func sweepJob() (river.JobArgs, *river.InsertOpts) {
	return sweepArgs{}, &river.InsertOpts{Queue: sweepQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: active}}
}

type sweeper struct {
	river.WorkerDefaults[sweepArgs]
	process *process
}

// Timeout implements river.Worker: an undo may take its time.
func (w *sweeper) Timeout(*river.Job[sweepArgs]) time.Duration { return -1 }

// Work implements river.Worker.
func (w *sweeper) Work(ctx context.Context, job *river.Job[sweepArgs]) error {
	defer w.process.working(job.ID)()
	swept, err := w.process.Sweep(ctx)
	for _, s := range swept {
		w.process.cfg.Logger.Warn("fleet: an expired run was put back", "run", s.Run, "error", s.Err)
	}
	return err
}

// errDriven is why a run is not swept.
var errDriven = errors.New("the fleet drives it")

// Sweep settles what expired runs owe and ends them; see runbook.Runner.Sweep. It continues none. A
// run that the fleet drives is left to it, also while it waits for a person. With Config.Sweep.Every
// the workers do it on their own. It may be repeated, and several may sweep at once.
func (f *Fleet) Sweep(ctx context.Context) ([]runbook.Swept, error) {
	if f.cfg.Definition == nil {
		return nil, errors.New("fleet: sweep: no definition given")
	}
	r := f.runner()
	found, err := r.Sweep(ctx, runbook.Sweeping{Silent: f.cfg.Sweep.Silent, Waiting: f.cfg.Sweep.Waiting, Reason: "nobody drove the run any more",
		Definition: func(ctx context.Context, s *runbook.State) (*runbook.Definition, error) {
			jobs, err := f.jobs(ctx, s.Plan.Environment)
			if err != nil {
				return nil, err
			}
			if len(jobs) > 0 {
				return nil, errDriven
			}
			*r = *f.runner() // what the one before had set is not this one's
			return f.define(ctx, r, s.Plan.Environment)
		}})
	var swept []runbook.Swept
	for _, s := range found {
		if !errors.Is(s.Err, errDriven) {
			swept = append(swept, s)
		}
	}
	if err != nil {
		return swept, fmt.Errorf("fleet: %w", err)
	}
	return swept, nil
}

// jobs are the jobs of an environment that are not over: one, or none.
func (f *Fleet) jobs(ctx context.Context, environment string) ([]*rivertype.JobRow, error) {
	list, err := f.client.JobList(ctx, river.NewJobListParams().Kinds(args{}.Kind()).States(active...).
		Where("args ->> 'environment' = @environment", river.NamedArgs{"environment": environment}).First(10))
	if err != nil {
		return nil, err
	}
	return list.Jobs, nil
}
