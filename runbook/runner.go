package runbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Runner drives runs. Log and Actor are required.
type Runner struct {
	Log Log
	// Actor is the identity of the caller, as the operating system knows it.
	Actor string
	// Files is the folder below which attachments are kept, beside the journals of a file store.
	// Empty: steps that attach a file fail.
	Files string
	// Asker puts questions to people; nil: nobody is there, answers come as signals.
	Asker Asker
	// Observer is told what happens; nil: nobody.
	Observer Observer
	// Secrets are values that must never be recorded; they are replaced before anything is appended.
	Secrets []string
	// Poll is how often the journal is read for signals while a question is open (default 250 ms).
	Poll time.Duration
	// Drain, when closed, lets the current step finish and then stops the run with ErrStopped.
	Drain <-chan struct{}
	// AcceptPlan is the reason for continuing a run with a changed plan; empty refuses it.
	AcceptPlan string
	// Now is the wall clock (default time.Now).
	Now func() time.Time
}

// ErrStopped says that the run stopped at Runner.Drain, between two steps.
var ErrStopped = errors.New("stopped between two steps, as asked")

// ErrFenced says that somebody else has taken the run over; this process must not go on.
var ErrFenced = errors.New("the run was taken over by somebody else")

// ErrUnknownRun says that there is no such run.
var ErrUnknownRun = errors.New("no such run")

// ActiveRunError refuses a second run of an environment.
type ActiveRunError struct {
	Environment, Run, Starter string
	Started                   time.Time
	Owed                      int
}

func (e *ActiveRunError) Error() string {
	return fmt.Sprintf("%s already has the run %s, started by %s at %s, with %d things to put back; resume it, or settle it, before a new one",
		e.Environment, e.Run, e.Starter, e.Started.Format(time.RFC3339), e.Owed)
}

// WaitingError says that the run has stopped because it waits for a person.
type WaitingError struct {
	Question Question
	// Owed is what is to be put back meanwhile.
	Owed []Owed
}

func (e *WaitingError) Error() string {
	what := "an answer to: " + e.Question.Title
	if e.Question.Ask.Kind == DecisionWanted {
		what = fmt.Sprintf("a decision about %s (%s): %s", e.Question.Step, join(e.Question.Decisions), e.Question.Failure)
	}
	return fmt.Sprintf("run %s waits for %s", e.Question.Run, what)
}

// PlanChangedError refuses to continue a run with another plan than the one it was started with.
type PlanChangedError struct{ Run, Was, Is string }

func (e *PlanChangedError) Error() string {
	return fmt.Sprintf("run %s was started with plan %.12s, the configuration and program now give plan %.12s; nothing was done: restore them, or continue with a recorded reason", e.Run, e.Was, e.Is)
}

// Start begins a new run of the definition's environment and drives it until it ends, waits for a
// person, or fails. At most one run per environment is active: otherwise *ActiveRunError, before
// anything is done. The returned state is valid whenever it is not nil, also with an error.
func (r *Runner) Start(ctx context.Context, def *Definition) (*State, error) {
	plan, err := def.Plan()
	if err != nil {
		return nil, err
	}
	run, err := r.claim(ctx, def.Environment)
	if err != nil {
		return nil, err
	}
	release, err := r.lock(run)
	if err != nil {
		return nil, err
	}
	defer release()
	d := r.driver(def, &State{Run: run, Steps: map[string]*StepState{}})
	d.epoch = 1
	if err := d.append(ctx, KindStart, "", 0, startData{Plan: plan}); err != nil {
		return nil, fmt.Errorf("start run %s: %w", run, err)
	}
	return d.drive(ctx)
}

// Resume takes a run over, whose process has ended, and drives it on. A run that is alive on this
// machine is a *LockedError; another plan is a *PlanChangedError. Nothing that was done is repeated.
func (r *Runner) Resume(ctx context.Context, def *Definition, run, reason string) (*State, error) {
	return r.goOn(ctx, def, run, reason, func(*driver) error { return nil })
}

// Settle takes a run over, puts back everything that it owes and ends it as aborted. It may be
// repeated. What cannot be put back now stays owed and is the error.
func (r *Runner) Settle(ctx context.Context, def *Definition, run, reason string) (*State, error) {
	return r.goOn(ctx, def, run, reason, func(d *driver) error {
		if d.state.Leaving != "" {
			return nil
		}
		a := answerData{Answer: Answer{Actor: r.Actor, How: "settle", Statement: reason, Decision: DecideAbort}}
		return d.append(ctx, KindAnswer, settleStep, 0, a)
	})
}

// goOn takes a run over, does something first, and drives it on.
func (r *Runner) goOn(ctx context.Context, def *Definition, run, reason string, first func(*driver) error) (*State, error) {
	d, release, err := r.takeOver(ctx, def, run, reason)
	if err != nil {
		return nil, err
	}
	defer release()
	if d.state.End != nil {
		return d.state, nil
	}
	if err := first(d); err != nil {
		return d.state, err
	}
	return d.drive(ctx)
}

// settleStep is the key of answers that concern the run's end and not one of its steps.
const settleStep = "settle"

func (r *Runner) takeOver(ctx context.Context, def *Definition, run, reason string) (*driver, func(), error) {
	plan, err := def.Plan()
	if err != nil {
		return nil, nil, err
	}
	release, err := r.lock(run)
	if err != nil {
		return nil, nil, err
	}
	state, err := r.State(ctx, run)
	if err != nil {
		release()
		return nil, nil, err
	}
	d := r.driver(def, state)
	if state.End != nil {
		return d, release, r.endEnvironment(ctx, state)
	}
	if err := d.openEpoch(ctx, plan, reason); err != nil {
		release()
		return nil, nil, err
	}
	return d, release, nil
}

// openEpoch appends the takeover that makes this process the owner.
func (d *driver) openEpoch(ctx context.Context, plan Plan, reason string) error {
	data := takeoverData{Reason: reason}
	if plan.Hash != d.state.Plan.Hash {
		if d.AcceptPlan == "" {
			return &PlanChangedError{Run: d.state.Run, Was: d.state.Plan.Hash, Is: plan.Hash}
		}
		if err := stillThere(d.state, plan); err != nil {
			return err
		}
		data.Reason, data.Plan = reason+"; changed plan accepted: "+d.AcceptPlan, &plan
	}
	d.epoch = d.state.Epoch + 1
	if err := d.append(ctx, KindTakeover, "", 0, data); err != nil {
		return fmt.Errorf("take over run %s: %w", d.state.Run, err)
	}
	return nil
}

// stillThere checks that a changed plan has all steps that were begun, in their order.
func stillThere(s *State, plan Plan) error {
	at := map[string]int{}
	for i, p := range plan.Steps {
		at[p.ID] = i
	}
	last := -1
	for _, p := range s.Plan.Steps {
		if s.Step(p.ID).Status == StepPending {
			continue
		}
		i, ok := at[p.ID]
		if !ok || i < last {
			return fmt.Errorf("run %s cannot go on with the changed plan: %s was already begun and is missing or in another place", s.Run, p.ID)
		}
		last = i
	}
	return nil
}

// State reads a run. An unknown run is ErrUnknownRun.
func (r *Runner) State(ctx context.Context, run string) (*State, error) {
	records, err := r.Log.Read(ctx, RunStream(run), 1)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", run, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnknownRun, run)
	}
	return Fold(run, records)
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

// Signal records what a person says from outside the process that drives the run. It disturbs
// nobody and may be called while the run is driven or while it is not. An answer that does not fit
// the question, an unknown step and an ended run are errors, and nothing is recorded.
func (r *Runner) Signal(ctx context.Context, run, step string, a Answer) error {
	a.Actor = r.Actor
	for {
		s, err := r.State(ctx, run)
		if err != nil {
			return err
		}
		if err := s.accepts(step, a); err != nil {
			return fmt.Errorf("run %s: %w", run, err)
		}
		raw, err := r.encode(a)
		if err != nil {
			return err
		}
		rec := Record{V: RecordVersion, Seq: s.Records + 1, Epoch: s.Epoch, At: r.now(), Actor: r.Actor, Kind: KindSignal, Key: step, Data: raw}
		err = r.Log.Append(ctx, RunStream(run), &rec)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// accepts says whether an answer from outside makes sense now.
func (s *State) accepts(step string, a Answer) error {
	if s.End != nil {
		return fmt.Errorf("it has already ended (%s)", s.End.Outcome)
	}
	if a.Decision != "" {
		return s.acceptsDecision(step, a)
	}
	for _, p := range append(append([]PlannedStep(nil), s.Plan.Steps...), s.Plan.Rollback...) {
		if p.ID != step {
			continue
		}
		st := s.Step(step)
		if st.Status.Over() {
			return fmt.Errorf("%s is already %s", step, st.Status)
		}
		if s.Waiting != nil && s.Waiting.Question.Step == step {
			return s.answerable(s.Waiting.Question, a)
		}
		if p.Ask == nil {
			return fmt.Errorf("%s asks nothing", step)
		}
		return s.answerable(Question{Step: step, Ask: *p.Ask, PlanHash: s.Plan.Hash}, a)
	}
	return fmt.Errorf("its plan has no step %q", step)
}

func (s *State) answerable(q Question, a Answer) error {
	if q.Ask.SecondPerson && a.Actor == s.Starter {
		return fmt.Errorf("%s must be answered by a second person, not by %s who started the run", q.Step, a.Actor)
	}
	return q.Check(a)
}

func (s *State) acceptsDecision(step string, a Answer) error {
	if a.Decision == DecideAbort && step == settleStep {
		return nil
	}
	if s.Waiting == nil || s.Waiting.Question.Step != step || s.Waiting.Question.Ask.Kind != DecisionWanted {
		return fmt.Errorf("%s waits for no decision", step)
	}
	return s.Waiting.Question.Check(a)
}

// Abort asks the process that drives the run to put everything back and end after its current step.
func (r *Runner) Abort(ctx context.Context, run, reason string) error {
	return r.Signal(ctx, run, settleStep, Answer{How: "decide", Decision: DecideAbort, Statement: reason})
}

func (r *Runner) lock(run string) (func(), error) {
	l, ok := r.Log.(Locker)
	if !ok {
		return func() {}, nil
	}
	release, err := l.Lock(RunStream(run), r.Actor)
	if err != nil {
		return nil, err
	}
	return func() { _ = release() }, nil
}

func (r *Runner) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// encode marshals v with every secret replaced.
func (r *Runner) encode(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(r.redact(string(raw))), nil
}

// Redacted stands where a secret was.
const Redacted = "[redacted]"

func (r *Runner) redact(s string) string {
	for _, secret := range r.Secrets {
		if secret == "" {
			continue
		}
		s = strings.ReplaceAll(s, secret, Redacted)
		if quoted, err := json.Marshal(secret); err == nil {
			s = strings.ReplaceAll(s, strings.Trim(string(quoted), `"`), Redacted)
		}
	}
	return s
}
