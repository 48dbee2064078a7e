package upgradetest

import (
	"context"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// People answers every question of a rehearsal at once, and says in each answer that nobody was
// asked. It decides nothing about failures: those are what a rehearsal is for.
type People struct{}

// Ask implements runbook.Asker.
func (People) Ask(_ context.Context, q runbook.Question) (runbook.Answer, error) {
	if q.Ask.Kind == runbook.DecisionWanted {
		return runbook.Answer{}, runbook.ErrNoAnswer
	}
	return runbook.Answer{How: "rehearsal, nobody was asked", Statement: "simulated answer", Values: values(q.Ask)}, nil
}

func values(ask runbook.Ask) map[string]string {
	out := map[string]string{}
	for _, f := range ask.Fields {
		switch {
		case len(f.OneOf) > 0:
			out[f.Name] = f.OneOf[0]
		case f.Name == "date":
			out[f.Name] = time.Now().AddDate(0, 0, 21).Format(time.DateOnly)
		case f.Name == "mitigation":
			out[f.Name] = "none"
		case f.Name == "link":
			out[f.Name] = "https://docs.pexip.com/admin/release_notes.htm"
		default:
			out[f.Name] = "simulated"
		}
	}
	return out
}

// Answers prepares an answer for every question that a plan is known to ask.
func Answers(plan runbook.Plan) []runbook.PreparedAnswer {
	var out []runbook.PreparedAnswer
	for _, s := range slices.Concat(plan.Steps) {
		if s.Ask != nil {
			out = append(out, runbook.PreparedAnswer{Step: s.ID, Statement: "simulated answer", Values: values(*s.Ask)})
		}
	}
	return out
}
