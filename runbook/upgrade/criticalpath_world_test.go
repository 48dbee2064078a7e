package upgrade_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// stage is the world with these durations, in process, and the configuration with the product's defaults.
func (r reality) stage(t *testing.T) *stage {
	t.Helper()
	defaults, err := upgrade.LoadConfig("testdata/config/minimal.yaml")
	must(t, err)
	w := upgradetest.New(upgradetest.Options{Speed: 1, ConferencingNodes: r.conferencingNodes, PackageSize: r.packageSize / scale, PollInterval: defaults.Waits.PollInterval,
		Pexip: func(_ policy.Environment, o *pexiptest.Options) {
			o.BackupDuration, o.BootDuration, o.NodeUpgradeDuration = r.configBackup, r.boot, r.node
			o.RebootDuration, o.StartupDuration = 4*time.Minute, time.Minute
			o.UpgradeDuration = r.manager - o.RebootDuration - o.StartupDuration
		},
		Azure: func(o *azurevmtest.Options) {
			o.VMs = o.VMs[:len(o.VMs)/2] // those of Test; Production's are not looked at
			o.Deallocate, o.Start, o.Snapshot, o.Transfer, o.RetryAfter = r.deallocate, r.start, r.snapshot, r.transfer, 10*time.Second
		}})
	s := &stage{World: w, dir: folder(t)}
	file, err := w.WriteConfig(s.dir)
	must(t, err)
	s.cfg, err = upgrade.LoadConfig(file)
	must(t, err)
	s.cfg.Waits = defaults.Waits
	if r.off {
		s.switchOff()
	}
	s.cfg.Upload.StallTimeout, s.cfg.Upload.RetryFor, s.cfg.Upload.ChunkSize = defaults.Upload.StallTimeout, defaults.Upload.RetryFor, defaults.Upload.ChunkSize/scale
	return s
}

// switchOff leaves it to the run to start every VM.
func (s *stage) switchOff() {
	s.cfg.Test.Pipeline.Start = upgrade.PipelineStart{}
	for _, vm := range s.cfg.Test.VMs {
		s.Azure.SetPower(azurevmtest.VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name}, azurevm.Deallocated)
	}
}

// scale: package, chunks and line are this much smaller than in reality, so that the time is the same.
const scale = 1024

// link is a line with a latency and a rate.
type link struct {
	next           http.RoundTripper
	latency        time.Duration
	bytesPerSecond float64
}

func (r reality) link(next http.RoundTripper) http.RoundTripper {
	return link{next, r.latency, float64(r.bitsPerSecond) / 8 / scale}
}

func (l link) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(l.latency)
	if req.Body != nil && req.Body != http.NoBody {
		req = req.Clone(req.Context())
		req.Body = slowBody{req.Body, l.bytesPerSecond}
	}
	return l.next.RoundTrip(req)
}

type slowBody struct {
	io.ReadCloser
	bytesPerSecond float64
}

func (b slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	time.Sleep(time.Duration(float64(n) / b.bytesPerSecond * float64(time.Second)))
	return n, err
}

// hold begins calls on the first Conferencing Node once the upgrade is started, when the Management
// Node is the one that is upgraded, and ends them when they have held the node for as long as they should.
func (r reality) hold(t *testing.T, s *stage) runbook.Observer {
	return func(e runbook.Event) {
		if e.Step != "start-upgrade" || e.Kind != runbook.EventKind(runbook.KindDone) {
			return
		}
		const node = "test-conf-core"
		must(t, s.Test.SetCalls(node, 3))
		end := s.Test.State().Upgrades[0].At.Add(r.manager + r.calls)
		time.AfterFunc(time.Until(end), func() {
			if err := s.Test.SetCalls(node, 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// overhead lists how much longer than on the path the steps took, the worst first.
func overhead(state *runbook.State, path []stretch) string {
	type line struct {
		steps      string
		took, over time.Duration
	}
	var lines []line
	for steps := state.Plan.Steps; len(steps) > 0; {
		same := alike(steps)
		l := line{steps: same[0].ID, took: took(state, same)}
		l.over = l.took
		if i := slices.IndexFunc(path, func(s stretch) bool { return strings.HasPrefix(l.steps, s.steps) }); i >= 0 {
			l.over -= path[i].takes
		}
		lines, steps = append(lines, l), steps[len(same):]
	}
	slices.SortStableFunc(lines, func(a, b line) int { return int(b.over - a.over) })
	var b strings.Builder
	for _, l := range lines[:10] {
		fmt.Fprintf(&b, "  %-32s %12s of %s\n", l.steps, l.over, l.took)
	}
	return b.String()
}

// alike are the first of the steps and those behind it that do the same to other VMs.
func alike(steps []runbook.PlannedStep) []runbook.PlannedStep {
	kind := func(s runbook.PlannedStep) string { kind, _, _ := strings.Cut(s.ID, "/"); return kind }
	n := 1
	for n < len(steps) && kind(steps[n]) == kind(steps[0]) {
		n++
	}
	return steps[:n]
}

// took is from the first beginning to the last end.
func took(state *runbook.State, steps []runbook.PlannedStep) time.Duration {
	began, ended := state.Step(steps[0].ID).Started, state.Step(steps[0].ID).Ended
	for _, s := range steps {
		if at := state.Step(s.ID).Started; at.Before(began) {
			began = at
		}
		if at := state.Step(s.ID).Ended; at.After(ended) {
			ended = at
		}
	}
	return ended.Sub(began)
}
