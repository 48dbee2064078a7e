package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/vso"
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
	b.WriteString(vso.Group(fmt.Sprintf("Policy: %s", d.Outcome)) + vso.Inert(d.Text()) + vso.GroupEnd)
	never, liftable, advice := d.Findings.Split()
	for _, f := range append(never, liftable...) {
		b.WriteString(issue("error", f))
	}
	for _, f := range advice {
		b.WriteString(issue("warning", f))
	}
	for _, r := range d.WaiversRefused {
		b.WriteString(vso.Issue("warning", fmt.Sprintf("waiver %s is refused: %s", r.ID, strings.Join(r.Reasons, "; "))))
	}
	result, text := taskResult(d, len(advice))
	b.WriteString(vso.Command("task.complete", text, vso.Property{Name: "result", Value: result}))
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

func issue(level string, f policy.Finding) string {
	text := fmt.Sprintf("%s %s %s: %s", f.Clause, f.Rule, f.Status, f.Detail)
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	return vso.Issue(level, text, vso.Property{Name: "code", Value: f.Clause})
}

// writeFault tells a pipeline that nothing was judged.
func writeFault(w io.Writer, fault error) {
	_, _ = io.WriteString(w, vso.Issue("error", "policycheck: "+fault.Error())+
		vso.Command("task.complete", "wrong input; nothing was judged", vso.Property{Name: "result", Value: "Failed"})) // the exit code says it too
}
