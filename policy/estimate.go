package policy

import (
	"fmt"
	"math"
	"time"
)

// What an estimate assumes. Of the roll-out Pexip says: the Management Node takes up to an hour; ten Conferencing
// Nodes at a time, about two minutes each plus the transfer of the file to it; a node with calls is waited for up to
// an hour; after 24 hours the process stops wherever it is.
const (
	assumedRate       = 100e6 / 8 // bytes per second to the Management Node
	assumedNodeRate   = 1e9 / 8   // bytes per second from there to all nodes of a round
	assumedManagement = time.Hour
	assumedNode       = 3 * time.Minute // rather than two
	assumedCalls      = time.Hour
	assumedBackup     = 20 * time.Minute // Pexip's own, then stop, snapshot, start and contact, all VMs side by side
	assumedChecks     = 30 * time.Minute // people and endpoints
	nodesAtOnce       = 10

	// RollOutLimit is when Pexip's upgrade process stops, leaving nodes in whatever version they have.
	RollOutLimit = 24 * time.Hour
)

// Effort is what an estimate is made from.
type Effort struct {
	Size  int64   // of the package in bytes; 0: unknown
	Rate  float64 // of the upload in bytes per second; 0: 12.5 million
	Nodes int     // Conferencing Nodes
	Calls bool    // calls may be going on, so that each round waits for them
}

// Estimate is how long an upgrade may take.
type Estimate struct {
	Upload     time.Duration `json:"upload"`
	Backup     time.Duration `json:"backup"`
	Management time.Duration `json:"managementNode"`
	Nodes      time.Duration `json:"conferencingNodes"`
	Calls      time.Duration `json:"calls"`
	Checks     time.Duration `json:"checks"`
}

// Estimate applies Pexip's roll-out rules.
func (e Effort) Estimate() Estimate {
	rate := e.Rate
	if !(rate > 0) {
		rate = assumedRate
	}
	size, nodes := float64(max(e.Size, 0)), min(max(e.Nodes, 0), 100_000)
	rounds := time.Duration((nodes + nodesAtOnce - 1) / nodesAtOnce)
	est := Estimate{Upload: transfer(size, rate), Backup: assumedBackup, Management: assumedManagement,
		Nodes: rounds*assumedNode + transfer(size*float64(nodes), assumedNodeRate), Checks: assumedChecks}
	if e.Calls {
		est.Calls = rounds * assumedCalls
	}
	return est
}

// transfer is how long bytes take, in whole seconds and a hundred days at most.
func transfer(bytes, rate float64) time.Duration {
	const most = 100 * 24 * 3600
	return time.Duration(math.Ceil(min(bytes/rate, most))) * time.Second
}

// Total is the sum.
func (e Estimate) Total() time.Duration {
	return e.Upload + e.Backup + e.RollOut() + e.Checks
}

// RollOut is the part that Pexip does by itself, from the start of the upgrade on.
func (e Estimate) RollOut() time.Duration { return e.Management + e.Nodes + e.Calls }

// String is the estimate with its parts.
func (e Estimate) String() string {
	return fmt.Sprintf("about %s (upload %s, backup %s, Management Node %s, Conferencing Nodes %s, calls %s, checks %s)",
		short(e.Total()), short(e.Upload), short(e.Backup), short(e.Management), short(e.Nodes), short(e.Calls), short(e.Checks))
}

func short(d time.Duration) string {
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d:%02d h", d/time.Hour, d%time.Hour/time.Minute)
}
