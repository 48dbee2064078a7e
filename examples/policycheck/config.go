package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// readConfig takes from an upgrade's configuration what the flags do not say, and makes the clients of the Management
// Nodes. It sends nothing.
func (in *input) readConfig() {
	cfg, err := upgrade.LoadConfig(in.config)
	if err != nil {
		in.faults = append(in.faults, err)
		return
	}
	in.cfg = cfg
	in.readTarget()
	if in.r.Releases == nil {
		in.r.Releases = cfg.Policy.Releases
	}
	in.r.Acknowledgements = append(in.r.Acknowledgements, cfg.Policy.Acknowledgements()...)
	in.r.Soak, in.r.PromiseWithin = cfg.Policy.Soak, cfg.Policy.Promise
	in.readWindow()
	if in.test == "" || in.production == "" {
		in.connect()
	}
}

func (in *input) readTarget() {
	if in.target != "" {
		return
	}
	target, err := in.cfg.Package.Target()
	if err != nil {
		in.fault("%s: package: %w", in.config, err)
		return
	}
	in.r.Target = &target
}

// readWindow makes the budget of the configuration's change window, unless the flags give another one.
func (in *input) readWindow() {
	w, own := in.cfg.Window.ChangeWindow, in.cfg.Environment(in.r.Environment)
	if w == nil || in.r.Budget != nil || own == nil {
		return
	}
	e := in.effort
	if info, err := os.Stat(in.cfg.Package.File); e.Size == 0 && err == nil {
		e.Size = info.Size()
	}
	if e.Nodes == 0 {
		e.Nodes = max(len(own.VMs)-1, 0)
	}
	hours := policy.Hours{From: policy.Clock(w.From), To: policy.Clock(w.To), Days: w.Days, TimeZone: w.TimeZone, Location: w.Location}
	in.r.Budget = &policy.Budget{Estimate: e.Estimate(), Calendar: &policy.Calendar{Allow: []policy.Window{{Hours: hours}}}}
}

func (in *input) connect() {
	secrets, err := in.cfg.ReadSecrets()
	if err != nil {
		in.faults = append(in.faults, err)
		return
	}
	readOnly := func(t http.RoundTripper) http.RoundTripper { return upgrade.ReadOnly(t) }
	if in.sys, err = upgrade.Connect(in.cfg, in.r.Environment, secrets, readOnly); err != nil {
		in.faults = append(in.faults, err)
	}
}

// askNodes asks the Management Nodes what they run, unless the flags say so. One that does not tell is unknown, which
// passes no rule.
func (in *input) askNodes(ctx context.Context, errOut io.Writer) {
	if in.sys == nil {
		return
	}
	ask := func(env policy.Environment, known *policy.Version, client *pexip.Client) *policy.Version {
		if known != nil {
			return known
		}
		v, err := installed(ctx, client)
		if err != nil {
			fmt.Fprintf(errOut, "policycheck: warning: the version of %s is unknown: %v\n", env, err)
			return nil
		}
		return &v
	}
	in.r.Test = ask(policy.Test, in.r.Test, in.sys.Test)
	in.r.Production = ask(policy.Production, in.r.Production, in.sys.Production)
}

// installed is what the primary Management Node says that it runs.
func installed(ctx context.Context, c *pexip.Client) (policy.Version, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return policy.Version{}, err
	}
	i := slices.IndexFunc(nodes, func(n pexip.Node) bool { return n.Role == pexip.Management && n.Primary })
	if i < 0 {
		return policy.Version{}, fmt.Errorf("none of its %d nodes says that it is the primary Management Node", len(nodes))
	}
	return policy.ParseVersion(nodes[i].Version)
}
