package pexiptest

import (
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// Phases of an upgrade in the order in which Pexip's page "Upgrading the Pexip Infinity platform"
// describes them.
const (
	installing = "installing"
	rebooting  = "rebooting"
	starting   = "starting"
	upgrading  = "upgrading conferencing nodes"
	finished   = "finished"
	stopped    = "stopped"
)

// atOnce is how many Conferencing Nodes are upgraded at the same time.
const atOnce = 10

// upgradeRun is an upgrade under way.
type upgradeRun struct {
	target pexip.VersionInfo
	phase  string
	began  time.Time
	clock  time.Time // of the last event
	until  time.Time // end of a phase of the Management Node, at last of the whole
	queue  []*node
	jobs   []*job
}

// job is a Conferencing Node's turn: waiting for its calls to end, then being upgraded.
type job struct {
	node    *node
	waiting bool
	until   time.Time
}

func (w *world) begin(target pexip.VersionInfo, now time.Time) {
	w.upgrade = &upgradeRun{target: target, phase: installing, began: now, clock: now, until: now.Add(w.opt.UpgradeDuration)}
	w.manager().status = "UPGRADING"
	for _, bursting := range []bool{false, true} { // bursting nodes come last
		for _, n := range w.byRole(pexip.Conferencing) {
			if n.CloudBursting == bursting && info(n.version).PseudoVersion != target.PseudoVersion {
				n.status = "PENDING"
				w.upgrade.queue = append(w.upgrade.queue, n)
			}
		}
	}
}

func (w *world) busy() bool {
	return w.upgrade != nil && w.upgrade.phase != finished && w.upgrade.phase != stopped
}

// advance lets everything happen that is due by now, in the order of time.
func (w *world) advance(now time.Time) {
	for w.busy() {
		at := w.upgrade.nextEvent()
		if at.After(now) {
			break
		}
		w.upgrade.clock = at
		w.handle(at)
	}
	if w.busy() && w.upgrade.phase == upgrading {
		w.dispatch(now)
	}
}

// nextEvent is when something happens by itself.
func (u *upgradeRun) nextEvent() time.Time {
	if u.phase != upgrading {
		return u.until
	}
	at := u.until
	for _, j := range u.jobs {
		at = earlier(at, j.until)
		if j.waiting && j.node.on && j.node.bootedAt.After(u.clock) {
			at = earlier(at, j.node.bootedAt)
		}
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (w *world) handle(at time.Time) {
	u := w.upgrade
	switch u.phase {
	case installing:
		u.phase, u.until = rebooting, at.Add(w.opt.RebootDuration)
		w.uploads = nil
	case rebooting:
		u.phase, u.until = starting, at.Add(w.opt.StartupDuration)
	case starting:
		for _, n := range w.byRole(pexip.Management) {
			n.version, n.status = text(u.target), "IDLE"
		}
		u.phase, u.until = upgrading, u.began.Add(w.opt.UpgradeLimit)
		w.dispatch(at)
	case upgrading:
		w.handleNodes(at)
	}
}

func (w *world) handleNodes(at time.Time) {
	u := w.upgrade
	if !at.Before(u.until) {
		w.giveUp()
		return
	}
	u.jobs = slices.DeleteFunc(u.jobs, func(j *job) bool {
		if at.Before(j.until) {
			return false
		}
		j.node.parked, j.node.reason = false, ""
		if j.waiting {
			j.node.status = "PENDING"
			u.queue = append(u.queue, j.node)
		} else {
			j.node.version, j.node.status = text(u.target), "IDLE"
		}
		return true
	})
	w.dispatch(at)
}

// giveUp is the end of the whole process after its limit: nodes stay as they are.
func (w *world) giveUp() {
	for _, n := range w.byRole(pexip.Conferencing) {
		n.parked, n.status = false, "IDLE"
	}
	w.upgrade.jobs, w.upgrade.queue, w.upgrade.phase = nil, nil, stopped
}

// dispatch fills free places from the queue and upgrades the nodes that have no calls.
func (w *world) dispatch(at time.Time) {
	u := w.upgrade
	for len(u.jobs) < atOnce && len(u.queue) > 0 {
		n := u.queue[0]
		u.queue = u.queue[1:]
		n.parked, n.status = true, "WAITING_FOR_CALLS"
		if n.CloudBursting {
			n.on = true // the platform starts it by itself
		}
		u.jobs = append(u.jobs, &job{node: n, waiting: true, until: at.Add(w.opt.CallWait)})
	}
	for _, j := range u.jobs {
		if j.waiting && j.node.calls == 0 && j.node.up(at) {
			j.waiting, j.until, j.node.status = false, at.Add(w.opt.NodeUpgradeDuration), "UPGRADING"
		}
	}
	if len(u.jobs) == 0 && len(u.queue) == 0 {
		u.phase = finished
		w.testCall(at)
	}
}

// Reachable says whether the Management Node answers at all: not switched off, not restarting,
// not set down.
func (s *Server) Reachable() bool {
	if s.Down() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	s.world.advance(now)
	return s.world.manager().up(now) && !(s.world.upgrade != nil && s.world.upgrade.phase == rebooting)
}

// startingUp is the status answered while the web server is up and its application is not; 0:
// all is up.
func (w *world) startingUp(now time.Time) int {
	ready := w.startedUp
	if w.upgrade != nil && w.upgrade.phase == starting {
		ready = w.upgrade.until
	}
	switch {
	case !now.Before(ready):
		return 0
	case now.Before(ready.Add(-w.opt.StartupDuration / 2)):
		return 502
	}
	return 503
}
