package upgrade

import (
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Snapshot is the state of an environment at one moment.
type Snapshot struct {
	pexip.State
	Power    map[string]azurevm.PowerState `json:"power"`
	Pipeline devops.QueueStatus            `json:"pipeline"`
	// Reuse: every VM has a recovery point recent enough (UPG-2).
	Reuse bool `json:"reuse,omitempty"`
}

func (p *Process) capture(sc *runbook.StepContext) (s Snapshot, err error) {
	s.Power = map[string]azurevm.PowerState{}
	if s.State, err = p.pexip().State(sc); err != nil {
		return s, err
	}
	powers, err := p.powers(sc)
	if err != nil {
		return s, err
	}
	for i, vm := range p.vms() {
		s.Power[vm.String()] = powers[i]
	}
	def, err := p.sys.Pipeline.Definition(sc)
	s.Pipeline = def.QueueStatus
	return s, err
}

func (p *Process) captureBefore(sc *runbook.StepContext) error {
	s, err := p.capture(sc)
	if err != nil {
		return err
	}
	if s.Reuse, err = p.recentPoints(sc, s.TakenAt); err != nil {
		return err
	}
	sc.Say("%d nodes on %s, %d alarms, session timeout %s", len(s.Nodes), versionsOf(s.Nodes), len(s.Alarms), onOff(string(s.Settings["session_timeout_enabled"]) == "true"))
	return sc.Output(s)
}

// recentPoints says whether every VM has a restorable point younger than the configured age.
func (p *Process) recentPoints(sc *runbook.StepContext, now time.Time) (bool, error) {
	age := p.cfg.Snapshot.ReuseYoungerThan
	if age == 0 {
		return false, nil
	}
	recent, err := perVM(p.vms(), readsAtOnce, func(vm azurevm.VM) (bool, error) {
		points, err := p.sys.Azure.RecoveryPoints(sc, p.vault(), vm, now.Add(-age))
		return slices.ContainsFunc(points, azurevm.RecoveryPoint.Restorable), err
	})
	return err == nil && !slices.Contains(recent, false), err
}

func versionsOf(nodes []pexip.Node) string {
	var out []string
	for _, n := range nodes {
		if !slices.Contains(out, n.Version) {
			out = append(out, n.Version)
		}
	}
	return strings.Join(out, " and ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
