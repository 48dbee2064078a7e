package upgrade

import (
	"fmt"
	"os"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// What the estimate assumes. Pexip: the Management Node takes up to an hour, a Conferencing Node about
// two minutes plus the transfer, ten at a time; calls may hold a node for an hour.
const (
	assumedRate       = 100e6 / 8 // bytes per second
	assumedManagement = time.Hour
	assumedNode       = 3 * time.Minute
	assumedBackup     = 20 * time.Minute // Pexip's own, then stop, snapshot, start and contact, all VMs side by side
	assumedChecks     = 30 * time.Minute // people and endpoints
	usualPackage      = 3e9              // bytes, where the file is not looked at
	nodesAtOnce       = 10
)

// Estimate is how long an upgrade may take.
type Estimate struct {
	Upload     time.Duration `json:"upload"`
	Backup     time.Duration `json:"backup"`
	Management time.Duration `json:"managementNode"`
	Nodes      time.Duration `json:"conferencingNodes"`
	Checks     time.Duration `json:"checks"`
}

// Total is the sum.
func (e Estimate) Total() time.Duration {
	return e.Upload + e.Backup + e.Management + e.Nodes + e.Checks
}

// estimate is for a package of size bytes and a number of Conferencing Nodes.
func estimate(size int64, nodes int) Estimate {
	return Estimate{Upload: uploadTime(size), Backup: assumedBackup, Management: assumedManagement, Nodes: nodesTime(nodes), Checks: assumedChecks}
}

func uploadTime(size int64) time.Duration {
	return time.Duration(float64(size) / assumedRate * float64(time.Second))
}

// nodesTime is for Conferencing Nodes without calls.
func nodesTime(nodes int) time.Duration {
	return time.Duration((nodes+nodesAtOnce-1)/nodesAtOnce) * assumedNode
}

// checkTimeBudget compares the estimate with the change window. Without a window there is no limit to
// keep; the estimate and the pipeline's next scheduled stop, which the pause holds back, are stated.
func (p *Process) checkTimeBudget(sc *runbook.StepContext) error {
	info, err := os.Stat(p.cfg.Package.File)
	if err != nil {
		return fmt.Errorf("upgrade file: %w", err)
	}
	return p.judge(sc, p.budget(estimate(info.Size(), len(p.own.VMs)-1), time.Now()))
}

func (p *Process) budget(e Estimate, now time.Time) policy.Findings {
	end := now.Add(e.Total())
	detail := fmt.Sprintf("about %s, until %s", e.Total().Round(time.Minute), end.Format("Mon 15:04"))
	w := p.cfg.Window
	f := finding("RISK-2", "time-budget", policy.Should, true, detail+"; no change window is configured", "")
	if w.ChangeWindow != nil {
		_, until := w.ChangeWindow.Next(now)
		ok := w.ChangeWindow.Contains(now) && !end.After(until)
		f = finding("RISK-2", "time-budget", policy.Should, ok, fmt.Sprintf("%s; change window %s", detail, *w.ChangeWindow), "start when the change window leaves enough time")
	}
	stop := w.StopAfter(now)
	advice := finding("RISK-2", "next-scheduled-stop", policy.Advice, stop.IsZero() || end.Before(stop), "the schedule's next stop is at "+stop.Format("Mon 15:04 MST"), "the pause holds it back; it is cancelled before the pipeline is resumed")
	return policy.Findings{f, advice, sourceAdvice()}
}

// sourceAdvice names where Pexip disagrees with the written process, which is followed.
func sourceAdvice() policy.Finding {
	f := finding("SNAP-1", "pexip-prefers-own-backup", policy.Advice, false,
		"Pexip advises its own backup for cloud deployments, and no rollback to VM snapshots without its support", "both are made; a rollback asks for the support case")
	f.Source = "Pexip Infinity v39.1 release notes, upgrading"
	return f
}
