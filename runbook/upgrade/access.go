package upgrade

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func (p *Process) checkAzureAccess(sc *runbook.StepContext) error {
	verdicts, err := p.sys.Azure.CheckPermissions(sc, p.sys.Azure.RequiredPermissions(p.vms(), p.vault()))
	if err != nil {
		return err
	}
	var fs policy.Findings
	for _, v := range verdicts {
		f := finding(azureClause(v.Action), "azure-permission", policy.Must, v.Verdict == azurevm.VerdictGranted,
			fmt.Sprintf("%s at %s (%s) is %s", v.Action, v.Scope, v.Purpose, v.Verdict), "ask for the role "+v.Role)
		if v.Verdict == azurevm.VerdictUnknown {
			f.Class, f.Status, f.Detail = policy.Should, policy.Unknown, f.Detail+": "+v.Detail // a person may know
		}
		fs = append(fs, f)
	}
	locks, err := p.lockFindings(sc)
	if err != nil {
		return err
	}
	return p.judge(sc, append(fs, locks...))
}

// azureClause: writing VMs is PRE-3, everything else of the subscription PRE-2.
func azureClause(action string) string {
	if strings.Contains(strings.ToLower(action), "/virtualmachines/") {
		return "PRE-3"
	}
	return "PRE-2"
}

// lockFindings: a read-only lock blocks starting a VM; a delete lock can break backups.
func (p *Process) lockFindings(sc *runbook.StepContext) (policy.Findings, error) {
	found, err := perVM(p.vms(), readsAtOnce, func(vm azurevm.VM) (policy.Findings, error) { return p.locksOf(sc, vm) })
	if err != nil {
		return nil, err
	}
	var fs policy.Findings
	for _, f := range slices.Concat(found...) { // a lock on the group is found with each of its VMs
		if !slices.Contains(fs, f) {
			fs = append(fs, f)
		}
	}
	return fs, nil
}

func (p *Process) locksOf(sc *runbook.StepContext, vm azurevm.VM) (fs policy.Findings, err error) {
	locks, err := p.sys.Azure.Locks(sc, vm)
	if errors.Is(err, azurevm.ErrForbidden) {
		return policy.Findings{{Clause: "PRE-3", Rule: "azure-lock", Class: policy.Advice, Status: policy.Unknown,
			Detail: "the locks of " + vm.String() + " may not be read", Remedy: "ask for Microsoft.Authorization/locks/read", Source: "Azure, lock resources"}}, nil
	}
	for _, l := range locks {
		fs = append(fs, lockFinding(l))
	}
	return fs, err
}

func lockFinding(l azurevm.Lock) policy.Finding {
	f := finding("PRE-3", "azure-lock", policy.Must, false, fmt.Sprintf("lock %s (%s) on %s", l.Name, l.Level, l.Scope), "have the lock removed for the upgrade; it blocks starting the VMs")
	f.Source = "Azure, lock resources"
	if !strings.EqualFold(l.Level, "ReadOnly") {
		f.Class, f.Remedy = policy.Advice, "a delete lock can break backups once restore points pile up"
	}
	return f
}

func (p *Process) checkPipelineAccess(sc *runbook.StepContext) error {
	def, err := p.sys.Pipeline.Definition(sc)
	if err != nil {
		return err
	}
	permissions, err := p.sys.Pipeline.CheckPermissions(sc)
	if err != nil {
		return err
	}
	fs := policy.Findings{finding("UPG-3", "pipeline-readable", policy.Must, true,
		fmt.Sprintf("definition %d %q is %s, revision %d", def.ID, def.Name, def.QueueStatus, def.Revision), "")}
	for _, q := range permissions {
		f := finding("UPG-3", "pipeline-permission", policy.Must, q.Verdict == devops.Granted, fmt.Sprintf("%q (%s) is %s", q.Name, q.Purpose, q.Verdict),
			"ask a project administrator for it; Contributors may not stop other people's builds")
		if q.Verdict == devops.Unknown {
			f.Class, f.Status, f.Detail = policy.Should, policy.Unknown, f.Detail+": "+q.Detail // a person may know
		}
		fs = append(fs, f)
	}
	return p.judge(sc, fs)
}

func (p *Process) checkPexipAccess(sc *runbook.StepContext) error {
	features, err := p.pexip().Features(sc)
	if err != nil {
		return err
	}
	access, err := p.pexip().CheckAccess(sc)
	if err != nil {
		return err
	}
	var fs policy.Findings
	for _, a := range access {
		f := finding("PRE-1", "pexip-access", policy.Must, a.Verdict == pexip.Granted, fmt.Sprintf("%s (%s) is %s", a.Resource, a.Purpose, a.Verdict),
			"give the API client's role this permission")
		if a.Verdict == pexip.Unknown {
			// Nothing tells what a caller may write, so this can only be said, not stopped at.
			f.Class, f.Status, f.Detail = policy.Advice, policy.Unknown, f.Detail+": "+a.Detail
		}
		fs = append(fs, f)
	}
	return p.judge(sc, append(fs, p.uploadFinding(features)))
}

func (p *Process) uploadFinding(f pexip.Features) policy.Finding {
	offered := map[UploadMethod]bool{UploadResumable: f.ResumableUpload, UploadOneShot: f.OneShotUpload, UploadManual: true}
	return finding("UPG-5", "upload-offered", policy.Must, offered[p.cfg.Upload.Method],
		fmt.Sprintf("upload method %q; the node offers resumable: %t, one-shot: %t", p.cfg.Upload.Method, f.ResumableUpload, f.OneShotUpload),
		"choose another upload.method; manual is always possible")
}
