//go:build unix

package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// spot is where a process stops itself: once the journal has the record of Kind and Key, at Moment.
type spot struct {
	Kind   runbook.Kind
	Key    string
	Moment moment
}

type moment string

const (
	// atOnce: when that record's Append returns.
	atOnce moment = "at once"
	// beforeFence: in the step's body, at the next request that changes something, before the fence
	// has looked into the journal.
	beforeFence moment = "before the fence"
	// pastFence: at that request, after the fence let it pass and before its first byte is sent.
	pastFence moment = "past the fence"
)

func (s spot) String() string { return fmt.Sprintf("%s of %s, %s", s.Kind, s.Key, s.Moment) }

// stopping is the store and the transport of a process that stops itself at a spot.
type stopping struct {
	runbook.Log
	spot spot

	// One use of the store at a time: a process that is stopped within an Append keeps the journal
	// locked for as long as it stands still, and nobody can take over.
	mu   sync.Mutex
	near bool
}

func (s *stopping) Append(ctx context.Context, stream string, r *runbook.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.Log.Append(ctx, stream, r)
	if err == nil && r.Kind == s.spot.Kind && r.Key == s.spot.Key {
		s.near = true
		s.reach(atOnce)
	}
	return err
}

// Read is what the fence does within a step that asks nobody.
func (s *stopping) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reach(beforeFence)
	return s.Log.Read(ctx, stream, from)
}

func (s *stopping) Lock(stream, owner string) (func() error, error) {
	return s.Log.(runbook.Locker).Lock(stream, owner)
}

func (s *stopping) through(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/oauth/token/") {
			s.mu.Lock()
			s.reach(pastFence)
			s.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

func (s *stopping) reach(m moment) {
	if s.near && s.spot.Moment == m {
		s.near = false
		stopSelf()
	}
}

// stopped waits until the child stands still.
func (p *running) stopped(t *testing.T) {
	t.Helper()
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || !status.Stopped():
			t.Fatalf("the process did not stop: %v, status %x: %s", err, status, &p.out)
		default:
			return
		}
	}
}

// alone is a world whose Test has one node, so that no step has neighbours that run beside it.
func alone(t *testing.T) *stage {
	s := listening(t, upgradetest.Options{Pexip: func(env policy.Environment, o *pexiptest.Options) {
		if env == policy.Test {
			o.Nodes = o.Nodes[:1]
		}
	}})
	s.cfg.Test.VMs = s.cfg.Test.VMs[:1]
	return s
}

// changing are steps that change something, each another system or another thing of it.
var changing = []string{"pause-pipeline", "deallocate-vm/vm-node-mgmt-core", "backup-vm/vm-node-mgmt-core",
	"disable-session-timeout", "upload-package", "start-upgrade"}

// often says whether processes are stopped at all spots, or at those that matter most.
func often() bool { return *kills <= 100 }

// A process is stopped (SIGSTOP, as good as a sleeping laptop) between intent and request, inside a
// step's body, or between two steps; somebody takes its run over and completes it; the process is
// woken. It changes nothing more, and says why. (Engine trap 4.)
func TestStoppedProcessChangesNothing(t *testing.T) {
	t.Parallel()
	spots := []spot{{runbook.KindIntent, "start-upgrade", atOnce}, {runbook.KindGuard, "start-upgrade", beforeFence}, {runbook.KindDone, "start-upgrade", atOnce}}
	if often() {
		spots = everywhere()
	}
	for _, where := range spots {
		t.Run(where.String(), func(t *testing.T) {
			t.Parallel()
			s := alone(t)
			if late := s.wakeAfterTakeOver(t, where, files(t, s)); len(late) > 0 {
				t.Errorf("the former owner still sent %v", late)
			}
		})
	}
}

// everywhere are all spots at which a process is stopped.
func everywhere() []spot {
	spots := []spot{{runbook.KindGuard, "start-upgrade", atOnce}, {runbook.KindGuard, "start-upgrade", beforeFence},
		{runbook.KindOwe, "pipeline/queue-status", atOnce}, {runbook.KindNote, "upload-package", beforeFence}}
	for _, step := range changing {
		spots = append(spots, spot{runbook.KindIntent, step, atOnce}, spot{runbook.KindIntent, step, beforeFence}, spot{runbook.KindDone, step, atOnce})
	}
	return spots
}

// The same where the two share a database.
func TestStoppedProcessWithASharedStore(t *testing.T) {
	t.Parallel()
	if leftOut(t) {
		return
	}
	spots := []spot{{runbook.KindGuard, "start-upgrade", beforeFence}}
	if often() {
		spots = append(spots, spot{runbook.KindDone, "upload-package", atOnce})
	}
	for _, where := range spots {
		t.Run(where.String(), func(t *testing.T) {
			t.Parallel()
			if late := alone(t).wakeAfterTakeOver(t, where, database(t, newSchema(t))); len(late) > 0 {
				t.Errorf("the former owner still sent %v", late)
			}
		})
	}
}

// The limit: a process that is stopped after the fence let its request pass sends it when it wakes, unless its
// time is over by then; that one and no other. What becomes of it is up to the target: the start of an upgrade and the
// pause of the pipeline are refused, because the target is not as it was; a VM is stopped and the session timeout switched off, though.
func TestStoppedProcessPastTheFence(t *testing.T) {
	t.Parallel()
	steps := changing
	if !often() {
		steps = []string{"start-upgrade"}
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := alone(t)
			late := s.wakeAfterTakeOver(t, spot{runbook.KindIntent, step, pastFence}, files(t, s))
			if len(late) > 1 {
				t.Errorf("the former owner sent %v, want at most the one request that the fence had let pass", late)
			}
			if q := s.Pipeline.State().QueueStatus; q != "enabled" {
				t.Errorf("the pipeline is %s", q)
			}
		})
	}
}

// wakeAfterTakeOver stops a child somewhere, completes its run in its place from log, wakes it, and
// returns what it still sent that changes something.
func (s *stage) wakeAfterTakeOver(t *testing.T, where spot, log runbook.Log) (late []string) {
	t.Helper()
	child := launch(t, s.errand(log, errand{Stop: &where}))
	child.stopped(t)
	s.takeOverFromTheLiving(t, log)
	before := len(s.effects())
	must(t, child.cmd.Process.Signal(syscall.SIGCONT))
	end := child.end(t)
	if out := child.out.String(); end.ExitCode() != upgrade.ExitActive || !strings.Contains(out, runbook.ErrFenced.Error()) {
		t.Errorf("the former owner ended with %s: %s", end, out)
	}
	if n := s.Test.StartCount(); n != 1 {
		t.Errorf("%d upgrades started", n)
	}
	return s.effects()[before:]
}

// takeOverFromTheLiving completes the run of a process that stands still. Resume refuses, because it
// is alive.
func (s *stage) takeOverFromTheLiving(t *testing.T, log runbook.Log) {
	t.Helper()
	bob := s.as(t, upgrade.SessionOptions{Actor: "bob@desk", Asker: s.person(4), Log: log})
	_, err := bob.Resume(t.Context(), "", "impatient")
	var alive *runbook.LockedError
	if !errors.As(err, &alive) || !strings.Contains(alive.Owner, "ann@desk") {
		t.Errorf("resume of a run that is alive: %v, want it to name ann", err)
	}
	r, err := bob.TakeOver(t.Context(), "", "ann's process stands still")
	must(t, err)
	if r.State.End == nil || r.State.End.Outcome != runbook.Completed || len(r.State.Owed) > 0 {
		t.Fatalf("taken over: %+v, owed %v", r.State.End, r.State.Owed)
	}
	_, err = runbook.ReadEvidence(r.Evidence) // verifies
	must(t, err)
	s.wantPutBack(t)
}
