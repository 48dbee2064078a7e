package runbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Effect says whether a step may be applied again.
type Effect string

const (
	// Convergent steps find their work done when they run again.
	Convergent Effect = "convergent"
	// Once steps do something that must not happen twice in a run.
	Once Effect = "once"
)

// Resolution is what a once step found out about an earlier try.
type Resolution string

const (
	ResolvedDone    Resolution = "done"
	ResolvedNotDone Resolution = "not done"
	ResolvedUnknown Resolution = "unknown"
)

// Step is one step of a runbook: data that the plan shows, and what it does.
//
// A convergent step runs Check, then Apply unless Check said that the work is done, then Verify.
// A once step must call StepContext.Guard immediately before its request. When an earlier try passed
// that guard, so that it may have taken effect, Resolve reads the target instead of Apply. Only Apply
// is required, and a step with an Ask needs not even that.
type Step struct {
	// ID is unique in the runbook and is what the journal remembers a step by.
	ID    string
	Phase string
	Title string
	// Does says what happens to which object, for the plan.
	Does    string
	Clauses []string
	Effect  Effect // default Convergent
	// Gate steps only read and decide; a preview runs them too.
	Gate bool
	// Group: neighbours with the same non-empty group run side by side. They cannot ask, because a run waits for one
	// answer at a time; what failed among them is decided upon one after the other.
	Group string
	// Owes lists the kinds of obligation the step may open.
	Owes []string
	// Ask is put to a person after Apply.
	Ask *Ask
	// Waivable steps may be passed over by a recorded decision after a failure.
	Waivable bool
	// Timeout bounds one try by the time that the machine is awake (0: none). Retry repeats a failed
	// convergent step before asking a person.
	Timeout time.Duration
	Retry   Retry
	// Expected is how long the step normally takes, for people.
	Expected time.Duration

	Check   func(*StepContext) (done bool, err error)
	Apply   func(*StepContext) error
	Verify  func(*StepContext) error
	Resolve func(*StepContext) (Resolution, error)
}

// Retry is how often a failed convergent step is tried again, and how long to wait before that.
type Retry struct {
	Times int           `json:"times,omitempty"`
	Wait  time.Duration `json:"wait,omitempty"`
}

// Undo puts one kind of thing back.
type Undo struct {
	Kind  string
	Title string
	// Clauses that ask for it.
	Clauses []string
	// Settle restores what Owed.Found describes, unless it already is so (then it only says that), and
	// returns nil only after it has observed it. It must compare before it sets: a colleague's later
	// change is an error, not something to overwrite. It checks its own precondition. It may be called
	// again after an error.
	Settle func(*StepContext, Owed) (note string, err error)
}

// Definition is a runbook: steps in order, what may be put back, and what a rollback does.
type Definition struct {
	Name        string
	Environment string
	// Inputs are the resolved inputs, without secrets; they are part of the plan and its hash. One that is
	// named target stands at the head of reports.
	Inputs any
	Steps  []Step
	// Rollback runs after the decision to roll back, before everything owed is settled. It can be
	// decided once the step RollbackFrom has begun (empty: always).
	Rollback     []Step
	RollbackFrom string
	Undos        []Undo
}

// Plan is a definition as pure data. Approvals bind to its Hash.
type Plan struct {
	Schema      int             `json:"schema"`
	Name        string          `json:"name"`
	Environment string          `json:"environment"`
	Inputs      json.RawMessage `json:"inputs,omitempty"`
	Steps       []PlannedStep   `json:"steps"`
	Rollback    []PlannedStep   `json:"rollback,omitempty"`
	Hash        string          `json:"hash"`
}

// PlannedStep is what a plan says about a step.
type PlannedStep struct {
	ID       string        `json:"id"`
	Phase    string        `json:"phase"`
	Title    string        `json:"title"`
	Does     string        `json:"does,omitempty"`
	Clauses  []string      `json:"clauses,omitempty"`
	Effect   Effect        `json:"effect"`
	Gate     bool          `json:"gate,omitempty"`
	Group    string        `json:"group,omitempty"`
	Owes     []string      `json:"owes,omitempty"`
	Ask      *Ask          `json:"ask,omitempty"`
	Waivable bool          `json:"waivable,omitempty"`
	Expected time.Duration `json:"expected,omitempty"`
	Timeout  time.Duration `json:"timeout,omitempty"`
	Retry    Retry         `json:"retry,omitzero"`
}

// Plan returns the definition as data with its hash, or an error that names every fault of the definition.
func (d *Definition) Plan() (Plan, error) {
	p := Plan{Schema: 1, Name: d.Name, Environment: d.Environment}
	if err := d.check(); err != nil {
		return p, err
	}
	if d.Inputs != nil {
		raw, err := json.Marshal(d.Inputs)
		if err != nil {
			return p, fmt.Errorf("plan %s: inputs: %w", d.Name, err)
		}
		p.Inputs = raw
	}
	for i := range d.Steps {
		p.Steps = append(p.Steps, d.Steps[i].planned())
	}
	for i := range d.Rollback {
		p.Rollback = append(p.Rollback, d.Rollback[i].planned())
	}
	raw, err := json.Marshal(p)
	p.Hash = digest(raw)
	return p, err
}

func (s *Step) planned() PlannedStep {
	effect := s.Effect
	if effect == "" {
		effect = Convergent
	}
	return PlannedStep{ID: s.ID, Phase: s.Phase, Title: s.Title, Does: s.Does, Clauses: s.Clauses, Effect: effect,
		Gate: s.Gate, Group: s.Group, Owes: s.Owes, Ask: s.Ask, Waivable: s.Waivable,
		Expected: s.Expected, Timeout: s.Timeout, Retry: s.Retry}
}

func (d *Definition) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if d.Name == "" || d.Environment == "" {
		fault("a runbook needs a name and an environment")
	}
	undos := map[string]bool{}
	for _, u := range d.Undos {
		if u.Kind == "" || u.Settle == nil || undos[u.Kind] {
			fault("undo %q: needs a kind of its own and a Settle", u.Kind)
		}
		undos[u.Kind] = true
	}
	seen := map[string]bool{}
	for _, s := range append(append([]Step(nil), d.Steps...), d.Rollback...) {
		if s.ID == "" || seen[s.ID] {
			fault("step %q: the id is empty or used twice", s.ID)
		}
		seen[s.ID] = true
		if s.Apply == nil && s.Ask == nil {
			fault("step %s: has nothing to do", s.ID)
		}
		if s.Effect == Once && (s.Resolve == nil || s.Check != nil || s.Retry.Times > 0 || s.Group != "") {
			fault("step %s: a once step needs Resolve and takes no Check, no Retry and no Group", s.ID)
		}
		if s.Ask != nil && s.Group != "" {
			fault("step %s: %w", s.ID, errAsksInGroup)
		}
		for _, kind := range s.Owes {
			if !undos[kind] {
				fault("step %s: owes %q, which has no undo", s.ID, kind)
			}
		}
	}
	return errors.Join(faults...)
}

func (d *Definition) undo(kind string) *Undo {
	for i := range d.Undos {
		if d.Undos[i].Kind == kind {
			return &d.Undos[i]
		}
	}
	return nil
}
