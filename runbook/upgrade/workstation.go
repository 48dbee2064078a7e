package upgrade

import (
	"github.com/verify-by-video/pexip-upgrade/internal/awake"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	whyAwake = "uploading the Pexip upgrade"
	// ruleAwake is what an exception in the configuration names.
	ruleAwake = "workstation-awake"
)

// checkWorkstation tries, for a moment, whether the operating system lets itself be kept awake, so that
// a person knows of it while nothing is changed yet and not in the middle of an upload (PRE-4).
func (p *Process) checkWorkstation(sc *runbook.StepContext) error {
	if p.cfg.Upload.Method == UploadManual {
		return p.judge(sc, policy.Findings{finding("PRE-4", ruleAwake, policy.Advice, false, "the package is uploaded by hand",
			"whoever uploads it keeps that workstation awake and unlocked")})
	}
	release, how, kept := awake.Keep(whyAwake)
	release()
	return p.judge(sc, policy.Findings{finding("PRE-4", ruleAwake, policy.Should, kept, "while the package is uploaded this workstation is "+how,
		"switch sleep and lock off until the upload is over, for example with Mouse Jiggler")})
}
