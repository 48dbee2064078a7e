// Package vso writes logging commands of Azure Pipelines, and keeps texts of others from being any.
// See https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
package vso

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Property is one of a command's properties, such as type=error.
type Property struct{ Name, Value string }

// Command is one logging command as a line. What the agent would take for the end of the command or of the line is
// escaped as it expects.
func Command(name, text string, properties ...Property) string {
	var b strings.Builder
	b.WriteString("##vso[" + name)
	for i, p := range properties {
		fmt.Fprintf(&b, "%c%s=%s", " ;"[min(i, 1)], p.Name, escapeProperty.Replace(p.Value))
	}
	b.WriteString("]" + escape.Replace(Inert(text)) + "\n")
	return b.String()
}

// Issue is an error or a warning that the pipeline's summary shows.
func Issue(level, text string, properties ...Property) string {
	return Command("task.logissue", text, append([]Property{{"type", level}}, properties...)...)
}

// Group begins lines that fold; GroupEnd ends them.
func Group(title string) string {
	return "##[group]" + strings.Join(strings.Fields(Inert(title)), " ") + "\n"
}

// GroupEnd ends a Group.
const GroupEnd = "##[endgroup]\n"

var (
	escape         = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A", ";", "%3B", "]", "%5D")
)

// commandForm is what the agent looks for anywhere in a line.
var commandForm = regexp.MustCompile(`(?i)##(vso)?\[`)

// Inert keeps text of others, such as the reason of a waiver or a server's error, from being a command.
func Inert(s string) string { return commandForm.ReplaceAllString(s, "## $1[") }

// Writer makes everything inert that is written through it, each write for itself.
type Writer struct{ W io.Writer }

// Write implements io.Writer. It counts the bytes that it was given.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.W, Inert(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
