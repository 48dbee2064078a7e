package upgrade

import (
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const phaseRollback = "Rollback"

func rollbackID(vm azurevm.VM) string { return "roll-back-vm/" + vm.Name }

// rollback restores every VM from its recovery point. Pexip asks not to roll back to VM snapshots
// before its support was asked, so a person names the support case or takes the responsibility.
func (p *Process) rollback() []runbook.Step {
	steps := []runbook.Step{{ID: "approve-rollback", Phase: phaseRollback, Title: "Approve the rollback", Clauses: []string{"RISK-1"},
		Does: "a person names Pexip's support case", Ask: &runbook.Ask{Kind: runbook.Approval,
			Text:         "Roll every VM back to its recovery point? Local logs since then are lost. Pexip asks to be consulted first.",
			Fields:       []runbook.Field{{Name: "support-case", Text: "number of Pexip's support case, or \"override\" with the reason in the statement", Required: true}},
			SecondPerson: p.cfg.Approval.SecondPerson}}}
	for _, vm := range p.vms() {
		steps = append(steps,
			runbook.Step{ID: "stop-for-rollback/" + vm.Name, Phase: phaseRollback, Title: "Stop " + vm.Name, Clauses: []string{"RISK-1"}, Owes: []string{owesPower},
				Does: "deallocates " + vm.String(), Expected: 2 * time.Minute, Apply: func(sc *runbook.StepContext) error { return p.deallocate(sc, vm) }},
			runbook.Step{ID: rollbackID(vm), Phase: phaseRollback, Title: "Restore " + vm.Name, Clauses: []string{"RISK-1"}, Effect: runbook.Once, Expected: time.Hour,
				Does:  "replaces the disks of " + vm.String() + " by those of its recovery point",
				Apply: func(sc *runbook.StepContext) error { return p.restore(sc, vm) }, Resolve: func(sc *runbook.StepContext) (runbook.Resolution, error) { return p.resolveRestore(sc) }},
			runbook.Step{ID: "start-after-rollback/" + vm.Name, Phase: phaseRollback, Title: "Start " + vm.Name, Clauses: []string{"RISK-1"},
				Does: "starts " + vm.String(), Expected: 3 * time.Minute, Apply: func(sc *runbook.StepContext) error { return p.start(sc, vm) }})
	}
	return append(steps, runbook.Step{ID: "verify-rollback", Phase: phaseRollback, Title: "Observe the versions", Clauses: []string{"VER-1", "RISK-1"},
		Does: "waits for the platform and compares its versions with those before", Expected: 5 * time.Minute, Waivable: true, Apply: p.verifyRollback})
}

func (p *Process) restore(sc *runbook.StepContext, vm azurevm.VM) error {
	var points map[string]azurevm.RecoveryPoint
	if err := sc.Load("verify-recovery-points", &points); err != nil {
		return fmt.Errorf("there is no verified recovery point to roll back to: %w", err)
	}
	if err := p.meant(sc, vm); err != nil {
		return err
	}
	o := azurevm.RestoreOptions{RecoveryPoint: points[vm.String()], StorageAccountID: p.own.Vault.StorageAccount}
	if err := p.sys.Azure.ValidateRestore(sc, p.vault(), vm, o); err != nil {
		return err
	}
	if err := sc.Guard(); err != nil {
		return err
	}
	id, err := p.sys.Azure.StartRestore(sc, p.vault(), vm, o)
	if err != nil {
		return err
	}
	if err := sc.Note(noteJob, id); err != nil {
		return err
	}
	return p.waitRestore(sc, id)
}

func (p *Process) waitRestore(sc *runbook.StepContext, id string) error {
	job, err := p.sys.Azure.WaitJob(sc, p.vault(), id, func(j azurevm.Job) { sc.Progress(0, 0, "", "%s", taskText(j)) })
	if err == nil {
		sc.Say("job %s %s", job.ID, job.Status)
	}
	return err
}

// resolveRestore follows the job of an earlier try. Without a noted job a person must look.
func (p *Process) resolveRestore(sc *runbook.StepContext) (runbook.Resolution, error) {
	var id string
	known, err := sc.Noted(noteJob, &id)
	if err != nil {
		return "", err
	}
	if !known {
		return runbook.ResolvedUnknown, nil
	}
	if err := p.waitRestore(sc, id); err != nil {
		return "", err
	}
	return runbook.ResolvedDone, nil
}

func (p *Process) verifyRollback(sc *runbook.StepContext) error {
	if err := p.waitOnline(sc); err != nil {
		return err
	}
	var before Snapshot
	if err := sc.Load(stepCaptureBefore, &before); err != nil {
		return err
	}
	nodes, err := p.pexip().Nodes(sc)
	if err != nil {
		return err
	}
	if was, is := versionsOf(before.Nodes), versionsOf(nodes); was != is {
		return errors.New("after the rollback the nodes run " + is + ", before the upgrade it was " + was)
	}
	sc.Say("all nodes run %s again", versionsOf(nodes))
	return nil
}
