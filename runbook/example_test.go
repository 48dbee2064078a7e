package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// switchboard is what the example's runbook works on.
type switchboard struct {
	alarm    bool
	released int
}

// maintenance is a runbook of three steps: the alarm is switched off, which must be put back; a
// release that may happen once; a person says that it worked.
func maintenance(b *switchboard) *runbook.Definition {
	return &runbook.Definition{
		Name: "maintenance", Environment: "test",
		Steps: []runbook.Step{
			{ID: "silence-alarm", Phase: "Before", Title: "Switch the alarm off", Owes: []string{"alarm"},
				Check: func(*runbook.StepContext) (bool, error) { return !b.alarm, nil },
				Apply: func(sc *runbook.StepContext) error {
					if err := sc.Owe("alarm", "door", b.alarm); err != nil { // written down before the change
						return err
					}
					b.alarm = false
					return nil
				}},
			{ID: "release", Phase: "Work", Title: "Release the version", Effect: runbook.Once,
				Apply: func(sc *runbook.StepContext) error {
					if err := sc.Guard(); err != nil { // the last moment to find out that somebody took over
						return err
					}
					b.released++
					return nil
				},
				Resolve: func(*runbook.StepContext) (runbook.Resolution, error) { // after a crash: ask the target
					if b.released > 0 {
						return runbook.ResolvedDone, nil
					}
					return runbook.ResolvedNotDone, nil
				}},
			{ID: "attest", Phase: "Check", Title: "It works", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Does it work?"}},
		},
		Undos: []runbook.Undo{{Kind: "alarm", Title: "alarm as it was", Settle: func(*runbook.StepContext, runbook.Owed) (string, error) {
			b.alarm = true
			return "on, as found", nil
		}}},
	}
}

// A runbook of three steps with one obligation. Nobody is there when it asks, so it stops with what
// it waits for; an answer comes from another process, and the run goes on.
func Example() {
	ctx := context.Background()
	board := &switchboard{alarm: true}
	def := maintenance(board)
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"} // filelog.New keeps it on a disk

	_, err := runner.Start(ctx, def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) {
		log.Fatal(err)
	}
	fmt.Println(waiting, "— alarm:", board.alarm, "— owed:", waiting.Owed[0].ID())

	bob := &runbook.Runner{Log: runner.Log, Actor: "bob@desk"}
	if err := bob.Signal(ctx, waiting.Question.Run, "attest", runbook.Answer{How: "decide", Statement: "it does"}); err != nil {
		log.Fatal(err)
	}
	state, err := runner.Resume(ctx, def, waiting.Question.Run, "answered")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.End.Outcome, "— alarm:", board.alarm, "— released:", board.released)
	// Output:
	// run test-0001 waits for an answer to: It works — alarm: false — owed: alarm/door
	// completed — alarm: true — released: 1
}

// The plan is data, with a hash that approvals are bound to.
func ExampleDefinition_Plan() {
	plan, err := maintenance(&switchboard{}).Plan()
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range plan.Steps {
		fmt.Println(s.Phase, s.ID, s.Effect, s.Owes)
	}
	// Output:
	// Before silence-alarm convergent [alarm]
	// Work release once []
	// Check attest convergent []
}

// Settle puts back what a run changed, from wherever its journal is.
func ExampleRunner_Settle() {
	board := &switchboard{alarm: true}
	def := maintenance(board)
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"}
	if _, err := runner.Start(context.Background(), def); err == nil {
		log.Fatal("nobody was there to attest, and it did not wait")
	}
	state, err := runner.Settle(context.Background(), def, "test-0001", "the window is over")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.End.Outcome, "—", state.End.Reason, "— alarm:", board.alarm)
	// Output: aborted — the window is over — alarm: true
}

// A timer on a second machine puts back what lost machines left behind.
func ExampleRunner_Sweep() {
	board := &switchboard{alarm: true}
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "timer@server"}
	swept, err := runner.Sweep(context.Background(), runbook.Sweeping{Silent: 30 * time.Minute, Reason: "timer",
		Definition: func(context.Context, *runbook.State) (*runbook.Definition, error) { return maintenance(board), nil }})
	fmt.Println(len(swept), err)
	// Output: 0 <nil>
}

// Evidence is the journal and what it says, as files that anybody can verify offline.
func ExampleEvidence_Save() {
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop",
		Asker: &runbook.Prepared{How: "answers", Answers: []runbook.PreparedAnswer{{Step: "attest", Statement: "it does"}}}}
	state, err := runner.Start(context.Background(), maintenance(&switchboard{alarm: true}))
	if err != nil {
		log.Fatal(err)
	}
	evidence, err := runner.Evidence(context.Background(), state.Run)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "evidence")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if _, err := evidence.Save(dir, nil); err != nil {
		log.Fatal(err)
	}
	again, err := runbook.ReadBundle(dir, nil)
	fmt.Println(again.State.End.Outcome, again.Head == state.Head, err)
	// Output: completed true <nil>
}
