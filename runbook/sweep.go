package runbook

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sweeping says which runs are given up, and how they are put back.
type Sweeping struct {
	// Definition makes the definition of a run's environment, for its Undos. Required.
	Definition func(ctx context.Context, s *State) (*Definition, error)
	// Silent is how long the journal of a run without a living driver must have been silent (default
	// 30 min).
	Silent time.Duration
	// Waiting is the same for a run that waits for a person, whose process has ended as it should
	// (0: such runs are left alone). A run that is being left, and still owes something, is tried
	// again after Silent.
	Waiting time.Duration
	// Reason is recorded.
	Reason string
}

// Swept is one run that was given up.
type Swept struct {
	Run string
	// State is the run afterwards, nil if it could not be taken over. Err is what could not be put back.
	State *State
	Err   error
}

// Sweep settles what expired runs owe and ends them as aborted: those without a living driver whose
// journal is silent. It is meant to run every few minutes on a second machine that shares the store,
// so that the loss of an operator's machine leaves nothing changed; it never continues a run. A run
// that was not swept because its driver is alive, or that ended meanwhile, is not in the result. It
// may be repeated, and several may sweep at once. A store that does not know who is alive (no
// Locker) is an error.
func (r *Runner) Sweep(ctx context.Context, o Sweeping) ([]Swept, error) {
	if _, ok := r.Log.(Locker); !ok {
		return nil, errors.New("sweep: this store does not know which runs have a living driver")
	}
	if o.Definition == nil {
		return nil, errors.New("sweep: no definition given")
	}
	if o.Silent == 0 {
		o.Silent = 30 * time.Minute
	}
	runs, err := r.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	var out []Swept
	for _, info := range runs {
		if info.Outcome != "" {
			continue
		}
		if s := r.sweep(ctx, o, info.Run); s != nil {
			out = append(out, *s)
		}
	}
	return out, ctx.Err()
}

// sweep gives one run up, if it has expired.
func (r *Runner) sweep(ctx context.Context, o Sweeping, run string) *Swept {
	s, err := r.State(ctx, run)
	if errors.Is(err, ErrUnknownRun) || err == nil && !o.expired(s, r.now()) {
		return nil
	}
	if err != nil {
		return &Swept{Run: run, Err: err}
	}
	def, err := o.Definition(ctx, s)
	if err != nil {
		return &Swept{Run: run, Err: fmt.Errorf("sweep run %s: %w", run, err)}
	}
	after, err := r.Settle(ctx, def, run, fmt.Sprintf("swept after %s of silence: %s", r.now().Sub(s.last).Round(time.Second), o.Reason))
	var alive *LockedError
	if errors.As(err, &alive) {
		return nil
	}
	return &Swept{Run: run, State: after, Err: err}
}

// expired says whether a run is silent for too long. Whether its driver is alive, Settle finds out.
func (o Sweeping) expired(s *State, now time.Time) bool {
	silent := now.Sub(s.last)
	if s.End != nil || silent < o.Silent {
		return false
	}
	return s.Waiting == nil || s.Leaving != "" || o.Waiting > 0 && silent >= o.Waiting
}
