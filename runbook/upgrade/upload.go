package upgrade

import (
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func (p *Process) uploadText() string {
	switch p.cfg.Upload.Method {
	case UploadResumable:
		return "sends " + p.cfg.Package.File + " to " + p.own.Pexip.URL + " in chunks, continued after any interruption"
	case UploadOneShot:
		return "nothing yet: the one-shot upload is the start of the upgrade"
	}
	return "asks a person to upload " + p.cfg.Package.File + " in the web interface of " + p.own.Pexip.URL
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
	held := p.keepAwake(sc)
	defer held.Release()
	sent, err := p.pexip().Upload(sc, id, file.Package, func(at pexip.Progress) { p.show(sc, at) })
	if err != nil {
		return err
	}
	sc.Say("%d bytes sent, SHA-256 %.12s… as published; workstation: %s", sent.Bytes, sent.SHA256, held.Release())
	return sc.Output(sent)
}

func (p *Process) show(sc *runbook.StepContext, at pexip.Progress) {
	text := string(at.Phase)
	if at.Phase == pexip.Sending && at.Rate > 0 {
		text = fmt.Sprintf("%s, %s/s, %s left", text, mebibytes(int64(at.Rate)), at.ETA.Round(time.Second))
	}
	sc.Progress(at.Done, at.Total, "bytes", "%s", text)
}

func (p *Process) uploadByHand(sc *runbook.StepContext) error {
	a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: fmt.Sprintf(
		"Upload %s in the web interface of %s (Utilities > Upgrade), check that it names %s, and do not start it yet. Keep the workstation awake and unlocked meanwhile.", p.cfg.Package.File, p.own.Pexip.URL, p.target)})
	if err != nil {
		return err
	}
	sc.Deviate("the package was uploaded by a person, which was not observed: what was sent is not known")
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
		sc.Deviate("the node was not asked what the package holds before the start")
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
