package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/pexip"
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
		{ID: stepCaptureBefore, Phase: phaseSnapshot, Title: "Record the state before", Clauses: []string{"VER-1"}, Does: "reads settings, nodes, alarms, licences, VMs and pipeline", Apply: p.captureBefore},
		{ID: "create-config-backup", Phase: phaseSnapshot, Title: "Make and fetch Pexip's own backup", Clauses: []string{"RISK-1"}, Does: "creates a backup on the Management Node, downloads and verifies it",
			Expected: 2 * time.Minute, Waivable: true, Apply: p.createConfigBackup},
		{ID: "check-no-live-calls", Phase: phaseSnapshot, Title: "No calls in progress", Clauses: []string{"POL-4"}, Does: "counts the participants; asks if there are any", Apply: p.checkNoLiveCalls},
	}
	var deallocate, backup, start []runbook.Step
	for _, vm := range p.vms() {
		deallocate = append(deallocate, runbook.Step{ID: deallocateID(vm), Phase: phaseSnapshot, Title: "Stop " + vm.Name, Clauses: []string{"SNAP-1"}, Group: "deallocate", Owes: []string{owesPower},
			Does: "deallocates " + vm.String(), Expected: 2 * time.Minute, Check: p.reused, Apply: func(sc *runbook.StepContext) error { return p.deallocate(sc, vm) }})
		backup = append(backup, runbook.Step{ID: backupID(vm), Phase: phaseSnapshot, Title: "Back up " + vm.Name, Clauses: []string{"SNAP-3", "SNAP-4"}, Group: "backup",
			Does:     fmt.Sprintf("Backup now of %s in vault %s, kept %d days", vm, p.vault().Name, p.cfg.Snapshot.RetentionDays),
			Expected: 10 * time.Minute, Check: p.reused, Apply: func(sc *runbook.StepContext) error { return p.backup(sc, vm) }})
		start = append(start, runbook.Step{ID: startID(vm), Phase: phaseSnapshot, Title: "Start " + vm.Name, Clauses: []string{"UPG-3a"}, Group: "start",
			Does: "starts " + vm.String(), Expected: 3 * time.Minute, Apply: func(sc *runbook.StepContext) error { return p.start(sc, vm) }})
	}
	steps = append(append(append(steps, deallocate...), backup...), start...)
	return append(steps,
		runbook.Step{ID: "verify-recovery-points", Phase: phaseSnapshot, Title: "Verify the recovery points", Clauses: []string{"UPG-2", "SNAP-3", "SNAP-4"},
			Does: "reads each VM's recovery points: new, taken while off, complete, kept long enough", Apply: p.verifyRecoveryPoints},
		runbook.Step{ID: "wait-platform-online", Phase: phaseSnapshot, Title: "Wait for the platform", Clauses: []string{"VER-1"},
			Does: "waits until every always-on node is in contact and in sync", Expected: 5 * time.Minute, Apply: p.waitOnline})
}

// startEnvironment starts VMs that are off, by one run of the pipeline (UPG-3a). A paused pipeline
// starts nothing, not even by hand; then the VMs are started one by one.
func (p *Process) startEnvironment(sc *runbook.StepContext) error {
	off, err := p.vmsOff(sc)
	if err != nil {
		return err
	}
	if len(off) == 0 {
		sc.Say("all VMs run")
		return nil
	}
	if _, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: ClauseText("UPG-3a") + "\n" + strings.Join(off, ", ") + ". May the environment be started?"}); err != nil {
		return err
	}
	def, err := p.sys.Pipeline.Definition(sc)
	if err != nil {
		return err
	}
	if def.QueueStatus == devops.Enabled && p.own.Pipeline.Start.Set() {
		err = p.startByPipeline(sc)
	} else {
		err = p.startEach(sc)
	}
	if err != nil {
		return err
	}
	if err := p.waitOnline(sc); err != nil {
		return err
	}
	sc.Say("%s; started. They stay on until the schedule's next stop", strings.Join(off, ", "))
	return nil
}

func (p *Process) startByPipeline(sc *runbook.StepContext) error {
	var id int
	known, err := sc.Noted("build", &id)
	if err != nil {
		return err
	}
	if !known {
		s := p.own.Pipeline.Start
		b, err := p.sys.Pipeline.Run(sc, devops.RunOptions{TemplateParameters: s.Parameters, Variables: s.Variables, StagesToSkip: s.StagesToSkip, Branch: s.Branch})
		if err != nil {
			return err
		}
		id = b.ID
		if err := sc.Note("build", id); err != nil {
			return err
		}
	}
	b, err := p.sys.Pipeline.WaitBuild(sc, id, func(b devops.Build) { sc.Progress(0, 0, "", "pipeline run %s is %s", b.Number, b.Status) })
	if err != nil {
		return err
	}
	if b.Result != "succeeded" {
		return fmt.Errorf("the pipeline run %s (%s) that should start the VMs ended as %s; look at it, start the VMs, then retry", b.Number, b.URL, b.Result)
	}
	return p.startEach(sc) // observes that they run
}

func (p *Process) startEach(sc *runbook.StepContext) error {
	for _, vm := range p.vms() {
		if err := p.sys.Azure.Start(sc, vm, func(s azurevm.PowerState) { sc.Progress(0, 0, "", "%s is %s", vm.Name, s) }); err != nil {
			return err
		}
	}
	return nil
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

// backup makes one recovery point while the VM is off. The request is made once: after a crash or a
// lost answer the vault is asked for the job first.
func (p *Process) backup(sc *runbook.StepContext, vm azurevm.VM) error {
	power, err := p.sys.Azure.Power(sc, vm)
	if err != nil {
		return err
	}
	id, err := p.backupJob(sc, vm, power)
	if err != nil {
		return err
	}
	job, err := p.sys.Azure.WaitSnapshot(sc, p.vault(), id, func(j azurevm.Job) { sc.Progress(0, 0, "", "%s", taskText(j)) })
	if err != nil {
		return err
	}
	sc.Say("job %s: %s", job.ID, taskText(job))
	return sc.Output(map[string]any{"job": job.ID, "power": power, "started": job.Start})
}

// backupJob finds the job of this step's earlier try, or starts one.
func (p *Process) backupJob(sc *runbook.StepContext, vm azurevm.VM, power azurevm.PowerState) (string, error) {
	var triggered time.Time
	tried, err := sc.Noted(noteTriggered, &triggered)
	if err != nil {
		return "", err
	}
	if tried {
		since, err := p.backedUpSince(sc, vm)
		if err != nil {
			return "", err
		}
		job, found, err := p.sys.Azure.FindBackupJob(sc, p.vault(), vm, since)
		if err != nil {
			return "", err
		}
		if found && !job.Failed() {
			return job.ID, nil
		}
	}
	if power != azurevm.Deallocated {
		return "", fmt.Errorf("%s is %s; it is backed up only while it is off (SNAP-1). Stop it, or wait, then retry", vm, power)
	}
	if err := sc.Note(noteTriggered, time.Now().UTC()); err != nil {
		return "", err
	}
	id, err := p.sys.Azure.StartBackup(sc, p.vault(), vm, p.retainUntil())
	if errors.Is(err, azurevm.ErrOutcomeUnknown) || errors.Is(err, azurevm.ErrBackupInProgress) {
		return p.adoptJob(sc, vm, err)
	}
	return id, err
}

// adoptJob looks for the job that an unclear request made.
func (p *Process) adoptJob(sc *runbook.StepContext, vm azurevm.VM, cause error) (id string, err error) {
	since, err := p.backedUpSince(sc, vm)
	if err != nil {
		return "", err
	}
	err = poll.Until(sc, "the backup job of "+vm.String(), p.cfg.Waits.PollInterval, 20*p.cfg.Waits.PollInterval, func(ctx context.Context) (bool, error) {
		job, found, err := p.sys.Azure.FindBackupJob(ctx, p.vault(), vm, since)
		id = job.ID
		return found, err
	})
	if err != nil {
		return "", fmt.Errorf("%w; no job of this backup was found (%v): look at the vault, then retry", cause, err)
	}
	return id, nil
}

// clockSkew is allowed between the workstation and the vault.
const clockSkew = time.Minute

// backedUpSince is the earliest time at which this run's backup of a VM can have begun: not before it
// was asked for, and not before the VM was off.
func (p *Process) backedUpSince(sc *runbook.StepContext, vm azurevm.VM) (since time.Time, err error) {
	var off time.Time
	if _, err := sc.NotedBy(backupID(vm), noteTriggered, &since); err != nil {
		return since, err
	}
	if _, err := sc.NotedBy(deallocateID(vm), noteOff, &off); err != nil {
		return since, err
	}
	if since = since.Add(-clockSkew); since.Before(off) {
		since = off
	}
	return since, nil
}

// retainUntil: days, not months, so that the end of a month loses none.
func (p *Process) retainUntil() time.Time {
	return time.Now().UTC().AddDate(0, 0, p.cfg.Snapshot.RetentionDays)
}

func taskText(j azurevm.Job) string {
	var parts []string
	for _, t := range j.Tasks {
		parts = append(parts, t.Name+" "+t.Status)
	}
	if len(parts) == 0 {
		return j.Status
	}
	return strings.Join(parts, ", ")
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

// verifyRecoveryPoints: each VM has a point that is new, complete, was taken while it was off, and is
// kept as long as asked.
func (p *Process) verifyRecoveryPoints(sc *runbook.StepContext) error {
	var before Snapshot
	if err := sc.Load(stepCaptureBefore, &before); err != nil {
		return err
	}
	points := map[string]azurevm.RecoveryPoint{}
	for _, vm := range p.vms() {
		point, err := p.recoveryPoint(sc, vm, before)
		if err != nil {
			return err
		}
		points[vm.String()] = point
	}
	sc.Say("%s", pointsText(points, p.vms()))
	return sc.Output(points)
}

func pointsText(points map[string]azurevm.RecoveryPoint, vms []azurevm.VM) string {
	var parts []string
	for _, vm := range vms {
		pt := points[vm.String()]
		parts = append(parts, fmt.Sprintf("%s: %s at %s, kept until %s", vm.Name, pt.Type, pt.Time.Format(time.RFC3339), pt.Expiry.Format(time.DateOnly)))
	}
	return strings.Join(parts, "; ")
}

func (p *Process) recoveryPoint(sc *runbook.StepContext, vm azurevm.VM, before Snapshot) (point azurevm.RecoveryPoint, err error) {
	since := before.At.Add(-p.cfg.Snapshot.ReuseYoungerThan)
	if !before.Reuse {
		if since, err = p.backedUpSince(sc, vm); err != nil {
			return point, err
		}
	}
	err = poll.Until(sc, "a recovery point of "+vm.String(), p.cfg.Waits.PollInterval, p.cfg.Waits.Snapshot, func(ctx context.Context) (bool, error) {
		points, err := p.sys.Azure.RecoveryPoints(ctx, p.vault(), vm, since)
		if err != nil || len(points) == 0 {
			return false, err
		}
		point = points[0]
		return point.Restorable(), nil
	})
	if err != nil {
		return point, err
	}
	return point, p.complete(sc, vm, point, before.Reuse)
}

// complete checks a recovery point's disks and expiry.
func (p *Process) complete(sc *runbook.StepContext, vm azurevm.VM, point azurevm.RecoveryPoint, reuse bool) error {
	in, err := p.sys.Azure.Instance(sc, vm)
	if err != nil {
		return err
	}
	item, err := p.sys.Azure.ProtectedItem(sc, p.vault(), vm)
	if err != nil {
		return err
	}
	if item.DisksExcluded || (point.Disks >= 0 && point.Disks < len(in.Disks)) {
		return fmt.Errorf("the recovery point %s of %s does not hold all of its %d disks; include them in the backup, then retry", point.Name, vm, len(in.Disks))
	}
	if least := p.retainUntil().AddDate(0, 0, -1); !reuse && point.Expiry.Before(least) {
		return fmt.Errorf("the recovery point %s of %s is kept only until %s, asked for %d days", point.Name, vm, point.Expiry.Format(time.RFC3339), p.cfg.Snapshot.RetentionDays)
	}
	return nil
}

func (p *Process) waitOnline(sc *runbook.StepContext) error {
	since := time.Now().Add(-freshness)
	err := p.await(sc, "the platform to be online", p.cfg.Waits.PlatformOnline, func(nodes []pexip.Node) (bool, string) { return inContact(nodes, since) })
	if err == nil {
		sc.Say("every always-on node is in contact and in sync")
	}
	return err
}

func decode[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
