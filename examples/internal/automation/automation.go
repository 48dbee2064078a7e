// Package automation finds the commands that the example files for Azure Pipelines, systemd and Windows
// call, so that the tests of those commands can check that all of it exists.
package automation

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Call is one call of a program in a file.
type Call struct {
	File string // with its line
	// Command is the subcommand, "" if there is none, and Flags the names of its flags.
	Command string
	Flags   []string
}

var (
	flagName  = regexp.MustCompile(`(?:^|\s)-([a-z][a-z0-9-]*)`)
	quoted    = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	variable  = regexp.MustCompile(`\$\((\w+)\)`)
	arguments = regexp.MustCompile(`<Arguments>(.*)</Arguments>`)
)

// Files are the example files below folder, the one that holds the examples.
func Files(folder string) (all []string, err error) {
	for _, pattern := range []string{"azure-pipelines/*.yml", "systemd/*.service", "systemd/*.timer", "windows/*.xml", "windows/*.ps1"} {
		found, err := filepath.Glob(filepath.Join(folder, filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("no file matches %s: %v", pattern, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// Calls are the calls of a program in all files, with the pipelines' own variables put in.
func Calls(folder, program string) (all []Call, err error) {
	files, err := Files(folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, calls(file, string(raw), program)...)
	}
	return all, nil
}

func calls(file, text, program string) (all []Call) {
	called := regexp.MustCompile(`^(?:- script:|script:|ExecStart=).*?\b` + program + `(?:\s+|$)(.*)`)
	i := 0
	for line := range strings.Lines(text) {
		i++
		line = strings.TrimSpace(line)
		m := called.FindStringSubmatch(line)
		if m == nil && program == "upgrade" { // the task's command stands in a line of its own
			m = arguments.FindStringSubmatch(line)
		}
		if m == nil || strings.Contains(line, "go build") {
			continue
		}
		all = append(all, call(fmt.Sprintf("%s:%d", file, i), expand(text, m[1])))
	}
	return all
}

func call(where, args string) Call {
	c := Call{File: where}
	args = quoted.ReplaceAllString(args, "TEXT")
	if first, _, _ := strings.Cut(args, " "); !strings.HasPrefix(first, "-") {
		c.Command = first
	}
	for _, m := range flagName.FindAllStringSubmatch(args, -1) {
		c.Flags = append(c.Flags, m[1])
	}
	return c
}

// expand puts in the variables that the file itself defines, as "  name: value".
func expand(text, args string) string {
	return variable.ReplaceAllStringFunc(args, func(v string) string {
		name := variable.FindStringSubmatch(v)[1]
		if m := regexp.MustCompile(`(?m)^\s+` + name + `: (.*)$`).FindStringSubmatch(text); m != nil && !strings.Contains(m[1], v) {
			return expand(text, m[1])
		}
		return v
	})
}
