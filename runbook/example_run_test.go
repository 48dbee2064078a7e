package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// waits starts ann's maintenance while nobody is there to say that it works: the run test-0001 waits.
func waits(board *switchboard) *runbook.Runner {
	ann := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"}
	var waiting *runbook.WaitingError
	if _, err := ann.Start(context.Background(), maintenance(board)); !errors.As(err, &waiting) {
		log.Fatal(err)
	}
	return ann
}

// An environment has one active run; the error of a second one says whose it is and what it owes.
func ExampleRunner_Start() {
	board := &switchboard{alarm: true}
	ann := waits(board)
	bob := &runbook.Runner{Log: ann.Log, Actor: "bob@desk"}
	_, err := bob.Start(context.Background(), maintenance(board))
	var active *runbook.ActiveRunError
	if errors.As(err, &active) {
		fmt.Println(active.Run, "of", active.Starter, "owes", active.Owed, "- releases:", board.released)
	}
	// Output: test-0001 of ann@laptop owes 1 - releases: 1
}

// The process that drove a run has ended; the next one repeats nothing that was done.
func ExampleRunner_Resume() {
	ctx := context.Background()
	board := &switchboard{alarm: true}
	ann := waits(board)
	bob := &runbook.Runner{Log: ann.Log, Actor: "bob@desk", Asker: &runbook.Prepared{
		How: "answers", Answers: []runbook.PreparedAnswer{{Step: "attest", Statement: "I called it"}}}}
	run, err := bob.Active(ctx, "test")
	if err != nil {
		log.Fatal(err)
	}
	state, err := bob.Resume(ctx, maintenance(board), run, "ann went home")
	fmt.Println(state.End.Outcome, "by", state.Owner, "- releases:", board.released, err)
	// Output: completed by bob@desk - releases: 1 <nil>
}

// A driver that seems alive is not resumed past; whoever knows better takes over, with a reason.
func ExampleRunner_TakeOver() {
	ctx := context.Background()
	board := &switchboard{alarm: true}
	journals := waits(board).Log.(*memlog.Log)
	release, err := journals.Lock(runbook.RunStream("test-0001"), "ann@laptop") // as a process that sleeps does
	if err != nil {
		log.Fatal(err)
	}
	defer release()
	bob := &runbook.Runner{Log: journals, Actor: "bob@desk", Asker: runbook.AskerFunc(func(context.Context, runbook.Question) (runbook.Answer, error) {
		return runbook.Answer{How: "phone", Statement: "it works"}, nil
	})}
	_, err = bob.Resume(ctx, maintenance(board), "test-0001", "ann is not here")
	fmt.Println(err)
	state, err := bob.TakeOver(ctx, maintenance(board), "test-0001", "ann's laptop sleeps in her bag")
	fmt.Println(state.End.Outcome, "by", state.Owner, err)
	// Output:
	// runs/test-0001 is being driven by ann@laptop, which is alive
	// completed by bob@desk <nil>
}

// What does not fit is refused and not recorded. The run takes an answer as soon as it is driven on.
func ExampleRunner_Signal() {
	ctx := context.Background()
	ann := waits(&switchboard{alarm: true})
	bob := &runbook.Runner{Log: ann.Log, Actor: "bob@desk"}
	fmt.Println(bob.Signal(ctx, "test-0001", "attest", runbook.Answer{How: "decide"}))
	fmt.Println(bob.Signal(ctx, "test-0001", "attest", runbook.Answer{How: "decide", Statement: "it works"}))
	state, err := bob.State(ctx, "test-0001")
	if err != nil {
		log.Fatal(err)
	}
	answer, given := state.Answered()
	fmt.Println(given, answer.Actor, answer.Statement)
	// Output:
	// run test-0001: a statement in the person's own words is needed
	// <nil>
	// true bob@desk it works
}

// A form that was on a screen for a while answers only the question that it showed, and once.
func ExampleRunner_Reply() {
	ctx := context.Background()
	ann := waits(&switchboard{alarm: true})
	shown, err := ann.State(ctx, "test-0001")
	if err != nil {
		log.Fatal(err)
	}
	form := runbook.Reply{Run: shown.Run, Question: shown.Waiting.Number(), PlanHash: shown.Plan.Hash,
		Answer: runbook.Answer{How: "page", Statement: "it works"}}
	fmt.Println(ann.Reply(ctx, form))
	err = ann.Reply(ctx, form) // pressed twice
	fmt.Println(errors.Is(err, runbook.ErrOutdated), err)
	// Output:
	// <nil>
	// true run test-0001: ann@laptop has already answered: nothing was recorded
}

// Abort asks whoever drives the run to put everything back; the process need not live at that moment.
func ExampleRunner_Abort() {
	ctx := context.Background()
	board := &switchboard{alarm: true}
	ann := waits(board)
	if err := (&runbook.Runner{Log: ann.Log, Actor: "bob@desk"}).Abort(ctx, "test-0001", "the customer called"); err != nil {
		log.Fatal(err)
	}
	state, err := ann.Resume(ctx, maintenance(board), "test-0001", "looked in again")
	fmt.Println(state.End.Outcome, "-", state.End.Reason, "- alarm:", board.alarm, err)
	// Output: aborted - the customer called - alarm: true <nil>
}

// List reads what environments know of their runs, State and Runs the runs themselves.
func ExampleRunner_List() {
	ctx := context.Background()
	ann := waits(&switchboard{alarm: true})
	runs, err := ann.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range runs {
		fmt.Printf("%s of %s by %s: %q\n", r.Run, r.Environment, r.Starter, r.Outcome)
	}
	all, err := ann.Runs(ctx)
	fmt.Println(all[0].Waiting.Question.Title, "-", all[0].Owed[0].ID(), err)
	// Output:
	// test-0001 of test by ann@laptop: ""
	// It works - alarm/door <nil>
}

// A preview runs the gates alone: they read, and what they refuse would end a run before it changes anything.
func ExampleRunner_Preview() {
	board := &switchboard{alarm: true}
	def := maintenance(board)
	def.Steps = append([]runbook.Step{{ID: "look", Title: "Nobody is in the building", Gate: true,
		Apply: func(*runbook.StepContext) error { return errors.New("the badge reader counts two people") }}}, def.Steps...)
	preview, err := (&runbook.Runner{Actor: "ann@laptop"}).Preview(context.Background(), def, &memlog.Log{})
	fmt.Println("refused by", preview.Refused, preview.Gates["look"].Error, err)
	fmt.Println("alarm:", board.alarm, "- releases:", board.released)
	// Output:
	// refused by [look] the badge reader counts two people <nil>
	// alarm: true - releases: 0
}
