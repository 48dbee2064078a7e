package filelog_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

// A run kept on a disk is known to whoever opens the folder again. Here the folder is a temporary one;
// DefaultRoot gives a good one, and Hazard says whether another one is fit.
func Example() {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	root, err := os.MkdirTemp("", "journals")
	check(err)
	defer os.RemoveAll(root)
	hello := &runbook.Definition{Name: "hello", Environment: "test", Steps: []runbook.Step{
		{ID: "hello", Title: "Say hello", Apply: func(*runbook.StepContext) error { return nil }}}}

	journals, err := filelog.New(root)
	check(err)
	_, err = (&runbook.Runner{Log: journals, Actor: "ann@laptop"}).Start(context.Background(), hello)
	check(err)

	again, err := filelog.New(root) // as after a restart of the program
	check(err)
	runs, err := (&runbook.Runner{Log: again}).Runs(context.Background())
	check(err)
	fmt.Println(runs[0].Run, runs[0].End.Outcome, runs[0].Starter)
	// Output: test-0001 completed ann@laptop
}
