package upgrade

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// WritePlan shows a plan and what its gates say now: refusals first, then every step.
func WritePlan(w io.Writer, p runbook.Preview) {
	fmt.Fprintf(w, "%s: %s\nplan %s\n", p.Plan.Name, p.Plan.Environment, p.Plan.Hash)
	for _, id := range p.Refused {
		fmt.Fprintf(w, "\nREFUSED %s: %s\n", id, p.Gates[id].Error)
	}
	phase := ""
	for _, s := range p.Plan.Steps {
		if s.Phase != phase {
			phase = s.Phase
			fmt.Fprintf(w, "\n%s\n", phase)
		}
		fmt.Fprintf(w, "  %s %-26s %-28s %s\n", marks(s), s.ID, "["+strings.Join(s.Clauses, " ")+"]", s.Does)
		if st := p.Gates[s.ID]; st != nil {
			fmt.Fprintf(w, "      %s: %s\n", st.Status, clip(st.Detail+st.Error))
		}
	}
	fmt.Fprintf(w, "\n! once only   o opens something to put back   H a person   c checked just now\nexpected: about %s, with no calls in progress\n", expected(p.Plan).Round(time.Minute))
}

func marks(s runbook.PlannedStep) string {
	out := []byte("....")
	for i, on := range []bool{s.Effect == runbook.Once, len(s.Owes) > 0, s.Ask != nil, s.Gate} {
		if on {
			out[i] = "!oHc"[i]
		}
	}
	return string(out)
}

// expected adds up the steps; of a group that runs side by side only the longest counts.
func expected(p runbook.Plan) (sum time.Duration) {
	group, longest := "", time.Duration(0)
	for _, s := range p.Steps {
		if s.Group == "" || s.Group != group {
			sum, group, longest = sum+longest, s.Group, 0
		}
		longest = max(longest, s.Expected)
	}
	return sum + longest
}

const clipAt = 160

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > clipAt {
		return string(r[:clipAt]) + "…"
	}
	return s
}

// Lines is an observer that writes one line an event, and progress at most once per interval.
func Lines(w io.Writer, interval time.Duration) runbook.Observer {
	l := &lines{w: w, interval: interval, last: map[string]time.Time{}, said: map[string]string{}}
	return l.event
}

type lines struct {
	mu       sync.Mutex
	w        io.Writer
	interval time.Duration
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
	at := e.At.Format(time.TimeOnly)
	switch e.Kind {
	case runbook.EventKind(runbook.KindStart), runbook.EventKind(runbook.KindEnd):
		fmt.Fprintf(l.w, "%s  %s\n", at, e.Text)
	case runbook.EventKind(runbook.KindIntent):
		if e.Try > 1 {
			fmt.Fprintf(l.w, "%s    … %s, try %d\n", at, e.Step, e.Try)
		}
	case runbook.EventKind(runbook.KindDone):
		fmt.Fprintf(l.w, "%s    %s %-26s %s (%s)\n", at, mark(e.Status), e.Step, clip(e.Text), e.Elapsed.Round(time.Millisecond))
	case runbook.EventKind(runbook.KindFail):
		fmt.Fprintf(l.w, "%s    ✗ %-26s %s\n", at, e.Step, e.Text)
	case runbook.EventKind(runbook.KindWait):
		fmt.Fprintf(l.w, "%s    ? %-26s %s\n", at, e.Step, clip(e.Text))
	case runbook.EventKind(runbook.KindSettled):
		fmt.Fprintf(l.w, "%s    ↩ %-26s %s\n", at, e.Step, e.Text)
	case runbook.EventProgress:
		l.progress(at, e)
	}
}

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
func (l *lines) progress(at string, e runbook.Event) {
	text := e.Text
	if e.Total > 0 {
		text = fmt.Sprintf("%3d %% of %s %s", e.Done*100/e.Total, amount(e.Total, e.Unit), e.Text)
	}
	now := e.At
	if l.said[e.Step] == text || now.Sub(l.last[e.Step]) < l.interval {
		return
	}
	l.last[e.Step], l.said[e.Step] = now, text
	fmt.Fprintf(l.w, "%s      %-26s %s\n", at, e.Step, clip(text))
}

func amount(n int64, unit string) string {
	if unit != "bytes" {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// WriteResult says how a run ended, what was put back and what to do next.
func WriteResult(w io.Writer, r Result) {
	s := r.State
	if s == nil {
		return
	}
	fmt.Fprintf(w, "\nrun %s: %s\n", s.Run, outcomeText(s))
	for _, o := range s.Settled {
		fmt.Fprintf(w, "  put back  %-40s found %s; %s\n", o.ID(), o.Found, o.Note)
	}
	for _, o := range s.Owed {
		fmt.Fprintf(w, "  OWED      %-40s found %s\n", o.ID(), o.Found)
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
		fmt.Fprintf(w, "  evidence  %s\n  report    %s\n  last hash %s\n", r.Evidence, r.Report, s.Head)
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

// NextCommand is what to type for a run that waits.
func NextCommand(s *runbook.State) string {
	if s.End != nil {
		return ""
	}
	if s.Waiting == nil {
		return fmt.Sprintf("upgrade resume -config FILE -environment %s", s.Plan.Environment)
	}
	q := s.Waiting.Question
	verb := map[runbook.AskKind]string{runbook.Attestation: "attest", runbook.Approval: "approve"}[q.Ask.Kind]
	if verb == "" {
		var out []string
		for _, d := range q.Decisions {
			out = append(out, string(d))
		}
		verb = strings.Join(out, "|")
	}
	text := fmt.Sprintf("upgrade decide -config FILE -run %s -step %s -statement TEXT", s.Run, q.Step)
	for _, f := range q.Ask.Fields {
		if f.Required {
			text += fmt.Sprintf(" -value %s=…", f.Name)
		}
	}
	return text + " " + verb
}
