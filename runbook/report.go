package runbook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the reports say, whatever their form.

// outcome says in words how the run ended, or that it did not.
func (e *Evidence) outcome() string {
	s := e.State
	switch {
	case s.End != nil && s.End.Reason != "":
		return string(s.End.Outcome) + ": " + s.End.Reason
	case s.End != nil:
		return string(s.End.Outcome)
	case s.Waiting != nil:
		return "not ended, waits for a person: " + s.Waiting.Question.Title
	}
	return "not ended"
}

// planned are the steps that belong to the run: those of the rollback only if it was decided.
func (e *Evidence) planned() []PlannedStep {
	if e.State.Leaving != DecideRollback {
		return e.State.Plan.Steps
	}
	return slices.Concat(e.State.Plan.Steps, e.State.Plan.Rollback)
}

// all are the planned steps, and those that put back what was owed when the run ended early.
func (e *Evidence) all() []PlannedStep {
	planned := map[string]bool{}
	for _, p := range e.planned() {
		planned[p.ID] = true
	}
	var more []PlannedStep
	for id, st := range e.State.Steps {
		if !planned[id] && st.Tries > 0 {
			more = append(more, PlannedStep{ID: id, Phase: phasePutBack})
		}
	}
	slices.SortFunc(more, func(a, b PlannedStep) int {
		return cmp.Or(e.State.Step(a.ID).Started.Compare(e.State.Step(b.ID).Started), cmp.Compare(a.ID, b.ID))
	})
	return slices.Concat(e.planned(), more)
}

func (st StepState) took() time.Duration {
	if st.Ended.IsZero() {
		return 0
	}
	return max(0, st.Ended.Sub(st.Started))
}

// inputs flattens the first level of a plan's inputs.
func inputs(raw json.RawMessage) [][2]string {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	var out [][2]string
	for k, v := range m {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		out = append(out, [2]string{k, text})
	}
	slices.SortFunc(out, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return out
}

// deviation is something that a reader must know before anything else.
type deviation struct {
	Step    string // empty: Text says it
	Clauses string
	Waived  bool
	Text    string
}

func (e *Evidence) deviations(steps []PlannedStep) (out []deviation) {
	for _, p := range steps {
		st, clauses := e.State.Step(p.ID), strings.Join(p.Clauses, " ")
		if st.Status == StepWaived {
			out = append(out, deviation{p.ID, clauses, true, st.Detail})
		}
		for _, d := range st.Deviations {
			out = append(out, deviation{p.ID, clauses, false, d})
		}
		if st.Tries > 1 {
			out = append(out, deviation{Text: fmt.Sprintf("%s took %d tries", p.ID, st.Tries)})
		}
	}
	for _, rec := range e.Records {
		if rec.Kind == KindTakeover {
			var d takeoverData
			_ = json.Unmarshal(rec.Data, &d)
			out = append(out, deviation{Text: fmt.Sprintf("taken over by %s at %s: %s", rec.Actor, stamp(rec.At), d.Reason)})
		}
	}
	return out
}

// saying is what a person said, and when the run took it.
type saying struct {
	Step string
	At   time.Time
	answerData
}

func (e *Evidence) sayings() (out []saying) {
	for _, rec := range e.Records {
		if rec.Kind == KindAnswer {
			var d answerData
			_ = json.Unmarshal(rec.Data, &d)
			out = append(out, saying{rec.Key, rec.At, d})
		}
	}
	return out
}

// words are the answer in parts: decision, statement, entries.
func (d answerData) words() (parts []string) {
	if d.Decision != "" {
		parts = append(parts, string(d.Decision))
	}
	if d.Statement != "" {
		parts = append(parts, d.Statement)
	}
	for _, f := range d.Ask.Fields {
		if v := d.Values[f.Name]; v != "" {
			parts = append(parts, f.Name+": "+v)
		}
	}
	return parts
}

// answer is what came back, in a word.
func (x Exchange) answer() string {
	if x.Status != 0 {
		return fmt.Sprint(x.Status)
	}
	return x.Error
}

// attached is a file with the step that made it.
type attached struct {
	Attachment
	Step string
}

func (e *Evidence) attached() (out []attached) {
	for id, st := range e.State.Steps {
		for _, a := range st.files() {
			out = append(out, attached{a, id})
		}
	}
	slices.SortFunc(out, func(a, b attached) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Step, b.Step)) })
	return slices.Compact(out)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
