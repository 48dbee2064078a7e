package memlog_test

import (
	"context"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// The zero Log is ready, and keeps the same promises as one on a disk while the process lives.
func Example() {
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"}
	state, err := runner.Start(context.Background(), &runbook.Definition{Name: "hello", Environment: "test", Steps: []runbook.Step{
		{ID: "hello", Title: "Say hello", Apply: func(*runbook.StepContext) error { return nil }}}})
	fmt.Println(state.End.Outcome, err)
	// Output: completed <nil>
}
