package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// questionView is what a run waits for. Form says whether this visitor may answer it here and now;
// if not, Why says why.
type questionView struct {
	runbook.Question
	Since, Until string
	Number       uint64
	Form         bool
	Why          string

	Word, Actor string
	Decide      bool
	Upload      bool // a file may be attached
	Fields      []fieldView
	Choices     []choiceView
	Statement   string
	Faults      []string
}

// fieldView is one entry of the form. Words says that it is typed and not only a file; Insist, that a
// browser may insist on it wherever it applies, Needed, that it always applies.
type fieldView struct {
	runbook.Field
	Type, Hint, Value     string
	Only, Latest          string
	Words, Insist, Needed bool
}

func viewField(f runbook.Field, value string, now time.Time) fieldView {
	v := fieldView{Field: f, Type: "text", Value: value, Words: !f.File || f.Link, Insist: f.Required && !(f.Link && f.File)}
	v.Needed = v.Insist && f.When == ""
	v.Only = strings.Replace(f.When, "=", " is ", 1)
	if f.Date && f.Past {
		v.Latest = now.Format(time.DateOnly)
	}
	switch {
	case f.Date:
		v.Type = "date"
	case f.Time:
		v.Hint = "such as " + runbook.TimeForm + ", or " + runbook.Now
	case f.Link:
		v.Type, v.Hint = "url", "https://…"
	}
	return v
}

type choiceView struct {
	runbook.Decision
	Button, Means string
	// Grave ones end the run.
	Grave bool
}

func (s *Server) question(state *runbook.State, v visit, t typed) *questionView {
	w := state.Waiting
	q := &questionView{Question: w.Question, Since: stamp(w.Since), Number: w.Number(), Word: v.word, Actor: v.actor,
		Decide: w.Question.Ask.Kind == runbook.DecisionWanted}
	if until := w.Until(); !until.IsZero() {
		q.Until = stamp(until)
	}
	q.Why = s.unanswerable(state, v)
	q.Form = q.Why == ""
	q.Statement, q.Faults = t.answer.Statement, t.faults
	for _, f := range w.Question.Ask.Fields {
		q.Fields = append(q.Fields, viewField(f, t.answer.Values[f.Name], s.now()))
		q.Upload = q.Upload || f.File
	}
	for _, d := range w.Question.Decisions {
		q.Choices = append(q.Choices, choiceView{Decision: d, Button: buttons[d], Means: d.Means(), Grave: d == runbook.DecideAbort || d == runbook.DecideRollback})
	}
	slices.SortStableFunc(q.Choices, func(a, b choiceView) int { return cmp.Compare(grave(a), grave(b)) })
	return q
}

// grave puts what ends the run behind what goes on.
func grave(c choiceView) int {
	if c.Grave {
		return 1
	}
	return 0
}

// unanswerable says why a visitor gets no form, or nothing.
func (s *Server) unanswerable(state *runbook.State, v visit) string {
	w := state.Waiting
	until := w.Until()
	if a, ok := state.Answered(); ok {
		return fmt.Sprintf("%s has answered. The run takes the answer as soon as its process looks, or is started again.", a.Actor)
	}
	switch {
	case s.cfg.ReadOnly:
		return "This server only shows runs; answer elsewhere."
	case w.Question.PlanHash != state.Plan.Hash:
		return "The plan has changed since this was asked; the run asks again as soon as it is driven on."
	case w.Question.Ask.SecondPerson && state.Starter == v.actor:
		return fmt.Sprintf("A second person must answer, not %s who started the run.", v.actor)
	case !until.IsZero() && s.now().After(until):
		return "The time to answer is over; the run asks what to do as soon as it is driven on."
	}
	return ""
}

// abortView is the page that asks a run to end. Why says why it cannot be asked.
type abortView struct {
	page
	*runbook.State
	Why    string
	Reason string
	Faults []string
}

func (s *Server) abortView(state *runbook.State, v visit, t typed) abortView {
	return abortView{page: s.page("End "+state.Run, v), State: state, Why: s.unstoppable(state), Reason: t.answer.Statement, Faults: t.faults}
}

// unstoppable says why a run cannot be asked to end, or nothing.
func (s *Server) unstoppable(state *runbook.State) string {
	a, asked := state.Aborting()
	switch {
	case state.End != nil:
		return "The run has ended."
	case asked:
		return a.Actor + " has asked the run to end."
	case state.Leaving != "":
		return "The run is being ended already."
	case s.cfg.ReadOnly:
		return "This server only shows runs."
	}
	return ""
}
