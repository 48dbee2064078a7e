package features_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

func (w *world) devopsSteps() []step {
	return []step{
		{`^a colleague has (paused|disabled) the pipeline$`, w.colleagueHas},
		{`^no run has stopped the VMs$`, w.noStop},
		{`^the account in Azure DevOps may not (edit the pipeline|run the pipeline|stop the runs of others)$`, w.lacksPermission},
		{`^the colleague's run was not cancelled$`, w.colleagueRuns},
		{`^the pipeline is (enabled|paused|disabled)$`, w.pipelineIs},
		{`^the pipeline's history names the run, the operator and the reason$`, w.historyNames},
		{`^the token for Azure DevOps has expired$`, w.expiredToken},
		{`^when "([^"]*)" begins, a colleague (disables|resumes) the pipeline$`, w.colleagueSets},
		{`^the run of the pipeline was over before the first VM was stopped$`, w.overBeforeStop},
		{`^when "([^"]*)" begins, a run of the pipeline is under way$`, w.runUnderWay},
		{`^when "([^"]*)" begins, a colleague queues a run of the pipeline$`, w.colleagueQueues},
		{`^when "([^"]*)" begins, the schedule asks for a run that stops the VMs$`, w.scheduleStops},
	}
}

const colleague = "Kim Colleague"

func (w *world) colleagueHas(status string) {
	w.later(func() error { w.sim.Pipeline.SetQueueStatus(status, colleague); return nil })
}

func (w *world) colleagueSets(title, what string) {
	status := map[string]string{"disables": "disabled", "resumes": "enabled"}[what]
	w.when(title, func() error { w.sim.Pipeline.SetQueueStatus(status, colleague); return nil })
}

func (w *world) colleagueQueues(title string) {
	w.when(title, func() error { w.sim.Pipeline.QueueManual(map[string]string{"action": "start"}); return nil })
}

func (w *world) scheduleStops(title string) {
	w.when(title, func() error { w.sim.Tick("stop"); return nil })
}

// runUnderWay takes so long that whoever does not wait for it is too early.
func (w *world) runUnderWay(title string) {
	w.devops = append(w.devops, func(o *devopstest.Options) { o.RunDuration = 20 * time.Hour })
	w.when(title, func() error { w.sim.Tick("start"); return nil })
}

func (w *world) overBeforeStop() error {
	run := w.sim.Pipeline.State().Builds[0]
	for _, q := range w.sim.Requests() {
		if c, ok := callOf(q.System, q.Method, q.URL, q.Body); ok && c.what == "stop" {
			if run.Finished.IsZero() || q.At.Before(run.Finished) {
				return fmt.Errorf("%s was called at %s, the run ended at %s", c, q.At.Format(time.StampMicro), run.Finished.Format(time.StampMicro))
			}
			return nil
		}
	}
	return errors.New("no VM was stopped")
}

func (w *world) lacksPermission(what string) {
	words := map[string]devopstest.Permission{"edit the pipeline": devopstest.EditPipeline, "run the pipeline": devopstest.QueueBuilds, "stop the runs of others": devopstest.StopBuilds}
	w.later(func() error { w.sim.Pipeline.SetMissingPermissions(words[what]); return nil })
}

func (w *world) expiredToken() {
	w.later(func() error { return os.WriteFile(w.cfg.DevOps.PAT.File, []byte("an-expired-token"), 0o600) })
}

func (w *world) pipelineIs(want string) error {
	if got := w.sim.Pipeline.State().QueueStatus; got != want {
		return fmt.Errorf("the pipeline is %s, wanted %s", got, want)
	}
	return nil
}

func (w *world) noStop() error {
	for _, b := range w.sim.Pipeline.State().Builds {
		if b.Parameters["action"] == "stop" && (!b.Started.IsZero() || b.Result != "canceled") {
			return fmt.Errorf("the run %s that stops the VMs is %s %s, wanted cancelled before it started", b.Number, b.Status, b.Result)
		}
	}
	return nil
}

func (w *world) colleagueRuns() error {
	for _, b := range w.sim.Pipeline.State().Builds {
		if b.Reason == "manual" && (b.Result == "canceled" || b.Status == "cancelling") {
			return fmt.Errorf("the colleague's run %s was cancelled", b.Number)
		}
	}
	return nil
}

func (w *world) historyNames() error {
	got := w.sim.Pipeline.State().LastComment
	for _, want := range []string{w.result.State.Run, operator, "upgrade of test to " + w.options.Target} {
		if !strings.Contains(got, want) {
			return fmt.Errorf("the last comment is %q, wanted %q in it", got, want)
		}
	}
	return nil
}
