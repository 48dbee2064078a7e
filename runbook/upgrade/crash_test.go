package upgrade_test

import (
	"context"
	"flag"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// rarer makes a full sweep bearable: ways to go on that differ from resuming only in where the journal
// is found are tried at fewer points.
var rarer = flag.Int("rarer", 8, "how many times rarer than resuming a takeover is tried")

// Crash before and after every record of the journal and every request of a Test upgrade; another
// process goes on. Nothing that may happen once happens twice, nothing stays owed, the evidence
// verifies. (Engine trap 1.)
func TestCrashEverywhere(t *testing.T) {
	t.Parallel()
	for _, e := range estates(t) {
		t.Run(e.name, func(t *testing.T) {
			stride := *every
			if e.name != resumed.name {
				stride *= *rarer
			}
			points := runbooktest.CrashEverywhere(t, stride, func(t *testing.T) *runbooktest.Trial { return e.trial(t, quiet(t, upgradetest.Options{})) })
			if points < 300 {
				t.Errorf("only %d crash points", points)
			}
			t.Logf("%d crash points, every %d. tried", points, stride)
		})
	}
}

// estate is what a dead process leaves behind, and how the next one goes on with it.
type estate struct {
	name string
	// journals opens the store that the first process uses. heir is what the next one finds, and its
	// stage, which has a state folder of its own where the next one is on another machine.
	journals func(t *testing.T, s *stage) (first runbook.Log, heir func(t *testing.T) (*stage, runbook.Log))
	goOn     func(*upgrade.Session, context.Context, string, string) (upgrade.Result, error)
}

// resumed: on the same machine, with the same files.
var resumed = estate{"resumed", func(t *testing.T, s *stage) (runbook.Log, func(*testing.T) (*stage, runbook.Log)) {
	return files(t, s), func(t *testing.T) (*stage, runbook.Log) { return s, files(t, s) }
}, (*upgrade.Session).Resume}

// copied: from a copy of the state folder on another machine.
var copied = estate{"taken over on a copied folder", func(t *testing.T, s *stage) (runbook.Log, func(*testing.T) (*stage, runbook.Log)) {
	return files(t, s), func(t *testing.T) (*stage, runbook.Log) {
		other := s.onAnotherMachine(t)
		must(t, os.CopyFS(other.cfg.State, os.DirFS(s.cfg.State)))
		return other, files(t, other)
	}
}, (*upgrade.Session).TakeOver}

// shared: from the store that both machines use.
var shared = estate{"taken over on a shared store", func(t *testing.T, s *stage) (runbook.Log, func(*testing.T) (*stage, runbook.Log)) {
	schema := newSchema(t)
	return database(t, schema), func(t *testing.T) (*stage, runbook.Log) { return s.onAnotherMachine(t), database(t, schema) }
}, (*upgrade.Session).TakeOver}

// estates are all that this machine can try.
func estates(t *testing.T) []estate {
	if leftOut(t) {
		return []estate{resumed, copied}
	}
	return []estate{resumed, copied, shared}
}

func files(t *testing.T, s *stage) runbook.Log {
	t.Helper()
	log, err := filelog.New(s.cfg.State)
	must(t, err)
	return log
}

func (s *stage) onAnotherMachine(t *testing.T) *stage {
	other, cfg := *s, *s.cfg
	cfg.State = folder(t)
	other.cfg = &cfg
	return &other
}

// trial is an upgrade of Test in the world of s that ann drives, and bob after her process has died.
func (e estate) trial(t *testing.T, s *stage) *runbooktest.Trial {
	first, heir := e.journals(t, s)
	tr := &runbooktest.Trial{Log: first, Environment: string(policy.Test)}
	tr.Start = func(ctx context.Context, c *runbooktest.Crash) error {
		session := s.as(t, upgrade.SessionOptions{Actor: "ann@desk", Asker: s.person(0), Log: c, Transport: c.Transport})
		_, err := session.Run(ctx)
		return err
	}
	tr.Resume = func(ctx context.Context, run string) error {
		next, log := heir(t)
		tr.Log = log
		session := next.as(t, upgrade.SessionOptions{Actor: "bob@elsewhere", Asker: s.person(4), Log: log})
		_, err := e.goOn(session, ctx, run, "after a crash")
		return err
	}
	tr.Check = func(t *testing.T, state *runbook.State) { s.wantDoneOnce(t, state) }
	return tr
}

// as opens a session whose waits for other people's proofs are over at once. In a world that does not
// listen it sends to the world in process.
func (s *stage) as(t *testing.T, o upgrade.SessionOptions) *upgrade.Session {
	t.Helper()
	o.Environment = policy.Test
	if wrap := o.Transport; !s.listens() {
		o.Transport = s.Transport
		if wrap != nil {
			o.Transport = func(next http.RoundTripper) http.RoundTripper { return wrap(s.Transport(next)) }
		}
	}
	session, err := upgrade.Open(t.Context(), s.cfg, o)
	must(t, err)
	clock := runbooktest.NewClock(time.Now())
	clock.Hurry()
	session.Runner.Clock = clock
	return session
}

// wantDoneOnce: the upgrade is complete, what may happen once happened once, and all is put back.
func (s *stage) wantDoneOnce(t *testing.T, state *runbook.State) {
	t.Helper()
	if state.End.Outcome != runbook.Completed {
		t.Errorf("the run ended as %+v", state.End)
	}
	s.wantOnce(t, t.Name())
	s.wantUpgraded(t, t.Name())
	s.wantPutBack(t)
}
