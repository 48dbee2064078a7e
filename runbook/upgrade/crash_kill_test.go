//go:build unix

package upgrade_test

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// kills is the stride of the real processes that are killed: 1 tries all points. With a stride of up to 100 each
// way to go on is tried, and processes are stopped in every step that changes something; else what matters most.
var kills = flag.Int("kill", 401, "kill a real process at every n-th crash point")

// A real process is killed with kill -9 before and after records of its journal and requests to
// systems behind TLS; another process goes on: on the same machine, with a copy of the state folder
// on another one, with the store that both share. (Engine trap 1.)
func TestKillEverywhere(t *testing.T) {
	t.Parallel()
	all := estates(t)
	if !often() {
		all = []estate{resumed}
	}
	for _, e := range all {
		var tried, killed atomic.Int64
		t.Run(e.name, func(t *testing.T) {
			points := runbooktest.CrashEverywhere(t, *kills, func(t *testing.T) *runbooktest.Trial {
				s := listening(t, upgradetest.Options{})
				tr := e.trial(t, s)
				here := tr.Start
				tr.Start = func(ctx context.Context, c *runbooktest.Crash) error {
					if c.At == 0 {
						return here(ctx, c)
					}
					tried.Add(1)
					err := s.sendOut(t, tr, c)
					if c.Happened() {
						killed.Add(1)
					}
					return err
				}
				return tr
			})
			if points < 300 {
				t.Errorf("only %d crash points", points)
			}
		})
		// Not reached are the last requests of a run that polled less often than the one that was counted.
		if killed.Load() == 0 || 2*killed.Load() < tried.Load() {
			t.Errorf("%s: %d of %d processes were killed", e.name, killed.Load(), tried.Load())
		}
		t.Logf("%s: %d processes killed at %d points", e.name, killed.Load(), tried.Load())
	}
}

// sendOut lets a real process be the one that dies.
func (s *stage) sendOut(t *testing.T, tr *runbooktest.Trial, c *runbooktest.Crash) error {
	e := s.errand(tr.Log, errand{Death: runbooktest.Point{Request: c.Request, N: c.At, After: c.After}})
	p := launch(t, e)
	end := p.end(t)
	if status, ok := end.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		c.Kill()
		return runbooktest.ErrCrash
	}
	if !end.Success() {
		return fmt.Errorf("the process was not killed: %s: %s", end, &p.out)
	}
	return nil
}
