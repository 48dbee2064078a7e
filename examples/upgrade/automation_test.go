package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/examples/internal/automation"
)

// The example files for Azure Pipelines, systemd and Windows call commands and flags that exist.
func TestExampleFilesCallWhatExists(t *testing.T) {
	calls, err := automation.Calls("..", "upgrade")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	help := map[string]string{}
	for _, c := range calls {
		text, known := help[c.Command]
		if !known {
			command, ok := find(c.Command)
			if !ok {
				t.Errorf("%s: there is no upgrade %s", filepath.ToSlash(c.File), c.Command)
				continue
			}
			text = helpOf(command)
			help[c.Command] = text
		}
		for _, flag := range c.Flags {
			if !strings.Contains(text, "  -"+flag+" ") && !strings.Contains(text, "  -"+flag+"\n") {
				t.Errorf("%s: upgrade %s has no flag -%s", filepath.ToSlash(c.File), c.Command, flag)
			}
		}
	}
}

func helpOf(c command) string {
	var b strings.Builder
	writeHelp(&b, c)
	return b.String()
}
