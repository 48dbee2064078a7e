package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// upload is a small runbook for the examples of texts.
func upload() *runbook.Definition {
	return &runbook.Definition{Name: "upload", Environment: "test", Steps: []runbook.Step{
		{ID: "look", Phase: "Before", Title: "Nobody calls", Clauses: []string{"PRE-1"}, Gate: true,
			Apply: func(sc *runbook.StepContext) error { sc.Say("no calls"); return nil }},
		{ID: "upload", Phase: "Upgrade", Title: "Upload the package", Clauses: []string{"UPG-5"}, Expected: 20 * time.Minute,
			Apply: func(sc *runbook.StepContext) error {
				sc.Progress(16<<20, 64<<20, "bytes", "sending")
				return nil
			}},
		{ID: "attest", Phase: "Check", Title: "Somebody has called", Clauses: []string{"VER-3"}, Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Does it work?",
			Fields: []runbook.Field{{Name: "caller", Text: "who called", Required: true}}}},
	}}
}

// noon is ann's runner at a noon, so that the examples' output is always the same.
func noon(o runbook.Observer) *runbook.Runner {
	return &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: o, Clock: runbooktest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
}

// A run as lines, for a log or a pipeline.
func ExampleLines() {
	_, err := noon(upgrade.Lines(os.Stdout, time.Second)).Start(context.Background(), upload())
	fmt.Println("exit code", upgrade.ExitCode(nil, err))
	// Output:
	// 12:00:00  run test-0001, plan ef720f94ce63
	//
	// Before
	// 12:00:00    ✓ look                       no calls (0s)
	//
	// Upgrade
	// 12:00:00      upload                     16.0 of 64.0 MiB sending
	// 12:00:00    ✓ upload                     (0s)
	//
	// Check
	// 12:00:00    ? attest                     Does it work?
	// exit code 4
}

// On a terminal the lines are as wide as it is, and marks have a colour.
func ExampleTerminalLines() {
	var screen strings.Builder
	observe := upgrade.TerminalLines(&screen, time.Second, func() int { return 60 })
	observe(runbook.Event{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Kind: runbook.EventKind(runbook.KindFail), Step: "upload", Text: "the node has not answered for two minutes, and the upload was given up"})
	fmt.Println(strings.ReplaceAll(screen.String(), "\x1b", "ESC"))
	// Output:
	// 12:00:00    ESC[31m✗ESC[0m upload                     the node has not
	//               answered for two minutes, and the upload was
	//               given up
}

// What a run that waits says, and what to type.
func ExampleWriteResult() {
	state, err := noon(nil).Start(context.Background(), upload())
	upgrade.WriteResult(os.Stdout, upgrade.Result{State: state})
	fmt.Println("exit code", upgrade.ExitCode(state, err))
	// Output:
	// run test-0001: not ended
	//   waits for Somebody has called [attest]: Does it work?
	//   next: upgrade decide -config FILE -run test-0001 -step attest -statement TEXT -value caller=… attest
	// exit code 4
}

// What to type for a run that waits, for a status of one's own.
func ExampleNextCommand() {
	state, _ := noon(nil).Start(context.Background(), upload())
	fmt.Println(upgrade.NextCommand(state))
	// Output: upgrade decide -config FILE -run test-0001 -step attest -statement TEXT -value caller=… attest
}

// Programs end with the exit code of what went wrong, and say what is safe to do.
func ExampleExitCode() {
	for _, err := range []error{&upgrade.InputError{Err: errors.New("no such flag")}, runbook.ErrStopped, runbook.ErrFenced} {
		code := upgrade.ExitCode(nil, err)
		fmt.Println(code, upgrade.SafeNext(code, err))
	}
	// Output:
	// 2 nothing was done. Correct it and type the command again
	// 8 what was changed stays so. upgrade resume goes on, upgrade settle puts it back and ends the run
	// 7 do nothing from here: another process drives the run. upgrade status tells how far it is
}

// A plan as text, and why it is refused.
func ExampleWritePlan() {
	def := upload()
	def.Steps[0].Apply = func(*runbook.StepContext) error { return errors.New("3 calls are going on") }
	preview, err := noon(nil).Preview(context.Background(), def, &memlog.Log{})
	check(err)
	upgrade.WritePlan(os.Stdout, preview)
	fmt.Println("refused:", upgrade.RefusalText(preview))
	// Output:
	// upload: test
	// plan ef720f94ce63d9ca93bebe279076828fd373c75190d29aa94d698285d0249f75
	//
	// REFUSED look
	//   3 calls are going on
	//
	// Before
	//     ...c. look [PRE-1]
	//           now: REFUSED, see above
	//
	// Upgrade — about 20 min
	//     ..... upload [UPG-5]                                            20 min *
	//
	// Check
	//     ..H.. attest [VER-3]
	//           attestation by a person who knows it: Does it work?
	//
	// !  irreversible: at most once in a run, and not put back
	// o  opens something that is put back, also after a failure
	// H  a person must act
	// c  checked just now; nothing was changed
	// w  may be waived after a failure, with a reason
	// *  on the critical path
	//
	// critical path: upload 20 min
	// expected: about 20 min; answers of people, and calls that hold a node, come on
	//   top
	// refused: look: 3 calls are going on
}

// A plan for programs, and as a chart.
func ExampleViewPlan() {
	preview, err := noon(nil).Preview(context.Background(), upload(), &memlog.Log{})
	check(err)
	view := upgrade.ViewPlan(preview)
	for _, phase := range view.Phases {
		fmt.Printf("%s: %d step, %q\n", phase.Name, len(phase.Steps), upgrade.Roughly(phase.ExpectedSeconds))
	}
	fmt.Println("what takes the time:", view.CriticalPath.Steps)
	var chart strings.Builder
	view.WriteMermaid(&chart)
	first, _, _ := strings.Cut(chart.String(), "\n")
	fmt.Println(first)
	// Output:
	// Before: 1 step, ""
	// Upgrade: 1 step, "20 min"
	// Check: 1 step, ""
	// what takes the time: [upload]
	// flowchart TD
}

// Answers are prepared in a file, which says in its errors what is wrong with it.
func ExampleLoadAnswers() {
	dir, err := os.MkdirTemp("", "answers")
	check(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "answers.yaml")
	check(os.WriteFile(file, []byte("answers:\n  - step: attest\n    statement: I called it myself\n    values: {caller: Kim}\n"), 0o600))
	script, err := upgrade.LoadAnswers(file)
	check(err)
	plan, err := upload().Plan()
	check(err)
	fmt.Println(script.How, script.Check(plan))
	check(upgrade.WriteAnswers(os.Stdout, script.Answers))
	// Output:
	// answers file answers.yaml []
	// answers:
	//   - step: attest
	//     statement: I called it myself
	//     values:
	//       caller: Kim
}

// Texts that others gave are made harmless for a terminal.
func ExamplePrintable() {
	fmt.Println(upgrade.Printable("all is well\x1b[2J\u202e"))
	// Output: all is well [2J
}

// Amounts and times as displays show them.
func ExampleAmount() {
	fmt.Println(upgrade.Amount(13107200, 64<<20, "bytes"))
	fmt.Println(upgrade.Amount(1, 3, "nodes"))
	fmt.Println(upgrade.Roughly(45), "-", upgrade.Roughly(20*60), "-", upgrade.Roughly(5400))
	// Output:
	// 12.5 of 64.0 MiB
	// 1 of 3 nodes
	// 45 s - 20 min - 1 h 30 min
}

// The words of the written process, and whether a plan covers all of them.
func ExampleUncovered() {
	plan, err := upload().Plan()
	check(err)
	missing := upgrade.Uncovered(plan)
	fmt.Println(len(upgrade.Clauses), "clauses,", len(missing), "of them not in this plan; the first:")
	fmt.Println(missing[0], upgrade.ClauseText(missing[0]))
	// Output:
	// 32 clauses, 29 of them not in this plan; the first:
	// PRE-2 Whoever upgrades may administer the subscription: Subscription Contributors, Tenant Root Contributors or Tenant Root Owners.
}
