package runbook

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteMarkdown writes the run as a report for people: deviations first, then what was put back,
// then every step with its clauses, and at the end what proves it.
func (e *Evidence) WriteMarkdown(w io.Writer) error {
	r := &report{Evidence: e}
	r.head()
	r.deviations()
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

type report struct {
	*Evidence
	b strings.Builder
}

func (r *report) line(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

func (r *report) head() {
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

func (e *Evidence) outcome() string {
	s := e.State
	switch {
	case s.End != nil && s.End.Reason != "":
		return string(s.End.Outcome) + ": " + s.End.Reason
	case s.End != nil:
		return string(s.End.Outcome)
	case s.Waiting != nil:
		return "not ended, waits for a person: " + s.Waiting.Question.Title
	}
	return "not ended"
}

// inputs flattens the first level of a plan's inputs.
func inputs(raw json.RawMessage) [][2]string {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	var out [][2]string
	for k, v := range m {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		out = append(out, [2]string{k, text})
	}
	slices.SortFunc(out, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return out
}

// deviations come first: what a reader must know before anything else.
func (r *report) deviations() {
	r.line("## Deviations\n")
	before := r.b.Len()
	for _, o := range r.State.Owed {
		r.line("- **still to be put back: %s** (found: `%s`)", o.ID(), o.Found)
	}
	for _, p := range r.planned() {
		st, clauses := r.State.step(p.ID), strings.Join(p.Clauses, " ")
		if st.Status == StepWaived {
			r.line("- **%s** (%s) %s", p.ID, clauses, cell(st.Detail))
		}
		for _, d := range st.Deviations {
			r.line("- **%s** (%s) %s", p.ID, clauses, cell(d))
		}
		if st.Tries > 1 {
			r.line("- %s took %d tries", p.ID, st.Tries)
		}
	}
	for _, rec := range r.Records {
		if rec.Kind == KindTakeover {
			var d takeoverData
			_ = json.Unmarshal(rec.Data, &d)
			r.line("- taken over by %s at %s: %s", rec.Actor, stamp(rec.At), cell(d.Reason))
		}
	}
	if r.b.Len() == before {
		r.line("None.")
	}
	r.line("")
}

func (r *report) notDone() {
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

func (r *report) tables() {
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
func (r *report) requests() {
	r.line("## Requests\n\nThose that changed something or failed; the server's own name for each is for its support.\n")
	r.line("| at | step | request | answer | server's id |\n|---|---|---|---|---|")
	reads := 0
	for _, p := range r.planned() {
		st := r.State.step(p.ID)
		reads += st.Reads
		for _, x := range st.Requests {
			answer := x.Error
			if x.Status != 0 {
				answer = fmt.Sprint(x.Status)
			}
			r.line("| %s | %s | %s %s | %s | %s |", stamp(x.At), p.ID, x.Method, cell(x.Target), cell(answer), cell(x.RequestID))
		}
	}
	r.line("\nBeside these %d reads.\n", reads)
}

func (r *report) putBack() {
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

func (r *report) steps() {
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

func (r *report) answers() {
	r.line("## What people said\n\n| step | who | how | said | plan | at |\n|---|---|---|---|---|---|")
	for _, rec := range r.Records {
		if rec.Kind != KindAnswer {
			continue
		}
		var d answerData
		_ = json.Unmarshal(rec.Data, &d)
		r.line("| %s | %s | %s | %s | %.12s | %s |", rec.Key, cell(d.Actor), cell(d.How), cell(d.said()), d.PlanHash, stamp(rec.At))
	}
	r.line("")
}

func (d answerData) said() string {
	var parts []string
	if d.Decision != "" {
		parts = append(parts, string(d.Decision))
	}
	if d.Statement != "" {
		parts = append(parts, d.Statement)
	}
	for _, f := range d.Ask.Fields {
		if v := d.Values[f.Name]; v != "" {
			parts = append(parts, f.Name+": "+v)
		}
	}
	return strings.Join(parts, "; ")
}

func (r *report) files() {
	var lines []string
	for id, st := range r.State.Steps {
		for _, a := range st.files() {
			lines = append(lines, fmt.Sprintf("| %s | %s | %d | `%s` | %s |", a.Name, id, a.Size, a.SHA256, cell(a.Was)))
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	r.line("## Files\n\n| file | of step | bytes | sha-256 | was |\n|---|---|---|---|---|\n%s\n", strings.Join(slices.Compact(lines), "\n"))
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// cell makes text fit for one cell of a Markdown table.
func cell(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`)
	return strings.Join(strings.Fields(s), " ")
}
