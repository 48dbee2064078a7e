package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// PausePipeline pauses the start/stop pipeline so that it does not touch the VMs (UPG-3), and puts it
// back (VER-5).
var PausePipeline = Program{
	Name: "pausepipeline",
	Does: "pause the start/stop pipeline, or put it back; with a command: pause it while that runs",
	Example: "pausepipeline -config upgrade.yaml -comment 'disk change, back by 22:00'\n" +
		"pausepipeline -config upgrade.yaml -resume\n" +
		"pausepipeline -config upgrade.yaml -comment 'disk change' -- ./change-disks.sh",
	Setup: setupPause,
}

// pauseMarker stands in the comments of this program; by it a pause is known as its own.
const (
	pauseMarker = "pausepipeline: "
	pauseOver   = "put back"
)

type pause struct {
	*App
	pipeline *devops.Client
	comment  string
	queued   string
	others   bool
}

func setupPause(f *flag.FlagSet) func(context.Context, *App) error {
	var p pause
	resume := f.Bool("resume", false, "put the pipeline back, if this program paused it")
	f.StringVar(&p.comment, "comment", "", "why it is paused and until when, for the pipeline's history")
	f.StringVar(&p.queued, "queued", "cancel-scheduled", "runs that were queued meanwhile: cancel-scheduled, cancel (all), or start")
	f.BoolVar(&p.others, "even-if-paused-by-others", false, "with -resume: resume it whoever paused it")
	return func(ctx context.Context, a *App) error {
		p.App, p.pipeline = a, a.Systems.Pipeline
		switch {
		case p.queued != "cancel-scheduled" && p.queued != "cancel" && p.queued != "start":
			return wrongInput("-queued is %q; it is cancel-scheduled, cancel or start", p.queued)
		case *resume:
			return p.restore(ctx, devops.Restore{Found: devops.Enabled, Marker: pauseMarker})
		case p.comment == "":
			return wrongInput("-comment is needed: others see in the pipeline's history why it is paused")
		case len(a.Args) > 0:
			return p.around(ctx)
		}
		_, err := p.pause(ctx)
		return err
	}
}

// paused is the result of a change.
type paused struct {
	Pipeline string `json:"pipeline"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Revision int    `json:"revision"`
	Queued   []run  `json:"queued"`
}

type run struct {
	ID           int       `json:"id"`
	Reason       string    `json:"reason"`
	RequestedFor string    `json:"requestedFor"`
	Queued       time.Time `json:"queued"`
}

func (p pause) pause(ctx context.Context) (devops.Change, error) {
	change, err := p.pipeline.SetQueueStatus(ctx, devops.Paused, pauseMarker+p.comment+" ("+upgrade.Identity()+")")
	if err != nil {
		return change, err
	}
	if err := p.pipeline.WaitIdle(ctx, nil); err != nil {
		return change, fmt.Errorf("the pipeline is paused, but a run of it is still under way: %w", err)
	}
	return change, p.show(ctx, change)
}

// show prints a change and what is queued.
func (p pause) show(ctx context.Context, change devops.Change) error {
	backlog, err := p.pipeline.Backlog(ctx)
	if err != nil {
		return err
	}
	r := paused{Pipeline: p.Environment.Pipeline.URL, Before: string(change.Before), After: string(change.After), Revision: change.RevisionAfter, Queued: []run{}}
	for _, b := range backlog {
		r.Queued = append(r.Queued, run{b.ID, b.Reason, b.RequestedFor, b.Queued})
	}
	return p.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "the pipeline was %s, is %s (revision %d)\n", r.Before, r.After, r.Revision)
		for _, b := range r.Queued {
			fmt.Fprintf(w, "  queued: run %d, %s, for %s since %s\n", b.ID, b.Reason, b.RequestedFor, b.Queued.Format(time.RFC3339))
		}
	})
}

// around pauses while a command runs, and puts back whatever becomes of it, also after Ctrl-C.
func (p pause) around(ctx context.Context) error {
	change, err := p.pause(ctx)
	if err != nil {
		return errors.Join(err, p.putBack(ctx, change))
	}
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, p.Err, p.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute // to end by itself
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = failure{max(exit.ExitCode(), ExitFailed), fmt.Errorf("%s: %w", p.Args[0], err)}
	}
	return errors.Join(err, p.putBack(ctx, change))
}

// putBack undoes an own pause; one that was found is left.
func (p pause) putBack(ctx context.Context, change devops.Change) error {
	if change.AlreadySo || change.RevisionAfter == 0 {
		return nil
	}
	return p.restore(context.WithoutCancel(ctx), devops.Restore{Found: change.Before, Revision: change.RevisionAfter, Marker: pauseMarker})
}

// restore puts the pipeline back. Runs that were queued meanwhile would start at once, oldest first, for
// example a stop of the VMs that is hours late (SNAP-2): they are dealt with before.
func (p pause) restore(ctx context.Context, r devops.Restore) error {
	if err := p.clear(ctx); err != nil {
		return err
	}
	r.Comment = pauseMarker + pauseOver + " (" + upgrade.Identity() + ")"
	change, err := p.pipeline.RestoreQueueStatus(ctx, r)
	if errors.Is(err, devops.ErrChangedByOther) && p.others {
		change, err = p.pipeline.SetQueueStatus(ctx, r.Found, r.Comment)
	} else if errors.Is(err, devops.ErrChangedByOther) {
		return askFirst("%w; it was left as it is", err)
	}
	if err != nil {
		return err
	}
	return p.show(ctx, change)
}

// clear cancels what -queued says. Anything that is left is somebody's decision.
func (p pause) clear(ctx context.Context) error {
	backlog, err := p.pipeline.Backlog(ctx)
	if err != nil || p.queued == "start" {
		return err
	}
	var cancel, left []int
	for _, b := range backlog {
		if p.queued == "cancel" || b.Reason == "schedule" {
			cancel = append(cancel, b.ID)
		} else {
			left = append(left, b.ID)
		}
	}
	if len(left) > 0 {
		return askFirst("people queued the runs %v while the pipeline was paused; it stays paused: say -queued start or -queued cancel with -resume", left)
	}
	if len(cancel) == 0 {
		return nil
	}
	if err := p.ours(ctx); err != nil {
		return err
	}
	_, err = p.pipeline.Cancel(ctx, cancel...)
	return err
}

// ours is an error unless the pipeline's last edit is this program's pause: what queued up during
// somebody else's is theirs to deal with.
func (p pause) ours(ctx context.Context) error {
	list, err := p.pipeline.Revisions(ctx)
	if err != nil || p.others {
		return err
	}
	if last := list[len(list)-1]; !strings.Contains(last.Comment, pauseMarker) || strings.Contains(last.Comment, pauseMarker+pauseOver) {
		return askFirst("%s edited the pipeline last (revision %d, %q), not this program; nothing was cancelled or resumed", last.ChangedBy, last.Revision, last.Comment)
	}
	return nil
}
