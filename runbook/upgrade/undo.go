package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// What a run may owe.
const (
	owesPipeline = "pipeline"
	owesPower    = "power"
	owesTimeout  = "session-timeout"
	owesRequest  = "upgrade-request"

	pipelineKey = "queue-status"
	timeoutKey  = "global"
	uploadKey   = "package"
)

func (p *Process) undos() []runbook.Undo {
	return []runbook.Undo{
		{Kind: owesPipeline, Title: "Start/stop pipeline as it was found", Clauses: []string{"VER-5", "SNAP-2"}, Settle: p.resumePipeline},
		{Kind: owesPower, Title: "VM running again", Clauses: []string{"UPG-3a"}, Settle: p.startAgain},
		{Kind: owesTimeout, Title: "Session timeout as it was found", Clauses: []string{"VER-4"}, Settle: p.restoreTimeout},
		{Kind: owesRequest, Title: "Upload used or cancelled", Clauses: []string{"RISK-2"}, Settle: p.closeRequest},
	}
}

func (p *Process) startAgain(sc *runbook.StepContext, o runbook.Owed) (string, error) {
	vm, err := vmOf(o.Key)
	if err != nil {
		return "", err
	}
	if err := p.sys.Azure.Start(sc, vm, func(s azurevm.PowerState) { sc.Progress(0, 0, "", "%s is %s", vm.Name, s) }); err != nil {
		return "", err
	}
	return vm.Name + " runs", nil
}

func vmOf(key string) (azurevm.VM, error) {
	group, name, ok := strings.Cut(key, "/")
	if !ok {
		return azurevm.VM{}, fmt.Errorf("%q does not name a VM", key)
	}
	return azurevm.VM{ResourceGroup: group, Name: name}, nil
}

// resumePipeline clears what the schedule queued and restores the queue status, but never while an
// upgrade runs: the pipeline could stop the VMs in the middle of it.
func (p *Process) resumePipeline(sc *runbook.StepContext, o runbook.Owed) (string, error) {
	running, why, err := p.upgradeRunning(sc)
	if err != nil {
		return "", fmt.Errorf("the pipeline stays paused: whether an upgrade runs is unknown: %w", err)
	}
	if running {
		return "", fmt.Errorf("the pipeline stays paused while an upgrade runs (%s); settle again when it is over", why)
	}
	found, err := decode[foundPipeline](o.Found)
	if err != nil {
		return "", err
	}
	before, err := p.clearScheduled(sc)
	if err != nil {
		return "", err
	}
	change, err := p.restoreQueue(sc, o, found)
	if err != nil {
		return "", err
	}
	resumed := time.Now()
	after, err := p.clearScheduled(sc)
	if err != nil {
		return "", err
	}
	late, err := p.stopLate(sc, resumed)
	if err != nil {
		return "", err
	}
	note := fmt.Sprintf("pipeline is %s again (revision %d); cancelled scheduled runs: %d", change.After, change.RevisionAfter, len(before)+len(after)+len(late))
	if len(late) > 0 {
		note += fmt.Sprintf("; %d of them had started in the moment of the resume: look at the VMs", len(late))
	}
	return note, nil
}

// stopLate cancels scheduled runs that queued before the resume was over and that it started: the schedule may
// fire between the last look at the backlog and the resume.
func (p *Process) stopLate(sc *runbook.StepContext, resumed time.Time) ([]devops.Build, error) {
	running, err := p.sys.Pipeline.InProgress(sc)
	if err != nil {
		return nil, err
	}
	var ids []int
	for _, b := range running {
		if b.Reason == "schedule" && b.Queued.Before(resumed) {
			ids = append(ids, b.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return p.sys.Pipeline.Cancel(sc, ids...)
}

func (p *Process) restoreQueue(sc *runbook.StepContext, o runbook.Owed, found foundPipeline) (devops.Change, error) {
	var ours devops.Change
	if raw := o.Notes[notePaused]; raw != nil {
		var err error
		if ours, err = decode[devops.Change](raw); err != nil {
			return ours, err
		}
	}
	change, err := p.sys.Pipeline.RestoreQueueStatus(sc, devops.Restore{Found: found.Status, Revision: ours.RevisionAfter,
		Marker: "[run " + sc.Run() + " ", Comment: p.comment(sc, "restored after the upgrade of "+string(p.env))})
	if errors.Is(err, devops.ErrChangedByOther) {
		return change, fmt.Errorf("%w; agree with that person on the pipeline's state (it was %s before this run), then decide \"done\"", err, found.Status)
	}
	return change, err
}

// clearScheduled cancels what the schedule queued. Runs that people queued stay: they are theirs.
func (p *Process) clearScheduled(sc *runbook.StepContext) ([]devops.Build, error) {
	backlog, err := p.sys.Pipeline.Backlog(sc)
	if err != nil {
		return nil, err
	}
	var ids []int
	for _, b := range backlog {
		if b.Reason == "schedule" {
			ids = append(ids, b.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return p.sys.Pipeline.Cancel(sc, ids...)
}

// closeRequest cancels an upload that was not used.
func (p *Process) closeRequest(sc *runbook.StepContext, _ runbook.Owed) (string, error) {
	if sc.Status(stepStart) != runbook.StepPending {
		if used, err := p.startTaken(sc); err != nil || used {
			return "the upload was used by the upgrade", err
		}
	}
	running, why, err := p.upgradeRunning(sc)
	if err != nil {
		return "", err
	}
	if running {
		return "", fmt.Errorf("the upload is not cancelled while an upgrade runs (%s)", why)
	}
	return p.cancelUpload(sc)
}

func (p *Process) cancelUpload(sc *runbook.StepContext) (string, error) {
	var id string
	if _, err := sc.NotedBy(stepUpload, noteRequest, &id); err != nil {
		return "", err
	}
	if id == "" {
		var err error
		if id, err = p.orphan(sc); err != nil {
			return "", err
		}
	}
	if id == "" {
		return "no upload was begun", nil
	}
	if err := p.pexip().CancelUpgradeRequest(sc, id); err != nil && !errors.Is(err, pexip.ErrNotFound) {
		return "", err
	}
	return "the upload was cancelled", nil
}

func decode[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
