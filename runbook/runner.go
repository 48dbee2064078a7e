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
	// Empty: steps that attach a file fail, and answers that bring one are refused. With a store that several
	// machines share, files still lie where they were attached: keep Files on a disk that all of them share, or
	// copy them together before the evidence is verified.
	Files string
	// Asker puts questions to people; nil: nobody is there, answers come as signals.
	Asker Asker
	// Observer is told what happens; nil: nobody.
	Observer Observer
	// Secrets are values that must never be recorded; they are replaced before anything is appended.
	Secrets []string
	// Poll is how soon the journal is read again for signals while a question is open (default
	// 250 ms). The longer the question is open the rarer it is read, at least every 30 s.
	Poll time.Duration
	// Drain, when closed, lets the current step finish and then stops the run with ErrStopped.
	Drain <-chan struct{}
	// AcceptPlan is the reason for continuing a run with a changed plan; empty refuses it.
	AcceptPlan string
	// Grace is how long whoever takes a run over in the middle of a once step waits before it looks at
	// the target (default 1 min, as long as a proof of ownership may be used): by then the former
	// driver's request has arrived, or will not be sent any more. Shorter is right only where a former
	// driver surely is dead, as in tests.
	Grace time.Duration
	// Within, unless nil, makes the context of a step's try from the run's, once observers know of the
	// try: a tracer puts the step's span there, so that requests become its children.
	Within func(ctx context.Context, run, step string) context.Context
	// Clock is where the time is taken from (default: the system).
	Clock Clock
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
