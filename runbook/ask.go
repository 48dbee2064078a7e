package runbook

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// Means explains the decision in a few words.
func (d Decision) Means() string {
	switch d {
	case DecideRetry:
		return "try the step again; of a step that happens once: its earlier try had no effect, I looked"
	case DecideDone:
		return "the step's work is done, I have seen it"
	case DecideWaive:
		return "go on without the step, for the reason given"
	case DecideRollback:
		return "roll back, put back what was changed, and end the run"
	case DecideAbort:
		return "put back what was changed, and end the run"
	}
	return ""
}

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
	// How it was given: "prompt", "decide", "page", "answers file NAME", "rehearsal".
	How       string            `json:"how"`
	Statement string            `json:"statement,omitempty"`
	Values    map[string]string `json:"values,omitempty"`
	Decision  Decision          `json:"decision,omitempty"`
	// Files are paths of local files to attach, by the name of their entry. Whoever records the answer (Runner.Signal,
	// or the run itself for an Asker) first copies each into the run's folder; the path itself is never recorded.
	Files map[string]string `json:"-"`
	// Attached are those files as they lie there, at most MaxAttachment bytes each. The value of their entry is the
	// name there. It is filled in with the copies.
	Attached []Attachment `json:"attached,omitempty"`
	// PlanHash is what an approval is bound to.
	PlanHash string `json:"planHash,omitempty"`
}

func (a Answer) attached(name string) bool {
	return slices.ContainsFunc(a.Attached, func(f Attachment) bool { return f.Name == name })
}

// Asker puts questions to people. ErrNoAnswer means that nobody is there to be asked: the run then
// records what it waits for and stops. Any other error stops the run too.
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

// Check reports everything that is wrong with an answer to the question, by the system's clock. It looks at the
// files that the answer brings, and changes nothing.
func (q Question) Check(a Answer) error { return q.check(a, time.Now()) }

func (q Question) check(a Answer, now time.Time) error {
	var faults []error
	if q.Ask.Kind == DecisionWanted {
		return q.checkDecision(a)
	}
	if strings.TrimSpace(a.Statement) == "" {
		faults = append(faults, errors.New("a statement in the person's own words is needed"))
	}
	for _, f := range q.Ask.Fields {
		if err := f.check(a, now); err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.entries())) {
		if !q.Ask.has(name) {
			faults = append(faults, fmt.Errorf("%s is not asked for", name))
		}
	}
	if q.Ask.Kind == Approval && a.PlanHash != q.PlanHash {
		faults = append(faults, fmt.Errorf("the approval is for plan %.12s, this run's plan is %.12s", a.PlanHash, q.PlanHash))
	}
	return errors.Join(faults...)
}

// entries are the names under which an answer says or brings something.
func (a Answer) entries() map[string]bool {
	out := map[string]bool{}
	for name := range a.Values {
		out[name] = true
	}
	for name := range a.Files {
		out[name] = true
	}
	return out
}

func (q Question) checkDecision(a Answer) error {
	if !slices.Contains(q.Decisions, a.Decision) {
		return fmt.Errorf("%q cannot be decided for %s; possible: %s", a.Decision, q.Step, join(q.Decisions))
	}
	if a.Decision != DecideRetry && strings.TrimSpace(a.Statement) == "" {
		return fmt.Errorf("deciding %q needs a reason", a.Decision)
	}
	if len(a.Files) > 0 {
		return errors.New("a decision takes no file; name it in the reason")
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
