package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// checkHealth: always-on nodes in contact, idle, in sync and on one version; alarms; no other upgrade.
func (p *Process) checkHealth(sc *runbook.StepContext) error {
	nodes, err := p.pexip().Nodes(sc)
	if err != nil {
		return err
	}
	var fs policy.Findings
	for _, n := range nodes {
		if !n.CloudBursting {
			fs = append(fs, finding("VER-1", "node-healthy", policy.Must, healthy(n) == "", nodeText(n)+healthy(n), "wait, or repair the node before upgrading"))
		}
	}
	fs = append(fs, sameVersion(nodes))
	alarms, err := p.alarmFindings(sc)
	if err != nil {
		return err
	}
	requests, err := p.requestFindings(sc)
	if err != nil {
		return err
	}
	return p.judge(sc, slices.Concat(fs, alarms, requests))
}

func nodeText(n pexip.Node) string {
	return fmt.Sprintf("%s node %s runs %s", n.Role, n.Name, n.Version)
}

// healthy says what is wrong with an always-on node, or "".
func healthy(n pexip.Node) string {
	switch {
	case !n.HasStatus:
		return ", has never been in contact"
	case !n.UpgradeIdle():
		return ", is being upgraded: " + n.UpgradeStatus
	case !n.Synced():
		return ", is not in sync: " + n.SyncStatus
	}
	return ""
}

func sameVersion(nodes []pexip.Node) policy.Finding {
	var versions []string
	for _, n := range nodes {
		if !n.CloudBursting && !slices.Contains(versions, n.Version) {
			versions = append(versions, n.Version)
		}
	}
	return finding("VER-1", "one-version", policy.Must, len(versions) == 1, "the nodes run "+strings.Join(versions, " and "),
		"finish the earlier upgrade first; all always-on nodes must run the same version")
}

func (p *Process) alarmFindings(sc *runbook.StepContext) (policy.Findings, error) {
	alarms, err := p.pexip().Alarms(sc)
	if err != nil {
		return nil, err
	}
	var fs policy.Findings
	for _, a := range alarms {
		f := finding("VER-1", "alarm", policy.Should, false, fmt.Sprintf("alarm %s (%s) on %s: %s", a.Name, a.Level, a.Node, a.Details), "clear it, or say why it does not matter")
		if a.ConnectivityLost() {
			f.Class, f.Remedy = policy.Must, "a node is not in contact; the upgrade would leave it behind"
		}
		fs = append(fs, f)
	}
	return fs, nil
}

func (p *Process) requestFindings(sc *runbook.StepContext) (policy.Findings, error) {
	if p.cfg.Upload.Method != UploadResumable {
		return nil, nil
	}
	requests, err := p.pexip().UpgradeRequests(sc)
	if err != nil {
		return nil, err
	}
	var fs policy.Findings
	for _, r := range requests {
		if p.ownRequest(sc, r.ID) {
			continue
		}
		fs = append(fs, finding("UPG-5", "no-other-upgrade", policy.Must, false, fmt.Sprintf("somebody else's upload %s is at byte %d", r.ID, r.Offset), "find out whose it is; cancel it in the web interface"))
	}
	return fs, nil
}

func (p *Process) ownRequest(sc *runbook.StepContext, id string) bool {
	var own string
	_, err := sc.NotedBy(stepUpload, noteRequest, &own)
	return err == nil && own == id
}
