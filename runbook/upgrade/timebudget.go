package upgrade

import (
	"fmt"
	"os"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// usualPackage is the size in bytes of a package that is not looked at.
const usualPackage = 3e9

// usualUpload and usualNodes are what the plan expects of the two longest steps; other than in the estimate for the
// change window nothing is added to be on the safe side.
func (p *Process) usualUpload() time.Duration {
	return policy.Effort{Size: usualPackage, Rate: float64(p.cfg.Upload.ExpectedRate)}.Estimate().Upload
}

func (p *Process) usualNodes() time.Duration {
	return policy.Effort{Nodes: p.cfg.conferencingNodes(p.env)}.Estimate().Nodes
}

// checkTimeBudget compares the estimate with the times in which changes are allowed (RISK-2). The pipeline's next
// scheduled stop, which the pause holds back, is stated.
func (p *Process) checkTimeBudget(sc *runbook.StepContext) error {
	if _, err := os.Stat(p.cfg.Package.File); err != nil {
		return fmt.Errorf("upgrade file: %w", err)
	}
	b, now := *p.rules.Budget, time.Now()
	end := now.Add(b.Estimate.Total())
	return p.judge(sc, append(policy.CheckBudget(b, now), p.nextStop(now, end), sourceAdvice()))
}

func (p *Process) nextStop(now, end time.Time) policy.Finding {
	stop := p.cfg.Window.StopAfter(now)
	return finding("RISK-2", "next-scheduled-stop", policy.Advice, stop.IsZero() || end.Before(stop), "the schedule's next stop is at "+stop.Format("Mon 15:04 MST"),
		"the pause holds it back; it is cancelled before the pipeline is resumed")
}

// sourceAdvice names where Pexip disagrees with the written process, which is followed.
func sourceAdvice() policy.Finding {
	f := finding("SNAP-1", "pexip-prefers-own-backup", policy.Advice, false,
		"Pexip advises its own backup for cloud deployments, and no rollback to VM snapshots without its support", "both are made; a rollback asks for the support case")
	f.Source = "Pexip Infinity v39.1 release notes, upgrading"
	return f
}
