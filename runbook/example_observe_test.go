package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// A service logs a run and counts its failures.
func ExampleObservers() {
	failures := 0
	count := func(e runbook.Event) {
		if e.Kind == runbook.EventKind(runbook.KindFail) {
			failures++
		}
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: withoutTime}))
	ann := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Clock: noon(), Observer: runbook.Observers(runbook.Slog(logger), count)}
	def := maintenance(&switchboard{alarm: true})
	def.Steps[0].Apply = func(*runbook.StepContext) error { return errors.New("the switch is stuck") }
	_, err := ann.Start(context.Background(), def)
	fmt.Println("failures:", failures, "-", err)
	// Output:
	// level=WARN msg="the switch is stuck" run=test-0001 kind=fail step=silence-alarm phase=Before status=failed elapsed=0s
	// level=WARN msg="What is to be done about the failed step?" run=test-0001 kind=wait step=silence-alarm phase=""
	// failures: 1 - run test-0001 waits for a decision about silence-alarm (retry, abort, done): the switch is stuck
}

// withoutTime leaves the time out, so that the output is always the same.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// noon is a clock that stands at a noon, for the same reason.
func noon() *runbooktest.Clock {
	return runbooktest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
}
