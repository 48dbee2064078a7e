package upgrade

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	phaseUpgrade  = "Upgrade"
	stepUpload    = "upload-package"
	stepValidate  = "validate-package"
	stepStart     = "start-upgrade"
	stepWaitNodes = "wait-conferencing-nodes"
	noteRequest   = "upgrade-request"
	noteCreating  = "creating"
)

func (p *Process) upgrade() []runbook.Step {
	start := runbook.Step{ID: stepStart, Phase: phaseUpgrade, Title: "Start the upgrade", Clauses: []string{"UPG-5"}, Effect: runbook.Once,
		Does: "tells " + p.own.Pexip.URL + " to install the uploaded package; exactly once", Apply: p.startUpgrade, Resolve: p.resolveStart}
	if p.cfg.Upload.Method == UploadOneShot {
		start.Does = "uploads " + p.cfg.Package.File + " to " + p.own.Pexip.URL + " in one request, which starts the upgrade; exactly once"
	}
	return []runbook.Step{
		{ID: "disable-session-timeout", Phase: phaseUpgrade, Title: "Switch the session timeout off", Clauses: []string{"UPG-4"}, Owes: []string{owesTimeout},
			Does: "changes this one setting of " + p.own.Pexip.URL, Apply: p.disableTimeout},
		{ID: stepUpload, Phase: phaseUpgrade, Title: "Upload the package", Clauses: []string{"UPG-5", "PRE-4", "RISK-2"}, Owes: []string{owesRequest},
			Does: p.uploadText(), Expected: p.usualUpload(), Apply: p.upload},
		{ID: stepValidate, Phase: phaseUpgrade, Title: "Let the node name what it received", Clauses: []string{"POL-5a"},
			Does: "asks " + p.own.Pexip.URL + " which version runs and which the package holds; installs nothing", Apply: p.validate},
		start,
		{ID: "wait-management-node", Phase: phaseUpgrade, Title: "Wait for the Management Node", Clauses: []string{"UPG-5"}, Expected: 20 * time.Minute,
			Does: p.own.Pexip.URL + " is upgraded first and reboots by itself; never reboot it", Apply: p.waitManagementNode},
		{ID: stepWaitNodes, Phase: phaseUpgrade, Title: "Wait for the Conferencing Nodes", Clauses: []string{"UPG-5"}, Expected: p.usualNodes(),
			Does: fmt.Sprintf("watches %d nodes: at most ten at a time, each when its calls have ended", len(p.own.VMs)-1), Apply: p.waitConferencingNodes},
	}
}

func (p *Process) waitManagementNode(sc *runbook.StepContext) error {
	if err := p.settleRequest(sc); err != nil {
		return err
	}
	err := p.await(sc, "the Management Node to run "+p.target.Release(), p.cfg.Waits.ManagementNode, func(nodes []pexip.Node) (bool, string) {
		at, of, next := p.progressOf(nodes, pexip.Management)
		return of > 0 && at == of, next
	})
	if err == nil {
		sc.Say("runs %s", p.target)
	}
	return err
}

// settleRequest closes the obligation of the upload: the upgrade has used it.
func (p *Process) settleRequest(sc *runbook.StepContext) error {
	return sc.Settle(owesRequest, uploadKey)
}

func (p *Process) waitConferencingNodes(sc *runbook.StepContext) error {
	twice := 0
	err := p.await(sc, "the Conferencing Nodes to run "+p.target.Release(), p.cfg.Waits.ConferencingNodes, func(nodes []pexip.Node) (bool, string) {
		at, of, next := p.progressOf(nodes, pexip.Conferencing)
		sc.Progress(int64(at), int64(of), "nodes", "%s", next)
		ok, why := inContact(nodes, time.Now().Add(-freshness))
		if at < of || !ok {
			twice = 0
			return false, next + why
		}
		twice++
		return twice == 2, "seen once, looked at again"
	})
	if err == nil {
		sc.Say("all run %s", p.target)
	}
	return err
}
