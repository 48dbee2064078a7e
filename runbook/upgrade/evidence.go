package upgrade

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// keep makes findings the step's result: a table in the report, and at the head of it each one that is
// not a plain pass.
func keep(sc *runbook.StepContext, fs policy.Findings) error {
	t := runbook.Table{Title: "Findings of " + sc.Step(), Header: []string{"clause", "rule", "class", "status", "detail", "source"}}
	for _, f := range fs {
		t.Rows = append(t.Rows, []string{f.Clause, f.Rule, string(f.Class), string(f.Status), f.Detail, f.Source})
		if f.Status != policy.Pass {
			sc.Deviate(fmt.Sprintf("%s: %s %s: %s", f.Rule, f.Clause, word(f), f.Detail))
		}
	}
	sc.Table(t)
	return sc.Output(fs)
}

// notes of single facts that the report shows together.
const (
	noteOnDisk = "sha256"
	noteState  = "state"
)

// custody shows, link by link, that what Pexip published is what the nodes run.
func (p *Process) custody(sc *runbook.StepContext) (runbook.Table, error) {
	t := runbook.Table{Title: "Package custody", Header: []string{"link", "value", "how it is known"}}
	add := func(link, value, source string) { t.Rows = append(t.Rows, []string{link, value, source}) }
	add("published", p.cfg.Package.SHA256, p.cfg.Package.ChecksumSource)
	var disk string
	if _, err := sc.NotedBy(stepPackage, noteOnDisk, &disk); err != nil {
		return t, err
	}
	add("on disk", disk, "SHA-256 of "+p.cfg.Package.File)
	sent, source := p.sent(sc)
	add("sent", sent, source)
	holds, source := p.holds(sc)
	add("package holds", holds, source)
	var after Snapshot
	if _, err := sc.NotedBy(stepStateAfter, noteState, &after); err != nil {
		return t, err
	}
	for _, n := range after.Nodes {
		add("reported by "+n.Name, n.Version, fmt.Sprintf("the Management Node, of its %s node %s", n.Role, n.Name))
	}
	return t, nil
}

// sent is the checksum of the bytes that went to the node, and how it is known.
func (p *Process) sent(sc *runbook.StepContext) (sum, source string) {
	step := map[UploadMethod]string{UploadResumable: stepUpload, UploadOneShot: stepStart}[p.cfg.Upload.Method]
	var sent pexip.Uploaded
	switch {
	case step == "":
		return "not known", "uploaded by a person, not observed"
	case sc.Load(step, &sent) != nil || sent.SHA256 == "":
		return "not known", "the outcome of the upload was found on the node, its checksum was not"
	}
	return sent.SHA256, fmt.Sprintf("SHA-256 of what was sent, in %d requests", sent.Attempts)
}

// holds is the version that the node named for the package before it was installed.
func (p *Process) holds(sc *runbook.StepContext) (version, source string) {
	var v pexip.Validation
	if sc.Load(stepValidate, &v) != nil {
		return "not known", fmt.Sprintf("upload method %q does not let the node say it", p.cfg.Upload.Method)
	}
	named := v.Upgrade.Version
	if !strings.Contains(named, v.Upgrade.PseudoVersion) {
		named += " (" + v.Upgrade.PseudoVersion + ")"
	}
	return named, "named by the node before the start"
}

// changes shows what differs from the state before, and judges what was not meant to.
func (p *Process) changes(sc *runbook.StepContext, before, after Snapshot) policy.Findings {
	t := runbook.Table{Title: "State before and after", Header: []string{"what", "before", "after", "judged"}}
	var fs policy.Findings
	for _, c := range pexip.Diff(before.State, after.State, pexip.ExpectVersion(p.target.String()), pexip.ExpectSetting("session_timeout_enabled", "true", "false")) {
		judged := map[bool]string{true: "expected", false: "unexpected"}[c.Expected]
		if c.Missing {
			judged = "should have changed"
		} else if !c.Expected {
			fs = append(fs, unexpected(c, after.Alarms))
		}
		t.Rows = append(t.Rows, []string{c.Path, c.Before, c.After, judged})
	}
	sc.Table(t)
	if len(fs) == 0 {
		fs = append(fs, finding("VER-1", "state-as-before", policy.Must, true, "nothing changed but what was meant to", ""))
	}
	return fs
}

// unexpected judges a change: a node that went is never right, an alarm that went is no harm.
func unexpected(c pexip.Change, alarms []pexip.Alarm) policy.Finding {
	kind, _, _ := strings.Cut(c.Path, "/")
	f := finding("VER-1", "state-changed", policy.Should, false, c.String(), "put it back, or say why it is right")
	switch {
	case kind == "nodes" && c.After == "" && strings.Count(c.Path, "/") == 2:
		f.Rule, f.Class, f.Remedy = "node-gone", policy.Must, "look at the Management Node"
	case kind == "alarms" && c.After == "":
		f.Rule, f.Class, f.Remedy = "alarm-gone", policy.Advice, ""
	case kind == "alarms":
		f.Rule, f.Remedy = "new-alarm", "clear it, or say why it does not matter"
		f.Detail += detailsOf(c, alarms)
	}
	return f
}

// detailsOf is what the alarm of a change says.
func detailsOf(c pexip.Change, alarms []pexip.Alarm) string {
	for _, a := range alarms {
		if strings.HasPrefix(c.Path, "alarms/"+url.PathEscape(a.Name)+"/"+url.PathEscape(a.Node)+"/") {
			return ": " + a.Details
		}
	}
	return ""
}
