package runbook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// written is a page and its elements, in order.
type written struct {
	text     string
	elements []*html.Node
}

func write(t testing.TB, e *runbook.Evidence) written {
	t.Helper()
	var b strings.Builder
	if err := e.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	w := written{text: b.String()}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			w.elements = append(w.elements, n)
		}
	}
	return w
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// content is the text of an element with all that is in it.
func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// row is the cells of the timeline's row of a step.
func (w written) row(t *testing.T, step string) []string {
	t.Helper()
	for _, n := range w.elements {
		if strings.HasPrefix(attribute(n, "id"), "step-") && n.Data == "th" && strings.HasPrefix(content(n), step) {
			var cells []string
			for c := range n.Parent.ChildNodes() {
				cells = append(cells, content(c))
			}
			return cells
		}
	}
	t.Fatalf("the timeline has no row for %s", step)
	return nil
}

// bars are the classes of a step's bars, which its titles name.
func (w written) bars(step string) (out []string) {
	for _, n := range w.elements {
		if n.Data == "rect" && strings.HasPrefix(content(n), step+": ") {
			out = append(out, attribute(n, "class"))
		}
	}
	return out
}

func wantInOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		_, after, ok := strings.Cut(text, part)
		if !ok {
			t.Errorf("%q is missing or stands too early", part)
			continue
		}
		text = after
	}
}

func TestPageSaysEverythingInOrder(t *testing.T) {
	_, e := proven(t, nil)
	w := write(t, e)
	wantInOrder(t, w.text, "<h1>launch: test</h1>", ">Completed<", "id=\"deviations\"", "looked through a window", "id=\"owed\"", "Nothing.", "id=\"open\"", "Every step that was begun was done.",
		"id=\"timeline\"", "id=\"clauses\"", ">A-1</h3>", "lamp is on: true", ">No clause</h3>", "id=\"said\"", "answers", "seen it land", "Landed?",
		"id=\"putback\"", "lamp/desk", "on: true", "id=\"files\"", "photo.bin", "500", "id=\"found\"", "Seen</h3>", "on | bright", "id=\"requests\"", "POST desk.invalid/lamp", "req-7", "no answer", "Beside these 1 reads.", "id=\"proof\"", e.Head, "upgrade verify FOLDER")
	if strings.Contains(w.text, "GET desk.invalid/lamp") {
		t.Error("a read that went well stands among the changes")
	}
	again := write(t, e)
	if w.text != again.text {
		t.Error("the same evidence gave two pages")
	}
}

// What the owner of a page at night needs is at its top: what is asked, what failed, what is owed.
func TestPageOfAnUnfinishedRun(t *testing.T) {
	def := book(&lamp{on: true})
	def.Steps[2].Apply = failing("no <b>fuel</b>")
	r := runner(&memlog.Log{})
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	e, err := r.Evidence(t.Context(), "test-0001")
	if err != nil {
		t.Fatal(err)
	}
	wantInOrder(t, write(t, e).text, "Not ended: waits for a person: Launch", "no &lt;b&gt;fuel&lt;/b&gt;", "possible decisions", "retry, abort, done", "1 thing still to be put back", "1 step begun and not done", "1 step never begun", "<dd>moon",
		"lamp/desk", ">failed<", "lamp-on (C-1): Switch the lamp on again")
	if _, err := r.Settle(t.Context(), def, "test-0001", "not tonight"); err != nil {
		t.Fatal(err)
	}
	if e, err = r.Evidence(t.Context(), "test-0001"); err != nil {
		t.Fatal(err)
	}
	w := write(t, e)
	wantInOrder(t, w.text, ">Aborted: not tonight<", "nothing is owed", "settle/lamp/desk", "Put back")
	if got := w.bars("settle/lamp/desk"); !slices.Equal(got, []string{"work"}) {
		t.Errorf("what put the lamp back has the bars %q", got)
	}
}

// hostile is text that would do something if it were not shown as text.
const hostile = `</title></style><script>alert(1)</script>"><img src=x onerror=alert(2)>' onfocus=a {{.Run}} javascript:alert(3) [a](javascript:b) <!-- &lt;b&gt; | ` + "\x00\u202e`x`"

// markupBook is a runbook all of whose texts are hostile, and who runs it.
func markupBook() (*runbook.Definition, *runbook.Runner) {
	def := &runbook.Definition{Name: hostile, Environment: "test", Inputs: map[string]any{hostile: hostile, "target": hostile, "list": []string{hostile}},
		Undos: []runbook.Undo{{Kind: hostile, Title: hostile, Clauses: []string{hostile}, Settle: func(*runbook.StepContext, runbook.Owed) (string, error) { return "", errors.New(hostile) }}}}
	ask := &runbook.Ask{Kind: runbook.Attestation, Text: hostile, Fields: []runbook.Field{{Name: hostile, Text: hostile}}}
	def.Steps = []runbook.Step{{ID: hostile, Phase: hostile, Title: hostile, Does: hostile, Clauses: []string{hostile}, Owes: []string{hostile}, Ask: ask, Apply: func(sc *runbook.StepContext) error {
		sc.Say("%s", hostile)
		sc.Deviate(hostile)
		sc.Table(runbook.Table{Title: hostile, Header: []string{hostile, ""}, Rows: [][]string{{hostile, hostile, hostile}, {"", hostile}, {}}})
		sc.Table(runbook.Table{})
		runbook.NoteExchange(sc, runbook.Exchange{Method: hostile, Target: hostile, Error: hostile, RequestID: hostile}, true)
		return errors.Join(sc.Owe(hostile, hostile, hostile), sc.Note("attachment "+hostile, runbook.Attachment{Name: hostile, SHA256: hostile}))
	}}, {ID: "fails", Phase: hostile, Title: hostile, Apply: failing(hostile)}, {ID: "never", Title: hostile, Clauses: []string{hostile}, Apply: failing("")}}
	return def, &runbook.Runner{Log: &memlog.Log{}, Actor: hostile, Asker: &runbook.Prepared{How: hostile, Answers: []runbook.PreparedAnswer{{Step: hostile, Statement: hostile, Values: map[string]string{hostile: hostile}}}}}
}

// Whatever text is in the evidence, in every place of it, the page has only elements and attributes of
// its own, leads nowhere else, and its references fit.
func TestPageIsInert(t *testing.T) {
	def, r := markupBook()
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	wantInert(t, r)
	if _, err := r.Resume(t.Context(), def, "test-0001", hostile); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	if _, err := r.Settle(t.Context(), def, "test-0001", hostile); err == nil {
		t.Fatal("an undo that fails has settled something")
	}
	wantInert(t, r)
}

func wantInert(t *testing.T, r *runbook.Runner) {
	t.Helper()
	e, err := r.Evidence(t.Context(), "test-0001")
	if err != nil {
		t.Fatal(err)
	}
	w := write(t, e)
	ids, refs := map[string]bool{}, []string{}
	for _, n := range w.elements {
		if !slices.Contains(strings.Fields(`html head meta title style body a header h1 h2 h3 nav ul li main section p dl dt dd b span details summary
			table caption thead tbody tr th td figure figcaption div svg g text line rect path pre code`), n.Data) {
			t.Errorf("the page has an element %s: %.80s", n.Data, content(n))
		}
		for _, a := range n.Attr {
			if !slices.Contains(strings.Fields(`lang charset http-equiv content name class href id tabindex aria-label aria-labelledby aria-hidden role scope data-h open
				x y x1 x2 y1 y2 width height d text-anchor`), a.Key) {
				t.Errorf("%s has an attribute %s=%.80q", n.Data, a.Key, a.Val)
			}
		}
		if id := attribute(n, "id"); id != "" && ids[id] {
			t.Errorf("id %q is there twice", id)
		} else if id != "" {
			ids[id] = true
		}
		if n.Data == "a" {
			refs = append(refs, attribute(n, "href"))
		}
		if n.Data == "th" && strings.TrimSpace(content(n)) == "" {
			t.Error("a head of a table is empty")
		}
	}
	for _, ref := range refs {
		if name, ok := strings.CutPrefix(ref, "#"); !ok || !ids[name] {
			t.Errorf("a link leads to %.80q", ref)
		}
	}
	if n := strings.Count(w.text, "&lt;script&gt;alert(1)"); n < 40 {
		t.Errorf("the text is shown in only %d places", n)
	}
}

// On paper each page says of which run it is, the clauses are one table that tells each step once, and
// what is not there is named, with the hash of what has it.
func TestPageOnPaper(t *testing.T) {
	_, e := proven(t, nil)
	w := write(t, e)
	wantInOrder(t, w.text, `@bottom-left { content: "test-0001, last hash `+e.Head+`"; }`, `<div class="paper">`, "2 requests that changed something or failed: each is told in evidence.json", e.Head)
	told := map[string]int{}
	for _, n := range w.elements {
		if n.Data == "tr" && attribute(n.Parent.Parent.Parent, "class") == "paper" {
			told[content(n)]++
		}
	}
	e.State.Plan.Steps[0].Clauses = []string{"A-1", "A-2"}
	wantInOrder(t, write(t, e).text, `<div class="paper">`, ">A-1<", "lamp is on: true", ">A-2<", "as under A-1", "</div>")
	if len(told) != len(e.State.Plan.Steps)+1 {
		t.Errorf("on paper: %v", told)
	}
	e.Run = `"; } } </style><script>`
	for _, n := range write(t, e).elements {
		if n.Data == "script" || n.Data == "style" && strings.Contains(content(n), `content: ""`) {
			t.Errorf("the name of a run became %s", content(n))
		}
	}
}

// BenchmarkHTML writes the page of a run of 10,000 records.
func BenchmarkHTML(b *testing.B) {
	def := &runbook.Definition{Name: "long", Environment: "test"}
	for i := range 3000 {
		def.Steps = append(def.Steps, runbook.Step{ID: fmt.Sprint("step-", i), Phase: fmt.Sprint("Phase ", i/100), Title: "One of many", Clauses: []string{fmt.Sprint("C-", i%50)},
			Apply: func(sc *runbook.StepContext) error {
				sc.Say("number %d", i)
				sc.Deviate("something differs")
				runbook.NoteExchange(sc, runbook.Exchange{At: time.Now(), Method: "POST", Target: "one.invalid/of/many", Status: 200}, true)
				return sc.Note("seen", json.RawMessage(`true`))
			}})
	}
	r := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann"}
	s, err := r.Start(b.Context(), def)
	if err != nil {
		b.Fatal(err)
	}
	e, err := r.Evidence(b.Context(), s.Run)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(e.Records)), "records")
	for b.Loop() {
		if err := e.WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
