package upgrade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/awake"
	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	phaseUpgrade  = "Upgrade"
	stepUpload    = "upload-package"
	stepStart     = "start-upgrade"
	stepWaitNodes = "wait-conferencing-nodes"
	noteRequest   = "upgrade-request"
	noteCreating  = "creating"
)

func (p *Process) upgrade() []runbook.Step {
	start := runbook.Step{ID: stepStart, Phase: phaseUpgrade, Title: "Start the upgrade", Clauses: []string{"UPG-5"}, Effect: runbook.Once,
		Does: "tells the Management Node to install the uploaded package; exactly once", Apply: p.startUpgrade, Resolve: p.resolveStart}
	if p.cfg.Upload.Method == UploadOneShot {
		start.Does = "uploads the package in one request, which starts the upgrade; exactly once"
	}
	return []runbook.Step{
		{ID: "disable-session-timeout", Phase: phaseUpgrade, Title: "Switch the session timeout off", Clauses: []string{"UPG-4"}, Owes: []string{owesTimeout},
			Does: "changes this one setting of " + p.own.Pexip.URL, Apply: p.disableTimeout},
		{ID: stepUpload, Phase: phaseUpgrade, Title: "Upload the package", Clauses: []string{"UPG-5", "PRE-4", "RISK-2"}, Owes: []string{owesRequest},
			Does: p.uploadText(), Expected: 10 * time.Minute, Apply: p.upload},
		{ID: "validate-package", Phase: phaseUpgrade, Title: "Let the node name what it received", Clauses: []string{"POL-5a"},
			Does: "asks the node which version runs and which the package holds; installs nothing", Apply: p.validate},
		start,
		{ID: "wait-management-node", Phase: phaseUpgrade, Title: "Wait for the Management Node", Clauses: []string{"UPG-5"}, Expected: 20 * time.Minute,
			Does: "it is upgraded first and reboots by itself; never reboot it", Apply: p.waitManagementNode},
		{ID: stepWaitNodes, Phase: phaseUpgrade, Title: "Wait for the Conferencing Nodes", Clauses: []string{"UPG-5"}, Expected: time.Hour,
			Does: "at most ten at a time, each when its calls have ended", Apply: p.waitConferencingNodes},
	}
}

func (p *Process) uploadText() string {
	switch p.cfg.Upload.Method {
	case UploadResumable:
		return "sends " + p.cfg.Package.File + " in chunks, continued after any interruption"
	case UploadOneShot:
		return "nothing yet: the one-shot upload is the start of the upgrade"
	}
	return "asks a person to upload the package in the web interface"
}

func (p *Process) disableTimeout(sc *runbook.StepContext) error {
	s, err := p.pexip().GlobalSettings(sc)
	if err != nil {
		return err
	}
	if !s.SessionTimeoutEnabled {
		sc.Say("is off")
		return nil
	}
	if err := sc.Owe(owesTimeout, timeoutKey, s.SessionTimeoutEnabled); err != nil {
		return err
	}
	if err := p.pexip().SetSessionTimeoutEnabled(sc, false); err != nil {
		return err
	}
	if s, err = p.pexip().GlobalSettings(sc); err != nil {
		return err
	}
	if s.SessionTimeoutEnabled {
		return errors.New("the session timeout is still on after it was switched off")
	}
	sc.Say("was on, now off")
	return nil
}

// upload sends the package while the workstation is kept awake (PRE-4).
func (p *Process) upload(sc *runbook.StepContext) error {
	switch p.cfg.Upload.Method {
	case UploadOneShot:
		sc.Say("left to %s: a one-shot upload starts the upgrade", stepStart)
		return nil
	case UploadManual:
		return p.uploadByHand(sc)
	}
	file, err := pexip.OpenPackage(p.cfg.Package.File, p.cfg.Package.SHA256)
	if err != nil {
		return err
	}
	defer file.Close()
	id, err := p.request(sc, file.Size)
	if err != nil {
		return err
	}
	release, how := awake.Keep("uploading the Pexip upgrade")
	defer release()
	sent, err := p.pexip().Upload(sc, id, file.Package, func(at pexip.Progress) { p.show(sc, at) })
	if err != nil {
		return err
	}
	sc.Say("%d bytes sent, SHA-256 %.12s… as published; workstation: %s", sent.Bytes, sent.SHA256, how)
	return sc.Output(sent)
}

func (p *Process) show(sc *runbook.StepContext, at pexip.Progress) {
	sc.Progress(at.Done, at.Total, "bytes", "%s", at.Phase)
}

func (p *Process) uploadByHand(sc *runbook.StepContext) error {
	a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: fmt.Sprintf(
		"Upload %s in the web interface of %s (Utilities > Upgrade), check that it names %s, and do not start it yet.", p.cfg.Package.File, p.own.Pexip.URL, p.target)})
	if err != nil {
		return err
	}
	sc.Say("uploaded by hand by %s: %s", a.Actor, a.Statement)
	return nil
}

// request finds this run's upload on the node or begins one. It is owed until it is used or cancelled.
func (p *Process) request(sc *runbook.StepContext, size int64) (string, error) {
	var id string
	known, err := sc.Noted(noteRequest, &id)
	if err != nil {
		return "", err
	}
	if known {
		_, err := p.pexip().UpgradeRequest(sc, id)
		if !errors.Is(err, pexip.ErrNotFound) {
			return id, err
		}
	}
	if err := sc.Owe(owesRequest, uploadKey, nil); err != nil {
		return "", err
	}
	if id, err = p.beginRequest(sc, size, known); err != nil {
		return "", err
	}
	return id, sc.Note(noteRequest, id)
}

// beginRequest creates the upload. If an earlier try was interrupted between creating it and noting
// its id, an upload at byte 0 is that one.
func (p *Process) beginRequest(sc *runbook.StepContext, size int64, known bool) (string, error) {
	var creating bool
	if _, err := sc.Noted(noteCreating, &creating); err != nil {
		return "", err
	}
	if creating && !known {
		if id, err := p.orphan(sc); err != nil || id != "" {
			return id, err
		}
	}
	if err := sc.Note(noteCreating, true); err != nil {
		return "", err
	}
	r, err := p.pexip().CreateUpgradeRequest(sc, size)
	return r.ID, err
}

// orphan is the only upload on the node if nothing was sent of it yet.
func (p *Process) orphan(sc *runbook.StepContext) (string, error) {
	requests, err := p.pexip().UpgradeRequests(sc)
	if err != nil || len(requests) != 1 || requests[0].Offset != 0 {
		return "", err
	}
	return requests[0].ID, nil
}

// validate compares what the node says with the plan before anything is installed.
func (p *Process) validate(sc *runbook.StepContext) error {
	if p.cfg.Upload.Method != UploadResumable {
		sc.Say("the node cannot be asked beforehand with upload method %q; the checksum stands for the content", p.cfg.Upload.Method)
		return nil
	}
	id, err := p.uploaded(sc)
	if err != nil {
		return err
	}
	v, err := p.pexip().ValidateUpgrade(sc, id)
	if err != nil {
		return err
	}
	holds, err := versionOf(v.Upgrade)
	if err != nil {
		return err
	}
	primary, err := primaryNode(sc, p.pexip())
	if err != nil {
		return err
	}
	if !holds.SameSoftware(p.target) {
		return fmt.Errorf("the node says that the package holds %s, the plan is %s; nothing was installed: abort, and use the right package", holds, p.target)
	}
	current, err := versionOf(v.Current)
	if err != nil {
		return err
	}
	if runs, err := policy.ParseVersion(primary.Version); err != nil || !current.SameRelease(runs) {
		return fmt.Errorf("the node says that it runs %s, its status says %s; nothing was installed", current, primary.Version)
	}
	sc.Say("runs %s, package holds %s", current, holds)
	return sc.Output(v)
}

func (p *Process) uploaded(sc *runbook.StepContext) (string, error) {
	var id string
	known, err := sc.NotedBy(stepUpload, noteRequest, &id)
	if err == nil && !known {
		err = errors.New("no upload of this run is known")
	}
	return id, err
}

func versionOf(v pexip.VersionInfo) (policy.Version, error) {
	version, err := policy.ParseVersion(v.Version)
	if err != nil || version.Build != "" || v.PseudoVersion == "" {
		return version, err
	}
	return version.WithBuild(v.PseudoVersion)
}

// startUpgrade is the point of no return.
func (p *Process) startUpgrade(sc *runbook.StepContext) error {
	var err error
	switch p.cfg.Upload.Method {
	case UploadResumable:
		err = p.startUploaded(sc)
	case UploadOneShot:
		err = p.startOneShot(sc)
	default:
		err = p.startByHand(sc)
	}
	if errors.Is(err, pexip.ErrOutcomeUnknown) {
		err = p.explain(sc, err)
	}
	if err != nil {
		return err
	}
	sc.Say("started")
	if id, uerr := p.uploaded(sc); uerr == nil {
		return sc.Note("started", id)
	}
	return nil
}

func (p *Process) startUploaded(sc *runbook.StepContext) error {
	id, err := p.uploaded(sc)
	if err != nil {
		return err
	}
	if err := sc.Guard(); err != nil {
		return err
	}
	return p.pexip().StartUpgrade(sc, id)
}

func (p *Process) startOneShot(sc *runbook.StepContext) error {
	file, err := pexip.OpenPackage(p.cfg.Package.File, p.cfg.Package.SHA256)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Verify(sc, func(at pexip.Progress) { p.show(sc, at) }); err != nil {
		return err
	}
	release, _ := awake.Keep("uploading the Pexip upgrade")
	defer release()
	if err := sc.Guard(); err != nil {
		return err
	}
	sent, err := p.pexip().UploadAndStart(sc, file.Package, func(at pexip.Progress) { p.show(sc, at) })
	if err != nil {
		return err
	}
	return sc.Output(sent)
}

func (p *Process) startByHand(sc *runbook.StepContext) error {
	a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: "Start the upgrade in the web interface, once, and say so here."})
	if err != nil {
		return err
	}
	sc.Say("started by hand by %s: %s", a.Actor, a.Statement)
	return sc.Guard()
}

// explain reads the node after a start whose answer was lost.
func (p *Process) explain(sc *runbook.StepContext, cause error) error {
	r, err := p.resolveStart(sc)
	switch {
	case err != nil:
		return err
	case r == runbook.ResolvedDone:
		return nil
	}
	return cause
}

// resolveStart watches whether an upgrade begins. That the node stays as it was, or does not let
// itself be read, proves nothing, so the answer is done or unknown, and never "not done".
func (p *Process) resolveStart(sc *runbook.StepContext) (runbook.Resolution, error) {
	err := poll.Until(sc, "a sign that the upgrade began", p.cfg.Waits.PollInterval, p.cfg.Waits.StartResolve, func(ctx context.Context) (bool, error) {
		ok, err := p.began(ctx)
		if err != nil {
			sc.Progress(0, 0, "", "the node cannot be read: %v", err)
		}
		return ok, ctx.Err()
	})
	if errors.Is(err, context.DeadlineExceeded) && sc.Err() == nil {
		return runbook.ResolvedUnknown, nil
	}
	if err != nil {
		return "", err
	}
	sc.Say("the node shows that the upgrade began")
	return runbook.ResolvedDone, nil
}

// began says whether the primary Management Node runs the target or is being upgraded.
func (p *Process) began(ctx context.Context) (bool, error) {
	n, err := primaryNode(ctx, p.pexip())
	if err != nil {
		if pexip.Unavailable(err) {
			return false, nil
		}
		return false, err
	}
	v, err := policy.ParseVersion(n.Version)
	return err == nil && v.SameSoftware(p.target) || n.HasStatus && !n.UpgradeIdle(), nil
}

// startTaken says, at once, whether the upload was used.
func (p *Process) startTaken(sc *runbook.StepContext) (bool, error) {
	if sc.Status(stepStart).Over() {
		return true, nil
	}
	return p.began(sc)
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
