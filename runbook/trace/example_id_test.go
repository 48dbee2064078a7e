package trace_test

import (
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook/trace"
)

// A page or a notice links to the trace of a run, which its name is enough for.
func ExampleTraceID() {
	fmt.Println("https://traces.example/trace/" + trace.TraceID("test-0001").String())
	// Output: https://traces.example/trace/efadc20e71ead7aab1a0ce935f45949c
}
