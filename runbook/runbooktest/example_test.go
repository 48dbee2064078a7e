package runbooktest_test

import (
	"context"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// launch is a runbook that asks once and launches once.
func launch(launches *int) *runbook.Definition {
	return &runbook.Definition{Name: "launch", Environment: "test", Steps: []runbook.Step{
		{ID: "approve", Title: "Approve", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "Go?"}},
		{ID: "launch", Title: "Launch", Effect: runbook.Once,
			Apply: func(sc *runbook.StepContext) error {
				if err := sc.Guard(); err != nil {
					return err
				}
				*launches++
				return nil
			},
			Resolve: func(*runbook.StepContext) (runbook.Resolution, error) {
				if *launches > 0 {
					return runbook.ResolvedDone, nil
				}
				return runbook.ResolvedNotDone, nil
			}},
	}}
}

// Whatever record a process dies at, the next one finishes the run and nothing is launched twice.
func ExampleCrash() {
	ctx := context.Background()
	for n := 1; ; n++ {
		launches, log := 0, &memlog.Log{}
		people := &runbooktest.People{Answers: map[string][]runbook.Answer{"approve": {runbooktest.Says("go"), runbooktest.Says("go, I said")}}}
		crash := &runbooktest.Crash{Log: log, At: n}
		dying := &runbook.Runner{Log: crash, Actor: "ann@laptop", Asker: people}
		_, err := dying.Start(ctx, launch(&launches))
		if !crash.Happened() {
			fmt.Printf("survived a crash at each of %d records\n", n-1)
			return
		}
		next := &runbook.Runner{Log: log, Actor: "bob@desk", Asker: people, Clock: hurried()}
		run, _ := next.Active(ctx, "test")
		if _, err = next.Resume(ctx, launch(&launches), run, "ann's laptop died"); err != nil {
			// Too early a death leaves no run to resume: a new one is started.
			_, err = next.Start(ctx, launch(&launches))
		}
		if err != nil || launches > 1 {
			fmt.Printf("record %d: %v, %d launches\n", n, err, launches)
		}
	}
	// Output: survived a crash at each of 11 records
}

func ExamplePeople() {
	launches := 0
	people := &runbooktest.People{Answers: map[string][]runbook.Answer{
		"approve": {runbooktest.Says("the weather is fine")},
		"launch":  {runbooktest.Decides(runbook.DecideAbort, "no fuel")},
	}}
	r := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Asker: people}
	s, err := r.Start(context.Background(), launch(&launches))
	fmt.Println(s.End.Outcome, err)
	for _, q := range people.Asked() {
		fmt.Println("asked by", q.Step)
	}
	fmt.Println("not needed:", people.Unused())
	// Output:
	// completed <nil>
	// asked by approve
	// not needed: map[launch:1]
}

func ExampleCounting() {
	launches := 0
	log := &runbooktest.Counting{Log: &memlog.Log{}}
	people := &runbooktest.People{Answers: map[string][]runbook.Answer{"approve": {runbooktest.Says("go")}}}
	r := &runbook.Runner{Log: log, Actor: "ann@laptop", Asker: people}
	if _, err := r.Start(context.Background(), launch(&launches)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(log.Counts().Appends, "records for", launches, "launch")
	// Output: 11 records for 1 launch
}
