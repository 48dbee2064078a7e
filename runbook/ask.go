package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AskKind says what sort of answer is wanted.
type AskKind string

const (
	// Attestation is a person's recorded statement.
	Attestation AskKind = "attestation"
	// Approval is a person's consent to the plan, bound to its hash.
	Approval AskKind = "approval"
	// DecisionWanted asks what to do about a failed step.
	DecisionWanted AskKind = "decision"
)

// Ask is a question to a person.
type Ask struct {
	Kind AskKind `json:"kind"`
	// Text is the question, in the words of the process.
	Text   string  `json:"text"`
	Fields []Field `json:"fields,omitempty"`
	// SecondPerson refuses an answer by whoever started the run.
	SecondPerson bool `json:"secondPerson,omitempty"`
	// Within is how long there is time to answer, by the wall clock and counted from the record that
	// says what is waited for (0: no limit). After that the step fails, and a person decides.
	Within time.Duration `json:"within,omitempty"`
}

// Field is one entry of the form that comes with a question.
type Field struct {
	Name     string `json:"name"`
	Text     string `json:"text"`
	Required bool   `json:"required,omitempty"`
	// OneOf limits the entry to these values, Date to a date of the form YYYY-MM-DD.
	OneOf []string `json:"oneOf,omitempty"`
	Date  bool     `json:"date,omitempty"`
}

// check reports what is wrong with an entry.
func (f Field) check(v string) error {
	switch {
	case v == "" && f.Required:
		return fmt.Errorf("%s is needed (%s)", f.Name, f.Text)
	case v == "":
		return nil
	case len(f.OneOf) > 0 && !slices.Contains(f.OneOf, v):
		return fmt.Errorf("%s is %q; it must be one of %s", f.Name, v, strings.Join(f.OneOf, ", "))
	}
	if _, err := time.Parse(time.DateOnly, v); f.Date && err != nil {
		return fmt.Errorf("%s is %q; it must be a date of the form YYYY-MM-DD", f.Name, v)
	}
	return nil
}

// Decision is what a person decides about a failed step or a running run.
type Decision string

const (
	// DecideRetry tries the step again. For a once step whose outcome is unknown it states that the
	// earlier try had no effect.
	DecideRetry Decision = "retry"
	// DecideDone states that the step's work is done, seen by a person.
	DecideDone Decision = "done"
	// DecideWaive goes on without the step; only where the step is waivable.
	DecideWaive Decision = "waive"
	// DecideRollback runs the rollback, settles everything owed and ends the run.
	DecideRollback Decision = "rollback"
	// DecideAbort settles everything owed and ends the run.
	DecideAbort Decision = "abort"
)

// Question is an Ask as it is put to a person in a run.
type Question struct {
	Run, Step, Title string
	Clauses          []string
	Ask              Ask
	PlanHash         string
	// Failure and Decisions are set for DecisionWanted: what went wrong, and what may be decided.
	Failure   string
	Decisions []Decision
}

// Answer is what a person said, how it was given, and by whom.
type Answer struct {
	// Actor is the identity of the caller, never taken from the answer's own text.
	Actor string `json:"actor"`
	// How it was given: "prompt", "decide", "answers file NAME", "rehearsal".
	How       string            `json:"how"`
	Statement string            `json:"statement,omitempty"`
	Values    map[string]string `json:"values,omitempty"`
	Decision  Decision          `json:"decision,omitempty"`
	// PlanHash is what an approval is bound to.
	PlanHash string `json:"planHash,omitempty"`
}

// Asker puts questions to people. ErrNoAnswer means that nobody is there to be asked: the run then
// records what it waits for and stops.
type Asker interface {
	Ask(ctx context.Context, q Question) (Answer, error)
}

// ErrNoAnswer is returned by an Asker that has no answer to a question.
var ErrNoAnswer = errors.New("nobody is there to answer")

// Askers asks each in turn until one has an answer.
type Askers []Asker

// Ask implements Asker.
func (as Askers) Ask(ctx context.Context, q Question) (Answer, error) {
	for _, a := range as {
		answer, err := a.Ask(ctx, q)
		if !errors.Is(err, ErrNoAnswer) {
			return answer, err
		}
	}
	return Answer{}, ErrNoAnswer
}

// Check reports everything that is wrong with an answer to the question.
func (q Question) Check(a Answer) error {
	var faults []error
	if q.Ask.Kind == DecisionWanted {
		return q.checkDecision(a)
	}
	if strings.TrimSpace(a.Statement) == "" {
		faults = append(faults, errors.New("a statement in the person's own words is needed"))
	}
	for _, f := range q.Ask.Fields {
		if err := f.check(strings.TrimSpace(a.Values[f.Name])); err != nil {
			faults = append(faults, err)
		}
	}
	for name := range a.Values {
		if !q.Ask.has(name) {
			faults = append(faults, fmt.Errorf("%s is not asked for", name))
		}
	}
	if q.Ask.Kind == Approval && a.PlanHash != q.PlanHash {
		faults = append(faults, fmt.Errorf("the approval is for plan %.12s, this run's plan is %.12s", a.PlanHash, q.PlanHash))
	}
	return errors.Join(faults...)
}

func (q Question) checkDecision(a Answer) error {
	if !slices.Contains(q.Decisions, a.Decision) {
		return fmt.Errorf("%q cannot be decided for %s; possible: %s", a.Decision, q.Step, join(q.Decisions))
	}
	if a.Decision != DecideRetry && strings.TrimSpace(a.Statement) == "" {
		return fmt.Errorf("deciding %q needs a reason", a.Decision)
	}
	return nil
}

func (a Ask) has(name string) bool {
	for _, f := range a.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

func join[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return strings.Join(out, ", ")
}
