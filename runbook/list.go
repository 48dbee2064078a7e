package runbook

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// RunInfo is what the journal of an environment says about one of its runs.
type RunInfo struct {
	Run         string    `json:"run"`
	Environment string    `json:"environment"`
	Started     time.Time `json:"started"`
	Starter     string    `json:"starter"`
	// Outcome is empty while the run is active, Ended and Reason with it.
	Outcome Ending    `json:"outcome,omitempty"`
	Ended   time.Time `json:"ended,omitzero"`
	Reason  string    `json:"reason,omitempty"`
}

// List lists all runs, oldest first within their environment. It reads one journal per environment
// and none of the runs', so it is quick also where there are thousands.
func (r *Runner) List(ctx context.Context) ([]RunInfo, error) {
	var out []RunInfo
	for name, err := range r.Log.Streams(ctx, EnvironmentStream("")) {
		if err != nil {
			return out, err
		}
		records, err := r.Log.Read(ctx, name, 1)
		if err != nil {
			return out, err
		}
		runs, err := listed(strings.TrimPrefix(name, EnvironmentStream("")), records)
		out = append(out, runs...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func listed(environment string, records []Record) (out []RunInfo, err error) {
	for _, rec := range records {
		d, err := environmentRecord(rec)
		if err != nil {
			return out, err
		}
		switch rec.Kind {
		case KindStart:
			out = append(out, RunInfo{Run: d.Run, Environment: environment, Started: rec.At, Starter: rec.Actor})
		case KindEnd:
			if len(out) == 0 {
				return out, fmt.Errorf("%w: record %d of %s ends a run before one began", ErrDamaged, rec.Seq, environment)
			}
			last := &out[len(out)-1]
			last.Outcome, last.Reason, last.Ended = d.Outcome, d.Reason, rec.At
		}
	}
	return out, nil
}

// Runs lists all runs, oldest first within their environment.
func (r *Runner) Runs(ctx context.Context) ([]*State, error) {
	var out []*State
	for name, err := range r.Log.Streams(ctx, RunStream("")) {
		if err != nil {
			return out, err
		}
		s, err := r.State(ctx, strings.TrimPrefix(name, RunStream("")))
		if err != nil {
			return out, err
		}
		out = append(out, s)
	}
	return out, nil
}
