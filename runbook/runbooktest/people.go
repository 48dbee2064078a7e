package runbooktest

import (
	"context"
	"slices"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// People is a [runbook.Asker] that answers from a script. A question takes the first answer of its
// step that was not used yet and that is of its kind: one with a Decision for a failed step, one
// without for all others. It is safe for concurrent use.
//
// The script does not fill in Actor, which is the runner's, nor PlanHash, which binds an approval to
// the plan as it is shown; an empty How becomes "script". An answer that does not fit its question
// ends the run with an error, as it does with any Asker.
type People struct {
	// Answers by the id of the step that asks. Undoing at the end of a run asks as settle/KIND/KEY.
	Answers map[string][]runbook.Answer
	// Otherwise is asked when the script has no answer; nil: nobody is there, and the run waits.
	Otherwise runbook.Asker

	mu    sync.Mutex
	used  map[string][]bool
	asked []runbook.Question
}

// Says is an answer to an attestation or an approval.
func Says(statement string) runbook.Answer { return runbook.Answer{Statement: statement} }

// Decides is an answer about a failed step.
func Decides(d runbook.Decision, reason string) runbook.Answer {
	return runbook.Answer{Decision: d, Statement: reason}
}

// Ask implements runbook.Asker.
func (p *People) Ask(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
	if a, ok := p.take(q); ok {
		return a, nil
	}
	if p.Otherwise == nil {
		return runbook.Answer{}, runbook.ErrNoAnswer
	}
	return p.Otherwise.Ask(ctx, q)
}

func (p *People) take(q runbook.Question) (runbook.Answer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
	if p.used == nil {
		p.used = map[string][]bool{}
	}
	answers := p.Answers[q.Step]
	if len(p.used[q.Step]) < len(answers) {
		p.used[q.Step] = append(p.used[q.Step], make([]bool, len(answers)-len(p.used[q.Step]))...)
	}
	for i, a := range answers {
		if p.used[q.Step][i] || (a.Decision != "") != (q.Ask.Kind == runbook.DecisionWanted) {
			continue
		}
		p.used[q.Step][i] = true
		if a.How == "" {
			a.How = "script"
		}
		return a, true
	}
	return runbook.Answer{}, false
}

// Asked returns every question so far, answered or not, in order.
func (p *People) Asked() []runbook.Question {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Unused counts the answers that nobody asked for, by step. A test that ends with some has probably
// not gone the way that it describes.
func (p *People) Unused() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for step, answers := range p.Answers {
		n := len(answers)
		for _, used := range p.used[step] {
			if used {
				n--
			}
		}
		if n > 0 {
			out[step] = n
		}
	}
	return out
}
