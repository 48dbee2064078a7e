package runbook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// typed lets somebody type lines as the answer to a question.
func typed(t *testing.T, q runbook.Question, lines ...string) (runbook.Answer, string, error) {
	t.Helper()
	var out bytes.Buffer
	p := &runbook.Prompt{In: strings.NewReader(strings.Join(lines, "\n") + "\n"), Out: &out}
	a, err := p.Ask(t.Context(), q)
	return a, out.String(), err
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

// The prompt says what each entry looks like, asks again for what does not fit, leaves out what does not apply, and
// shows all of it before it is recorded.
func TestPromptFillsInTheForm(t *testing.T) {
	file := filepath.Join(t.TempDir(), "minutes.txt")
	if err := os.WriteFile(file, []byte("we met"), 0o600); err != nil {
		t.Fatal(err)
	}
	q := runbook.Question{Step: "s", Title: "Session", Clauses: []string{"A-1"}, Ask: runbook.Ask{Kind: runbook.Attestation, Text: "Who came?", Fields: []runbook.Field{
		{Name: "attended", Text: "was it attended", OneOf: []string{"yes", "no"}, Required: true},
		{Name: "by", Text: "who was there", Required: true, When: "attended=yes"},
		{Name: "excuse", Text: "why not", Required: true, When: "attended=no"},
		{Name: "notes", Text: "notes", Help: "what was said", Link: true, File: true},
		{Name: "page", Text: "its page", Link: true, Required: true}}}}
	a, out, err := typed(t, q, "perhaps", "yes", "", "Kim", "nowhere.txt", file, "example.invalid", "https://example.invalid/1", "", "it was good", "no",
		"no", "ill", "https://example.invalid/notes", "https://example.invalid/2", "it was missed", "what?", "yes")
	if err != nil || a.Statement != "it was missed" || a.How != "prompt" || len(a.Files) != 0 ||
		!maps.Equal(a.Values, map[string]string{"attended": "no", "excuse": "ill", "notes": "https://example.invalid/notes", "page": "https://example.invalid/2"}) {
		t.Errorf("%+v, %v", a, err)
	}
	wants(t, out, "Session  [A-1]\nWho came?", "was it attended (yes/no; needed)", `attended is "perhaps"; it must be one of yes, no`, "by is needed",
		"notes (a link, or the path of a file; may be empty)\n  what was said", "nowhere.txt: no such file", "page must be a link", "own words is needed",
		"This will be recorded:\n    attended     yes\n    by           Kim\n    notes        "+file+"\n    page         https://example.invalid/1\n    statement    it was good", "say yes or no")
	if _, _, err := typed(t, q, "yes", "Kim"); !errors.Is(err, runbook.ErrNoAnswer) {
		t.Errorf("at the end of the input: %v", err)
	}
}

// The prompt shows the failure and explains what may be decided.
func TestPromptDecides(t *testing.T) {
	q := runbook.Question{Step: "s", Title: "Launch", Failure: "no fuel", Ask: runbook.Ask{Kind: runbook.DecisionWanted, Text: "What now?"}, Decisions: []runbook.Decision{runbook.DecideRetry, runbook.DecideAbort}}
	a, out, err := typed(t, q, "explode", "abort", "", "too late", "yes")
	if err != nil || a.Decision != runbook.DecideAbort || a.Statement != "too late" {
		t.Errorf("%+v, %v", a, err)
	}
	wants(t, out, "it failed: no fuel", "retry     try the step again", "abort     put back what was changed, and end the run", `"explode" cannot be decided here; possible: retry, abort`, "needs a reason")
	for _, d := range []runbook.Decision{runbook.DecideRetry, runbook.DecideDone, runbook.DecideWaive, runbook.DecideRollback, runbook.DecideAbort} {
		if d.Means() == "" {
			t.Errorf("%s is not explained", d)
		}
	}
	if runbook.Decision("explode").Means() != "" {
		t.Error("what is no decision has a meaning")
	}
	for _, rest := range [][]string{{"retry"}, {}, {"retry", ""}} { // it ends in the middle
		if _, _, err := typed(t, q, rest...); !errors.Is(err, runbook.ErrNoAnswer) {
			t.Errorf("after %q: %v", rest, err)
		}
	}
}

// An approval is bound to the plan that is shown.
func TestPromptApproves(t *testing.T) {
	q := runbook.Question{Step: "s", Ask: runbook.Ask{Kind: runbook.Approval, Text: "Go?"}, PlanHash: "0123456789abcdef"}
	a, out, err := typed(t, q, "go", "y")
	if err != nil || a.PlanHash != q.PlanHash || !strings.Contains(out, "it approves plan 0123456789ab") {
		t.Errorf("%+v, %v\n%s", a, err, out)
	}
}

// On a narrow terminal no word is broken, and what belongs together stays in its column.
func TestPromptFitsTheTerminal(t *testing.T) {
	q := runbook.Question{Step: "s", Title: "Launch", Failure: "the tank is empty, and so is the other one", Ask: runbook.Ask{Kind: runbook.DecisionWanted, Text: "What is to be done about it now?"}, Decisions: []runbook.Decision{runbook.DecideDone}}
	var out bytes.Buffer
	p := &runbook.Prompt{In: strings.NewReader("done\nI looked myself, twice, and it was there\nyes\n"), Out: &out, Width: 40}
	if _, err := p.Ask(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if len(line) > p.Width {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
	wants(t, out.String(), "\nLaunch\nWhat is to be done", "  it failed: the tank is empty, and so\n  is the other one", "    done      the step's work is done, I\n              have seen it\n",
		"    statement    I looked myself, twice,\n                 and it was there\n")
}

func TestPromptEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, w := io.Pipe()
	defer w.Close()
	if _, err := (&runbook.Prompt{In: silent, Out: io.Discard}).Ask(ctx, runbook.Question{Ask: form()}); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody types: %v", err)
	}
}
