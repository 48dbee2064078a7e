// Package upgradetest is the world that an upgrade runs in, simulated: two Management Nodes, their
// virtual machines and vault in one subscription, the start/stop pipeline, and the service whose
// endpoints are checked, each speaking real HTTP over TLS on loopback. The parts know of each other
// as in reality: a stopped machine takes its node off the air, and a run of the pipeline stops or
// starts the machines.
//
// Rehearse with it, or test your own tools:
//
//	w, err := upgradetest.Start(upgradetest.Options{})
//	defer w.Close()
//	file, err := w.WriteConfig(dir) // then upgrade.LoadConfig(file)
package upgradetest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
	"github.com/verify-by-video/pexip-upgrade/internal/double"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// Options describe the world. The zero value is one in which a rehearsal passes.
type Options struct {
	// Speed is how many times faster than the real world slow operations run; 0: 60,000.
	Speed float64
	// TestVersion and ProductionVersion are installed; empty: "38.1 (81931.0.0)".
	TestVersion, ProductionVersion string
	// Target and Build are what the package holds; empty: 39.1, 83067.
	Target, Build string
	// PackageSize in bytes; 0: 64 MiB.
	PackageSize int64
	// Swapped gives the VMs that are listed under Test the addresses of Production's nodes, and the
	// other way round, as the written process reads.
	Swapped bool
	// ConferencingNodes per environment; 0: 1.
	ConferencingNodes int
	// PollInterval is written into the configuration; 0: 25 ms. Much less, and the clients' own rate
	// limit becomes what one waits for.
	PollInterval time.Duration
	// NoCall: nobody calls the service after an upgrade. Otherwise somebody does, once, right away.
	NoCall bool
	// Pexip, Azure and DevOps change the options of the parts before they start.
	Pexip  func(policy.Environment, *pexiptest.Options)
	Azure  func(*azurevmtest.Options)
	DevOps func(*devopstest.Options)
}

// World is the running simulation.
type World struct {
	Test, Production *pexiptest.Server
	Azure            *azurevmtest.Server
	Pipeline         *devopstest.Server
	Service          *Service

	opts    Options
	started bool
}

const (
	subscription = "11111111-2222-3333-4444-555555555555"
	vaultGroup   = "rg-vbv-backup"
	vaultName    = "rsv-vbv"
	storage      = "/subscriptions/" + subscription + "/resourceGroups/" + vaultGroup + "/providers/Microsoft.Storage/storageAccounts/stvbvstaging"
)

// machine is a VM and the node that runs on it.
type machine struct {
	env         policy.Environment
	group, name string
	ip          string
	role        pexip.Role
}

// node is the name of the machine's node in Pexip.
func (m machine) node() string { return string(m.env) + "-" + m.name[len("vm-node-"):] }

// machines follow the written lists: names ending in -core under Test, in -test under Production.
func (o Options) machines() []machine {
	var out []machine
	for _, e := range []struct {
		env   policy.Environment
		group string
		tail  string
		net   int
	}{{policy.Test, "rg-vbv-pexip-test", "core", 20}, {policy.Production, "rg-vbv-pexip-production", "test", 30}} {
		out = append(out, machine{e.env, e.group, "vm-node-mgmt-" + e.tail, fmt.Sprintf("10.%d.0.4", e.net), pexip.Management})
		for i := range o.ConferencingNodes {
			name := "vm-node-conf-" + e.tail
			if i > 0 {
				name = fmt.Sprintf("%s-%d", name, i+1)
			}
			out = append(out, machine{e.env, e.group, name, fmt.Sprintf("10.%d.%d.%d", e.net, (i+5)/250, (i+5)%250), pexip.Conferencing})
		}
	}
	return out
}

func (o Options) withDefaults() Options {
	text := func(field *string, otherwise string) {
		if *field == "" {
			*field = otherwise
		}
	}
	text(&o.TestVersion, "38.1 (81931.0.0)")
	text(&o.ProductionVersion, "38.1 (81931.0.0)")
	text(&o.Target, "39.1")
	text(&o.Build, "83067")
	if o.PackageSize == 0 {
		o.PackageSize = 64 << 20
	}
	if o.ConferencingNodes == 0 {
		o.ConferencingNodes = 1
	}
	if o.PollInterval == 0 {
		o.PollInterval = 25 * time.Millisecond
	}
	return o
}

// Start builds the world and starts its servers.
func Start(o Options) (*World, error) {
	w := New(o)
	err := errors.Join(w.Test.Start(), w.Production.Start(), w.Azure.Start(), w.Pipeline.Start(), w.Service.start())
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("start the simulation: %w", err)
	}
	w.started = true
	return w, nil
}

// New builds the world without listening. Its parts are http.Handlers for mgr.test.invalid,
// mgr.production.invalid, management.azure.com, dev.azure.com and service.invalid.
func New(o Options) *World {
	w := &World{opts: o.withDefaults()}
	w.Test = pexiptest.NewServer(w.pexipOptions(policy.Test, w.opts.TestVersion))
	w.Production = pexiptest.NewServer(w.pexipOptions(policy.Production, w.opts.ProductionVersion))
	w.Test.URL, w.Production.URL = "https://mgr.test.invalid", "https://mgr.production.invalid"
	w.Azure = azurevmtest.NewServer(w.azureOptions())
	w.Azure.OnPower, w.Azure.OnRestore = w.power, w.restore
	w.Pipeline = devopstest.NewServer(w.devopsOptions())
	w.Pipeline.OnRun = w.run
	w.Service = newService(w)
	return w
}

// Close stops the servers.
func (w *World) Close() {
	w.Test.Close()
	w.Production.Close()
	w.Azure.Close()
	w.Pipeline.Close()
	w.Service.close()
}

// Pexip is the Management Node of an environment.
func (w *World) Pexip(env policy.Environment) *pexiptest.Server {
	if env == policy.Production {
		return w.Production
	}
	return w.Test
}

func (w *World) pexipOptions(env policy.Environment, version string) pexiptest.Options {
	o := pexiptest.Options{Speed: w.opts.Speed, Version: version, TestCall: !w.opts.NoCall, NextVersion: fmt.Sprintf("%s (%s.0.0)", w.opts.Target, w.opts.Build)}
	for _, m := range w.opts.machines() {
		if m.env == env {
			o.Nodes = append(o.Nodes, pexiptest.Node{Name: m.node(), Role: m.role, Address: m.ip})
		}
	}
	if w.opts.Pexip != nil {
		w.opts.Pexip(env, &o)
	}
	return o
}

func (w *World) azureOptions() azurevmtest.Options {
	o := azurevmtest.Options{SubscriptionID: subscription, Speed: w.opts.Speed, Token: azureToken,
		Vaults: []azurevmtest.Vault{{ResourceGroup: vaultGroup, Name: vaultName, StorageAccountID: storage}}}
	all := w.opts.machines()
	for i, m := range all {
		ip := m.ip
		if w.opts.Swapped {
			ip = all[(i+len(all)/2)%len(all)].ip
		}
		o.VMs = append(o.VMs, azurevmtest.VM{ResourceGroup: m.group, Name: m.name, PrivateIP: ip})
	}
	if w.opts.Azure != nil {
		w.opts.Azure(&o)
	}
	return o
}

func (w *World) devopsOptions() devopstest.Options {
	o := devopstest.Options{Speed: w.opts.Speed, PAT: devopsPAT}
	if w.opts.DevOps != nil {
		w.opts.DevOps(&o)
	}
	return o
}

// power: a machine that stops takes its node off the air.
func (w *World) power(vm azurevmtest.VM, running bool) {
	for _, m := range w.opts.machines() {
		if m.ip == vm.PrivateIP {
			_ = w.Pexip(m.env).SetPower(m.ip, running) // the node exists: it was made from the same list
		}
	}
}

// restore: a machine whose disks are replaced runs the software it was backed up with, which here is
// what was installed at the beginning.
func (w *World) restore(vm azurevmtest.VM, _ time.Time) {
	versions := map[policy.Environment]string{policy.Test: w.opts.TestVersion, policy.Production: w.opts.ProductionVersion}
	for _, m := range w.opts.machines() {
		if m.ip == vm.PrivateIP {
			_ = w.Pexip(m.env).SetVersion(m.node(), versions[m.env])
		}
	}
}

// run: the pipeline stops or starts every machine, at once.
func (w *World) run(b devopstest.Build) {
	state := azurevm.Running
	switch b.Parameters["action"] {
	case "stop":
		state = azurevm.Deallocated
	case "start":
	default:
		return
	}
	for _, m := range w.opts.machines() {
		w.Azure.SetPower(azurevmtest.VM{ResourceGroup: m.group, Name: m.name}, state)
	}
}

// Tick lets the pipeline's schedule fire with the given action, "stop" or "start". Its run is queued and, unless the
// pipeline is paused, takes effect when a request or State next looks at the pipeline.
func (w *World) Tick(action string) { w.Pipeline.Tick(map[string]string{"action": action}) }

// Requests is what arrived at all parts, in order of arrival.
func (w *World) Requests() []double.Request {
	var all []double.Request
	for system, list := range map[string][]double.Request{"pexip test": w.Test.Requests(), "pexip production": w.Production.Requests(),
		"azure": w.Azure.Requests(), "devops": w.Pipeline.Requests(), "service": w.Service.Requests()} {
		for _, r := range list {
			r.System = system
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b double.Request) int { return a.At.Compare(b.At) })
	return all
}

// State is the state of all parts, for people and for JSON.
func (w *World) State() map[string]any {
	w.Azure.Settle()
	w.Pipeline.Settle()
	return map[string]any{"test": w.Test.State(), "production": w.Production.State(), "azure": w.Azure.State(), "pipeline": w.Pipeline.State()}
}

// Core is a part's log and fault injection.
type Core interface {
	Inject(double.Fault) error
	ClearFaults()
	ForgetRequests()
	Requests() []double.Request
	SetDown(bool)
}

// Transport answers in process for the host names of a world that was not started; use it as
// SessionOptions.Transport. Other hosts are an error: nothing reaches the network.
func (w *World) Transport(http.RoundTripper) http.RoundTripper {
	return inProcess{"mgr.test.invalid": w.Test.RoundTripper(), "mgr.production.invalid": w.Production.RoundTripper(),
		"management.azure.com": w.Azure.RoundTripper(), "dev.azure.com": w.Pipeline.RoundTripper(), "service.invalid": w.Service.RoundTripper()}
}

type inProcess map[string]http.RoundTripper

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if next := t[r.URL.Hostname()]; next != nil {
		return next.RoundTrip(r)
	}
	return nil, fmt.Errorf("the simulated world has no host %s", r.URL.Hostname())
}

var systems = []string{"pexip test", "pexip production", "azure", "devops", "service"}

// Part returns a part by the name that Requests uses.
func (w *World) Part(system string) (Core, error) {
	parts := map[string]Core{"pexip test": w.Test, "pexip production": w.Production, "azure": w.Azure, "devops": w.Pipeline, "service": w.Service}
	if c, ok := parts[system]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("unknown system %q: it is one of %q", system, systems)
}
