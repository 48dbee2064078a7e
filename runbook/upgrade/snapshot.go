package upgrade

import (
	"fmt"
	"io"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	phaseSnapshot     = "Snapshot"
	stepPausePipeline = "pause-pipeline"
	stepCaptureBefore = "capture-state-before"
	noteJob           = "job"
	noteTriggered     = "triggered"
	noteOff           = "off"
	notePaused        = "paused"
)

func deallocateID(vm azurevm.VM) string { return "deallocate-vm/" + vm.Name }
func backupID(vm azurevm.VM) string     { return "backup-vm/" + vm.Name }
func startID(vm azurevm.VM) string      { return "start-vm/" + vm.Name }

func (p *Process) snapshot() []runbook.Step {
	steps := []runbook.Step{
		{ID: stepPausePipeline, Phase: phaseSnapshot, Title: "Pause the start/stop pipeline", Clauses: []string{"UPG-3", "SNAP-1"}, Owes: []string{owesPipeline},
			Does: "pauses " + p.own.Pipeline.URL + " and waits until none of its runs is in progress", Expected: time.Minute, Apply: p.pausePipeline},
		{ID: stepCaptureBefore, Phase: phaseSnapshot, Title: "Record the state before", Clauses: []string{"VER-1"}, Does: "reads settings, nodes, alarms and licences of " + p.own.Pexip.URL + ", " + p.vmNames() + ", and the pipeline", Apply: p.captureBefore},
		{ID: "create-config-backup", Phase: phaseSnapshot, Title: "Make and fetch Pexip's own backup", Clauses: []string{"RISK-1"}, Does: "creates a backup on " + p.own.Pexip.URL + ", downloads and verifies it",
			Expected: 2 * time.Minute, Waivable: true, Apply: p.createConfigBackup},
		{ID: "check-no-live-calls", Phase: phaseSnapshot, Title: "No calls in progress", Clauses: []string{"POL-4"}, Does: "counts the participants on " + p.own.Pexip.URL + "; asks if there are any", Apply: p.checkNoLiveCalls},
	}
	var deallocate, backup, start []runbook.Step
	for _, vm := range p.vms() {
		deallocate = append(deallocate, runbook.Step{ID: deallocateID(vm), Phase: phaseSnapshot, Title: "Stop " + vm.Name, Clauses: []string{"SNAP-1"}, Group: "deallocate", Owes: []string{owesPower},
			Does: "deallocates " + vm.String(), Expected: 2 * time.Minute, Check: p.reused, Apply: func(sc *runbook.StepContext) error { return p.deallocate(sc, vm) }})
		backup = append(backup, runbook.Step{ID: backupID(vm), Phase: phaseSnapshot, Title: "Back up " + vm.Name, Clauses: []string{"SNAP-3", "SNAP-4"}, Group: "backup",
			Does:     fmt.Sprintf("Backup now of %s in vault %s, kept %d days", vm, p.vault().Name, p.cfg.Snapshot.RetentionDays),
			Expected: 8 * time.Minute, Check: p.reused, Apply: func(sc *runbook.StepContext) error { return p.backup(sc, vm) }})
		start = append(start, runbook.Step{ID: startID(vm), Phase: phaseSnapshot, Title: "Start " + vm.Name, Clauses: []string{"UPG-3a"}, Group: "start",
			Does: "starts " + vm.String(), Expected: 3 * time.Minute, Apply: func(sc *runbook.StepContext) error { return p.start(sc, vm) }})
	}
	steps = append(append(append(steps, deallocate...), backup...), start...)
	return append(steps,
		runbook.Step{ID: "verify-recovery-points", Phase: phaseSnapshot, Title: "Verify the recovery points", Clauses: []string{"UPG-2", "SNAP-3", "SNAP-4"},
			Does: "reads the recovery points of " + p.vmNames() + " in vault " + p.vault().Name + ": new, taken while off, complete, kept long enough", Apply: p.verifyRecoveryPoints},
		runbook.Step{ID: "wait-platform-online", Phase: phaseSnapshot, Title: "Wait for the platform", Clauses: []string{"VER-1"},
			Does: "waits until every always-on node of " + p.own.Pexip.URL + " is in contact and in sync", Expected: 5 * time.Minute, Apply: p.waitOnline})
}

// foundPipeline is the value to restore.
type foundPipeline struct {
	Definition int                `json:"definition"`
	Status     devops.QueueStatus `json:"queueStatus"`
	Revision   int                `json:"revision"`
}

// pausePipeline pauses the pipeline, unless it already does not start anything, and waits for its runs.
func (p *Process) pausePipeline(sc *runbook.StepContext) error {
	def, err := p.sys.Pipeline.Definition(sc)
	if err != nil {
		return err
	}
	_, ours := sc.Owed(owesPipeline, pipelineKey)
	if def.QueueStatus != devops.Enabled && !ours {
		sc.Say("was already %s (revision %d); left so", def.QueueStatus, def.Revision)
		return p.waitNoRuns(sc)
	}
	if err := sc.Owe(owesPipeline, pipelineKey, foundPipeline{Definition: def.ID, Status: def.QueueStatus, Revision: def.Revision}); err != nil {
		return err
	}
	change, err := p.sys.Pipeline.SetQueueStatus(sc, devops.Paused, p.comment(sc, "paused for the upgrade of "+string(p.env)+" to "+p.target.Release()))
	if err != nil {
		return err
	}
	if !change.AlreadySo {
		if err := sc.Note(notePaused, change); err != nil {
			return err
		}
	}
	sc.Say("%s, now paused (revision %d)", change.Before, change.RevisionAfter)
	return p.waitNoRuns(sc)
}

func (p *Process) waitNoRuns(sc *runbook.StepContext) error {
	return p.sys.Pipeline.WaitIdle(sc, func(b []devops.Build) { sc.Progress(0, 0, "", "waiting for %d runs in progress", len(b)) })
}

// comment goes into the pipeline's history; its run id proves later that the change is ours.
func (p *Process) comment(sc *runbook.StepContext, what string) string {
	return fmt.Sprintf("%s [run %s by %s]", what, sc.Run(), sc.Actor())
}

func (p *Process) createConfigBackup(sc *runbook.StepContext) error {
	b, err := p.pexip().CreateBackup(sc, p.passphrase)
	if err != nil {
		return err
	}
	file, err := sc.Attach("pexip-backup-"+b.SHA256[:min(12, len(b.SHA256))]+".bin", func(w io.Writer) error { return p.pexip().DownloadBackup(sc, b, w) })
	if err != nil {
		return err
	}
	sc.Say("%s (%d bytes), fetched and verified", b.Filename, file.Size)
	return sc.Output(file)
}

func (p *Process) checkNoLiveCalls(sc *runbook.StepContext) error {
	n, err := p.pexip().LiveParticipants(sc)
	if err != nil {
		return err
	}
	if n == 0 {
		sc.Say("no participants")
		return nil
	}
	a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: fmt.Sprintf("%d participants are connected. Stopping the VMs ends their calls. Go on all the same?", n)})
	if err != nil {
		return err
	}
	sc.Say("%d participants, gone on by decision of %s: %s", n, a.Actor, a.Statement)
	return nil
}

// reused says whether recent recovery points of all VMs were found and make stopping and backing up
// unnecessary.
func (p *Process) reused(sc *runbook.StepContext) (bool, error) {
	var before Snapshot
	if err := sc.Load(stepCaptureBefore, &before); err != nil {
		return false, err
	}
	if before.Reuse {
		sc.Say("not needed: every VM has a recovery point younger than %s", p.cfg.Snapshot.ReuseYoungerThan)
	}
	return before.Reuse, nil
}

func (p *Process) deallocate(sc *runbook.StepContext, vm azurevm.VM) error {
	if err := p.meant(sc, vm); err != nil {
		return err
	}
	power, err := p.sys.Azure.Power(sc, vm)
	if err != nil {
		return err
	}
	if power == azurevm.Running {
		if err := sc.Owe(owesPower, vm.String(), azurevm.Running); err != nil {
			return err
		}
	}
	if err := p.sys.Azure.Deallocate(sc, vm, func(s azurevm.PowerState) { sc.Progress(0, 0, "", "%s", s) }); err != nil {
		return err
	}
	sc.Say("was %s, now %s", power, azurevm.Deallocated)
	return sc.Note(noteOff, time.Now().UTC())
}

func (p *Process) start(sc *runbook.StepContext, vm azurevm.VM) error {
	if err := sc.Settle(owesPower, vm.String()); err != nil {
		return err
	}
	if err := p.sys.Azure.Start(sc, vm, func(s azurevm.PowerState) { sc.Progress(0, 0, "", "%s", s) }); err != nil {
		return err
	}
	sc.Say("runs")
	return nil
}
