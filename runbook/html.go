package runbook

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed report.css
var reportCSS string

//go:embed report.html.tmpl
var reportHTML string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"css": func() template.CSS { return template.CSS(reportCSS) }, "text": breakable, "stamp": stamp, "count": count,
}).Parse(reportHTML))

// WriteHTML writes the run as one page for people: first how the run ended, what deviates, what is owed
// and what was not done; then a timeline, every clause with its steps, what people said, what the steps
// found and sent, and what proves it. Printed it is a record to file, without the single requests. The
// page needs no other file, no script and no network, and forbids them itself (Content-Security-Policy);
// all that comes from the run is shown as text. The same evidence gives the same bytes.
func (e *Evidence) WriteHTML(w io.Writer) error { return pageTemplate.Execute(w, newPage(e)) }

// page is what the template shows; its methods are the parts of the page.
type page struct {
	*Evidence
	steps     []PlannedStep
	lanes     []*lane
	takeovers []time.Time
	places    map[string]string // of steps, within the page
}

func newPage(e *Evidence) *page {
	p := &page{Evidence: e, steps: e.all(), places: map[string]string{}}
	p.lanes, p.takeovers = e.timeline()
	for i, l := range p.lanes {
		p.places[l.Step.ID] = fmt.Sprintf("step-%d", i+1)
	}
	return p
}

// grid is a table of the page. The first cell of a row names it.
type grid struct {
	Name    string // spoken instead of the caption, if there is one
	Caption datum
	Quiet   bool // the caption is only spoken: a heading says the same
	Head    []string
	Rows    [][]datum
}

// datum is the content of a cell.
type datum struct {
	Text  string
	Ref   string // where in the page Text leads, if anywhere
	ID    string // what leads here, if anything
	Class string
	Time  bool // Text is a time, and stays in one line
	Links []link
}

type link struct{ Text, Ref string }

func plain(s string) datum { return datum{Text: s} }

// at is a cell with a time.
func at(t time.Time) datum { return datum{Text: stamp(t), Time: true} }

// step is a cell that leads to where the page tells when the step ran.
func (p *page) step(id string) datum { return datum{Text: id, Ref: p.places[id]} }

// status is a cell with the status of a step, and a look that fits.
func status(s StepStatus) datum { return datum{Text: string(s), Class: classOf(s)} }

func classOf(s StepStatus) string {
	switch s {
	case StepDone, StepAlready:
		return "good"
	case StepFailed:
		return "bad"
	case StepPending:
		return "none"
	}
	return "warn"
}

// longWord is how many letters of a word stay together in a narrow column.
const longWord = 24

// breakable escapes text and allows breaks in its long words: paths, hashes, addresses.
func breakable(s string) template.HTML {
	if s = strings.TrimSpace(s); len(s) <= longWord {
		return template.HTML(template.HTMLEscapeString(s))
	}
	var b strings.Builder
	for i, word := range strings.Split(s, " ") {
		if i > 0 {
			b.WriteByte(' ')
		}
		if utf8.RuneCountInString(word) > longWord {
			b.WriteString("<span class=l>" + template.HTMLEscapeString(word) + "</span>")
		} else {
			b.WriteString(template.HTMLEscapeString(word))
		}
	}
	return template.HTML(b.String())
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// duration rounds to what a reader wants to know.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// clock is a time of day, in UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000Z") }
