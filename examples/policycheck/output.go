package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

const (
	outputText = "text"
	outputJSON = "json"
	outputADO  = "ado"
)

var writers = map[string]func(io.Writer, policy.Decision) error{
	outputText: func(w io.Writer, d policy.Decision) error { _, err := io.WriteString(w, d.Text()); return err },
	outputJSON: func(w io.Writer, d policy.Decision) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(d)
	},
	outputADO: writeADO,
}

// writeADO writes the decision as Azure Pipelines shows it: the table in a group that folds, an issue for each finding
// that is in the way, and the task's result.
func writeADO(w io.Writer, d policy.Decision) error {
	var b strings.Builder
	fmt.Fprintf(&b, "##[group]Policy: %s\n%s##[endgroup]\n", d.Outcome, inert(d.Text()))
	never, liftable, advice := d.Findings.Split()
	for _, f := range append(never, liftable...) {
		issue(&b, "error", f)
	}
	for _, f := range advice {
		issue(&b, "warning", f)
	}
	for _, r := range d.WaiversRefused {
		command(&b, "task.logissue", "type=warning", fmt.Sprintf("waiver %s is refused: %s", r.ID, strings.Join(r.Reasons, "; ")))
	}
	result, text := taskResult(d, len(advice))
	command(&b, "task.complete", "result="+result, text)
	_, err := io.WriteString(w, b.String())
	return err
}

func taskResult(d policy.Decision, advice int) (result, text string) {
	switch {
	case d.Outcome == policy.Refused:
		return "Failed", "refused by policy"
	case d.Outcome == policy.NeedsConsent:
		return "Failed", "needs an acknowledgement, a waiver or the acceptance of a risk"
	case advice > 0 || len(d.WaiversUsed) > 0 || len(d.WaiversRefused) > 0:
		return "SucceededWithIssues", "allowed by policy; see the warnings and the waivers used"
	}
	return "Succeeded", "allowed by policy"
}

func issue(b *strings.Builder, level string, f policy.Finding) {
	text := fmt.Sprintf("%s %s %s: %s", f.Clause, f.Rule, f.Status, f.Detail)
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	command(b, "task.logissue", "type="+level+";code="+property(f.Clause), text)
}

// writeFault tells a pipeline that nothing was judged.
func writeFault(w io.Writer, fault error) {
	var b strings.Builder
	command(&b, "task.logissue", "type=error", "policycheck: "+fault.Error())
	command(&b, "task.complete", "result=Failed", "wrong input; nothing was judged")
	_, _ = io.WriteString(w, b.String()) // the exit code says it too
}

// command writes one logging command. What the agent would take for the end of the command or of the line is escaped
// as it expects.
func command(b *strings.Builder, name, properties, text string) {
	fmt.Fprintf(b, "##vso[%s %s]%s\n", name, properties, escape.Replace(inert(text)))
}

var (
	escape         = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A", ";", "%3B", "]", "%5D")
)

func property(s string) string { return escapeProperty.Replace(s) }

// commandForm is what the agent looks for anywhere in a line.
var commandForm = regexp.MustCompile(`(?i)##(vso)?\[`)

// inert keeps text of others, such as the reason of a waiver, from being a command.
func inert(s string) string { return commandForm.ReplaceAllString(s, "## $1[") }
