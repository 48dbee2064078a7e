package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// called asks who called the service, and when.
var called = runbook.Question{Run: "test-0001", Step: "attest-call", Title: "Somebody has called", Clauses: []string{"VER-2"},
	Ask: runbook.Ask{Kind: runbook.Attestation, Text: "Who called, and when?", Fields: []runbook.Field{
		{Name: "caller", Text: "who called", Required: true},
		{Name: "at", Text: "when", Required: true, Time: true},
	}}}

// Everything that does not fit is told at once.
func ExampleQuestion_Check() {
	answer := runbook.Answer{Statement: "I called", Values: map[string]string{"at": "2026-03-01 14:05", "room": "4"}}
	fmt.Println(called.Check(answer))
	answer.Values = map[string]string{"caller": "Kim", "at": "2026-03-01 14:05 -0800"}
	fmt.Println(called.Check(answer))
	// Output:
	// caller is needed (who called)
	// at: "2026-03-01 14:05" is not a time such as 2026-03-01 14:05 -0800 or 2026-03-01T14:05:00-08:00
	// room is not asked for
	// <nil>
}

// A step reads the time that a person gave; both ways to write it count.
func ExampleParseTime() {
	for _, text := range []string{"2026-03-01 14:05 -0800", "2026-03-01T22:05:00Z"} {
		at, err := runbook.ParseTime(text)
		fmt.Println(at.UTC().Format(time.RFC3339), err)
	}
	// Output:
	// 2026-03-01T22:05:00Z <nil>
	// 2026-03-01T22:05:00Z <nil>
}

// At a terminal each entry is asked for until it fits, then all of them are confirmed.
func ExamplePrompt() {
	var screen strings.Builder
	typed := strings.NewReader("Kim\nyesterday\n2026-03-01 14:05 -0800\nit rang and I saw myself\nyes\n")
	answer, err := (&runbook.Prompt{In: typed, Out: &screen}).Ask(context.Background(), called)
	for _, line := range strings.Split(screen.String(), "\n") {
		if strings.Contains(line, "does not fit") {
			fmt.Println(strings.TrimLeft(line, "> "))
		}
	}
	fmt.Println(answer.Statement, answer.Values["caller"], answer.Values["at"], err)
	// Output:
	// this does not fit: at: "yesterday" is not a time such as 2026-03-01 14:05 -0800 or 2026-03-01T14:05:00-08:00
	// it rang and I saw myself Kim 2026-03-01 14:05 -0800 <nil>
}

// Answers that were prepared are held against the plan before the run begins.
func ExamplePrepared_Check() {
	plan, err := maintenance(&switchboard{}).Plan()
	fmt.Println(len(plan.Steps), err)
	script := &runbook.Prepared{How: "answers file", Answers: []runbook.PreparedAnswer{
		{Step: "attest"}, {Step: "atest", Statement: "it works"},
	}}
	for _, fault := range script.Check(plan) {
		fmt.Println(fault)
	}
	// Output:
	// 3 <nil>
	// answer 1, attest: a statement in the person's own words is needed
	// answer 2: the plan has no step "atest"
}

// What the script does not answer goes to a person; without one the run would wait.
func ExampleAskers() {
	script := &runbook.Prepared{How: "answers file", Answers: []runbook.PreparedAnswer{{Step: "attest", Statement: "it works"}}}
	desk := runbook.AskerFunc(func(_ context.Context, q runbook.Question) (runbook.Answer, error) {
		return runbook.Answer{How: "phone", Statement: "said by phone of " + q.Step}, nil
	})
	for _, asker := range []runbook.Asker{runbook.Askers{script, desk}, runbook.Askers{script}} {
		answer, err := asker.Ask(context.Background(), called)
		fmt.Printf("%q %t\n", answer.Statement, errors.Is(err, runbook.ErrNoAnswer))
	}
	// Output:
	// "said by phone of attest-call" false
	// "" true
}

// A menu says what each decision means.
func ExampleDecision_Means() {
	for _, d := range []runbook.Decision{runbook.DecideWaive, runbook.DecideAbort} {
		fmt.Printf("%-6s %s\n", d, d.Means())
	}
	// Output:
	// waive  go on without the step, for the reason given
	// abort  put back what was changed, and end the run
}
