package runbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
)

// StepContext is what a step works with: a context, what is known of earlier tries, and the journal.
type StepContext struct {
	context.Context
	// Try counts from 1. InDoubt says that an earlier try may have taken effect.
	Try     int
	InDoubt bool
	// Preview is set when a gate is only looked at, for a plan.
	Preview bool

	driver *driver
	def    *Step
	detail string
	output json.RawMessage

	mu       sync.Mutex // guards observed
	observed Observed
}

// Run is the id of the run.
func (sc *StepContext) Run() string { return sc.driver.state.Run }

// Step is the id of the step.
func (sc *StepContext) Step() string { return sc.def.ID }

// Actor is the identity of whoever drives the run.
func (sc *StepContext) Actor() string { return sc.driver.Actor }

// Say sets the sentence that reports and displays show for the step's outcome.
func (sc *StepContext) Say(format string, args ...any) { sc.detail = fmt.Sprintf(format, args...) }

// Output sets the step's result; later steps read it with Load, the evidence shows it.
func (sc *StepContext) Output(v any) error {
	raw, err := json.Marshal(v)
	sc.output = raw
	return err
}

// Load reads the output of an earlier step into v. A step that has none is an error.
func (sc *StepContext) Load(step string, v any) error {
	var raw json.RawMessage
	sc.driver.read(func(s *State) { raw = s.Step(step).Output })
	if raw == nil {
		return fmt.Errorf("step %s left no result", step)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("result of step %s: %w", step, err)
	}
	return nil
}

// Status is how far another step has come.
func (sc *StepContext) Status(step string) (status StepStatus) {
	sc.driver.read(func(s *State) { status = s.Step(step).Status })
	return status
}

// Started is when the run began.
func (sc *StepContext) Started() (at time.Time) {
	sc.driver.read(func(s *State) { at = s.Started })
	return at
}

// Ended is when another step was over; zero while it is not.
func (sc *StepContext) Ended(step string) (at time.Time) {
	sc.driver.read(func(s *State) {
		if st := s.Step(step); st.Status.Over() {
			at = st.Ended
		}
	})
	return at
}

// Note remembers v under name for this step, durably, before it returns. The last note of a name
// counts; a later try, also in another process, reads it with Noted.
func (sc *StepContext) Note(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return sc.driver.append(sc, KindNote, sc.def.ID, sc.Try, noteData{Name: name, Value: raw})
}

// Noted reads this step's note into v and says whether there is one.
func (sc *StepContext) Noted(name string, v any) (bool, error) {
	return sc.NotedBy(sc.def.ID, name, v)
}

// NotedBy reads another step's note into v and says whether there is one.
func (sc *StepContext) NotedBy(step, name string, v any) (bool, error) {
	var raw json.RawMessage
	sc.driver.read(func(s *State) { raw = s.Step(step).Notes[name] })
	if raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(raw, v)
}

// Progress tells observers how far the step is. Nothing of it is kept.
func (sc *StepContext) Progress(done, total int64, unit, format string, args ...any) {
	sc.driver.show(Event{Kind: EventProgress, Step: sc.def.ID, Title: sc.def.Title, Phase: sc.def.Phase,
		Done: done, Total: total, Unit: unit, Text: fmt.Sprintf(format, args...)})
}

// Ask puts a question to a person from within a step. When nobody answers now the error stops the
// run, and the step is run again once there is an answer. A step of a group cannot ask.
func (sc *StepContext) Ask(ask Ask) (Answer, error) {
	d := sc.driver
	if sc.def.Group != "" {
		return Answer{}, errAsksInGroup
	}
	q := d.question(sc.def.ID, sc.def.Title, sc.def.Clauses, ask)
	if a, ok := d.answered(q); ok {
		return a, nil
	}
	return d.ask(sc, q, 0)
}

var errAsksInGroup = errors.New("a step that runs beside others cannot ask; ask in a step before the group")

// answered finds the answer that an earlier, interrupted try of the step was given to the same
// question. After a failure the question is asked again.
func (d *driver) answered(q Question) (a Answer, ok bool) {
	d.read(func(s *State) {
		st := s.Step(q.Step)
		for _, t := range st.taken {
			if t.seq > st.failedSeq && reflect.DeepEqual(t.Ask, q.Ask) && q.check(t.Answer, d.now()) == nil {
				a, ok = t.Answer, true
			}
		}
	})
	return a, ok
}

// Owe records durably that something must be put back, before it is changed. found is the value to
// restore. If it is owed already, the value found first stays. Only kinds that the step declares are
// accepted.
func (sc *StepContext) Owe(kind, key string, found any) error {
	if !declares(sc.def, kind) {
		return fmt.Errorf("step %s does not declare that it owes %q", sc.def.ID, kind)
	}
	var open bool
	sc.driver.read(func(s *State) { _, open = s.owed(kind, key) })
	if open {
		return nil
	}
	raw, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := sc.driver.append(sc, KindOwe, kind+"/"+key, sc.Try, Owed{Kind: kind, Key: key, Found: raw, Step: sc.def.ID}); err != nil {
		return err
	}
	o, _ := sc.Owed(kind, key)
	sc.driver.showOwed(KindOwe, sc.def, o, "to be put back")
	return nil
}

func declares(s *Step, kind string) bool {
	return slices.Contains(s.Owes, kind)
}

// Owed returns an open obligation.
func (sc *StepContext) Owed(kind, key string) (o Owed, open bool) {
	sc.driver.read(func(s *State) { o, open = s.owed(kind, key) })
	return o, open
}

// Settle puts back what is owed under kind and key and records that it was observed. Nothing owed
// is no error, so that a step may run again.
func (sc *StepContext) Settle(kind, key string) error {
	o, open := sc.Owed(kind, key)
	if !open {
		return nil
	}
	undo := sc.driver.def.undo(kind)
	if undo == nil {
		return fmt.Errorf("nothing is known about putting back %q", kind)
	}
	note, err := undo.Settle(sc, o)
	if err != nil {
		return err
	}
	return sc.driver.settled(sc, sc.def, o, note)
}

// Redacted returns text without the run's secrets, for files that a step writes itself.
func (sc *StepContext) Redacted(text string) string { return sc.driver.redact(text) }

// errNoFiles is returned by Attach when the runner has no folder.
var errNoFiles = errors.New("the runner has no folder for files")
