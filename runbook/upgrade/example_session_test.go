package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// A session for one environment. Opening it sends nothing; running it does what its definition says.
func ExampleOpen() {
	world, cfg, remove := configured()
	defer remove()
	session, err := upgrade.Open(context.Background(), cfg, upgrade.SessionOptions{Environment: policy.Test, Transport: world.Transport})
	check(err)
	plan, err := session.Definition.Plan()
	check(err)
	fmt.Println(plan.Name, "of", plan.Environment, "begins with", plan.Steps[0].ID, "- requests so far:", len(world.Requests()))
	// Output: Pexip Infinity upgrade of test begins with check-azure-access - requests so far: 0
}

// The process alone, to embed it in a program with clients and journals of its own.
func ExampleNew() {
	ctx := context.Background()
	world, cfg, remove := configured()
	defer remove()
	secrets, err := cfg.ReadSecrets()
	check(err)
	systems, err := upgrade.Connect(cfg, policy.Test, secrets, world.Transport)
	check(err)
	process, err := upgrade.New(ctx, cfg, upgrade.Options{Environment: policy.Test, Systems: systems, BackupPassphrase: secrets.Test.BackupPassphrase})
	check(err)
	plan, err := process.Definition().Plan()
	check(err)
	fmt.Println(len(plan.Steps), "steps; clauses that are left out:", upgrade.Uncovered(plan))
	// Output: 42 steps; clauses that are left out: []
}

// waiting starts a run of Test that nobody answers.
func waiting() (*upgrade.Config, upgrade.SessionOptions, func()) {
	world, cfg, remove := configured()
	o := upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@laptop", Transport: world.Transport}
	session, err := upgrade.Open(context.Background(), cfg, o)
	check(err)
	_, err = session.Run(context.Background())
	var waits *runbook.WaitingError
	if !errors.As(err, &waits) {
		check(err)
	}
	return cfg, o, remove
}

// Looking at runs and answering them needs no more than the folder of the journals.
func ExampleOpenRunner() {
	ctx := context.Background()
	cfg, _, remove := waiting()
	defer remove()
	bob, err := upgrade.OpenRunner(cfg.State, upgrade.SessionOptions{Actor: "bob@desk"})
	check(err)
	runs, err := bob.Runs(ctx)
	check(err)
	fmt.Println(runs[0].Run, "waits for", runs[0].Waiting.Question.Title)
	fmt.Println(bob.Abort(ctx, runs[0].Run, "the customer called"))
	// Output:
	// test-0001 waits for Release notes reviewed
	// <nil>
}

// What a timer does on a second machine: runs that nobody drives are put back and ended.
func ExampleSweep() {
	cfg, o, remove := waiting()
	defer remove()
	o.Actor = "timer@server"
	swept, err := upgrade.Sweep(context.Background(), cfg, o, runbook.Sweeping{Reason: "nobody answers at night", Silent: time.Nanosecond, Waiting: time.Nanosecond})
	check(err)
	for _, s := range swept {
		fmt.Println(s.Run, s.State.End.Outcome, "by", s.State.Owner, s.Err)
	}
	// Output: test-0001 aborted by timer@server <nil>
}

// The driver is alive but does not go on; whoever knows better takes over.
func ExampleSession_TakeOver() {
	cfg, o, remove := waiting()
	defer remove()
	o.Actor = "bob@desk"
	session, err := upgrade.Open(context.Background(), cfg, o)
	check(err)
	_, err = session.TakeOver(context.Background(), "", "ann's laptop is in her bag")
	fmt.Println(err)
	state, err := session.Runner.State(context.Background(), "test-0001")
	fmt.Println("driven by", state.Owner, err)
	// Output:
	// run test-0001 waits for an answer to: Release notes reviewed
	// driven by bob@desk <nil>
}
