package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

var update = flag.Bool("update", false, "write README.md anew")

// tables are what README.md says: all commands, their flags and examples, and the exit codes.
func tables() string {
	var b strings.Builder
	b.WriteString("# The command `upgrade`\n\nMade from the table of commands: `go test ./examples/upgrade -run TestTables -update`\n\n" +
		"| command | what it does | `-output` | exit codes |\n|---|---|---|---|\n")
	for _, c := range commands() {
		var exits []string
		for _, m := range c.allExits() {
			exits = append(exits, fmt.Sprint(m.Code))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.name, c.help, strings.Join(append([]string{formatText}, c.formats...), ", "), strings.Join(exits, " "))
	}
	b.WriteString("\n| exit code | meaning |\n|---|---|\n")
	for _, m := range upgrade.ExitMeanings {
		fmt.Fprintf(&b, "| %d | %s |\n", m.Code, m.Meaning)
	}
	b.WriteString("\n## Examples\n\n")
	for _, c := range commands() {
		for _, e := range c.examples {
			fmt.Fprintf(&b, "    upgrade %s\n", e)
		}
	}
	return b.String()
}

func TestTables(t *testing.T) {
	if *update {
		if err := os.WriteFile("README.md", []byte(tables()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tables(), string(got)); diff != "" {
		t.Error("README.md is not what the commands say; run with -update", diff)
	}
}

// The README of the module tells a few of the commands and all exit codes, in the same words.
func TestTablesOfTheModule(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, row := range regexp.MustCompile("(?m)^\\| (`([a-z]+)`|([0-9])) \\| (.*) \\|$").FindAllStringSubmatch(string(raw), -1) {
		c, ok := find(row[2])
		if code := strings.Index("012345678", row[3]); row[3] != "" {
			c.help, ok = upgrade.ExitMeanings[code].Meaning, true
		}
		if found++; !ok || c.help != row[4] {
			t.Errorf("README.md says %q; it is %q", row[0], c.help)
		}
	}
	if found < 19 {
		t.Errorf("%d rows found", found)
	}
}

// Whoever writes a command gives it help, examples that parse, and codes that exist.
func TestCommandsAreComplete(t *testing.T) {
	for _, c := range commands() {
		if c.help == "" || len(c.examples) == 0 || len(c.allExits()) != 3+len(c.exits) {
			t.Errorf("%s: help %q, %d examples, exit codes %v", c.name, c.help, len(c.examples), c.exits)
		}
		for _, e := range c.examples {
			words := strings.Fields(regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(e, "x"))
			for i, w := range words {
				if w == ">" || w == "|" {
					words = words[:i]
					break
				}
			}
			flags, _ := c.flags(&app{})
			if err := flags.Parse(words[1:]); words[0] != c.name || err != nil {
				t.Errorf("example %q: %v", e, err)
			}
		}
	}
}
