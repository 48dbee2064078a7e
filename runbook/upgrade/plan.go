package upgrade

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// PlanView is a plan as people and programs read it: what stands in its way first, then phases with their
// steps, then what takes the time. Its JSON keys do not change; durations are in seconds.
type PlanView struct {
	Name        string          `json:"name"`
	Environment string          `json:"environment"`
	Target      string          `json:"target,omitempty"`
	Hash        string          `json:"hash"`
	Inputs      json.RawMessage `json:"inputs,omitempty"`
	// Refused are the checks because of which a run would end before it changed anything.
	Refused []Refusal `json:"refused"`
	// Findings are those of all checks that are not a plain pass, in the order of Rank.
	Findings     []PlanFinding `json:"findings"`
	Phases       []PlanPhase   `json:"phases"`
	Rollback     []PlanStep    `json:"rollback"`
	CriticalPath CriticalPath  `json:"criticalPath"`
}

// Refusal is a check that says no, or that could not be made.
type Refusal struct {
	Step  string `json:"step"`
	Error string `json:"error"`
}

// Rank says what a finding means for the run.
type Rank string

const (
	RankRefuses     Rank = "refuses"     // the run does not begin
	RankAcknowledge Rank = "acknowledge" // a person must take the responsibility
	RankAccepted    Rank = "accepted"    // an exception was documented, or a person has acknowledged it
	RankAdvice      Rank = "advice"
)

var ranks = []Rank{RankRefuses, RankAcknowledge, RankAccepted, RankAdvice}

// PlanFinding is a finding of one of the plan's checks.
type PlanFinding struct {
	Step string `json:"step"`
	Rank Rank   `json:"rank"`
	policy.Finding
}

// PlanPhase is a part of the plan.
type PlanPhase struct {
	Name            string     `json:"name"`
	ExpectedSeconds int64      `json:"expectedSeconds"`
	Steps           []PlanStep `json:"steps"`
}

// PlanStep is one step. Neighbours with the same Group run side by side.
type PlanStep struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Does    string   `json:"does,omitempty"`
	Clauses []string `json:"clauses"`
	Group   string   `json:"group,omitempty"`
	// Irreversible: it is done at most once in a run and cannot be put back.
	Irreversible bool `json:"irreversible"`
	// Opens is what must be put back after this step, in words.
	Opens    []string   `json:"opens"`
	Asks     *PlanAsk   `json:"asks,omitempty"`
	Waivable bool       `json:"waivable"`
	Checked  *PlanCheck `json:"checked,omitempty"`

	ExpectedSeconds int64 `json:"expectedSeconds"`
	OnCriticalPath  bool  `json:"onCriticalPath"`
}

// PlanAsk is who must act in a step.
type PlanAsk struct {
	Kind runbook.AskKind `json:"kind"`
	Who  string          `json:"who"`
	Text string          `json:"text"`
}

// PlanCheck is what a check said just now.
type PlanCheck struct {
	Status runbook.StepStatus `json:"status"`
	Detail string             `json:"detail,omitempty"`
	Error  string             `json:"error,omitempty"`
}

// CriticalPath are the steps whose durations make up the whole: of those side by side only the longest.
// People's answers, and calls that hold a node, are not in it.
type CriticalPath struct {
	ExpectedSeconds int64    `json:"expectedSeconds"`
	Steps           []string `json:"steps"`
}

// noteFindings is where a previewed check leaves its findings.
const noteFindings = "findings"

// ViewPlan arranges a plan and what its checks say now.
func ViewPlan(p runbook.Preview) PlanView {
	v := PlanView{Name: p.Plan.Name, Environment: p.Plan.Environment, Hash: p.Plan.Hash, Inputs: p.Plan.Inputs,
		Refused: []Refusal{}, Findings: findingsOf(p), Phases: []PlanPhase{}, Rollback: []PlanStep{}}
	var in inputs
	if json.Unmarshal(p.Plan.Inputs, &in) == nil {
		v.Target = in.Target
	}
	for _, id := range p.Refused {
		v.Refused = append(v.Refused, Refusal{Step: id, Error: p.Gates[id].Error})
	}
	for _, group := range groups(p.Plan.Steps) {
		v.add(group, p.Gates)
	}
	for _, s := range p.Plan.Rollback {
		v.Rollback = append(v.Rollback, planStep(s, nil))
	}
	return v
}

// add puts steps that run side by side, or one step, into their phase, and the longest onto the critical path.
func (v *PlanView) add(group []runbook.PlannedStep, gates map[string]*runbook.StepState) {
	if n := len(v.Phases); n == 0 || v.Phases[n-1].Name != group[0].Phase {
		v.Phases = append(v.Phases, PlanPhase{Name: group[0].Phase})
	}
	phase := &v.Phases[len(v.Phases)-1]
	longest := slices.MaxFunc(group, func(a, b runbook.PlannedStep) int { return int(a.Expected - b.Expected) })
	for _, s := range group {
		step := planStep(s, gates[s.ID])
		step.OnCriticalPath = s.ID == longest.ID && s.Expected > 0
		if step.OnCriticalPath {
			v.CriticalPath.Steps = append(v.CriticalPath.Steps, s.ID)
		}
		phase.Steps = append(phase.Steps, step)
	}
	phase.ExpectedSeconds += seconds(longest.Expected)
	v.CriticalPath.ExpectedSeconds += seconds(longest.Expected)
}

// groups are the steps that run side by side, one after the other.
func groups(steps []runbook.PlannedStep) (out [][]runbook.PlannedStep) {
	for i, s := range steps {
		if i > 0 && s.Group != "" && s.Group == steps[i-1].Group {
			out[len(out)-1] = append(out[len(out)-1], s)
			continue
		}
		out = append(out, []runbook.PlannedStep{s})
	}
	return out
}

func seconds(d time.Duration) int64 { return int64(d.Round(time.Second).Seconds()) }

func planStep(s runbook.PlannedStep, st *runbook.StepState) PlanStep {
	out := PlanStep{ID: s.ID, Title: s.Title, Does: s.Does, Clauses: slices.Concat([]string{}, s.Clauses), Group: s.Group, Opens: []string{},
		Irreversible: s.Effect == runbook.Once, Waivable: s.Waivable, ExpectedSeconds: seconds(s.Expected)}
	for _, kind := range s.Owes {
		out.Opens = append(out.Opens, owedTitle(kind))
	}
	if s.Ask != nil {
		out.Asks = &PlanAsk{Kind: s.Ask.Kind, Who: whoActs(*s.Ask), Text: s.Ask.Text}
	}
	if st != nil {
		out.Checked = &PlanCheck{Status: st.Status, Detail: st.Detail, Error: st.Error}
	}
	return out
}

func whoActs(a runbook.Ask) string {
	switch {
	case a.SecondPerson:
		return "a second person, not whoever starts the run"
	case a.Kind == runbook.Approval:
		return "whoever may approve it"
	}
	return "a person who knows it"
}

func owedTitle(kind string) string {
	for _, u := range new(Process).undos() {
		if u.Kind == kind {
			return u.Title
		}
	}
	return kind
}

// findingsOf reads what the previewed checks noted, those that refuse first.
func findingsOf(p runbook.Preview) []PlanFinding {
	found := []PlanFinding{}
	for _, s := range p.Plan.Steps {
		st := p.Gates[s.ID]
		if st == nil || st.Notes[noteFindings] == nil {
			continue
		}
		fs, err := decode[policy.Findings](st.Notes[noteFindings])
		if err != nil {
			continue // it is this program's own note; the check's error and detail are shown anyway
		}
		for _, f := range fs {
			if f.Status != policy.Pass {
				found = append(found, PlanFinding{Step: s.ID, Rank: rank(f), Finding: f})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b PlanFinding) int { return slices.Index(ranks, a.Rank) - slices.Index(ranks, b.Rank) })
	return found
}

// rank is as judge decides.
func rank(f policy.Finding) Rank {
	switch {
	case refuses(f):
		return RankRefuses
	case f.Blocks():
		return RankAcknowledge
	case f.Class == policy.Advice:
		return RankAdvice
	}
	return RankAccepted
}
