package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// freshness is how old a node's last contact may be for it to count as in contact.
const freshness = 5 * time.Minute

func primaryNode(ctx context.Context, c *pexip.Client) (pexip.Node, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return pexip.Node{}, err
	}
	i := slices.IndexFunc(nodes, func(n pexip.Node) bool { return n.Role == pexip.Management && n.Primary })
	if i < 0 {
		return pexip.Node{}, errors.New("no node says that it is the primary Management Node")
	}
	return nodes[i], nil
}

// await polls the Management Node until done says so. A node that does not answer is "not yet".
func (p *Process) await(sc *runbook.StepContext, what string, limit time.Duration, done func([]pexip.Node) (bool, string)) error {
	return poll.Until(sc, what, p.cfg.Waits.PollInterval, limit, func(ctx context.Context) (bool, error) {
		nodes, err := p.pexip().Nodes(ctx)
		if err != nil {
			if !pexip.Unavailable(err) {
				return false, err
			}
			sc.Progress(0, 0, "", "the Management Node does not answer yet")
			return false, nil
		}
		ok, text := done(nodes)
		if !ok {
			sc.Progress(0, 0, "", "%s", text)
		}
		return ok, nil
	})
}

// inContact says which always-on nodes are not in contact and in sync since a time.
func inContact(nodes []pexip.Node, since time.Time) (ok bool, text string) {
	for _, n := range nodes {
		if n.CloudBursting {
			continue
		}
		if why := healthy(n); why != "" {
			return false, nodeText(n) + why
		}
		if n.LastUpdated.Before(since) {
			return false, fmt.Sprintf("%s was last in contact at %s", n.Name, n.LastUpdated.Format(time.TimeOnly))
		}
	}
	return true, ""
}

// reportsTarget says whether a node runs the target and nothing else is going on.
func (p *Process) reportsTarget(n pexip.Node) bool {
	v, err := policy.ParseVersion(n.Version)
	return err == nil && v.SameSoftware(p.target) && healthy(n) == ""
}

// progressOf counts the nodes of a role that run the target.
func (p *Process) progressOf(nodes []pexip.Node, role pexip.Role) (at, of int, next string) {
	for _, n := range nodes {
		if n.Role != role || n.CloudBursting {
			continue
		}
		of++
		if p.reportsTarget(n) {
			at++
		} else if next == "" {
			next = nodeText(n) + ", " + n.UpgradeStatus
		}
	}
	return at, of, next
}

// upgradeRunning says whether the platform is in the middle of an upgrade. A Management Node that does
// not answer after this run's start counts as running; before it, one waits until it answers.
func (p *Process) upgradeRunning(sc *runbook.StepContext) (running bool, why string, err error) {
	attempted := sc.Status(stepStart) != runbook.StepPending
	nodes, err := p.pexip().Nodes(sc)
	if pexip.Unavailable(err) && attempted {
		return true, "the Management Node does not answer: " + err.Error(), nil
	}
	if pexip.Unavailable(err) {
		err = p.await(sc, "the Management Node to answer", p.cfg.Waits.PlatformOnline, func(n []pexip.Node) (bool, string) {
			nodes = n
			return true, ""
		})
	}
	if err != nil {
		return false, "", err
	}
	for _, n := range nodes {
		if n.HasStatus && !n.UpgradeIdle() {
			return true, nodeText(n) + ": " + n.UpgradeStatus, nil
		}
	}
	return false, "", nil
}
