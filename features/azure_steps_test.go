package features_test

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func (w *world) azureSteps() []step {
	return []step{
		{`^each VM of (Test|Production) has a recovery point that is (\d+) hours old$`, w.oldPoints},
		{`^each VM of (Test|Production) has a new recovery point, taken while it was off and kept for (\d+) days$`, w.newPoints},
		{`^every VM of (Test|Production) is off$`, w.allOff},
		{`^every VM of (Test|Production) runs$`, w.allRun},
		{`^recovery points are to be kept for (\d+) days$`, func(days int) { w.tweak(func(c *upgrade.Config) { c.Snapshot.RetentionDays = days }) }},
		{`^recovery points younger than (\d+) hours may be used again$`, w.reuse},
		{`^the account in Azure may not (.+)$`, w.lacksRight},
		{`^the backup of "([^"]*)" leaves its data disk out$`, w.leavesOut},
		{`^the list of VMs for Test lacks "([^"]*)"$`, w.lacksVM},
		{`^the resource group of Test is locked against changes$`, w.locked},
		{`^the sign-in to Azure has expired$`, w.expiredSignIn},
		{`^the snapshot of each VM fails once$`, w.snapshotsFail},
		{`^the VMs that are listed for Test are those of Production, and the other way round$`, func() { w.options.Swapped = true }},
	}
}

func (w *world) lacksRight(what string) error {
	const item = "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/backup/action"
	action := map[string]string{"stop VMs": "Microsoft.Compute/virtualMachines/deallocate/action", "start VMs": "Microsoft.Compute/virtualMachines/start/action",
		"back up VMs": item, "read VMs": "Microsoft.Compute/virtualMachines/read"}[what]
	if action == "" {
		return fmt.Errorf("the right to %s is not known here", what)
	}
	w.azure = append(w.azure, func(o *azurevmtest.Options) { o.MissingActions = append(o.MissingActions, action) })
	return nil
}

func (w *world) locked() {
	w.azure = append(w.azure, func(o *azurevmtest.Options) {
		scope := "/subscriptions/" + o.SubscriptionID + "/resourceGroups/" + o.VMs[0].ResourceGroup
		o.Locks = append(o.Locks, azurevmtest.Lock{Name: "audit", Level: "ReadOnly", Scope: scope})
	})
}

func (w *world) expiredSignIn() {
	w.later(func() error { return os.WriteFile(w.cfg.Azure.TokenFile.File, []byte("an-expired-token"), 0o600) })
}

func (w *world) allOff(env string) {
	w.later(func() error {
		for _, vm := range w.vms(environment(env)) {
			w.sim.Azure.SetPower(vm, azurevm.Deallocated)
		}
		return nil
	})
}

func (w *world) allRun(env string) error {
	for _, vm := range w.vms(environment(env)) {
		if got := w.sim.Azure.Power(vm); got != azurevm.Running {
			return fmt.Errorf("%s is %s, wanted running", vm.Name, got)
		}
	}
	return nil
}

func (w *world) lacksVM(name string) {
	w.tweak(func(c *upgrade.Config) {
		c.Test.VMs = slices.DeleteFunc(c.Test.VMs, func(vm upgrade.VMConfig) bool { return vm.Name == name })
	})
}

func (w *world) reuse(hours int) {
	w.tweak(func(c *upgrade.Config) { c.Snapshot.ReuseYoungerThan = time.Duration(hours) * time.Hour })
}

func (w *world) oldPoints(env string, hours int) {
	w.later(func() error {
		for _, vm := range w.vms(environment(env)) {
			w.sim.Azure.AddRecoveryPoint(vm, time.Now().Add(-time.Duration(hours)*time.Hour), "CrashConsistent")
		}
		return nil
	})
}

// newPoints: CrashConsistent is what a VM gives that was off.
func (w *world) newPoints(env string, days int) error {
	state := w.sim.Azure.State()
	for _, vm := range w.vms(environment(env)) {
		i := slices.IndexFunc(state.VMs, func(s azurevmtest.VMState) bool { return s.Name == vm.Name })
		points := state.VMs[i].RecoveryPoints
		if len(points) == 0 {
			return fmt.Errorf("%s has no recovery point", vm.Name)
		}
		last := points[len(points)-1]
		kept := int(last.Expiry.Sub(last.Time).Round(24*time.Hour) / (24 * time.Hour))
		if last.Type != "CrashConsistent" || kept != days || time.Since(last.Time) > time.Hour {
			return fmt.Errorf("%s has a recovery point of %s, %s, kept for %d days, wanted a new one, taken while off, kept for %d days",
				vm.Name, last.Time.Format(time.DateTime), last.Type, kept, days)
		}
	}
	return nil
}

func (w *world) snapshotsFail() {
	w.later(func() error {
		for range w.vms("test") {
			w.sim.Azure.FailNextJob("Take Snapshot", "the snapshot could not be taken")
		}
		return nil
	})
}

func (w *world) leavesOut(name string) {
	w.azure = append(w.azure, func(o *azurevmtest.Options) {
		for i := range o.VMs {
			if o.VMs[i].Name == name {
				o.VMs[i].DataDisks = 1
			}
		}
	})
	w.later(func() error { w.sim.Azure.ExcludeDisks(azurevmtest.VM{Name: name}); return nil })
}
