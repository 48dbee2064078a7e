package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// Problem is one fault of a configuration file. It never quotes a secret.
type Problem struct {
	Line    int    // counted from 1; 0 when the fault is of no line
	Path    string // key, such as environments.test.pexip.url; "" for the file as a whole
	Message string
}

func problemsOf(all []strictyaml.Problem) []Problem {
	var problems []Problem
	for _, p := range all {
		problems = append(problems, Problem(p))
	}
	return problems
}

// ConfigError holds everything that is wrong with a configuration, in the order of the lines.
type ConfigError struct {
	File     string // "" when parsed from memory
	Problems []Problem
}

func newConfigError(file string, problems []Problem) *ConfigError {
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return &ConfigError{File: file, Problems: slices.Compact(problems)}
}

// Error lists the problems, one in a line as file:line: key: message.
func (e *ConfigError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problem(s); nothing was contacted or changed", e.name(), len(e.Problems))
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s", p.at(e.name()))
	}
	return b.String()
}

func (e *ConfigError) name() string { return cmp.Or(e.File, "configuration") }

func (p Problem) at(file string) string {
	var b strings.Builder
	b.WriteString(file)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	return b.String() + ": " + p.Message
}
