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
	held := awake.Keep(whyAwake)
	held.Release()
	return p.judge(sc, policy.Findings{finding("PRE-4", ruleAwake, policy.Should, held.Kept, "while the package is uploaded this workstation is "+held.How,
		"switch sleep and lock off until the upload is over, for example with Mouse Jiggler")})
}

// keepAwake keeps the workstation awake until Release, whose text is for the record. Where that is not
// possible, or not seen to work, the report says so.
func (p *Process) keepAwake(sc *runbook.StepContext) *awake.Lock {
	held := awake.Keep(whyAwake)
	if !held.Verified {
		sc.Deviate("during the upload the workstation was " + held.How)
	}
	return held
}
