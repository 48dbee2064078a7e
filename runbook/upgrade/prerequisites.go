package upgrade

import (
	"fmt"
	"strings"
	"time"

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
		gate("check-azure-access", "Check the rights in Azure", "reads the caller's permissions and the locks of "+p.vmNames()+" and of vault "+p.vault().Name, []string{"PRE-2", "PRE-3"}, p.checkAzureAccess),
		gate("check-pipeline-access", "Check the rights on the start/stop pipeline", "reads definition and permissions of "+p.own.Pipeline.URL, []string{"UPG-3", "VER-5"}, p.checkPipelineAccess),
		{ID: stepStartEnvironment, Phase: phasePrerequisites, Title: "Start the environment if it is off", Clauses: []string{"UPG-3a"},
			Does: "if one of " + p.vmNames() + " is off: asks, then runs " + p.own.Pipeline.URL + " once to start it", Timeout: p.cfg.Waits.VMPower + p.cfg.Waits.PlatformOnline + time.Hour,
			Apply: p.startEnvironment},
		gate("check-pexip-access", "Check the access to the Management Node", "logs in to "+p.own.Pexip.URL+", reads settings, nodes and the upgrade interface", []string{"PRE-1", "VER-1"}, p.whenRunning(p.checkPexipAccess)),
		gate(stepPackage, "Check the upgrade file", "hashes "+p.cfg.Package.File, []string{"UPG-1", "POL-5a"}, p.checkPackage),
		gate(stepIdentity, "Prove which VM is which node", "compares the addresses of "+p.vmNames()+" with those of the nodes of "+p.own.Pexip.URL, []string{"SNAP-3"}, p.whenRunning(p.proveIdentity)),
		gate("check-platform-health", "Check that the platform is sound", "reads nodes, alarms and upgrade requests of "+p.own.Pexip.URL, []string{"VER-1"}, p.whenRunning(p.checkHealth)),
		gate("check-remote-syslog", "Check that a remote syslog collects the logs", "reads the syslog servers of "+p.own.Pexip.URL+" and its locations", []string{"RISK-1"}, p.whenRunning(p.checkSyslog)),
		gate("check-workstation", "Check that the workstation stays awake", "asks this machine's operating system for a moment to stay awake", []string{"PRE-4"}, p.checkWorkstation),
		gate("check-time-budget", "Check that the time suffices", fmt.Sprintf("estimates the upgrade of %d VMs against the change window", len(p.own.VMs)), []string{"RISK-2"}, p.checkTimeBudget),
	}
}

const (
	stepPackage          = "check-package"
	stepStartEnvironment = "start-environment"
)

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
	if err := sc.Note(noteOnDisk, sum); err != nil {
		return err
	}
	facts := policy.PackageFacts{SHA256: sum, PublishedSHA256: p.cfg.Package.SHA256, ChecksumSource: p.cfg.Package.ChecksumSource, Target: &p.target}
	facts.NameVersion, facts.NameBuild, _ = pexip.ParsePackageName(file.Name)
	return p.judge(sc, policy.CheckPackage(facts))
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
