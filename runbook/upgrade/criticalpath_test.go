package upgrade_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// reality is how long things take outside the program. Nothing of it is what a run recorded.
type reality struct {
	conferencingNodes int
	calls             time.Duration // how long they hold one node, from the moment at which nodes are upgraded; 0: no calls
	off               bool          // the VMs are off, and the configuration does not say how the pipeline starts them

	configBackup, deallocate, snapshot, transfer, start, boot time.Duration // boot: from running to in contact
	packageSize, bitsPerSecond                                int64
	manager, node                                             time.Duration // manager: installing, restarting, starting up
	latency                                                   time.Duration // of one request; not on the path, to be afforded from the allowance
}

// usual are the durations of a cloud deployment with a package of 3 GB behind 100 Mbit/s.
func usual() reality {
	return reality{conferencingNodes: manyNodes, configBackup: time.Minute, deallocate: 2 * time.Minute, snapshot: 8 * time.Minute, transfer: 3 * time.Hour,
		start: 3 * time.Minute, boot: 5 * time.Minute, packageSize: 3e9, bitsPerSecond: 100e6, manager: 20 * time.Minute, node: 3 * time.Minute,
		latency: 100 * time.Millisecond}
}

const (
	nodesAtOnce = 10 // of Pexip
	allowance   = 1.05
)

// stretch is a part of the critical path: the steps that make it up one after the other, by how their
// ids begin; those with the same beginning run side by side.
type stretch struct {
	steps string
	takes time.Duration
}

// criticalPath is the longest chain of what must follow upon each other: Pexip's backup needs the
// Management Node on, a snapshot its VM off, an upload all nodes in contact, and so on. The transfer
// into the vault is not on it, people answer at once.
func (r reality) criticalPath() []stretch {
	var first []stretch
	if r.off {
		first = []stretch{{"start-environment", r.start + r.boot}}
	}
	return append(first, []stretch{{"create-config-backup", r.configBackup}, {"deallocate-vm/", r.deallocate}, {"backup-vm/", r.snapshot}, {"start-vm/", r.start},
		{"wait-platform-online", r.boot}, {"upload-package", r.upload()}, {"wait-management-node", r.manager}, {"wait-conferencing-nodes", r.nodes()}}...)
}

func (r reality) upload() time.Duration {
	return time.Duration(float64(r.packageSize) * 8 / float64(r.bitsPerSecond) * float64(time.Second))
}

// nodes: a node without calls takes a place for its upgrade, all places are taken. The one with calls
// keeps a place until they end or for an hour; then it goes behind the others, who are done by then,
// and so gets a place again at once. Either way it is upgraded when its calls end.
func (r reality) nodes() time.Duration {
	others, places := r.conferencingNodes, nodesAtOnce
	if r.calls > 0 {
		others, places = others-1, places-1
	}
	rounds := time.Duration((others+places-1)/places) * r.node
	if r.calls > 0 {
		return max(rounds, r.calls+r.node)
	}
	return rounds
}

func total(path []stretch) (sum time.Duration) {
	for _, s := range path {
		sum += s.takes
	}
	return sum
}

// A run takes hardly longer than what it waits for, with the intervals that the product has by default.
func TestRunTakesHardlyLongerThanItsCriticalPath(t *testing.T) {
	t.Parallel()
	calls, off, one := usual(), usual(), usual()
	calls.calls, off.off, one.conferencingNodes = time.Hour, true, 1
	for name, r := range map[string]reality{"many nodes, calls on one for an hour": calls, "many nodes, all off": off, "one node": one} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			synctest.Test(t, r.measure)
			t.Logf("in %s of real time", time.Since(began).Round(time.Millisecond))
		})
	}
}

func (r reality) measure(t *testing.T) {
	s := r.stage(t)
	session := s.session(t, upgradetest.People{}, func(http.RoundTripper) http.RoundTripper { return r.link(s.Transport(nil)) })
	session.Runner.Log = &memlog.Log{} // syncing a disk takes time that the virtual clock does not show
	if r.calls > 0 {
		session.Runner.Observer = r.hold(t, s)
	}
	state := run(t, session)
	whole, path := state.End.At.Sub(state.Started), r.criticalPath()
	least := total(path)
	t.Logf("the run took %s, its critical path %s: %.4f", whole, least, whole.Seconds()/least.Seconds())
	if state.End.Outcome != runbook.Completed || whole < least || whole.Seconds() > allowance*least.Seconds() {
		t.Errorf("%s, and not between the critical path and %.2f times it; beyond it, by step:\n%s", state.End.Outcome, allowance, overhead(state, path))
	}
	s.wantUpgraded(t, "afterwards")
	s.wantNoTransferAwaited(t)
	s.wantPolite(t)
	r.wantExpected(t, state)
}

func (s *stage) wantNoTransferAwaited(t *testing.T) {
	t.Helper()
	for _, job := range s.Azure.State().Jobs {
		if job.Status != "InProgress" {
			t.Errorf("the transfer of %s into the vault was waited for: %s", job.VM, job.Status)
		}
	}
}

// wantPolite: no system gets more than 1,000 calls in a minute, which is all that a Management Node allows.
func (s *stage) wantPolite(t *testing.T) {
	t.Helper()
	const most = 1000
	at := map[string][]time.Time{}
	for _, q := range s.Requests() {
		times := append(at[q.System], q.At)
		if n := len(times); n > most && times[n-1].Sub(times[n-1-most]) < time.Minute {
			t.Fatalf("%s got more than %d calls in a minute, until %s", q.System, most, q.At)
		}
		at[q.System] = times
	}
}

// wantExpected: the plan says how long its steps normally take, of all that take a minute or more, and is
// right about the whole, calls apart.
func (r reality) wantExpected(t *testing.T, state *runbook.State) {
	t.Helper()
	var whole time.Duration
	for steps := state.Plan.Steps; len(steps) > 0; {
		same := alike(steps)
		if took := took(state, same); took > time.Minute && same[0].Expected == 0 && same[0].ID != "start-environment" {
			t.Errorf("%s took %s, and the plan does not say that it takes long", same[0].ID, took)
		}
		whole, steps = whole+same[0].Expected, steps[len(same):]
	}
	r.calls, r.off = 0, false
	if least := total(r.criticalPath()); whole < least || whole > least*5/4 {
		t.Errorf("the plan expects %s, the critical path is %s", whole, least)
	}
}
