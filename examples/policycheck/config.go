package main

import (
	"cmp"
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
func (in *input) readConfig(ctx context.Context) {
	cfg, err := upgrade.LoadConfig(in.config)
	if err != nil {
		in.faults = append(in.faults, err)
		return
	}
	in.cfg = cfg
	said, err := request(ctx, cfg, in.r.Environment)
	if err != nil {
		in.faults = append(in.faults, err)
		return
	}
	in.fill(said)
	if in.test == "" || in.production == "" {
		in.connect()
	}
}

// request is what the configuration says. The journals beside it tell of the upgrade of Test; no folder is made for them.
func request(ctx context.Context, cfg *upgrade.Config, env policy.Environment) (policy.Request, error) {
	if _, err := os.Stat(cfg.State); err != nil {
		return cfg.PolicyRequest(ctx, env, nil)
	}
	journals, err := upgrade.OpenRunner(cfg.State, upgrade.SessionOptions{})
	if err != nil {
		return policy.Request{}, err
	}
	return cfg.PolicyRequest(ctx, env, journals)
}

// fill takes over what the configuration says and no flag does.
func (in *input) fill(said policy.Request) {
	r := &in.r
	r.Target = cmp.Or(r.Target, said.Target)
	r.Soak, r.PromiseWithin, r.Evidence = said.Soak, said.PromiseWithin, said.Evidence
	r.Acknowledgements = append(r.Acknowledgements, said.Acknowledgements...)
	if r.Releases == nil {
		r.Releases = said.Releases
	}
	if in.waivers == "" {
		r.Waivers = said.Waivers
	}
	if in.risks == "" {
		r.Risks = said.Risks
	}
	if in.promises == "" {
		r.Promises = said.Promises
	}
	in.fillBudget(said.Budget.Calendar)
}

// fillBudget estimates from the configuration what the flags do not say. Windows of the flags go before those of the
// configuration.
func (in *input) fillBudget(calendar *policy.Calendar) {
	e := in.cfg.Effort(in.r.Environment)
	e.Size, e.Rate, e.Nodes, e.Calls = cmp.Or(in.effort.Size, e.Size), cmp.Or(in.effort.Rate, e.Rate), cmp.Or(in.effort.Nodes, e.Nodes), in.effort.Calls
	if in.windows != "" {
		calendar = in.r.Budget.Calendar
	}
	in.r.Budget = &policy.Budget{Estimate: e.Estimate(), Calendar: calendar}
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
