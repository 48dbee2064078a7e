package fleet

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// worker gives River's jobs their turns.
type worker struct {
	river.WorkerDefaults[args]
	process *process
}

// Timeout implements river.Worker: a step may take hours, and Step.Timeout bounds it where it must not.
func (w *worker) Timeout(*river.Job[args]) time.Duration { return -1 }

// NextRetry implements river.Worker.
func (w *worker) NextRetry(job *river.Job[args]) time.Time {
	return time.Now().Add(w.process.backOff(job.Attempt))
}

// Work implements river.Worker: one turn of one environment.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	defer w.process.working(job.ID)()
	s := &slice{process: w.process, args: job.Args, before: progressOf(job.JobRow)}
	now, err := s.advance(ctx)
	if s.begun && !s.yields && (err != nil || !now.State.Over()) {
		err = errors.Join(err, w.process.prefer(context.WithoutCancel(ctx), job.ID))
	}
	if err != nil {
		return err
	}
	now.At = time.Now()
	if err := river.RecordOutput(ctx, now); err != nil || now.State.Over() {
		return err
	}
	return river.JobSnooze(now.pause)
}

// slice is one turn of an environment.
type slice struct {
	*process
	args   args
	before progress // what the turn before has left
	begun  bool     // the run has
	yields bool     // its time was over, so it goes behind the others
}

// advance looks how far the run is, and drives it on if there is something to do and a slot for it.
// An error is tried again by River.
func (s *slice) advance(ctx context.Context) (progress, error) {
	state, err := s.run(ctx, s.args)
	if err != nil {
		return progress{}, err
	}
	s.begun = state != nil
	if state != nil && state.End != nil {
		return ended(state), nil
	}
	if s.before.stillWaits(state) {
		return s.again(s.before), nil
	}
	release, ok, err := s.slot(ctx)
	if err != nil {
		return progress{}, err
	}
	if !ok {
		return progress{State: Queued, Text: "waits for a free slot", pause: slotPause}, nil
	}
	defer release()
	return s.outcome(ctx, s.drive(ctx, state))
}

const (
	// slotPatience is how long a job waits for a slot before somebody else may have it.
	slotPatience = 2 * time.Second
	// slotPause is how long it then rests.
	slotPause = time.Second
)

// slot waits a little for a slot.
func (s *slice) slot(ctx context.Context) (release func(), ok bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, slotPatience)
	defer cancel()
	defer context.AfterFunc(s.drain, cancel)()
	for waiting.Err() == nil && !ok && err == nil {
		if release, ok, err = s.take(s.args.Group); !ok && err == nil {
			_ = poll.Sleep(waiting, s.cfg.Poll) // its end is the loop's
		}
	}
	return release, ok, err
}

// drive starts the run or goes on with it, for one turn.
func (s *slice) drive(ctx context.Context, state *runbook.State) error {
	turn, cancel := context.WithCancel(s.drain)
	if s.cfg.Slice > 0 {
		turn, cancel = context.WithTimeout(s.drain, s.cfg.Slice)
	}
	defer cancel()
	r := s.Fleet.runner()
	def, err := s.define(ctx, r, s.args.Environment)
	if err != nil {
		return redacted(r, err)
	}
	r.Log, r.Actor, r.Drain = s.cfg.Log, s.cfg.Actor, turn.Done()
	if state == nil {
		_, err = r.Start(ctx, def)
	} else {
		_, err = r.Resume(ctx, def, state.Run, "the fleet goes on")
	}
	s.yields = errors.Is(turn.Err(), context.DeadlineExceeded)
	return redacted(r, err)
}

// define calls the caller's function. Its faults are no reason to end the process.
func (f *Fleet) define(ctx context.Context, r *runbook.Runner, environment string) (def *runbook.Definition, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the program failed inside Definition: %v\n%s", p, debug.Stack())
		}
	}()
	def, err = f.cfg.Definition(ctx, r, environment)
	if err != nil {
		return nil, fmt.Errorf("the runbook of %s could not be made: %w", environment, err)
	}
	if def == nil || def.Environment != environment {
		return nil, fmt.Errorf("the runbook that was made is not one of %s", environment)
	}
	return def, nil
}

// redactedError is an error without secrets that still matches what it was.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// redacted takes the runner's secrets out of an error, which River keeps in the database.
func redacted(r *runbook.Runner, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range r.Secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, runbook.Redacted)
		}
	}
	return &redactedError{text, err}
}

// outcome says how far the run is after its turn.
func (s *slice) outcome(ctx context.Context, driven error) (progress, error) {
	var (
		waiting *runbook.WaitingError
		locked  *runbook.LockedError
		other   *runbook.ActiveRunError
	)
	elsewhere := errors.As(driven, &locked) || errors.As(driven, &other) || errors.Is(driven, runbook.ErrFenced)
	answered := errors.As(driven, &waiting)
	stopped := errors.Is(driven, runbook.ErrStopped) || ctx.Err() != nil
	if driven != nil && !elsewhere && !answered && !stopped {
		return progress{}, driven
	}
	state, err := s.run(context.WithoutCancel(ctx), s.args)
	if err != nil {
		return progress{}, err
	}
	s.begun = state != nil
	switch {
	case state != nil && state.End != nil:
		return ended(state), nil
	case elsewhere:
		return s.again(progress{State: Elsewhere, Run: s.runID(state), Text: driven.Error(), Looks: s.before.looksAs(Elsewhere)}), nil
	case answered && state != nil && state.Waiting != nil:
		return s.again(waits(state)), nil
	}
	return progress{State: Queued, Run: s.runID(state), Text: "has had its turn"}, nil
}

func (s *slice) runID(state *runbook.State) string {
	if state == nil {
		return ""
	}
	return state.Run
}

// again says when to look again at a run that cannot go on now: ever more rarely, but not later than
// the time to answer ends.
func (s *slice) again(p progress) progress {
	p.pause = min(time.Second<<min(p.Looks, 20), s.cfg.Look)
	if !p.Until.IsZero() {
		p.pause = max(min(p.pause, time.Until(p.Until)), 0)
	}
	p.Looks++
	return p
}
