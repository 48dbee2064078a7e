package upgrade

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	phaseVerification = "Verification"
	stepStateAfter    = "verify-state-after"
)

func (p *Process) verification() []runbook.Step {
	steps := []runbook.Step{
		{ID: "verify-access", Phase: phaseVerification, Title: "Log in again", Clauses: []string{"VER-1"}, Does: "logs in to " + p.own.Pexip.URL + " and reads as an administrator",
			Retry: runbook.Retry{Times: 2, Wait: p.cfg.Waits.PollInterval}, Apply: p.verifyAccess},
		{ID: stepStateAfter, Phase: phaseVerification, Title: "Compare with the state before", Clauses: []string{"VER-1"},
			Does: "reads " + p.own.Pexip.URL + ": every node on " + p.target.Release() + "; whatever else changed is a finding", Apply: p.verifyState},
		p.endpointChecks(),
	}
	if p.own.BCSCCall {
		steps = append(steps, p.attestCall())
	}
	return steps
}

func (p *Process) verifyAccess(sc *runbook.StepContext) error {
	access, err := p.pexip().CheckAccess(sc)
	if err != nil {
		return err
	}
	for _, a := range access {
		if a.Verdict == pexip.Missing {
			return fmt.Errorf("after the upgrade %s (%s) is refused: %s", a.Resource, a.Purpose, a.Detail)
		}
	}
	sc.Say("logged in, %d resources readable", len(access))
	return nil
}

func (p *Process) verifyState(sc *runbook.StepContext) error {
	var before Snapshot
	if err := sc.Load(stepCaptureBefore, &before); err != nil {
		return err
	}
	after, err := p.capture(sc)
	if err != nil {
		return err
	}
	var reported []policy.NodeVersion
	for _, n := range after.Nodes {
		if !n.CloudBursting {
			reported = append(reported, policy.NodeVersion{Node: n.Name, Version: n.Version})
		}
	}
	if err := sc.Note(noteState, after); err != nil {
		return err
	}
	return p.judge(sc, append(policy.CheckReported(p.target, reported), p.changes(sc, before, after)...))
}

const (
	phaseCloseOut = "Close-out"
	stepCloseRun  = "close-run"
)

func (p *Process) closeOut() []runbook.Step {
	return []runbook.Step{
		{ID: "restore-session-timeout", Phase: phaseCloseOut, Title: "Put the session timeout back", Clauses: []string{"VER-4"}, Does: "on " + p.own.Pexip.URL + ", to the value that was found",
			Apply: func(sc *runbook.StepContext) error { return p.settle(sc, owesTimeout, timeoutKey) }},
		{ID: "clear-backlog", Phase: phaseCloseOut, Title: "Cancel what queued while the pipeline was paused", Clauses: []string{"SNAP-2", "VER-5"},
			Does: "cancels scheduled runs of " + p.own.Pipeline.URL + "; asks about others", Apply: p.clearBacklog},
		{ID: "resume-pipeline", Phase: phaseCloseOut, Title: "Resume the start/stop pipeline", Clauses: []string{"VER-5", "SNAP-2"}, Does: p.own.Pipeline.URL + " to the state that was found, then looks again",
			Apply: func(sc *runbook.StepContext) error { return p.settle(sc, owesPipeline, pipelineKey) }},
		{ID: stepCloseRun, Phase: phaseCloseOut, Title: "Close the run", Clauses: []string{"POL-0", "POL-1"}, Does: "every clause met, nothing owed, evidence complete", Apply: p.closeRun},
	}
}

func (p *Process) settle(sc *runbook.StepContext, kind, key string) error {
	o, open := sc.Owed(kind, key)
	if !open {
		sc.Say("nothing to put back")
		return nil
	}
	if err := sc.Settle(kind, key); err != nil {
		return err
	}
	sc.Say("as found: %s", o.Found)
	return nil
}

// clearBacklog cancels scheduled runs. A person's queued run would start on resume; whether it
// should is that person's question.
func (p *Process) clearBacklog(sc *runbook.StepContext) error {
	backlog, err := p.sys.Pipeline.Backlog(sc)
	if err != nil {
		return err
	}
	var others []string
	for _, b := range backlog {
		if b.Reason != "schedule" {
			others = append(others, fmt.Sprintf("%s (%s, by %s)", b.Number, b.Reason, b.RequestedFor))
		}
	}
	if len(others) > 0 {
		ask := runbook.Ask{Kind: runbook.Attestation, Text: "These runs were queued by people and start when the pipeline is resumed: " + strings.Join(others, ", ") + ". Agree with them; then say what was agreed."}
		if _, err := sc.Ask(ask); err != nil {
			return err
		}
	}
	cancelled, err := p.clearScheduled(sc)
	if err != nil {
		return err
	}
	var ids []int
	for _, b := range cancelled {
		ids = append(ids, b.ID)
	}
	sc.Say("%d queued, cancelled scheduled runs: %v", len(backlog), ids)
	return sc.Output(map[string]any{"queued": backlog, "cancelled": ids})
}

// closeRun checks that every clause has a step that is over.
func (p *Process) closeRun(sc *runbook.StepContext) error {
	plan, err := p.Definition().Plan()
	if err != nil {
		return err
	}
	missing := p.missing(sc, plan)
	if len(missing) > 0 {
		return errors.New("clauses without a step that was carried out: " + strings.Join(missing, ", "))
	}
	t, err := p.custody(sc)
	if err != nil {
		return err
	}
	sc.Table(t)
	if p.env == policy.Test {
		if err := p.openPromise(sc, time.Now()); err != nil {
			return err
		}
	}
	sc.Say("all %d clauses accounted for; %s", len(Clauses), p.promise(sc))
	return nil
}

func (p *Process) missing(sc *runbook.StepContext, plan runbook.Plan) []string {
	met := map[string]bool{"POL-0": true, "POL-1": true} // met by this step itself
	for _, s := range plan.Steps {
		if sc.Status(s.ID).Over() {
			for _, id := range s.Clauses {
				met[id] = true
			}
		}
	}
	var missing []string
	for _, c := range Clauses {
		if !met[c.ID] && p.applies(c.ID) {
			missing = append(missing, c.ID)
		}
	}
	return missing
}

// applies: the app is tried after a Test upgrade, and after Production where that is configured.
func (p *Process) applies(clause string) bool {
	return p.own.BCSCCall || clause != "VER-3" && clause != "POL-4a"
}

// openPromise leaves what Production owes now, dated, as the step's result: by the day that was stated, and with the
// mitigations that Test needed.
func (p *Process) openPromise(sc *runbook.StepContext, now time.Time) error {
	owed := policy.OpenPromise(p.target, now.UTC(), p.cfg.Policy.Soak, p.cfg.Policy.Promise)
	owed.Mitigations = mitigations(sc)
	var a runbook.Answer
	if err := sc.Load(stepProductionDate, &a); err != nil {
		sc.Deviate("nobody said until when Production follows: " + err.Error())
	} else if day, err := time.Parse(time.DateOnly, a.Values["date"]); err == nil {
		owed.Latest = day.AddDate(0, 0, 1)
	}
	sc.Table(runbook.Table{Title: "Promise for Production", Header: []string{"target", "opened", "earliest", "before", "mitigations"},
		Rows: [][]string{{owed.Target.String(), owed.Opened.Format(time.RFC3339), owed.Earliest.Format(time.RFC3339), owed.Latest.Format(time.RFC3339), mitigationText(owed.Mitigations)}}})
	return sc.Output(owed)
}

// promise says when Production is to follow, or how its promise was kept.
func (p *Process) promise(sc *runbook.StepContext) string {
	if p.env == policy.Test {
		var a runbook.Answer
		if err := sc.Load(stepProductionDate, &a); err == nil && a.Values["date"] != "" {
			return "Production is to follow until " + a.Values["date"]
		}
		return "Production is to follow within " + p.cfg.Policy.Promise.String()
	}
	if p.test == nil || p.test.Promise == nil {
		return "no date was promised"
	}
	due := p.test.Promise.Latest
	if time.Now().After(due) {
		return "later than promised (before " + due.Format(time.RFC3339) + ")"
	}
	return "as promised before " + due.Format(time.RFC3339)
}
