package features_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

const tableFile = "clauses.md"

var update = flag.Bool("update", false, "write "+tableFile+" anew")

// TestTable: the table of clauses, steps, scenarios and rules in the repository is current.
func TestTable(t *testing.T) {
	want := table(parse(t), citedClauses(t))
	if *update {
		if err := os.WriteFile(tableFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
		t.Errorf("%s is not current; write it anew: go test ./features -run TestTable -update", tableFile)
	}
}

func table(scenarios []scenario, steps map[string][]string) string {
	var b strings.Builder
	b.WriteString("# Clauses, steps, scenarios, rules\n\nGenerated: `go test ./features -run TestTable -update`\n\n")
	b.WriteString("| clause | steps | scenarios | rules |\n|---|---|---|---|\n")
	for _, c := range upgrade.Clauses {
		var shown, rules []string
		for _, s := range scenarios {
			if slices.Contains(s.clauses(), c.ID) && !slices.Contains(shown, s.name) {
				shown = append(shown, s.name)
			}
		}
		for _, r := range policy.Rules() {
			if r.Clause == c.ID {
				rules = append(rules, r.Name)
			}
		}
		fmt.Fprintf(&b, "| **%s** %s | %s | %s | %s |\n", c.ID, c.Text, cell(steps[c.ID]), cell(shown), cell(rules))
	}
	return b.String()
}

func cell(lines []string) string { return strings.Join(lines, "<br>") }
