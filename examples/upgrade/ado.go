package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/vso"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// pipeline writes what Azure Pipelines shows: a group for each phase, progress, issues for what a person should see,
// the report and the evidence, and the task's result.
type pipeline struct {
	w     io.Writer
	plan  runbook.Plan
	phase string
	over  int
	// issues were written, so the task has not simply succeeded.
	issues bool
}

func (p *pipeline) observer() runbook.Observer {
	lines := upgrade.Lines(vso.Writer{W: p.w}, progressEvery)
	return func(e runbook.Event) {
		if e.Phase != "" && e.Phase != p.phase && e.Kind != runbook.EventProgress {
			p.group(e.Phase)
		}
		lines(e)
		switch e.Kind {
		case runbook.EventKind(runbook.KindDone):
			p.progress(e.Phase + ": " + e.Step)
		case runbook.EventKind(runbook.KindFail):
			p.issue("error", e.Step+" failed: "+e.Text)
		}
	}
}

// begin is for another run.
func (p *pipeline) begin(plan runbook.Plan) { p.plan, p.over = plan, 0 }

// group begins a phase and ends the one before; "" only ends.
func (p *pipeline) group(phase string) {
	if p.phase != "" {
		p.print(vso.GroupEnd)
	}
	if p.phase = phase; phase != "" {
		p.print(vso.Group(phase))
	}
}

func (p *pipeline) progress(text string) {
	p.over++
	percent := min(100*p.over/max(len(p.plan.Steps), 1), 100)
	p.print(vso.Command("task.setprogress", text, vso.Property{Name: "value", Value: strconv.Itoa(percent)}))
}

func (p *pipeline) issue(level, text string) {
	p.issues = true
	p.print(vso.Issue(level, text))
}

func (p *pipeline) print(s string) { _, _ = io.WriteString(p.w, s) }

// writePlan: the plan in a group, and an issue for each finding that did not pass.
func (p *pipeline) writePlan(v upgrade.PlanView) {
	var b strings.Builder
	v.WriteText(&b, upgrade.PlainWidth)
	p.print(vso.Group("Plan "+v.Hash[:12]) + vso.Inert(b.String()) + vso.GroupEnd)
	levels := map[upgrade.Rank]string{upgrade.RankRefuses: "error", upgrade.RankAcknowledge: "warning", upgrade.RankAccepted: "warning", upgrade.RankAdvice: "warning"}
	for _, f := range v.Findings {
		p.issue(levels[f.Rank], findingText(f.Finding))
	}
}

func findingText(f policy.Finding) string {
	text := fmt.Sprintf("%s (%s) %s: %s", f.Clause, f.Rule, f.Status, f.Detail)
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	return text
}

// writeResult: the end of the run as text, an issue for each deviation and each thing that is owed, and the files.
func (p *pipeline) writeResult(r upgrade.Result, text string) {
	p.group("")
	p.print(vso.Inert(text))
	for _, s := range r.State.Plan.Steps {
		for _, d := range r.State.Step(s.ID).Deviations {
			p.issue("warning", s.ID+": "+d)
		}
	}
	for _, o := range r.State.Owed {
		p.issue("warning", "owed: "+o.ID()+", found "+string(o.Found))
	}
	p.attach(r)
}

// attach gives the report to the summary, the evidence to the logs, and both to an artifact of the run. The agent
// wants whole paths.
func (p *pipeline) attach(r upgrade.Result) {
	if r.Report == "" {
		return
	}
	p.print(vso.Command("task.uploadsummary", whole(r.Report)) + vso.Command("task.uploadfile", whole(r.Evidence)))
	for _, file := range []string{r.Evidence, r.Report, r.ReportHTML, r.JUnit, r.Signature} {
		if file != "" {
			p.print(vso.Command("artifact.upload", whole(file), vso.Property{Name: "containerfolder", Value: r.State.Run}, vso.Property{Name: "artifactname", Value: "evidence"}))
		}
	}
}

func whole(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// complete is the task's result, as the exit code says.
func (p *pipeline) complete(code int) {
	p.group("")
	result := "Failed"
	if code == upgrade.ExitCompleted {
		result = map[bool]string{true: "SucceededWithIssues", false: "Succeeded"}[p.issues]
	}
	for _, m := range upgrade.ExitMeanings {
		if m.Code == code {
			p.print(vso.Command("task.complete", m.Meaning, vso.Property{Name: "result", Value: result}))
		}
	}
}
