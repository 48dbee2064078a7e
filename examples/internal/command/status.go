package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// Status shows an environment as it is now. Its clients cannot send anything but reads.
var Status = Program{
	Name:     "status",
	Does:     "show versions, nodes, alarms, power of the VMs and the pipeline's state; reads only",
	Example:  "status -config upgrade.yaml -environment production\nstatus -config upgrade.yaml -output json",
	ReadOnly: true,
	Setup:    func(*flag.FlagSet) func(context.Context, *App) error { return showStatus },
}

// status is the result. What could not be read is missing, and why is in Faults.
type status struct {
	Environment string            `json:"environment"`
	Nodes       []node            `json:"nodes"`
	Alarms      []alarm           `json:"alarms"`
	VMs         []machine         `json:"vms"`
	Pipeline    string            `json:"pipeline,omitempty"`
	Queued      int               `json:"queued"`
	Faults      map[string]string `json:"faults,omitempty"`
}

type node struct {
	Name        string     `json:"name"`
	Role        pexip.Role `json:"role"`
	Version     string     `json:"version"`
	Upgrade     string     `json:"upgrade"`
	Sync        string     `json:"sync"`
	Maintenance bool       `json:"maintenance,omitempty"`
}

type alarm struct {
	Level   string    `json:"level"`
	Name    string    `json:"name"`
	Node    string    `json:"node"`
	Details string    `json:"details"`
	Raised  time.Time `json:"raised"`
}

type machine struct {
	Name  string             `json:"name"`
	Power azurevm.PowerState `json:"power"`
}

func showStatus(ctx context.Context, a *App) error {
	s := status{Environment: string(a.Environment.Name), Faults: map[string]string{}}
	for what, read := range map[string]func(context.Context, *App) error{"nodes": s.readNodes, "alarms": s.readAlarms, "vms": s.readVMs, "pipeline": s.readPipeline} {
		if err := read(ctx, a); err != nil {
			s.Faults[what] = err.Error()
		}
	}
	if err := a.print(s, s.write); err != nil {
		return err
	}
	if len(s.Faults) > 0 {
		return errors.New("not everything could be read")
	}
	return nil
}

func (s *status) readNodes(ctx context.Context, a *App) error {
	nodes, err := a.node().Nodes(ctx)
	for _, n := range nodes {
		s.Nodes = append(s.Nodes, node{n.Name, n.Role, n.Version, n.UpgradeStatus, n.SyncStatus, n.MaintenanceMode})
	}
	return err
}

func (s *status) readAlarms(ctx context.Context, a *App) error {
	alarms, err := a.node().Alarms(ctx)
	for _, x := range alarms {
		s.Alarms = append(s.Alarms, alarm{x.Level, x.Name, x.Node, x.Details, x.TimeRaised})
	}
	return err
}

func (s *status) readVMs(ctx context.Context, a *App) error {
	for _, vm := range a.vms() {
		power, err := a.Azure.Power(ctx, vm)
		if err != nil {
			return err
		}
		s.VMs = append(s.VMs, machine{vm.Name, power})
	}
	return nil
}

// vms are the VMs of the environment.
func (a *App) vms() (out []azurevm.VM) {
	for _, vm := range a.Environment.VMs {
		out = append(out, azurevm.VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name})
	}
	return out
}

func (s *status) readPipeline(ctx context.Context, a *App) error {
	def, err := a.Systems.Pipeline.Definition(ctx)
	if err != nil {
		return err
	}
	s.Pipeline = string(def.QueueStatus)
	var backlog []devops.Build
	backlog, err = a.Systems.Pipeline.Backlog(ctx)
	s.Queued = len(backlog)
	return err
}

func (s *status) write(w io.Writer) {
	fmt.Fprintf(w, "%s\n", s.Environment)
	for _, n := range s.Nodes {
		fmt.Fprintf(w, "  node      %-20s %-12s %s, upgrade %s, sync %s\n", n.Name, n.Role, n.Version, n.Upgrade, n.Sync)
	}
	for _, a := range s.Alarms {
		fmt.Fprintf(w, "  ALARM     %s %s at %s since %s %s\n", a.Level, a.Name, a.Node, a.Raised.Format(time.RFC3339), a.Details)
	}
	for _, vm := range s.VMs {
		fmt.Fprintf(w, "  vm        %-20s %s\n", vm.Name, vm.Power)
	}
	if s.Pipeline != "" {
		fmt.Fprintf(w, "  pipeline  %s, %d run(s) queued\n", s.Pipeline, s.Queued)
	}
	for _, what := range slices.Sorted(maps.Keys(s.Faults)) {
		fmt.Fprintf(w, "  UNKNOWN   %s: %s\n", what, s.Faults[what])
	}
}
