package runbook

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteMarkdown writes the run as a report for people, with what the page of WriteHTML says: deviations
// first, then what is asked, what is owed and what was not done, then every step with its clauses, what people said,
// what was put back and sent, and at the end what proves it.
func (e *Evidence) WriteMarkdown(w io.Writer) error {
	r := &markdown{page: newPage(e)}
	r.head()
	r.departures()
	r.asked()
	r.grid("Still to be put back", r.Owed(), "Nothing.")
	r.notDone()
	r.grid("Timeline", r.Timeline(), "No step was begun.")
	r.phases()
	r.grid("What people said", r.Said(), "Nobody was asked.")
	r.grid("Put back", r.PutBack(), "Nothing was put back.")
	r.grid("Files", r.Files(), "None is attached.")
	r.found()
	r.grid("Requests that changed something or failed", r.Requests(), "None.")
	r.line("Beside these %d reads.\n", r.Reads())
	r.line("## Proof\n\n- records: %d\n- last hash: `%s`\n- plan: `%s`", len(e.Records), e.Head, e.State.Plan.Hash)
	_, err := io.WriteString(w, r.b.String())
	return err
}

// markdown is the page in another form: what it says comes from there.
type markdown struct {
	*page
	b strings.Builder
}

func (r *markdown) line(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

func (r *markdown) head() {
	s := r.State
	r.line("# %s: %s, run %s\n", cell(s.Plan.Name), cell(s.Plan.Environment), cell(s.Run))
	r.line("| | |\n|---|---|")
	r.line("| outcome | **%s** |", cell(r.outcome()))
	shown := map[[2]string]bool{}
	for _, fact := range slices.Concat(r.Facts(), r.Inputs()) {
		if !shown[fact] {
			r.line("| %s | %s |", cell(fact[0]), cell(fact[1]))
		}
		shown[fact] = true
	}
	r.line("")
}

// asked is what the run waits for.
func (r *markdown) asked() {
	b := r.Banner()
	if b.Wait == nil {
		return
	}
	r.line("## The question\n\n%s\n", cell(b.Wait.Question.Ask.Text))
	if failure := b.Wait.Question.Failure; failure != "" {
		r.line("- failed: %s", cell(failure))
	}
	for _, fact := range b.Facts() {
		r.line("- %s: %s", fact[0], cell(fact[1]))
	}
	r.line("")
}

func (r *markdown) departures() {
	r.line("## Deviations\n")
	list := r.Deviations()
	for _, d := range list {
		r.line("- %s%s", d.where(), cell(d.Text))
	}
	if len(list) == 0 {
		r.line("None.")
	}
	r.line("")
}

// where names the step of a deviation, if it has one.
func (d deviation) where() string {
	if d.Step == "" {
		return ""
	}
	out := "**" + cell(d.Step) + "**" + clauses(d.Clauses) + " "
	if d.Waived {
		return "waived " + out
	}
	return out
}

func clauses(list ...string) string {
	if text := strings.Join(list, " "); text != "" {
		return " (" + cell(text) + ")"
	}
	return ""
}

func (r *markdown) notDone() {
	r.line("## Not done\n")
	begun, pending := r.Unfinished(), r.NotBegun()
	for _, u := range begun {
		r.line("- %s **%s**%s: %s", u.Status, cell(u.ID), clauses(u.Clauses...), cell(u.Error))
	}
	if len(begun) == 0 {
		r.line("Every step that was begun was done.")
	}
	if len(pending) > 0 {
		r.line("\nNever begun:\n")
	}
	for _, u := range pending {
		r.line("- **%s**%s: %s", cell(u.ID), clauses(u.Clauses...), cell(u.Title))
	}
	r.line("")
}

// phases are the steps in the order of the plan, by phase.
func (r *markdown) phases() {
	r.line("## Steps\n")
	head := append(slices.Clone(stepHead), "clauses")
	for i, s := range r.steps {
		if i == 0 || s.Phase != r.steps[i-1].Phase {
			r.line("### %s\n\n%s", cell(s.Phase), headRow(head))
		}
		r.b.WriteString(tableRow(append(r.stepRow(s), plain(strings.Join(s.Clauses, " ")))))
		if i+1 == len(r.steps) || s.Phase != r.steps[i+1].Phase {
			r.line("")
		}
	}
}

// found are the tables that the steps left.
func (r *markdown) found() {
	for _, f := range r.Findings() {
		r.grid(f.Grid.Name, f.Grid, "It has no rows.")
		r.line("Found by %s.\n", cell(f.Grid.Caption.Links[0].Text))
	}
}

// grid is a table of the page under a title, or what is said instead of an empty one.
func (r *markdown) grid(title string, g grid, none string) {
	r.line("## %s\n", cell(title))
	if len(g.Rows) == 0 {
		r.line("%s\n", none)
		return
	}
	r.line("%s", headRow(g.Head))
	for _, row := range g.Rows {
		r.b.WriteString(tableRow(row))
	}
	r.line("")
}

func headRow(head []string) string {
	return tableRow(data(head...)) + strings.TrimSuffix(tableRow(data(slices.Repeat([]string{"---"}, len(head))...)), "\n")
}

func tableRow(cells []datum) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString("| " + cell(c.Text) + " ")
	}
	return b.String() + "|\n"
}

// markup is what would be more than text in Markdown.
var markup = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "[", `\[`, "`", "\\`", "*", `\*`, "\x00", "\ufffd")

// cell makes text fit for one cell of a table. It brings no element, no image and no link that hides where it leads.
func cell(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = markup.Replace(strings.Join(strings.Fields(l), " "))
	}
	return strings.Join(lines, "; ")
}
