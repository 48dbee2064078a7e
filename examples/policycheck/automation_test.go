package main

import (
	"io"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/examples/internal/automation"
)

// The example files for Azure Pipelines call this command with flags that exist.
func TestExampleFilesCallWhatExists(t *testing.T) {
	calls, err := automation.Calls("..", "policycheck")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	var o options
	flags := o.flags(io.Discard)
	for _, c := range calls {
		if c.Command != "" {
			t.Errorf("%s: policycheck has no command %s", c.File, c.Command)
		}
		for _, name := range c.Flags {
			if flags.Lookup(name) == nil {
				t.Errorf("%s: policycheck has no flag -%s", c.File, name)
			}
		}
	}
}
