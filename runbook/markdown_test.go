package runbook_test

import (
	"errors"
	stdhtml "html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// bare is a text without all that is a matter of form.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

func inside(n *html.Node, is func(*html.Node) bool) bool {
	for ; n != nil; n = n.Parent {
		if is(n) {
			return true
		}
	}
	return false
}

// facts are the rows of the page's tables, its pairs, its points and what is asked. How to verify it is
// none of the run, and what is only for paper stands elsewhere too.
func (w written) facts() map[string]bool {
	out, name, proof := map[string]bool{}, "", false
	for _, n := range w.elements {
		proof = proof || attribute(n, "id") == "proof"
		text := content(n)
		switch {
		case inside(n, func(n *html.Node) bool {
			return n.Data == "nav" || n.Data == "thead" || attribute(n, "class") == "paper"
		}):
			continue
		case n.Data == "tr":
			text = ""
			for c := range n.ChildNodes() {
				if attribute(c, "data-h") != "evidence" { // only leads to other places
					text += content(c)
				}
			}
		case n.Data == "dt", n.Data == "summary":
			name = text
			continue
		case n.Data == "dd":
			text = name + text
		case n.Data == "caption" && attribute(n, "class") == "":
			if text = attribute(n.Parent, "aria-label") + text; !strings.Contains(text, "found by") {
				continue
			}
		case n.Data == "li" && !proof, n.Data == "p" && attribute(n, "class") == "text":
		default:
			continue
		}
		out[bare(text)] = true
	}
	delete(out, "") // a row without cells
	return out
}

var (
	betweenCells = regexp.MustCompile(`\s\|\s`)
	markedUp     = strings.NewReplacer(`\\`, `\`, `\|`, "|", `\[`, "[", "\\`", "`", `\*`, "*")
)

// markdownFacts are the same of the Markdown.
func markdownFacts(text string) map[string]bool {
	out, part, lines := map[string]bool{}, "", strings.Split(text, "\n")
	for i, line := range lines {
		found, isFound := strings.CutPrefix(line, "Found by ")
		switch {
		case i+1 < len(lines) && strings.HasPrefix(strings.ReplaceAll(lines[i+1], " ", ""), "|---"), strings.HasPrefix(line, "| outcome |"):
			continue // the heads of columns, and what is the title of the page
		case strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### "):
			part = line
			if strings.HasPrefix(line, "### ") {
				part = "## Steps"
			}
			continue
		case isFound:
			line = strings.TrimPrefix(part, "## ") + "found by " + found
		case strings.HasPrefix(line, "|"):
			cells := betweenCells.Split(line, -1)
			if part == "## Steps" && len(cells) > 2 {
				cells = cells[:len(cells)-1] // its clauses: the page has its steps below each clause
			}
			line = strings.Join(cells, "")
		case strings.HasPrefix(line, "- "), part == "## The question":
		default:
			continue
		}
		out[bare(stdhtml.UnescapeString(markedUp.Replace(line)))] = true
	}
	delete(out, "") // an empty line
	return out
}

// wantSameFacts: what the page tells of the run, the Markdown tells, and the reverse.
func wantSameFacts(t *testing.T, name string, e *runbook.Evidence) {
	t.Helper()
	var b strings.Builder
	if err := e.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	page, report := write(t, e).facts(), markdownFacts(b.String())
	for _, fact := range slices.Sorted(maps.Keys(page)) {
		if !report[fact] {
			t.Errorf("%s: only the page tells %.200q", name, fact)
		}
	}
	for _, fact := range slices.Sorted(maps.Keys(report)) {
		if !page[fact] {
			t.Errorf("%s: only the Markdown tells %.200q", name, fact)
		}
	}
	if len(page) < 20 {
		t.Errorf("%s: only %d facts were compared: %s", name, len(page), b.String())
	}
}

// The same of a run that is complete, one that waits, one that was ended and put something back, which
// took requests of its own, and one whose every text looks like markup.
func TestBothReportsTellTheSame(t *testing.T) {
	_, e := proven(t, nil)
	wantSameFacts(t, "complete", e)

	def := book(&lamp{on: true})
	def.Steps[2].Apply = failing("no fuel\nat all")
	settle := def.Undos[0].Settle
	def.Undos[0].Settle = func(sc *runbook.StepContext, o runbook.Owed) (string, error) {
		sc.Deviate("the bulb was new")
		sc.Table(runbook.Table{Title: "Bulbs", Header: []string{"watts"}, Rows: [][]string{{"40", "more than heads"}}})
		runbook.NoteExchange(sc, runbook.Exchange{Method: "PUT", Target: "desk.invalid/lamp", Status: 204, RequestID: "req-9"}, true)
		runbook.NoteExchange(sc, runbook.Exchange{Method: "GET", Target: "desk.invalid/lamp", Status: 200}, false)
		return settle(sc, o)
	}
	r := runner(&memlog.Log{})
	report := waitAndSettle(t, r, def, wantSameFacts)
	for _, want := range []string{"- failed: no fuel; at all", "| settle/lamp/desk |", "PUT desk.invalid/lamp | 204 | req-9", "- **settle/lamp/desk** the bulb was new", "Found by settle/lamp/desk.", "Beside these 1 reads."} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q", want)
		}
	}

	def, r = markupBook()
	report = waitAndSettle(t, r, def, wantSameFacts)
	if strings.Contains(report, "<script") || strings.Contains(report, "<img") || strings.Contains(report, " [a](") {
		t.Errorf("a text became markup: %s", report)
	}
}

// waitAndSettle starts a run that waits and settles it, looks at the evidence before and after, and returns all Markdown.
func waitAndSettle(t *testing.T, r *runbook.Runner, def *runbook.Definition, look func(*testing.T, string, *runbook.Evidence)) string {
	t.Helper()
	var b strings.Builder
	take := func(name string) {
		e, err := r.Evidence(t.Context(), "test-0001")
		if err != nil {
			t.Fatal(err)
		}
		look(t, name, e)
		if err := e.WriteMarkdown(&b); err != nil {
			t.Fatal(err)
		}
	}
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	take("waiting")
	if _, err := r.Resume(t.Context(), def, "test-0001", "taken over"); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	_, _ = r.Settle(t.Context(), def, "test-0001", "not tonight") // if it fails, that is in the evidence
	take("settled")
	return b.String()
}
