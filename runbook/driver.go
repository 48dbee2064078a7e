package runbook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// driver is one ownership of one run.
type driver struct {
	*Runner
	def   *Definition
	epoch uint64
	// preview: only gates run, nothing is kept.
	preview bool

	mu     sync.Mutex // guards state and the journal's next number
	state  *State
	dead   error      // set once an append failed in an unclear way or the run was taken over
	showMu sync.Mutex // one observer call at a time
}

func (r *Runner) driver(def *Definition, state *State) *driver {
	return &driver{Runner: r, def: def, state: state}
}

// append writes the next record and folds it into the state. When somebody else was faster it reads
// on: signals are taken in, a takeover ends this ownership. After any other error nothing more is
// written: whether the record is there is unknown until the journal is read again.
func (d *driver) append(ctx context.Context, kind Kind, key string, try int, data any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	raw, err := d.encode(data)
	if err != nil {
		return fmt.Errorf("record %s of %s: %w", kind, key, err)
	}
	for d.dead == nil {
		rec := Record{V: RecordVersion, Seq: d.state.Records + 1, Epoch: d.epoch, At: d.now(), Actor: d.Actor, Kind: kind, Key: key, Try: try, Data: raw}
		err := d.Log.Append(ctx, RunStream(d.state.Run), &rec)
		if err == nil {
			return d.state.apply(rec)
		}
		if !errors.Is(err, ErrConflict) {
			d.dead = fmt.Errorf("the journal cannot be written, so nothing more is done: %w", err)
			break
		}
		if err := d.readOn(ctx); err != nil {
			d.dead = err
		}
	}
	return d.dead
}

// readOn takes in what others appended. d.mu is held.
func (d *driver) readOn(ctx context.Context) error {
	records, err := d.Log.Read(ctx, RunStream(d.state.Run), d.state.Records+1)
	if err != nil {
		return err
	}
	for _, rec := range records {
		if rec.Kind != KindSignal {
			return fmt.Errorf("%w: %s at %s", ErrFenced, rec.Actor, rec.At.Format(time.RFC3339))
		}
		if err := d.state.apply(rec); err != nil {
			return err
		}
	}
	return nil
}

// refresh reads signals that arrived since.
func (d *driver) refresh(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead != nil {
		return d.dead
	}
	err := d.readOn(ctx)
	if errors.Is(err, ErrFenced) {
		d.dead = err
	}
	return err
}

// read runs f on the state under the lock.
func (d *driver) read(f func(*State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.state)
}

// drive runs the steps that are not over, then settles and ends.
func (d *driver) drive(ctx context.Context) (*State, error) {
	d.show(Event{Kind: EventKind(KindStart), Text: fmt.Sprintf("run %s, plan %.12s", d.state.Run, d.state.Plan.Hash)})
	d.showDebts()
	err := d.steps(ctx, d.def.Steps)
	if errors.Is(err, errLeaving) {
		err = d.leave(ctx)
	}
	if err != nil {
		return d.state, err
	}
	return d.state, d.finish(ctx)
}

// errLeaving ends the walk through the steps after the decision to abort or to roll back.
var errLeaving = errors.New("leaving")

func (d *driver) steps(ctx context.Context, steps []Step) error {
	for i := 0; i < len(steps); {
		n := groupSize(steps[i:])
		if err := d.between(ctx); err != nil {
			return err
		}
		if err := d.group(ctx, steps[i:i+n]); err != nil {
			return err
		}
		i += n
	}
	return nil
}

func groupSize(steps []Step) int {
	n := 1
	for steps[0].Group != "" && n < len(steps) && steps[n].Group == steps[0].Group {
		n++
	}
	return n
}

// between looks, before each step, whether somebody wants the run to stop or to be left.
func (d *driver) between(ctx context.Context) error {
	if err := d.refresh(ctx); err != nil {
		return err
	}
	return d.wanted(ctx)
}

// wanted is that wish, as far as the journal was read: to stop, or to be left.
func (d *driver) wanted(ctx context.Context) error {
	select {
	case <-d.Drain:
		return ErrStopped
	default:
	}
	if d.leaving() {
		return errLeaving
	}
	var sig signal
	var found bool
	d.read(func(s *State) {
		sig, found = s.pending(settleStep, s.Step(settleStep).takenSeq, func(a Answer) bool { return a.Decision == DecideAbort })
	})
	if !found {
		return nil
	}
	if err := d.append(ctx, KindAnswer, settleStep, 0, answerData{Answer: sig.answer, Signal: sig.seq}); err != nil {
		return err
	}
	return errLeaving
}

func (d *driver) leaving() (yes bool) {
	d.read(func(s *State) { yes = s.Leaving != "" })
	return yes
}

// group runs one step, or several side by side, until all are over. Failures are decided upon one
// after the other.
func (d *driver) group(ctx context.Context, steps []Step) error {
	for {
		var open []*Step
		d.read(func(s *State) {
			for i := range steps {
				if !s.Step(steps[i].ID).Status.Over() {
					open = append(open, &steps[i])
				}
			}
		})
		if len(open) == 0 {
			return nil
		}
		for i, err := range d.side(ctx, open) {
			if err == nil {
				continue
			}
			if err := d.decide(ctx, open[i], err); err != nil {
				return err
			}
		}
	}
}

func (d *driver) side(ctx context.Context, steps []*Step) []error {
	errs := make([]error, len(steps))
	if len(steps) == 1 {
		errs[0] = d.step(ctx, steps[0])
		return errs
	}
	var wg sync.WaitGroup
	for i, s := range steps {
		wg.Go(func() { errs[i] = d.step(ctx, s) })
	}
	wg.Wait()
	return errs
}

// decide turns a step's error into a person's decision. It returns nil when the step is to be
// looked at again, and an error when the run cannot go on now.
func (d *driver) decide(ctx context.Context, s *Step, stepErr error) error {
	var failure *stepFailure
	if !errors.As(stepErr, &failure) {
		return stepErr
	}
	answer, err := d.ask(ctx, d.decision(s, failure, d.decisions(s)), failure.seq)
	if err != nil {
		return err
	}
	return d.decided(ctx, s, answer)
}

func (d *driver) decision(s *Step, failure error, possible []Decision) Question {
	q := d.question(s.ID, s.Title, s.Clauses, Ask{Kind: DecisionWanted, Text: "What is to be done about the failed step?"})
	q.Failure, q.Decisions = failure.Error(), possible
	return q
}

func (d *driver) decided(ctx context.Context, s *Step, answer Answer) error {
	switch answer.Decision {
	case DecideAbort, DecideRollback:
		return errLeaving
	case DecideDone:
		said := "stated by " + answer.Actor + ": " + answer.Statement
		return d.outcome(ctx, s, StepDone, outcomeData{Detail: said, Observed: Observed{Deviations: []string{"its outcome was not observed; " + said}}})
	case DecideWaive:
		return d.outcome(ctx, s, StepWaived, outcomeData{Detail: "waived by " + answer.Actor + ": " + answer.Statement})
	}
	return nil
}

func (d *driver) decisions(s *Step) []Decision {
	out := []Decision{DecideRetry, DecideAbort}
	if s.Waivable {
		out = append(out, DecideWaive)
	}
	if !s.Gate {
		out = append(out, DecideDone)
	}
	if d.mayRollBack() {
		out = append(out, DecideRollback)
	}
	return out
}

func (d *driver) mayRollBack() (yes bool) {
	d.read(func(s *State) {
		begun := d.def.RollbackFrom == "" || s.Step(d.def.RollbackFrom).Status != StepPending
		yes = len(d.def.Rollback) > 0 && s.Leaving == "" && begun
	})
	return yes
}

// leave runs the rollback if that was decided. What is owed is settled by finish.
func (d *driver) leave(ctx context.Context) error {
	var how Decision
	d.read(func(s *State) { how = s.Leaving })
	if how != DecideRollback {
		return nil
	}
	for i := range d.def.Rollback {
		if err := d.group(ctx, d.def.Rollback[i:i+1]); errors.Is(err, errLeaving) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// finish settles everything owed, in reverse order, and ends the run.
func (d *driver) finish(ctx context.Context) error {
	if err := d.settleAll(ctx); err != nil {
		return err
	}
	end := End{Outcome: Completed}
	d.read(func(s *State) {
		switch s.Leaving {
		case DecideAbort:
			end = End{Outcome: Aborted, Reason: s.Reason}
		case DecideRollback:
			end = End{Outcome: RolledBack, Reason: s.Reason}
		}
	})
	if err := d.append(ctx, KindEnd, "", 0, end); err != nil {
		return err
	}
	d.show(Event{Kind: EventKind(KindEnd), Text: string(end.Outcome)})
	return d.endEnvironment(ctx, d.state.Plan.Environment, d.state)
}
