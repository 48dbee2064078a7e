package live_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/live"
)

// A run that is drawn on a terminal, and asks there. An upgrade.Session has its runner and its definition. Here the
// terminal is a file, of which those lines are shown that say what is done.
func ExampleNew() {
	terminal, err := os.CreateTemp("", "terminal")
	check(err)
	defer os.Remove(terminal.Name())
	defer terminal.Close()
	def := &runbook.Definition{Name: "upload", Environment: "test", Steps: []runbook.Step{
		{ID: "upload", Phase: "Upgrade", Title: "Upload", Apply: func(sc *runbook.StepContext) error {
			sc.Progress(16<<20, 64<<20, "bytes", "sending")
			sc.Say("64 MiB")
			return nil
		}},
		{ID: "attest", Phase: "Check", Title: "It works", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Does it work?"}}}}
	plan, err := def.Plan()
	check(err)

	view := live.New(live.Config{Out: terminal, Plan: plan})
	typed := strings.NewReader("it does\nyes\n") // os.Stdin
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Clock: runbooktest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		Observer: view.Observe, Asker: view.Asker(&runbook.Prompt{In: typed, Out: terminal})}
	_, err = runner.Start(context.Background(), def)
	view.Close()
	check(err)

	drawn, err := os.ReadFile(terminal.Name())
	check(err)
	for line := range strings.Lines(string(drawn)) {
		if _, done, ok := strings.Cut(line, "✓\x1b[0m "); ok {
			fmt.Print(done)
		}
	}
	// Output:
	// upload                     64 MiB (0s)
	// attest                     attestation by ann@laptop (prompt) (0s)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
