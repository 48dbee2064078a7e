package runbook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// finding is a table that a step left.
type finding struct {
	ID   string
	Grid grid
	Open bool
}

// rowsAtOnce is how long a table may be to be open from the start.
const rowsAtOnce = 12

// Findings are the tables that the steps left, in their order.
func (p *page) Findings() (out []finding) {
	for _, s := range p.steps {
		for i, t := range p.State.Step(s.ID).Tables {
			out = append(out, finding{p.tableID(s.ID, i), p.shown(t, s.ID), len(t.Rows) <= rowsAtOnce})
		}
	}
	return out
}

func (p *page) tableID(step string, i int) string {
	return fmt.Sprintf("%s-table-%d", p.places[step], i+1)
}

// shown is a table as it is; columns without a name get a number.
func (p *page) shown(t Table, step string) grid {
	g := grid{Name: t.Title, Caption: datum{Text: "found by ", Links: []link{{step, p.places[step]}}}, Head: slices.Clone(t.Header)}
	for _, cells := range t.Rows {
		for len(g.Head) < len(cells) {
			g.Head = append(g.Head, "")
		}
		g.Rows = append(g.Rows, data(cells...))
	}
	for i, h := range g.Head {
		if strings.TrimSpace(h) == "" {
			g.Head[i] = fmt.Sprint("column ", i+1)
		}
	}
	return g
}

func data(cells ...string) []datum {
	out := make([]datum, len(cells))
	for i, c := range cells {
		out[i] = plain(c)
	}
	return out
}

// clause is a clause of the process with the steps that carry it out.
type clause struct {
	ID, Status, Class string
	Grid              grid
	steps             []PlannedStep
}

// Clauses are all that the steps name, by name. Steps without a clause come last.
func (p *page) Clauses() (out []clause) {
	steps := map[string][]PlannedStep{}
	for _, s := range p.steps {
		for _, c := range s.Clauses {
			steps[c] = append(steps[c], s)
		}
		if len(s.Clauses) == 0 {
			steps[""] = append(steps[""], s)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(steps)) {
		if id != "" {
			out = append(out, p.clause(id, steps[id]))
		}
	}
	if rest := steps[""]; len(rest) > 0 {
		out = append(out, p.clause("No clause", rest))
	}
	return out
}

// stepHead are the columns of what stepRow says.
var stepHead = []string{"step", "status", "who", "when (UTC)", "took", "observed"}

func (p *page) clause(id string, steps []PlannedStep) clause {
	c := clause{ID: id, steps: steps, Grid: grid{Caption: plain("Steps of " + id), Quiet: true, Head: append(slices.Clone(stepHead), "evidence")}}
	worst := StepDone
	for _, s := range steps {
		st := p.State.Step(s.ID)
		if grave(st.Status) > grave(worst) {
			worst = st.Status
		}
		c.Grid.Rows = append(c.Grid.Rows, append(p.stepRow(s), datum{Links: p.proof(s.ID, st)}))
	}
	c.Status, c.Class = string(worst), classOf(worst)
	return c
}

// stepRow is what became of a step.
func (p *page) stepRow(s PlannedStep) []datum {
	st, when := p.State.Step(s.ID), datum{}
	if !st.Started.IsZero() {
		when = at(st.Started)
	}
	return []datum{p.step(s.ID), status(st.Status), plain(st.Actor), when, plain(took(st)), plain(strings.TrimSpace(st.Detail + "\n" + st.Error))}
}

// Filed is the clauses in one table, for paper. A step is told under its first clause, and named under the others.
func (p *page) Filed() grid {
	g := grid{Caption: plain("Every clause with its steps"), Quiet: true, Head: append([]string{"clause"}, stepHead...)}
	told := map[string]string{}
	for _, c := range p.Clauses() {
		for _, s := range c.steps {
			row := p.stepRow(s)
			if first, ok := told[s.ID]; ok {
				row = []datum{row[0], row[1], {}, {}, {}, plain("as under " + first)}
			} else {
				told[s.ID] = c.ID
			}
			g.Rows = append(g.Rows, append([]datum{plain(c.ID)}, row...))
		}
	}
	return g
}

func took(st StepState) string {
	if st.Ended.IsZero() {
		return ""
	}
	return duration(st.took())
}

// grave orders statuses: the gravest of its steps is that of a clause.
func grave(s StepStatus) int {
	return slices.Index([]StepStatus{StepAlready, StepDone, StepWaived, StepPending, StepRunning, StepWaiting, StepFailed}, s)
}

// proof leads to what a step left elsewhere in the page.
func (p *page) proof(id string, st StepState) (out []link) {
	for i, t := range st.Tables {
		out = append(out, link{cmp.Or(strings.TrimSpace(t.Title), "table"), p.tableID(id, i)})
	}
	for _, l := range []struct {
		n              int
		one, many, ref string
	}{{len(st.Answers), "answer", "answers", "said"}, {len(st.Requests), "request", "requests", "requests"}, {len(st.files()), "file", "files", "files"}} {
		if l.n > 0 {
			out = append(out, link{count(l.n, l.one, l.many), l.ref})
		}
	}
	return out
}

// Said is what people attested, approved and decided.
func (p *page) Said() grid {
	g := grid{Caption: plain("In the order in which the run took it"), Head: []string{"step", "who", "when (UTC)", "how", "words and entries", "asked", "plan"}}
	for _, s := range p.sayings() {
		asked := strings.TrimSpace(s.Ask.Text)
		if s.Ask.Kind != "" {
			asked = string(s.Ask.Kind) + ": " + asked
		}
		g.Rows = append(g.Rows, []datum{p.step(s.Step), plain(s.Actor), at(s.At), plain(s.How), plain(strings.Join(append(s.words(), s.brought()...), "\n")), plain(asked), plain(s.PlanHash)})
	}
	return g
}

// brought are the files that came with the answer.
func (d answerData) brought() (out []string) {
	for _, a := range d.Attached {
		out = append(out, fmt.Sprintf("%s, %d bytes, SHA-256 %s", a.Name, a.Size, a.SHA256))
	}
	return out
}

// PutBack is what was changed and put back.
func (p *page) PutBack() grid {
	g := grid{Caption: plain("What was changed and put back"), Quiet: true, Head: []string{"what", "found", "changed by", "since (UTC)", "put back (UTC)", "observed", "by"}}
	for _, o := range p.State.Settled {
		g.Rows = append(g.Rows, append(p.owes(o.Owed), at(o.At), plain(o.Note), plain(o.By)))
	}
	return g
}

// Owed is what is still to be put back.
func (p *page) Owed() grid {
	g := grid{Caption: plain("What is still to be put back"), Quiet: true, Head: []string{"what", "found, and to be restored", "changed by", "since (UTC)"}}
	for _, o := range p.State.Owed {
		g.Rows = append(g.Rows, p.owes(o))
	}
	return g
}

func (p *page) owes(o Owed) []datum {
	return []datum{plain(o.ID()), plain(value(o.Found)), p.step(o.Step), at(o.Since)}
}

// value shows a text without its quotes and anything else as it was written.
func value(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && s != "" {
		return s
	}
	return string(raw)
}

// Requests are those that changed something or failed.
func (p *page) Requests() grid {
	g := grid{Caption: plain("Requests that changed something or failed"), Quiet: true, Head: []string{"step", "at (UTC)", "request", "answer", "server's id"}}
	for _, s := range p.steps {
		for _, x := range p.State.Step(s.ID).Requests {
			answer := datum{Text: x.answer(), Class: "good"}
			if x.Status == 0 || x.Status >= 400 {
				answer.Class = "bad"
			}
			g.Rows = append(g.Rows, []datum{p.step(s.ID), at(x.At), plain(x.Method + " " + x.Target), answer, plain(x.RequestID)})
		}
	}
	return g
}

// Reads is how many other requests there were.
func (p *page) Reads() (n int) {
	for _, s := range p.steps {
		n += p.State.Step(s.ID).Reads
	}
	return n
}

// Files are those that the steps attached.
func (p *page) Files() grid {
	g := grid{Caption: plain("Files that belong to the run"), Quiet: true, Head: []string{"file", "of step", "bytes", "SHA-256", "was called"}}
	for _, a := range p.attached() {
		g.Rows = append(g.Rows, []datum{plain(a.Name), p.step(a.Step), plain(fmt.Sprint(a.Size)), plain(a.SHA256), plain(a.Was)})
	}
	return g
}
