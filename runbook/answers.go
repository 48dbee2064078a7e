package runbook

import (
	"context"
	"fmt"
	"slices"
)

// Prepared answers are given before a run, for scripted runs. Each question takes the first unused
// answer for its step. It answers one run.
type Prepared struct {
	// How describes where the answers come from, for the record.
	How     string
	Answers []PreparedAnswer

	used []bool
}

// PreparedAnswer answers one question of one step. For a failed step, Decision says what to do.
type PreparedAnswer struct {
	Step      string            `json:"step" yaml:"step"`
	Statement string            `json:"statement" yaml:"statement"`
	Values    map[string]string `json:"values,omitempty" yaml:"values,omitempty"`
	// Files are paths of files to attach, by the name of their entry.
	Files    map[string]string `json:"files,omitempty" yaml:"files,omitempty"`
	Decision Decision          `json:"decision,omitempty" yaml:"decision,omitempty"`
}

// Ask implements Asker.
func (p *Prepared) Ask(_ context.Context, q Question) (Answer, error) {
	if p.used == nil {
		p.used = make([]bool, len(p.Answers))
	}
	decision := q.Ask.Kind == DecisionWanted
	for i, a := range p.Answers {
		if p.used[i] || a.Step != q.Step || (a.Decision != "") != decision {
			continue
		}
		p.used[i] = true
		return a.answer(p.How), nil
	}
	return Answer{}, ErrNoAnswer
}

func (a PreparedAnswer) answer(how string) Answer {
	return Answer{How: how, Statement: a.Statement, Values: a.Values, Files: a.Files, Decision: a.Decision}
}

// Check compares the answers with a plan, so that a mistake in them, or a file that is not there, is found
// before the run: every fault is reported.
func (p *Prepared) Check(plan Plan) []error {
	var faults []error
	steps := slices.Concat(plan.Steps, plan.Rollback)
	for i, a := range p.Answers {
		at := slices.IndexFunc(steps, func(s PlannedStep) bool { return s.ID == a.Step })
		switch {
		case at < 0:
			faults = append(faults, fmt.Errorf("answer %d: the plan has no step %q", i+1, a.Step))
		case a.Decision == "" && steps[at].Ask != nil:
			q := Question{Step: a.Step, Ask: *steps[at].Ask, PlanHash: plan.Hash}
			answer := a.answer(p.How)
			answer.PlanHash = plan.Hash
			if err := q.Check(answer); err != nil {
				faults = append(faults, fmt.Errorf("answer %d, %s: %w", i+1, a.Step, err))
			}
		}
	}
	return faults
}

// AskerFunc is a function as an Asker.
type AskerFunc func(context.Context, Question) (Answer, error)

// Ask implements Asker.
func (f AskerFunc) Ask(ctx context.Context, q Question) (Answer, error) { return f(ctx, q) }
