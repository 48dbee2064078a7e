package upgrade

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/verify-by-video/pexip-upgrade/internal/wrap"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// PlainWidth is how many columns a text has where no terminal says otherwise.
const PlainWidth = 80

// WritePlan shows a plan and what its checks say now, for PlainWidth columns.
func WritePlan(w io.Writer, p runbook.Preview) { ViewPlan(p).WriteText(w, PlainWidth) }

// WriteText shows the plan in so many columns: findings first, then the tree of phases and steps, then a
// legend and the critical path. Nothing is cut; what is too long is wrapped, except a single long word.
func (v PlanView) WriteText(w io.Writer, width int) {
	t := &planText{width: max(width, 40)}
	to := ""
	if v.Target != "" {
		to = " to " + v.Target
	}
	t.line("", v.Name+": "+v.Environment+to)
	t.line("", "plan "+v.Hash)
	t.findings(v)
	for _, phase := range v.Phases {
		t.phase(phase)
	}
	t.rollback(v.Rollback)
	t.legend(v)
	_, _ = io.WriteString(w, t.String())
}

// planText gathers wrapped lines.
type planText struct {
	strings.Builder
	width int
}

// line writes words after an indent, which may begin with an empty line; lines that follow are indented two
// columns more.
func (t *planText) line(indent, words string) {
	if strings.HasPrefix(indent, "\n") {
		t.WriteString("\n")
		indent = indent[1:]
	}
	for i, l := range wrap.Words(Printable(words), t.width-utf8.RuneCountInString(indent)-2) {
		if i == 1 {
			indent += "  "
		}
		fmt.Fprintf(t, "%s%s\n", indent, l)
	}
}

var rankTitles = map[Rank]string{RankAcknowledge: "TO BE ACKNOWLEDGED by a person when the run comes to it", RankAccepted: "ACCEPTED", RankAdvice: "ADVICE"}

func (t *planText) findings(v PlanView) {
	for _, r := range v.Refused {
		t.line("\n", "REFUSED "+r.Step)
		if !t.rank(v, RankRefuses, r.Step) {
			t.line("  ", r.Error)
		}
	}
	for _, rank := range ranks[1:] {
		if v.has(rank) {
			t.line("\n", rankTitles[rank])
			t.rank(v, rank, "")
		}
	}
}

func (v PlanView) has(rank Rank) bool {
	for _, f := range v.Findings {
		if f.Rank == rank {
			return true
		}
	}
	return false
}

// rank writes the findings of a rank, of one step or of all.
func (t *planText) rank(v PlanView, rank Rank, step string) (any bool) {
	for _, f := range v.Findings {
		if f.Rank != rank || step != "" && f.Step != step {
			continue
		}
		any = true
		of := ""
		if step == "" {
			of = ", " + f.Step
		}
		t.line("  ", fmt.Sprintf("- %s %s (%s%s): %s", f.Clause, word(f.Finding), f.Rule, of, f.Detail))
		if f.Remedy != "" {
			t.line("      ", "→ "+f.Remedy)
		}
	}
	return any
}

func (t *planText) phase(p PlanPhase) {
	t.line("\n", p.Name+about(" — ", p.ExpectedSeconds))
	for i, s := range p.Steps {
		bar := "  "
		if s.Group != "" {
			bar = "│ "
			if i == 0 || p.Steps[i-1].Group != s.Group {
				t.line("  ", "┌ side by side")
			}
		}
		t.step("  "+bar, s)
	}
}

func (t *planText) step(indent string, s PlanStep) {
	takes := Roughly(s.ExpectedSeconds)
	if s.long() {
		takes += " *"
	}
	head := Printable(fmt.Sprintf("%s %s [%s]", s.marks(), s.ID, strings.Join(s.Clauses, " ")))
	if room := t.width - utf8.RuneCountInString(indent) - 14; utf8.RuneCountInString(head) <= room {
		fmt.Fprintln(t, strings.TrimRight(fmt.Sprintf("%s%-*s  %s", indent, room, head, takes), " "))
	} else {
		t.line(indent, head+" "+takes)
	}
	indent += "      "
	if s.Does != "" {
		t.line(indent, s.Does)
	}
	if len(s.Opens) > 0 {
		t.line(indent, "to put back: "+strings.Join(s.Opens, ", "))
	}
	if s.Asks != nil {
		t.line(indent, fmt.Sprintf("%s by %s: %s", s.Asks.Kind, s.Asks.Who, s.Asks.Text))
	}
	if s.Checked != nil {
		t.line(indent, s.Checked.text())
	}
}

// text is short: the findings stand at the head of the plan.
func (c PlanCheck) text() string {
	before, _, more := strings.Cut(c.Detail, ", of which: ")
	switch {
	case c.Error != "":
		return "now: REFUSED, see above"
	case more:
		return "now: " + before + ", see above"
	}
	return "now: " + c.Detail
}

func (s PlanStep) marks() string {
	out := []byte(".....")
	for i, on := range []bool{s.Irreversible, len(s.Opens) > 0, s.Asks != nil, s.Checked != nil, s.Waivable} {
		if on {
			out[i] = "!oHcw"[i]
		}
	}
	return string(out)
}

func (t *planText) rollback(steps []PlanStep) {
	if len(steps) == 0 {
		return
	}
	t.line("\n", "Rollback, only if it is decided after a failure")
	for _, s := range steps {
		t.step("    ", s)
	}
}

const legend = `
!  irreversible: at most once in a run, and not put back
o  opens something that is put back, also after a failure
H  a person must act
c  checked just now; nothing was changed
w  may be waived after a failure, with a reason
*  on the critical path
`

func (t *planText) legend(v PlanView) {
	t.WriteString(legend)
	var path []string
	for _, p := range v.Phases {
		for _, s := range p.Steps {
			if s.long() {
				path = append(path, s.ID+" "+strings.ReplaceAll(Roughly(s.ExpectedSeconds), " ", wrap.NoBreak))
			}
		}
	}
	t.line("\n", "critical path: "+strings.Join(path, " → "))
	t.line("", "expected: about "+Roughly(v.CriticalPath.ExpectedSeconds)+"; answers of people, and calls that hold a node, come on top")
}

// long: it is on the critical path, and takes long enough to be told.
func (s PlanStep) long() bool { return s.OnCriticalPath && s.ExpectedSeconds >= 60 }

func about(before string, seconds int64) string {
	if seconds < 60 {
		return ""
	}
	return before + "about " + Roughly(seconds)
}

// Roughly is a duration for people: "" for what takes no time worth telling.
func Roughly(seconds int64) string {
	minutes := (seconds + 30) / 60
	switch {
	case seconds == 0:
		return ""
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	}
	return strings.TrimSuffix(fmt.Sprintf("%d h %d min", minutes/60, minutes%60), " 0 min")
}
