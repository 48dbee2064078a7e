package upgrade

import (
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// startEnvironment starts VMs that are off, by one run of the pipeline (UPG-3a). A paused pipeline
// starts nothing, not even by hand; then the VMs are started one by one.
func (p *Process) startEnvironment(sc *runbook.StepContext) error {
	off, err := p.vmsOff(sc)
	if err != nil {
		return err
	}
	if len(off) == 0 {
		sc.Say("all VMs run")
		return nil
	}
	if _, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: ClauseText("UPG-3a") + "\n" + strings.Join(off, ", ") + ". May the environment be started?"}); err != nil {
		return err
	}
	def, err := p.sys.Pipeline.Definition(sc)
	if err != nil {
		return err
	}
	if def.QueueStatus == devops.Enabled && p.own.Pipeline.Start.Set() {
		err = p.startByPipeline(sc)
	} else {
		err = p.startEach(sc)
	}
	if err != nil {
		return err
	}
	if err := p.waitOnline(sc); err != nil {
		return err
	}
	sc.Say("%s; started. They stay on until the schedule's next stop", strings.Join(off, ", "))
	return nil
}

func (p *Process) startByPipeline(sc *runbook.StepContext) error {
	var id int
	known, err := sc.Noted("build", &id)
	if err != nil {
		return err
	}
	if !known {
		s := p.own.Pipeline.Start
		b, err := p.sys.Pipeline.Run(sc, devops.RunOptions{TemplateParameters: s.Parameters, Variables: s.Variables, StagesToSkip: s.StagesToSkip, Branch: s.Branch})
		if err != nil {
			return err
		}
		id = b.ID
		if err := sc.Note("build", id); err != nil {
			return err
		}
	}
	b, err := p.sys.Pipeline.WaitBuild(sc, id, func(b devops.Build) { sc.Progress(0, 0, "", "pipeline run %s is %s", b.Number, b.Status) })
	if err != nil {
		return err
	}
	if b.Result != "succeeded" {
		return fmt.Errorf("the pipeline run %s (%s) that should start the VMs ended as %s; look at it, start the VMs, then retry", b.Number, b.URL, b.Result)
	}
	return p.startEach(sc) // observes that they run
}

func (p *Process) waitOnline(sc *runbook.StepContext) error {
	since := time.Now().Add(-freshness)
	err := p.await(sc, "the platform to be online", p.cfg.Waits.PlatformOnline, func(nodes []pexip.Node) (bool, string) { return inContact(nodes, since) })
	if err == nil {
		sc.Say("every always-on node is in contact and in sync")
	}
	return err
}
