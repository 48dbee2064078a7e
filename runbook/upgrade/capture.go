package upgrade

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Snapshot is the state of an environment at one moment.
type Snapshot struct {
	At        time.Time                     `json:"at"`
	Settings  pexip.GlobalSettings          `json:"settings"`
	Nodes     []pexip.Node                  `json:"nodes"`
	Alarms    []pexip.Alarm                 `json:"alarms"`
	Licensing pexip.Licensing               `json:"licensing"`
	Licences  []pexip.Licence               `json:"licences"`
	Power     map[string]azurevm.PowerState `json:"power"`
	Pipeline  devops.QueueStatus            `json:"pipeline"`
	// Reuse: every VM has a recovery point recent enough (UPG-2).
	Reuse bool `json:"reuse,omitempty"`
}

func (p *Process) capture(sc *runbook.StepContext) (s Snapshot, err error) {
	s.At, s.Power = time.Now().UTC(), map[string]azurevm.PowerState{}
	c := p.pexip()
	if s.Settings, err = c.GlobalSettings(sc); err != nil {
		return s, err
	}
	if s.Nodes, err = c.Nodes(sc); err != nil {
		return s, err
	}
	if s.Alarms, err = c.Alarms(sc); err != nil {
		return s, err
	}
	if s.Licensing, err = c.Licensing(sc); err != nil {
		return s, err
	}
	if s.Licences, err = c.Licences(sc); err != nil {
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
	if s.Reuse, err = p.recentPoints(sc, s.At); err != nil {
		return err
	}
	sc.Say("%d nodes on %s, %d alarms, session timeout %s", len(s.Nodes), versionsOf(s.Nodes), len(s.Alarms), onOff(s.Settings.SessionTimeoutEnabled))
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

// Differences compares two states. Versions that became the target, the session timeout while it is
// switched off by the run, and the passing of time are expected; all else is a finding.
func (p *Process) differences(before, after Snapshot) policy.Findings {
	var fs policy.Findings
	report := func(rule string, class policy.Class, detail, remedy string) {
		fs = append(fs, finding("VER-1", rule, class, false, detail, remedy))
	}
	for _, was := range before.Nodes {
		i := slices.IndexFunc(after.Nodes, func(n pexip.Node) bool { return n.Role == was.Role && n.ID == was.ID })
		if i < 0 {
			report("node-gone", policy.Must, fmt.Sprintf("%s node %s is gone", was.Role, was.Name), "look at the Management Node")
			continue
		}
		if is := after.Nodes[i]; is.MaintenanceMode != was.MaintenanceMode || is.Address != was.Address || is.Location != was.Location {
			report("node-changed", policy.Should, fmt.Sprintf("node %s: maintenance mode %t → %t, address %s → %s", was.Name, was.MaintenanceMode, is.MaintenanceMode, was.Address, is.Address), "put it back, or say why it is right")
		}
	}
	for _, a := range after.Alarms {
		if !slices.ContainsFunc(before.Alarms, func(b pexip.Alarm) bool { return b.Name == a.Name && b.Node == a.Node && b.Instance == a.Instance }) {
			report("new-alarm", policy.Should, fmt.Sprintf("new alarm %s on %s: %s", a.Name, a.Node, a.Details), "clear it, or say why it does not matter")
		}
	}
	if !reflect.DeepEqual(totals(before.Licensing), totals(after.Licensing)) {
		report("licences", policy.Should, fmt.Sprintf("licence totals %s → %s", totals(before.Licensing), totals(after.Licensing)), "compare the licences")
	}
	if before.Settings.SessionTimeout != after.Settings.SessionTimeout {
		report("setting-changed", policy.Should, fmt.Sprintf("session timeout %s → %s", before.Settings.SessionTimeout, after.Settings.SessionTimeout), "put it back, or say why it is right")
	}
	if len(fs) == 0 {
		fs = append(fs, finding("VER-1", "state-as-before", policy.Must, true, "nothing changed but the versions", ""))
	}
	return fs
}

// totals are the fields of the licensing status that do not move with every call.
func totals(l pexip.Licensing) string {
	raw, err := json.Marshal(l)
	if err != nil {
		return err.Error()
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return err.Error()
	}
	var out []string
	for k, v := range all {
		if strings.HasSuffix(strings.ToLower(k), "total") {
			out = append(out, fmt.Sprintf("%s=%v", k, v))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
