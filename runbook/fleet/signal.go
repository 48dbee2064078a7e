package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/riverqueue/river/rivertype"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Signal records what a person says about a run, see runbook.Runner.Signal, and lets the fleet go on
// with it at once. The person is Config.Actor. An answer that another program records is found at the
// next look, within Config.Look.
func (f *Fleet) Signal(ctx context.Context, run, step string, a runbook.Answer) error {
	if err := f.runner().Signal(ctx, run, step, a); err != nil {
		return err
	}
	return f.wake(ctx, run)
}

// Abort asks for everything to be put back and the run to be ended; see runbook.Runner.Abort.
func (f *Fleet) Abort(ctx context.Context, run, reason string) error {
	if err := f.runner().Abort(ctx, run, reason); err != nil {
		return err
	}
	return f.wake(ctx, run)
}

// wake ends the rest of the job of a run. What is recorded stays so if that fails.
func (f *Fleet) wake(ctx context.Context, run string) error {
	state, err := f.runner().State(ctx, run)
	if err != nil {
		return err
	}
	jobs, err := f.jobs(ctx, state.Plan.Environment)
	for _, job := range jobs {
		_, rerr := f.client.JobRetry(ctx, job.ID)
		if !errors.Is(rerr, rivertype.ErrNotFound) { // it is over meanwhile
			err = errors.Join(err, rerr)
		}
	}
	if err != nil {
		return fmt.Errorf("fleet: recorded for run %s; that the fleet goes on with it may take %s: %w", run, f.cfg.Look, err)
	}
	return nil
}
