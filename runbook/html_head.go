package runbook

import (
	"encoding/json"
	"fmt"
	"strings"
)

// banner is the outcome as a reader must not miss it.
type banner struct {
	Class, Word, Text string
	Wait              *Wait
}

func (p *page) Banner() banner {
	s := p.State
	switch {
	case s.End != nil && s.End.Outcome == Completed:
		return banner{Class: "good", Word: "Completed", Text: s.End.Reason}
	case s.End != nil:
		word := string(s.End.Outcome)
		return banner{Class: "bad", Word: strings.ToUpper(word[:1]) + word[1:], Text: s.End.Reason}
	case s.Waiting != nil:
		return banner{Class: "warn", Word: "Not ended", Text: "waits for a person: " + s.Waiting.Question.Title, Wait: s.Waiting}
	}
	return banner{Class: "warn", Word: "Not ended", Text: "it ran when this was written, or its process has ended"}
}

// Facts are about what is waited for.
func (b banner) Facts() [][2]string {
	q := b.Wait.Question
	out := [][2]string{{"step", q.Step}, {"waits since", stamp(b.Wait.Since)}}
	if until := b.Wait.Until(); !until.IsZero() {
		out = append(out, [2]string{"until", stamp(until)})
	}
	if len(q.Decisions) > 0 {
		out = append(out, [2]string{"possible decisions", join(q.Decisions)})
	}
	return out
}

// Facts are what the run is about: its target is the input of that name.
func (p *page) Facts() [][2]string {
	s := p.State
	out := [][2]string{{"run", p.Run}, {"environment", s.Plan.Environment}}
	for _, in := range inputs(s.Plan.Inputs) {
		if in[0] == "target" {
			out = append(out, in)
		}
	}
	out = append(out, [2]string{"started", stamp(s.Started) + " by " + s.Starter})
	if s.Owner != s.Starter {
		out = append(out, [2]string{"driven by", s.Owner})
	}
	what := "last record"
	if s.End != nil {
		what = "ended"
	}
	for _, last := range p.Records[max(0, len(p.Records)-1):] {
		out = append(out, [2]string{what, fmt.Sprintf("%s, after %s", stamp(last.At), duration(last.At.Sub(s.Started)))})
	}
	return out
}

// Inputs are those of the plan.
func (p *page) Inputs() [][2]string {
	out := inputs(p.State.Plan.Inputs)
	for i := range out {
		out[i][1] = lined(out[i][1])
	}
	return out
}

// lined shows a list of texts without the marks of JSON, and anything else as it is.
func lined(s string) string {
	var list []string
	if json.Unmarshal([]byte(s), &list) != nil {
		return s
	}
	return strings.Join(list, "\n")
}

// Deviations are those of every step that ran, also to put something back.
func (p *page) Deviations() []deviation { return p.deviations(p.steps) }

// Place is where the page tells when a step ran, or "".
func (p *page) Place(step string) string { return p.places[step] }

// unfinished is a step that the run began and did not get through, or never began.
type unfinished struct {
	PlannedStep
	StepState
}

// Class is a look that fits the step's status.
func (u unfinished) Class() string { return classOf(u.Status) }

// Unfinished are the steps that were begun and are not over.
func (p *page) Unfinished() []unfinished { return p.open(false) }

// NotBegun are the steps that the run never came to.
func (p *page) NotBegun() []unfinished { return p.open(true) }

func (p *page) open(pending bool) (out []unfinished) {
	for _, s := range p.steps {
		if st := p.State.Step(s.ID); !st.Status.Over() && (st.Status == StepPending) == pending {
			out = append(out, unfinished{s, st})
		}
	}
	return out
}

// Chart draws when the steps ran.
func (p *page) Chart() *chart { return newChart(p.lanes, p.takeovers) }

// Timeline is the chart in words.
func (p *page) Timeline() grid {
	g := grid{Caption: plain("Every step that ran, in the order of the plan"), Head: []string{"step", "status", "began (UTC)", "after", "worked", "waited for people", "tries"}}
	for i, l := range p.lanes {
		from := l.Spans[0].From
		name := datum{Text: l.Step.ID, ID: fmt.Sprintf("step-%d", i+1)}
		if l.Step.Effect == Once {
			name.Text += " (irreversible)"
		}
		g.Rows = append(g.Rows, []datum{name, status(l.State.Status), at(from), plain("+" + duration(from.Sub(p.State.Started))),
			plain(duration(l.worked())), plain(waited(l)), plain(fmt.Sprint(l.State.Tries))})
	}
	return g
}

func waited(l *lane) string {
	if d := l.waited(); d > 0 {
		return duration(d)
	}
	return "–"
}
