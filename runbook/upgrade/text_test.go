package upgrade_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// One line an event, whatever was said; progress keeps to its interval.
func TestLines(t *testing.T) {
	var b strings.Builder
	at := time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC)
	lines := upgrade.Lines(&b, time.Second)
	say := func(kind runbook.EventKind, text string, more ...func(*runbook.Event)) {
		e := runbook.Event{Kind: kind, At: at, Step: "s", Phase: "First", Text: text}
		for _, m := range more {
			m(&e)
		}
		lines(e)
	}
	amount := func(done, total int64, unit string) func(*runbook.Event) {
		return func(e *runbook.Event) { e.Done, e.Total, e.Unit = done, total, unit }
	}
	say(runbook.EventKind(runbook.KindIntent), "does", func(e *runbook.Event) { e.Try = 2 })
	say(runbook.EventProgress, "sending", amount(1<<20, 3<<20, "bytes"))
	say(runbook.EventProgress, "too soon", amount(2<<20, 3<<20, "bytes"))
	at = at.Add(time.Second)
	say(runbook.EventProgress, "node b", amount(1, 3, "nodes"))
	say(runbook.EventKind(runbook.KindFail), "two\nlines \x1b[31mand colour\u202e")
	say(runbook.EventKind(runbook.KindDone), strings.Repeat("x", 200), func(e *runbook.Event) { e.Status, e.Elapsed = runbook.StepWaived, 1500*time.Millisecond })
	const pad = "                         "
	want := "\nFirst\n14:05:00    … s" + pad + " try 2\n14:05:00      s" + pad + " 1.0 of 3.0 MiB sending\n14:05:01      s" + pad + " 1 of 3 nodes node b\n" +
		"14:05:01    ✗ s" + pad + " two lines [31mand colour\n14:05:01    ~ s" + pad + " " + strings.Repeat("x", 160) + "… (1.5s)\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
