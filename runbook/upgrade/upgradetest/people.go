package upgradetest

import (
	"context"
	"maps"
	"slices"
	"strings"
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
	return runbook.Answer{How: "rehearsal, nobody was asked", Statement: "simulated answer", Values: Fill(q.Ask, nil)}, nil
}

// Fill fills in a form: with the entries given, and otherwise with the first choice of each and only what then is
// needed. A given entry that is empty is left out.
func Fill(ask runbook.Ask, given map[string]string) map[string]string {
	out := maps.Clone(given)
	if out == nil {
		out = map[string]string{}
	}
	for _, f := range ask.Fields {
		name, value, limited := strings.Cut(f.When, "=")
		if _, is := given[f.Name]; !is && f.Required && (!limited || out[name] == value) {
			out[f.Name] = entry(f)
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

func entry(f runbook.Field) string {
	switch {
	case len(f.OneOf) > 0:
		return f.OneOf[0]
	case f.Date && f.Past:
		return time.Now().Format(time.DateOnly)
	case f.Date:
		return time.Now().AddDate(0, 0, 21).Format(time.DateOnly)
	case f.Time:
		return runbook.Now
	case f.Link:
		return "https://docs.pexip.com/admin/release_notes.htm"
	}
	return "simulated"
}

// Answers prepares an answer for every question that a plan is known to ask; what steps ask on the way and what is
// decided about failures is not among them.
func Answers(plan runbook.Plan) []runbook.PreparedAnswer {
	var out []runbook.PreparedAnswer
	for _, s := range slices.Concat(plan.Steps) {
		if s.Ask != nil {
			out = append(out, runbook.PreparedAnswer{Step: s.ID, Statement: "simulated answer", Values: Fill(*s.Ask, nil)})
		}
	}
	return out
}
