package upgrade

import (
	"context"
	"errors"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

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
	held := p.keepAwake(sc)
	defer held.Release()
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
	sc.Deviate("the upgrade was started by a person, which was not observed")
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
