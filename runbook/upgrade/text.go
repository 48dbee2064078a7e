package upgrade

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/verify-by-video/pexip-upgrade/internal/wrap"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const clipAt = 160

func clip(s string) string {
	s = strings.Join(strings.Fields(Printable(s)), " ")
	if r := []rune(s); len(r) > clipAt {
		return string(r[:clipAt]) + "…"
	}
	return s
}

// Printable keeps what others said from moving the cursor or changing colours: such characters become spaces.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, s)
}

// Lines is an observer that writes one line an event, and progress at most once per interval.
func Lines(w io.Writer, interval time.Duration) runbook.Observer {
	return newLines(w, interval).event
}

// TerminalLines is Lines for a terminal of so many columns: long lines are wrapped, the mark of an outcome
// has a colour.
func TerminalLines(w io.Writer, interval time.Duration, width func() int) runbook.Observer {
	l := newLines(w, interval)
	l.width = width
	return l.event
}

func newLines(w io.Writer, interval time.Duration) *lines {
	return &lines{w: w, interval: interval, last: map[string]time.Time{}, said: map[string]string{}}
}

type lines struct {
	mu       sync.Mutex
	w        io.Writer
	interval time.Duration
	width    func() int // nil: no terminal
	phase    string
	last     map[string]time.Time
	said     map[string]string
}

func (l *lines) event(e runbook.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Phase != "" && e.Phase != l.phase && e.Kind != runbook.EventProgress {
		l.phase = e.Phase
		fmt.Fprintf(l.w, "\n%s\n", e.Phase)
	}
	switch e.Kind {
	case runbook.EventKind(runbook.KindStart), runbook.EventKind(runbook.KindEnd):
		fmt.Fprintf(l.w, "%s  %s\n", e.At.Format(time.TimeOnly), e.Text)
	case runbook.EventKind(runbook.KindIntent):
		if e.Try > 1 {
			l.line(e, "…", fmt.Sprintf("try %d", e.Try))
		}
	case runbook.EventKind(runbook.KindDone):
		l.line(e, mark(e.Status), fmt.Sprintf("%s (%s)", clip(e.Text), e.Elapsed.Round(time.Millisecond)))
	case runbook.EventKind(runbook.KindFail):
		l.line(e, "✗", e.Text)
	case runbook.EventKind(runbook.KindWait):
		l.line(e, "?", clip(e.Text))
	case runbook.EventKind(runbook.KindSettled):
		l.line(e, "↩", e.Text)
	case runbook.EventProgress:
		l.progress(e)
	}
}

var markColours = map[string]string{"✓": "32", "=": "32", "~": "33", "?": "33", "✗": "31", "↩": "36"}

// line writes one line: a text of several lines becomes one, and nothing in it moves the cursor.
func (l *lines) line(e runbook.Event, mark, text string) {
	width := math.MaxInt
	if l.width != nil {
		width = l.width()
		mark = "\x1b[" + markColours[mark] + "m" + mark + "\x1b[0m"
	}
	step := strings.ReplaceAll(fmt.Sprintf("%-26s", e.Step), " ", wrap.NoBreak)
	text = strings.Join(wrap.Words(step+" "+Printable(text), width-lineIndent), "\n"+strings.Repeat(" ", lineIndent))
	fmt.Fprintf(l.w, "%s    %s %s\n", e.At.Format(time.TimeOnly), mark, text)
}

// lineIndent is the width of time and mark.
const lineIndent = 14

func mark(s runbook.StepStatus) string {
	switch s {
	case runbook.StepAlready:
		return "="
	case runbook.StepWaived:
		return "~"
	}
	return "✓"
}

// progress writes what is new, and otherwise keeps to the interval.
func (l *lines) progress(e runbook.Event) {
	text := e.Text
	if e.Total > 0 {
		text = Amount(e.Done, e.Total, e.Unit) + " " + e.Text
	}
	if l.said[e.Step] == text || e.At.Sub(l.last[e.Step]) < l.interval {
		return
	}
	l.last[e.Step], l.said[e.Step] = e.At, text
	l.line(e, " ", clip(text))
}

// Amount says how much of a progress event is done, such as "12.5 of 64.0 MiB" or "1 of 3 nodes". Only the unit "bytes"
// is converted.
func Amount(done, total int64, unit string) string {
	if unit == "bytes" {
		return fmt.Sprintf("%.1f of %s", float64(done)/(1<<20), mebibytes(total))
	}
	return fmt.Sprintf("%d of %d %s", done, total, unit)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// WriteResult says how a run ended, what was put back and what to do next.
func WriteResult(w io.Writer, r Result) {
	s := r.State
	if s == nil {
		return
	}
	fmt.Fprintf(w, "\nrun %s: %s\n", s.Run, outcomeText(s))
	for _, o := range s.Owed {
		fmt.Fprintf(w, "  OWED      %-40s found %s\n", o.ID(), o.Found)
	}
	for _, o := range s.Settled {
		fmt.Fprintf(w, "  put back  %s\n            found %s; %s\n", o.ID(), o.Found, o.Note)
	}
	if s.Waiting != nil {
		writeWaiting(w, s)
	} else if s.End == nil {
		fmt.Fprintf(w, "  next: %s\n", NextCommand(s))
	}
	if s.End == nil && len(s.Owed) > 0 {
		fmt.Fprintf(w, "  or put everything back and end the run: upgrade settle -config FILE -environment %s -reason TEXT\n", s.Plan.Environment)
	}
	if r.Evidence != "" {
		fmt.Fprintf(w, "  evidence  %s\n  report    %s\n  page      %s\n  last hash %s\n", r.Evidence, r.Report, r.ReportHTML, s.Head)
	}
}

// writeWaiting says what a run waits for, in full, and what to type.
func writeWaiting(w io.Writer, s *runbook.State) {
	q := s.Waiting.Question
	fmt.Fprintf(w, "  waits for %s [%s]: %s\n", q.Title, q.Step, strings.ReplaceAll(strings.TrimSpace(q.Ask.Text), "\n", "\n            "))
	if q.Failure != "" {
		fmt.Fprintf(w, "            it failed: %s\n", q.Failure)
	}
	fmt.Fprintf(w, "  next: %s\n", NextCommand(s))
}

// RefusalText says why a plan is refused, or "".
func RefusalText(p runbook.Preview) string {
	var parts []string
	for _, id := range p.Refused {
		parts = append(parts, id+": "+p.Gates[id].Error)
	}
	return strings.Join(parts, "\n")
}

func outcomeText(s *runbook.State) string {
	if s.End != nil {
		return string(s.End.Outcome)
	}
	return "not ended"
}
