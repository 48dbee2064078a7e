package upgrade

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const phasePrerequisites = "Prerequisites"

func (p *Process) prerequisites() []runbook.Step {
	gate := func(id, title, does string, clauses []string, apply func(*runbook.StepContext) error) runbook.Step {
		return runbook.Step{ID: id, Phase: phasePrerequisites, Title: title, Does: does, Clauses: clauses, Gate: true, Apply: apply, Expected: 5 * time.Second}
	}
	return []runbook.Step{
		gate("check-azure-access", "Check the rights in Azure", "reads the caller's permissions and the locks", []string{"PRE-2", "PRE-3"}, p.checkAzureAccess),
		gate("check-pipeline-access", "Check the rights on the start/stop pipeline", "reads definition and permissions", []string{"UPG-3", "VER-5"}, p.checkPipelineAccess),
		{ID: stepStartEnvironment, Phase: phasePrerequisites, Title: "Start the environment if it is off", Clauses: []string{"UPG-3a"},
			Does: "if a VM is off: asks, then runs the pipeline once to start it", Timeout: p.cfg.Waits.VMPower + p.cfg.Waits.PlatformOnline + time.Hour,
			Apply: p.startEnvironment},
		gate("check-pexip-access", "Check the access to the Management Node", "logs in, reads settings, nodes and the upgrade interface", []string{"PRE-1", "VER-1"}, p.whenRunning(p.checkPexipAccess)),
		gate("check-package", "Check the upgrade file", "hashes "+p.cfg.Package.File, []string{"UPG-1", "POL-5a"}, p.checkPackage),
		gate(stepIdentity, "Prove which VM is which node", "compares the addresses of the VMs with those of the nodes", []string{"SNAP-3"}, p.whenRunning(p.proveIdentity)),
		gate("check-platform-health", "Check that the platform is sound", "reads nodes, alarms and upgrade requests", []string{"VER-1"}, p.whenRunning(p.checkHealth)),
		gate("check-remote-syslog", "Check that a remote syslog collects the logs", "reads the syslog servers of the Management Node and the locations", []string{"RISK-1"}, p.whenRunning(p.checkSyslog)),
		gate("check-time-budget", "Check that the time suffices", "estimates the run against the change window", []string{"RISK-2"}, p.checkTimeBudget),
	}
}

const stepStartEnvironment = "start-environment"

// whenRunning lets a preview pass over a check of the Management Node while its VMs are off: the run
// starts them first.
func (p *Process) whenRunning(check func(*runbook.StepContext) error) func(*runbook.StepContext) error {
	return func(sc *runbook.StepContext) error {
		err := check(sc)
		if err == nil || !sc.Preview || !pexip.Unavailable(err) {
			return err
		}
		off, perr := p.vmsOff(sc)
		if perr != nil || len(off) == 0 {
			return err
		}
		sc.Say("not checked yet: %s off until %s", strings.Join(off, ", "), stepStartEnvironment)
		return nil
	}
}

func (p *Process) vmsOff(sc *runbook.StepContext) ([]string, error) {
	var off []string
	for _, vm := range p.vms() {
		power, err := p.sys.Azure.Power(sc, vm)
		if err != nil {
			return nil, err
		}
		if power != azurevm.Running {
			off = append(off, fmt.Sprintf("%s is %s", vm.Name, power))
		}
	}
	return off, nil
}

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
			f.Status, f.Detail = policy.Unknown, f.Detail+": "+v.Detail
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
	var fs policy.Findings
	seen := map[azurevm.Lock]bool{}
	for _, vm := range p.vms() {
		locks, err := p.sys.Azure.Locks(sc, vm)
		if errors.Is(err, azurevm.ErrForbidden) {
			fs = append(fs, policy.Finding{Clause: "PRE-3", Rule: "azure-lock", Class: policy.Advice, Status: policy.Unknown,
				Detail: "the locks of " + vm.String() + " may not be read", Remedy: "ask for Microsoft.Authorization/locks/read", Source: "Azure, lock resources"})
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, l := range locks {
			if seen[l] {
				continue
			}
			seen[l] = true
			fs = append(fs, lockFinding(l))
		}
	}
	return fs, nil
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
			f.Status, f.Detail = policy.Unknown, f.Detail+": "+q.Detail
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

func (p *Process) checkPackage(sc *runbook.StepContext) error {
	file, err := pexip.OpenPackage(p.cfg.Package.File, p.cfg.Package.SHA256)
	if err != nil {
		return err
	}
	defer file.Close()
	sum, err := file.Sum(sc, func(at pexip.Progress) { sc.Progress(at.Done, at.Total, "bytes", "hashing") })
	if err != nil {
		return err
	}
	facts := policy.PackageFacts{SHA256: sum, PublishedSHA256: p.cfg.Package.SHA256, ChecksumSource: p.cfg.Package.ChecksumSource, Target: &p.target}
	facts.NameVersion, facts.NameBuild, _ = pexip.ParsePackageName(file.Name)
	return p.judge(sc, policy.CheckPackage(facts))
}

const stepIdentity = "prove-identity"

// identity is which VM is which node.
type identity struct {
	VM   string `json:"vm"`
	VMID string `json:"vmId"`
	Node string `json:"node"`
	Role string `json:"role"`
	IP   string `json:"ip"`
}

// proveIdentity matches VMs and nodes by private address, in both directions. Names prove nothing.
func (p *Process) proveIdentity(sc *runbook.StepContext) error {
	nodes, err := p.pexip().Nodes(sc)
	if err != nil {
		return err
	}
	var fs policy.Findings
	var proven []identity
	claimed := map[int]bool{}
	for _, vm := range p.vms() {
		in, err := p.sys.Azure.Instance(sc, vm)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(nodes, func(n pexip.Node) bool { return hasAddress(in.Addresses, n) })
		if at < 0 {
			fs = append(fs, identityFinding(false, fmt.Sprintf("VM %s has the address %s, which no node of %s's Management Node has", vm, addresses(in.Addresses), p.env)))
			continue
		}
		claimed[at] = true
		n := nodes[at]
		proven = append(proven, identity{VM: vm.String(), VMID: in.VMID, Node: n.Name, Role: string(n.Role), IP: addresses(in.Addresses)})
		fs = append(fs, identityFinding(true, fmt.Sprintf("VM %s is %s node %s (%s)", vm, n.Role, n.Name, addresses(in.Addresses))))
	}
	for i, n := range nodes {
		if !claimed[i] && !n.CloudBursting {
			fs = append(fs, identityFinding(false, fmt.Sprintf("%s node %s (%s) is none of the configured VMs", n.Role, n.Name, n.Address)))
		}
	}
	if err := p.judge(sc, fs); err != nil {
		return err
	}
	return sc.Output(proven)
}

// meant checks that a name still stands for the very VM that was proven, before it is touched.
func (p *Process) meant(sc *runbook.StepContext, vm azurevm.VM) error {
	var proven []identity
	if err := sc.Load(stepIdentity, &proven); err != nil {
		return fmt.Errorf("%s is not touched: %w", vm, err)
	}
	in, err := p.sys.Azure.Instance(sc, vm)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(proven, func(i identity) bool { return i.VM == vm.String() })
	if at < 0 || proven[at].VMID != in.VMID || proven[at].IP != addresses(in.Addresses) {
		return fmt.Errorf("%s is not touched: it is no longer the VM that was proven to be a node of %s; abort, and begin again", vm, p.env)
	}
	return nil
}

func identityFinding(ok bool, detail string) policy.Finding {
	return finding("SNAP-3", "identity", policy.Must, ok, detail, "correct the environment's list of VMs or its Management Node; the lists in the written process look swapped")
}

func hasAddress(have []netip.Addr, n pexip.Node) bool {
	for _, text := range []string{n.Address, n.SecondaryAddress} {
		if a, err := netip.ParseAddr(text); err == nil && slices.Contains(have, a) {
			return true
		}
	}
	return false
}

func addresses(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

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

// checkSyslog: a server that nothing uses mitigates nothing.
func (p *Process) checkSyslog(sc *runbook.StepContext) error {
	c, err := p.pexip().SyslogCoverage(sc)
	if err != nil {
		return err
	}
	fs := policy.Findings{finding("RISK-1", "syslog-exists", policy.Must, len(c.Servers) > 0, fmt.Sprintf("%d remote syslog servers", len(c.Servers)), "configure a remote syslog server")}
	if len(c.Servers) > 0 {
		detail := "used by the Management Node and every location"
		if len(c.Unwired) > 0 {
			detail = "not used by " + strings.Join(c.Unwired, ", ")
		}
		fs = append(fs, finding("RISK-1", "syslog-used", policy.Must, len(c.Unwired) == 0, detail, "assign the syslog server to it"))
	}
	return p.judge(sc, fs)
}
