package features_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/cucumber/godog"
	"github.com/h2non/gock"

	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
	"github.com/verify-by-video/pexip-upgrade/internal/double"
	"github.com/verify-by-video/pexip-upgrade/internal/ramdir"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

const (
	packageSize  = 1 << 20
	chunkSize    = 256 << 10
	pollInterval = 5 * time.Millisecond
	operator     = "operator@workstation"
	// speed lets whatever takes minutes be over when the process looks again.
	speed = 600_000
	// longest is how long the process waits for anything; nothing takes so long unless it never comes.
	longest = 30 * time.Second
)

// world is one scenario: what was said to be given, the simulated systems, and how far the upgrade came.
// Givens only describe; what they say takes effect, in their order, when something is done.
type world struct {
	options upgradetest.Options
	azure   []func(*azurevmtest.Options)
	devops  []func(*devopstest.Options)
	pexip   []func(*pexiptest.Options)
	prepare []func() error
	mocks   []func()
	named   map[gock.Mock]string
	during  map[string][]func() error
	people  *people

	dir string
	log memlog.Log
	sim *upgradetest.World
	cfg *upgrade.Config

	stop    context.CancelFunc
	result  upgrade.Result
	preview runbook.Preview
	err     error
	faults  []error
}

// step is a sentence and what it does.
type step struct {
	expr string
	do   any
}

func (w *world) steps() []step {
	var all []step
	for _, area := range [][]step{w.azureSteps(), w.callSteps(), w.devopsSteps(), w.outcomeSteps(), w.peopleSteps(),
		w.pexipSteps(), w.policySteps(), w.runSteps(), w.serviceSteps(), w.teamFileSteps()} {
		all = append(all, area...)
	}
	return all
}

// initialize is called once a scenario.
func initialize(sc *godog.ScenarioContext) {
	w := &world{during: map[string][]func() error{}, named: map[gock.Mock]string{}, people: newPeople()}
	for _, s := range w.steps() {
		sc.Step(s.expr, s.do)
	}
	sc.After(func(ctx context.Context, _ *godog.Scenario, err error) (context.Context, error) {
		return ctx, w.end(err == nil)
	})
}

// end takes everything down. A scenario whose steps passed is held against what it announced.
func (w *world) end(passed bool) error {
	faults := w.faults
	if passed {
		faults = append(faults, w.unused()...)
	}
	for _, req := range gock.GetUnmatchedRequests() {
		faults = append(faults, fmt.Errorf("a request went nowhere: %s %s", req.Method, req.URL))
	}
	gock.OffAll()
	if w.sim != nil {
		w.sim.Close()
	}
	if w.dir != "" {
		faults = append(faults, os.RemoveAll(w.dir))
	}
	return errors.Join(faults...)
}

// unused names the faults and events that were announced and did not come about: a scenario that
// passes without them shows nothing.
func (w *world) unused() []error {
	var faults []error
	for _, mock := range gock.Pending() {
		if !mock.Request().Persisted {
			faults = append(faults, fmt.Errorf("a fault of %q was announced and did not happen", w.named[mock]))
		}
	}
	for title := range w.during {
		faults = append(faults, fmt.Errorf("something was to happen when %q begins, and it did not begin", title))
	}
	for title, left := range w.people.decisions {
		if len(left) > 0 {
			faults = append(faults, fmt.Errorf("nobody asked for the decision %s after %q", left[0], title))
		}
	}
	if w.sim == nil {
		return append(faults, errors.New("nothing was done"))
	}
	for _, core := range w.cores() {
		for _, fault := range core.Armed() {
			faults = append(faults, fmt.Errorf("the fault %s of %s was announced and did not happen", fault.Kind, fault.Path))
		}
	}
	return faults
}

func (w *world) cores() []interface{ Armed() []double.Fault } {
	return []interface{ Armed() []double.Fault }{w.sim.Test, w.sim.Production, w.sim.Azure, w.sim.Pipeline, w.sim.Service}
}

// later puts something off until the simulated world and its configuration exist.
func (w *world) later(do func() error) { w.prepare = append(w.prepare, do) }

// tweak changes the configuration.
func (w *world) tweak(change func(*upgrade.Config)) {
	w.later(func() error { change(w.cfg); return nil })
}

// begin makes the world that the Givens describe. It does so once.
func (w *world) begin(ctx context.Context) error {
	if w.sim != nil {
		return nil
	}
	w.build()
	if err := w.configure(); err != nil {
		return err
	}
	w.mount()
	for _, do := range w.prepare {
		if err := do(); err != nil {
			return err
		}
	}
	gock.OffAll()
	for _, mock := range w.mocks {
		mock()
	}
	w.mount()
	return ctx.Err()
}

func (w *world) build() {
	w.options.PackageSize, w.options.PollInterval, w.options.Speed = packageSize, pollInterval, speed
	w.options.Azure = func(o *azurevmtest.Options) {
		o.OnRestore = w.restored
		each(w.azure, o)
	}
	w.options.DevOps = func(o *devopstest.Options) { each(w.devops, o) }
	w.options.Pexip = func(_ policy.Environment, o *pexiptest.Options) { each(w.pexip, o) }
	w.sim = upgradetest.New(w.options)
}

func each[T any](changes []func(*T), o *T) {
	for _, change := range changes {
		change(o)
	}
}

// restored: the disks of a VM hold what they held when the recovery point was taken.
func (w *world) restored(vm azurevmtest.VM, _ time.Time) {
	env, version := policy.Test, w.options.TestVersion
	if strings.Contains(vm.ResourceGroup, string(policy.Production)) {
		env, version = policy.Production, w.options.ProductionVersion
	}
	for _, node := range w.sim.Pexip(env).State().Nodes {
		if node.Address == vm.PrivateIP {
			w.fail(w.sim.Pexip(env).SetVersion(node.Name, version))
		}
	}
}

func (w *world) configure() (err error) {
	if w.dir, err = os.MkdirTemp(ramdir.Parent(), "features-"); err != nil {
		return err
	}
	path, err := w.sim.WriteConfig(w.dir)
	if err != nil {
		return err
	}
	if w.cfg, err = upgrade.LoadConfig(path); err != nil {
		return err
	}
	w.cfg.Upload.ChunkSize = chunkSize
	for _, limit := range []*time.Duration{&w.cfg.Waits.VMPower, &w.cfg.Waits.Snapshot, &w.cfg.Waits.PlatformOnline, &w.cfg.Waits.StartResolve,
		&w.cfg.Waits.ManagementNode, &w.cfg.Waits.ConferencingNodes, &w.cfg.Waits.CancelBuilds} {
		*limit = longest
	}
	return nil
}

// fail remembers what went wrong where nothing can be returned; the end of the scenario reports it.
func (w *world) fail(err error) {
	if err != nil {
		w.faults = append(w.faults, err)
	}
}

// mount puts the parts of the world behind the addresses of the real ones.
func (w *world) mount() {
	for host, part := range w.hosts() {
		gock.New(host).Persist().Reply(http.StatusOK).Map(func(res *http.Response) *http.Response { return pass(part, res.Request) })
	}
}

func (w *world) hosts() map[string]http.RoundTripper {
	return map[string]http.RoundTripper{
		w.sim.Test.URL: w.sim.Test.RoundTripper(), w.sim.Production.URL: w.sim.Production.RoundTripper(),
		"https://management.azure.com": w.sim.Azure.RoundTripper(), "https://dev.azure.com": w.sim.Pipeline.RoundTripper(),
		w.sim.Service.URL: w.sim.Service.RoundTripper(),
	}
}

// environment reads the word that the features use.
func environment(word string) policy.Environment { return policy.Environment(strings.ToLower(word)) }

func (w *world) vms(env policy.Environment) []azurevmtest.VM {
	var out []azurevmtest.VM
	for _, vm := range w.cfg.Environment(env).VMs {
		out = append(out, azurevmtest.VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name})
	}
	return out
}
