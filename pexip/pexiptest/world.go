package pexiptest

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/verify-by-video/pexip-upgrade/pexip"
)

func newID() string { return uuid.NewString() }

// world is everything that changes; guarded by Server.mu.
type world struct {
	opt     Options
	global  map[string]any
	nodes   []*node
	syslog  map[string]bool // who refers to the syslog server: "management node mgr", "location X"
	servers bool            // whether there is a syslog server
	alarms  []pexip.Alarm
	role    roleState
	tokens  map[string]time.Time
	jtis    map[string]bool
	uploads []*upload
	backups []*backup
	// snapshots are diagnostic ones.
	snapshots []*snapshot
	troubles  []*trouble
	made      []call
	rate      int       // of reading bodies, in bytes per second; 0: not limited
	startedUp time.Time // when the web server answers again after a restart
	upgrade   *upgradeRun
	started   []Started
	tries     int
}

type node struct {
	Node
	id       int
	version  string
	status   string
	parked   bool // in maintenance mode
	reason   string
	on       bool
	bootedAt time.Time
	seen     time.Time // when it was last in contact, while it is not
	calls    int
}

type roleState struct {
	name        string
	permissions []int
	readOnly    bool
}

func newWorld(opt Options, now time.Time) world {
	w := world{opt: opt, global: globalDefaults(), servers: true, syslog: map[string]bool{}, tokens: map[string]time.Time{}, jtis: map[string]bool{}}
	w.global["session_timeout_enabled"] = !opt.SessionTimeoutDisabled
	w.global["management_session_timeout"] = 30
	w.role = roleState{name: "Read-write", permissions: allPermissions()}
	ids := map[pexip.Role]int{}
	for _, n := range opt.Nodes {
		n.Role = cmp.Or(n.Role, pexip.Conferencing)
		if n.Role == pexip.Conferencing {
			n.Location = cmp.Or(n.Location, "Location A")
			w.syslog["location "+n.Location] = true
		} else {
			w.syslog["management node "+n.Name] = true
		}
		ids[n.Role]++
		w.nodes = append(w.nodes, &node{Node: n, id: ids[n.Role], version: cmp.Or(n.Version, opt.Version), status: "IDLE",
			on: !n.Off && !n.CloudBursting, seen: now.Add(-24 * time.Hour)})
	}
	return w
}

// manager is the Management Node that answers; there always is one.
func (w *world) manager() *node { return w.byRole(pexip.Management)[0] }

func (w *world) byRole(role pexip.Role) []*node {
	var out []*node
	for _, n := range w.nodes {
		if n.Role == role {
			out = append(out, n)
		}
	}
	return out
}

// locations are in the order in which nodes name them.
func (w *world) locations() []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range w.byRole(pexip.Conferencing) {
		if !seen[n.Location] {
			seen[n.Location] = true
			out = append(out, n.Location)
		}
	}
	return out
}

func (n *node) up(now time.Time) bool { return n.on && !now.Before(n.bootedAt) }

// lastUpdated is now for a node in contact. A Conferencing Node restarts in the second half of its
// upgrade.
func (w *world) lastUpdated(n *node, now time.Time) time.Time {
	if !n.up(now) {
		return n.seen
	}
	if w.upgrade == nil {
		return now
	}
	for _, j := range w.upgrade.jobs {
		if half := j.until.Add(-w.opt.NodeUpgradeDuration / 2); j.node == n && !j.waiting && now.After(half) {
			return half
		}
	}
	return now
}

func (w *world) syncStatus(n *node) string {
	if n.CloudBursting && !n.on {
		return "SUSPENDED"
	}
	return "SYNCED"
}

// raised are the alarms of now: those added by hand and one for each always-on node out of contact.
func (w *world) raised(now time.Time) []pexip.Alarm {
	out := append([]pexip.Alarm(nil), w.alarms...)
	for _, n := range w.byRole(pexip.Conferencing) {
		if !n.CloudBursting && !n.up(now) {
			out = append(out, pexip.Alarm{Identifier: 5, Name: "connectivity_lost", Level: "critical", Node: n.Address, Instance: n.Name,
				Details: "No contact with the node.", TimeRaised: n.seen})
		}
	}
	return out
}

var versionText = regexp.MustCompile(`^v?([\d.]+)(?:\s*\(([\d.]+)\))?$`)

// info splits "39.1 (83067.0.0)".
func info(version string) pexip.VersionInfo {
	m := versionText.FindStringSubmatch(version)
	if m == nil {
		return pexip.VersionInfo{Version: version}
	}
	return numbered(m[1], m[2])
}

func numbered(version, pseudo string) pexip.VersionInfo {
	major, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(major) // digits only
	return pexip.VersionInfo{Version: version, PseudoVersion: pseudo, Major: n, BuildDate: "2026-01-02"}
}

func text(v pexip.VersionInfo) string { return v.Version + " (" + v.PseudoVersion + ")" }

// older compares version numbers part by part, missing parts being 0.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if x, y := part(as, i), part(bs, i); x != y {
			return x < y
		}
	}
	return false
}

func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i]) // what is no number counts as 0
	return n
}
