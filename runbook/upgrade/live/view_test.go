//go:build unix

package live_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/live"
)

var plan = runbook.Plan{Environment: "test", Inputs: []byte(`{"target":"39.1"}`), Steps: []runbook.PlannedStep{
	{ID: "stop/a", Group: "stop", Expected: 2 * time.Minute}, {ID: "stop/b", Group: "stop", Expected: 2 * time.Minute},
	{ID: "upload", Expected: time.Minute}, {ID: "ask"}, {ID: "nodes", Expected: time.Hour}}}

func show(t *testing.T, width int) (*terminal, *live.View) {
	t.Helper()
	s := newTerminal(t, width)
	v := live.New(live.Config{Out: s.tty, Plan: plan})
	t.Cleanup(v.Close)
	return s, v
}

func event(kind runbook.Kind, step, text string) runbook.Event {
	return runbook.Event{Kind: runbook.EventKind(kind), At: time.Now(), Run: "test-0001", Step: step, Phase: "Snapshot", Text: text}
}

func progress(step string, done, total int64, unit, text string) runbook.Event {
	e := event("progress", step, text)
	e.Done, e.Total, e.Unit = done, total, unit
	return e
}

// Several steps are shown at once, in the plan's order, below what is over; nothing of them stays.
func TestStepsSideBySide(t *testing.T) {
	t.Parallel()
	s, v := show(t, 100)
	v.Observe(runbook.Event{Kind: runbook.EventKind(runbook.KindStart), At: time.Now(), Run: "test-0001", Text: "run test-0001"})
	v.Observe(event(runbook.KindIntent, "stop/b", ""))
	v.Observe(event(runbook.KindIntent, "stop/a", ""))
	v.Observe(progress("stop/a", 0, 0, "", "deallocating\x1b[2J"))
	s.await("  stop/a  T of about 2 min  deallocating [2J\n  stop/b  T of about 2 min")
	s.await("test-0001 · T of about 1 h 3 min · Snapshot · test → 39.1\n  stop/a")
	v.Observe(event(runbook.KindDone, "stop/a", "now deallocated"))
	s.await("Snapshot · test → 39.1\n  stop/b")
	v.Observe(event(runbook.KindFail, "stop/b", "refused\x1b[2J by Azure"))
	v.Close()
	want := `T  run test-0001

Snapshot
T    ✓ stop/a                     now deallocated (0s)
T    ✗ stop/b                     refused [2J by Azure
END
`
	if got := s.settled(); got != want {
		t.Errorf("on the terminal:\n%s", got)
	}
}

// An upload shows bytes, and that the server works on them; nodes are counted, and their number stays.
func TestAmounts(t *testing.T) {
	t.Parallel()
	s, v := show(t, 100)
	v.Observe(event(runbook.KindIntent, "upload", ""))
	v.Observe(progress("upload", 32<<20, 64<<20, "bytes", "sending, 8.0 MiB/s, 4s left"))
	s.await("upload  T of about 1 min  ██████████░░░░░░░░░░  32.0 of 64.0 MiB  sending, 8.0 MiB/s, 4s left")
	v.Observe(progress("upload", 64<<20, 64<<20, "bytes", "server is digesting"))
	s.await("████████████████████  64.0 of 64.0 MiB  server is digesting")
	v.Observe(event(runbook.KindDone, "upload", "sent"))
	v.Observe(progress("nodes", 1, 3, "nodes", "node c"))
	v.Observe(progress("nodes", 0, 0, "", "node c, UPGRADING"))
	s.await("nodes  T of about 1 h  1 of 3 nodes  node c, UPGRADING")
	s.resize(50)
	s.await("nodes  T of about 1 h  1 of 3 nodes  node c…")
}

// A terminal that becomes narrower wraps what stands there; nothing of it is left over.
func TestResize(t *testing.T) {
	t.Parallel()
	s, v := show(t, 120)
	v.Observe(event(runbook.KindIntent, "stop/a", ""))
	v.Observe(event(runbook.KindIntent, "stop/b", ""))
	v.Observe(progress("stop/a", 0, 0, "", strings.Repeat("long ", 30)))
	v.Observe(progress("stop/b", 0, 0, "", strings.Repeat("text ", 30)))
	s.await("  stop/b  T of about 2 min  text")
	for _, width := range []int{40, 100, 60} {
		s.resize(width)
		word := fmt.Sprintf("w%d", width)
		v.Observe(progress("stop/a", 0, 0, "", word))
		s.await(word)
	}
	v.Observe(event(runbook.KindDone, "stop/a", ""))
	v.Observe(event(runbook.KindDone, "stop/b", ""))
	v.Close()
	got := s.settled()
	if n := strings.Count(got, "stop/"); n != 2 || strings.Contains(got, "about") {
		t.Errorf("rows are left over:\n%s", got)
	}
}

// A terminal that does not tell its size, or has fewer rows than there are steps, shows what fits and is left clean.
func TestSmallTerminal(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]pty.Winsize{"size unknown": {}, "six rows": {Rows: 6, Cols: 80}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := show(t, 80)
			s.tell(80, size)
			for i := range 30 {
				v.Observe(event(runbook.KindIntent, fmt.Sprintf("stop/%d", i), ""))
			}
			s.await(" more steps")
			for i := range 30 {
				v.Observe(event(runbook.KindDone, fmt.Sprintf("stop/%d", i), "stopped"))
			}
			v.Close()
			got := s.settled()
			if n := strings.Count(got, "stopped"); n != 30 || strings.Contains(got, "test-0001 ·") {
				t.Errorf("%d steps are over:\n%s", n, got)
			}
		})
	}
}

// While a question is open nothing else is written, neither between its words nor below them.
func TestQuestionHasTheTerminalForItself(t *testing.T) {
	t.Parallel()
	s, v := show(t, 100)
	v.Observe(event(runbook.KindIntent, "stop/b", ""))
	v.Observe(event(runbook.KindIntent, "ask", ""))
	s.await("  ask")
	v.Observe(event(runbook.KindWait, "ask", "May it go on?"))
	asked := v.Asker(runbook.AskerFunc(func(context.Context, runbook.Question) (runbook.Answer, error) {
		fmt.Fprintf(s.tty, "Go on? ")
		v.Observe(progress("stop/b", 0, 0, "", "still at it"))
		v.Observe(event(runbook.KindDone, "stop/b", "stopped"))
		v.Observe(event(runbook.KindIntent, "upload", ""))
		v.Notice("stopping after the current step")
		fmt.Fprintf(s.tty, "answered\n")
		return runbook.Answer{Statement: "yes"}, nil
	}))
	if a, err := asked.Ask(t.Context(), runbook.Question{}); err != nil || a.Statement != "yes" {
		t.Fatal(a, err)
	}
	v.Observe(event(runbook.KindDone, "ask", "yes"))
	v.Close()
	want := `May it go on?
Go on? stopping after the current step
answered
T    ✓ stop/b                     stopped (0s)
T    ✓ ask                        yes (0s)
END
`
	if got := s.settled(); !strings.HasSuffix(got, want) {
		t.Errorf("on the terminal:\n%s", got)
	}
}

// Whatever is written after the end is printed plainly, and what was kept is not lost.
func TestCloseLosesNothing(t *testing.T) {
	t.Parallel()
	s, v := show(t, 80)
	v.Observe(event(runbook.KindIntent, "upload", ""))
	for i := range 200 {
		fmt.Fprintf(v, "line %d\n", i)
	}
	v.Close()
	v.Close()
	fmt.Fprintln(v, "afterwards")
	v.Observe(event(runbook.KindDone, "upload", "sent"))
	got := s.settled()
	for i := range 200 {
		if !strings.Contains(got, fmt.Sprintf("line %d\n", i)) {
			t.Fatalf("line %d is lost:\n%s", i, got)
		}
	}
	if !strings.Contains(got, "line 199\nafterwards\n") || strings.Contains(got, "about 1 min") {
		t.Errorf("on the terminal:\n%s", got)
	}
}
