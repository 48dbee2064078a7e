package runbook

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// stepFailure is a step's recorded failure.
type stepFailure struct {
	step string
	seq  uint64
	err  error
}

func (f *stepFailure) Error() string { return f.err.Error() }
func (f *stepFailure) Unwrap() error { return f.err }

// step runs one step with its retries. It returns nil when the step is over, a *stepFailure when a
// person must decide, and any other error when the run cannot go on now.
func (d *driver) step(ctx context.Context, s *Step) error {
	for retry := 0; ; retry++ {
		err := d.try(ctx, s, retry > 0)
		var failure *stepFailure
		if !errors.As(err, &failure) || retry >= s.Retry.Times {
			return err
		}
		d.show(Event{Kind: EventProgress, Step: s.ID, Title: s.Title, Phase: s.Phase,
			Text: fmt.Sprintf("failed, tried again in %s (%d of %d)", s.Retry.Wait, retry+1, s.Retry.Times)})
		if err := d.sleep(ctx, s.Retry.Wait); err != nil {
			return err
		}
	}
}

// try runs a step once: intent, work, outcome. A failure that nobody has decided upon yet is
// returned again, unless again is set.
func (d *driver) try(ctx context.Context, s *Step, again bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var st StepState
	d.read(func(state *State) { st = state.Step(s.ID) })
	sc := &StepContext{driver: d, def: s, Preview: d.preview, Try: st.Tries + 1, InDoubt: st.inDoubt(s)}
	if st.Status == StepFailed && !again {
		return &stepFailure{step: s.ID, seq: st.failedSeq, err: errors.New(st.Error)}
	}
	if err := d.append(ctx, KindIntent, s.ID, sc.Try, map[string]bool{"inDoubt": sc.InDoubt}); err != nil {
		return err
	}
	d.show(Event{Kind: EventKind(KindIntent), Step: s.ID, Title: s.Title, Phase: s.Phase, Clauses: s.Clauses, Text: s.Does, Try: sc.Try})
	status, err := sc.run(ctx)
	if err == nil {
		return d.outcome(ctx, s, status, sc.outcome())
	}
	return d.failed(ctx, s, err, sc.outcome())
}

// run does the step's work in its own context.
func (sc *StepContext) run(ctx context.Context) (status StepStatus, err error) {
	s := sc.def
	if within := sc.driver.Within; within != nil {
		ctx = within(ctx, sc.Run(), s.ID)
	}
	ctx = context.WithValue(ctx, stepKey{}, sc)
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Timeout)
		defer cancel()
	}
	sc.Context = ctx
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the program failed inside %s: %v\n%s", s.ID, p, debug.Stack())
		}
	}()
	if s.Effect == Once && sc.InDoubt {
		return sc.resolve()
	}
	if s.Check != nil {
		done, err := s.Check(sc)
		if err != nil || done {
			return StepAlready, err
		}
	}
	return StepDone, sc.work()
}

func (sc *StepContext) work() error {
	s := sc.def
	if s.Apply != nil {
		if err := s.Apply(sc); err != nil {
			return err
		}
	}
	if s.Verify != nil {
		if err := s.Verify(sc); err != nil {
			return err
		}
	}
	if s.Ask == nil {
		return nil
	}
	answer, err := sc.Ask(*s.Ask)
	if err != nil {
		return err
	}
	if sc.detail == "" {
		sc.Say("%s by %s (%s)", s.Ask.Kind, answer.Actor, answer.How)
	}
	if sc.output == nil {
		return sc.Output(answer)
	}
	return nil
}

// resolve finds out what became of an earlier try of a once step.
func (sc *StepContext) resolve() (StepStatus, error) {
	if err := sc.outlast(); err != nil {
		return "", err
	}
	r, err := sc.def.Resolve(sc)
	if err != nil {
		return "", fmt.Errorf("find out whether the earlier try of %s took effect: %w", sc.def.ID, err)
	}
	switch r {
	case ResolvedDone:
		return StepAlready, nil
	case ResolvedNotDone:
		return StepDone, sc.work()
	}
	return "", fmt.Errorf("%s %w; it is not repeated: look at the target, then decide \"done\" if it took effect or \"retry\" if it surely did not", sc.def.ID, errUnresolved)
}

// errUnresolved marks the failure of a once step that neither the step nor its target can explain.
var errUnresolved = errors.New("was tried and its outcome is unknown")

func (d *driver) outcome(ctx context.Context, s *Step, status StepStatus, o outcomeData) error {
	o.Status = status
	err := d.append(ctx, KindDone, s.ID, 0, o)
	if err != nil {
		return err
	}
	var st StepState
	d.read(func(state *State) { st = state.Step(s.ID) })
	d.show(Event{Kind: EventKind(KindDone), Step: s.ID, Title: s.Title, Phase: s.Phase, Clauses: s.Clauses, Status: status, Text: o.Detail,
		Try: st.Tries, Elapsed: st.Ended.Sub(st.Started)})
	return nil
}

// failed records a failure. An interrupted step, a lost journal and a wait for a person are not
// failures: the step stays begun, in doubt, or waiting.
func (d *driver) failed(ctx context.Context, s *Step, err error, o outcomeData) error {
	var waiting *WaitingError
	if ctx.Err() != nil || d.lost() || errors.As(err, &waiting) || errors.Is(err, errLeaving) || errors.Is(err, ErrStopped) {
		return err
	}
	if aerr := d.append(ctx, KindFail, s.ID, 0, failData{Error: err.Error(), Unresolved: errors.Is(err, errUnresolved), Observed: o.Observed}); aerr != nil {
		return aerr
	}
	var seq uint64
	d.read(func(state *State) { seq = state.Step(s.ID).failedSeq })
	d.show(Event{Kind: EventKind(KindFail), Step: s.ID, Title: s.Title, Phase: s.Phase, Clauses: s.Clauses, Status: StepFailed, Text: err.Error()})
	return &stepFailure{step: s.ID, seq: seq, err: err}
}

func (d *driver) lost() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead != nil
}

func (d *driver) show(e Event) {
	if d.Observer == nil {
		return
	}
	e.At, e.Run, e.Environment, e.Text = d.now(), d.state.Run, d.def.Environment, d.redact(e.Text)
	d.showMu.Lock()
	defer d.showMu.Unlock()
	d.Observer(e)
}
