package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

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

// verifyRecoveryPoints: each VM has a point that is new, complete, was taken while it was off, and is
// kept as long as asked.
func (p *Process) verifyRecoveryPoints(sc *runbook.StepContext) error {
	var before Snapshot
	if err := sc.Load(stepCaptureBefore, &before); err != nil {
		return err
	}
	found, err := perVM(p.vms(), readsAtOnce, func(vm azurevm.VM) (azurevm.RecoveryPoint, error) { return p.recoveryPoint(sc, vm, before) })
	if err != nil {
		return err
	}
	points := map[string]azurevm.RecoveryPoint{}
	for i, vm := range p.vms() {
		points[vm.String()] = found[i]
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
	since := before.TakenAt.Add(-p.cfg.Snapshot.ReuseYoungerThan)
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
