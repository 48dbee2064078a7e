package runbook

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteMarkdown writes the run as a report for people: deviations first, then what was put back,
// then every step with its clauses, and at the end what proves it.
func (e *Evidence) WriteMarkdown(w io.Writer) error {
	r := &markdown{Evidence: e}
	r.head()
	r.departures()
	r.notDone()
	r.putBack()
	r.tables()
	r.steps()
	r.answers()
	r.requests()
	r.files()
	r.line("## Proof\n\n%d records, last hash `%s`, plan `%s`.", len(e.Records), e.Head, e.State.Plan.Hash)
	_, err := io.WriteString(w, r.b.String())
	return err
}

type markdown struct {
	*Evidence
	b strings.Builder
}

func (r *markdown) line(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

func (r *markdown) head() {
	s := r.State
	r.line("# %s: %s, run %s\n", s.Plan.Name, s.Plan.Environment, s.Run)
	r.line("| | |\n|---|---|")
	r.line("| outcome | **%s** |", r.outcome())
	r.line("| started | %s by %s |", stamp(s.Started), cell(s.Starter))
	if s.End != nil {
		r.line("| ended | %s, after %s |", stamp(s.End.At), s.End.At.Sub(s.Started).Round(time.Millisecond))
	}
	for _, in := range inputs(s.Plan.Inputs) {
		r.line("| %s | %s |", cell(in[0]), cell(in[1]))
	}
	r.line("")
}

func (r *markdown) departures() {
	r.line("## Deviations\n")
	before := r.b.Len()
	for _, o := range r.State.Owed {
		r.line("- **still to be put back: %s** (found: `%s`)", o.ID(), o.Found)
	}
	for _, d := range r.deviations(r.planned()) {
		if d.Step == "" {
			r.line("- %s", cell(d.Text))
		} else {
			r.line("- **%s** (%s) %s", d.Step, d.Clauses, cell(d.Text))
		}
	}
	if r.b.Len() == before {
		r.line("None.")
	}
	r.line("")
}

func (r *markdown) notDone() {
	r.line("## Not done\n")
	before := r.b.Len()
	for _, p := range r.planned() {
		if st := r.State.step(p.ID); !st.Status.Over() {
			r.line("- **%s** (%s): %s %s", p.ID, strings.Join(p.Clauses, " "), st.Status, cell(st.Error))
		}
	}
	if r.b.Len() == before {
		r.line("Every step was done.")
	}
	r.line("")
}

func (r *markdown) tables() {
	for _, p := range r.planned() {
		for _, t := range r.State.step(p.ID).Tables {
			fmt.Fprintf(&r.b, "## %s\n\n%s%s%s\n", cell(t.Title), row(t.Header), row(slices.Repeat([]string{"---"}, len(t.Header))), rows(t.Rows))
		}
	}
}

func rows(list [][]string) string {
	var b strings.Builder
	for _, cells := range list {
		b.WriteString(row(cells))
	}
	return b.String()
}

func row(cells []string) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString("| " + cell(c) + " ")
	}
	return b.String() + "|\n"
}

// requests lists what was sent to change something, and what failed.
func (r *markdown) requests() {
	r.line("## Requests\n\nThose that changed something or failed; the server's own name for each is for its support.\n")
	r.line("| at | step | request | answer | server's id |\n|---|---|---|---|---|")
	reads := 0
	for _, p := range r.planned() {
		st := r.State.step(p.ID)
		reads += st.Reads
		for _, x := range st.Requests {
			r.line("| %s | %s | %s %s | %s | %s |", stamp(x.At), p.ID, x.Method, cell(x.Target), cell(x.answer()), cell(x.RequestID))
		}
	}
	r.line("\nBeside these %d reads.\n", reads)
}

func (r *markdown) putBack() {
	r.line("## Put back\n")
	if len(r.State.Settled) == 0 {
		r.line("Nothing was changed that had to be put back.\n")
		return
	}
	r.line("| what | found | changed by | put back | by |\n|---|---|---|---|---|")
	for _, o := range r.State.Settled {
		r.line("| %s | `%s` | %s, %s | %s, %s | %s |", o.ID(), o.Found, o.Step, stamp(o.Since), stamp(o.At), cell(o.Note), cell(o.By))
	}
	r.line("")
}

func (r *markdown) steps() {
	r.line("## Steps")
	phase := ""
	for _, p := range r.planned() {
		if p.Phase != phase {
			phase = p.Phase
			r.line("\n### %s\n\n| step | clauses | status | when | took | observed |\n|---|---|---|---|---|---|", phase)
		}
		st := r.State.step(p.ID)
		when, took := "", ""
		if !st.Ended.IsZero() {
			when, took = stamp(st.Started), st.took().Round(time.Millisecond).String()
		}
		r.line("| %s | %s | %s | %s | %s | %s |", p.ID, strings.Join(p.Clauses, " "), st.Status, when, took, cell(st.Detail+st.Error))
	}
	r.line("")
}

func (r *markdown) answers() {
	r.line("## What people said\n\n| step | who | how | said | plan | at |\n|---|---|---|---|---|---|")
	for _, s := range r.sayings() {
		r.line("| %s | %s | %s | %s | %.12s | %s |", s.Step, cell(s.Actor), cell(s.How), cell(strings.Join(s.words(), "; ")), s.PlanHash, stamp(s.At))
	}
	r.line("")
}

// files names what a file was called elsewhere only if one was: folders from before that must still verify.
func (r *markdown) files() {
	list := r.attached()
	if len(list) == 0 {
		return
	}
	head, was := "| file | of step | bytes | sha-256 |\n|---|---|---|---|", named(list)
	if was {
		head = "| file | of step | bytes | sha-256 | was |\n|---|---|---|---|---|"
	}
	r.line("## Files\n\n%s", head)
	for _, a := range list {
		line := fmt.Sprintf("| %s | %s | %d | `%s` |", a.Name, a.Step, a.Size, a.SHA256)
		if was {
			line += " " + cell(a.Was) + " |"
		}
		r.line("%s", line)
	}
	r.line("")
}

// cell makes text fit for one cell of a Markdown table.
func cell(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`)
	return strings.Join(strings.Fields(s), " ")
}
