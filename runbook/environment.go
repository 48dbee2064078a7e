package runbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// The stream of an environment holds the order of its runs: at most one has no end.

type environmentData struct {
	Run     string `json:"run"`
	Outcome Ending `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Active returns the environment's run that has not ended, or "".
func (r *Runner) Active(ctx context.Context, environment string) (string, error) {
	records, err := r.Log.Read(ctx, EnvironmentStream(environment), 1)
	if err != nil {
		return "", fmt.Errorf("read the runs of %s: %w", environment, err)
	}
	_, active, err := lastRun(records)
	return active, err
}

func lastRun(records []Record) (number int, active string, err error) {
	for _, rec := range records {
		d, err := environmentRecord(rec)
		if err != nil {
			return 0, "", err
		}
		switch rec.Kind {
		case KindStart:
			number, active = number+1, d.Run
		case KindEnd:
			active = ""
		}
	}
	return number, active, nil
}

func environmentRecord(rec Record) (d environmentData, err error) {
	if err := json.Unmarshal(rec.Data, &d); err != nil {
		return d, fmt.Errorf("%w: record %d of the environment: %v", ErrDamaged, rec.Seq, err)
	}
	return d, nil
}

// claim makes a new run the environment's active one and returns its id.
func (r *Runner) claim(ctx context.Context, environment string) (string, error) {
	stream := EnvironmentStream(environment)
	for {
		records, err := r.Log.Read(ctx, stream, 1)
		if err != nil {
			return "", fmt.Errorf("read the runs of %s: %w", environment, err)
		}
		number, active, err := lastRun(records)
		if err != nil {
			return "", err
		}
		if active != "" {
			if err := r.finishEnded(ctx, environment, active); err != nil {
				return "", err
			}
			continue
		}
		run := fmt.Sprintf("%s-%04d", environment, number+1)
		err = r.appendEnvironment(ctx, environment, uint64(len(records)), KindStart, environmentData{Run: run})
		if !errors.Is(err, ErrConflict) {
			return run, err
		}
	}
}

// finishEnded closes the environment's record of a run that has ended, or never began, in its own
// journal; a run that is really active is an *ActiveRunError.
func (r *Runner) finishEnded(ctx context.Context, environment, run string) error {
	state, err := r.State(ctx, run)
	if errors.Is(err, ErrUnknownRun) {
		return r.voidRun(ctx, environment, run)
	}
	if err != nil {
		return err
	}
	if state.End == nil {
		return &ActiveRunError{Environment: environment, Run: run, Starter: state.Starter, Started: state.Started, Owed: len(state.Owed)}
	}
	return r.endEnvironment(ctx, environment, state)
}

// voidRun ends a run whose process died before its first record. Taking that record's number makes
// a process that was only slow lose its start.
func (r *Runner) voidRun(ctx context.Context, environment, run string) error {
	if release, err := r.lock(run); err != nil {
		return err
	} else {
		defer release()
	}
	end := End{Outcome: Aborted, Reason: "the process ended before the run began; nothing was done"}
	raw, err := json.Marshal(end)
	if err != nil {
		return err
	}
	rec := Record{V: RecordVersion, Seq: 1, Epoch: 1, At: r.now(), Actor: r.Actor, Kind: KindEnd, Data: raw}
	if err := r.Log.Append(ctx, RunStream(run), &rec); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	state, err := r.State(ctx, run)
	if err != nil || state.End == nil {
		return err
	}
	return r.endEnvironment(ctx, environment, state)
}

// endEnvironment records in the environment's stream that its active run has ended. Repeatable. The journal of a
// run that never began does not name its environment.
func (r *Runner) endEnvironment(ctx context.Context, environment string, s *State) error {
	for {
		records, err := r.Log.Read(ctx, EnvironmentStream(environment), 1)
		if err != nil {
			return err
		}
		_, active, err := lastRun(records)
		if err != nil || active != s.Run {
			return err
		}
		d := environmentData{Run: s.Run, Outcome: s.End.Outcome, Reason: s.End.Reason}
		err = r.appendEnvironment(ctx, environment, uint64(len(records)), KindEnd, d)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

func (r *Runner) appendEnvironment(ctx context.Context, environment string, have uint64, kind Kind, d environmentData) error {
	raw, err := r.encode(d)
	if err != nil {
		return err
	}
	rec := Record{V: RecordVersion, Seq: have + 1, Epoch: 1, At: r.now(), Actor: r.Actor, Kind: kind, Key: d.Run, Data: raw}
	return r.Log.Append(ctx, EnvironmentStream(environment), &rec)
}
