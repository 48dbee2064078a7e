package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

// notices are those whom the configuration wants told, ready to be started.
type notices struct {
	targets []notify.Config
	drain   time.Duration
}

// readNotices reads what telling them needs. Nothing is sent; every fault is reported.
func readNotices(cfg *Config, wrap func(http.RoundTripper) http.RoundTripper) (n notices, err error) {
	if n.targets, err = cfg.targets(); err != nil {
		return n, err
	}
	var faults []error
	for i := range n.targets {
		t, c := &n.targets[i], cfg.Notify[i]
		n.drain = max(n.drain, c.Drain)
		t.Next = nextOf
		if c.Page != "" {
			t.Link = func(run string) string { return strings.TrimSuffix(c.Page, "/") + "/runs/" + run }
		}
		if t.HTTPClient, err = clientFor(c.CAFile, wrap); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", t.Name, err))
		}
	}
	return n, errors.Join(faults...)
}

// nextOf is what to type about an event; for the end of a run there is nothing.
func nextOf(e runbook.Event) string {
	if e.Kind == runbook.EventKind(runbook.KindEnd) {
		return ""
	}
	if e.Waiting == nil {
		return "upgrade status -config FILE -run " + e.Run
	}
	return NextCommand(&runbook.State{Run: e.Run, Waiting: e.Waiting})
}

// secrets are the values that nothing may show.
func (n notices) secrets() (all []string) {
	for _, t := range n.targets {
		all = append(all, t.URL)
		if t.Secret != "" {
			all = append(all, t.Secret)
		}
	}
	return all
}

// on returns a copy of the runner whose events are told too, and what ends that: it waits for notices
// that are under way, at most as long as the configuration says. What cannot be delivered is logged and
// changes nothing else.
func (n notices) on(ctx context.Context, r *runbook.Runner) (*runbook.Runner, func()) {
	told := *r
	var started []*notify.Notifier
	for _, t := range n.targets {
		one, err := notify.New(t)
		if err != nil { // readNotices has checked it
			continue
		}
		started = append(started, one)
		told.Observer = runbook.Observers(told.Observer, one.Observe)
	}
	return &told, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.drain)
		defer cancel()
		for _, one := range started {
			_ = one.Close(ctx) // the notifier has logged what it gave up
		}
	}
}

// debts tells what runs owe that have not ended, once for each obligation that is old enough: a sweep is
// a new process each time, so a file below the state folder remembers it. A run whose process lives
// may tell the same, with the same id.
func (n notices) debts(ctx context.Context, r *runbook.Runner, state string) error {
	if len(n.targets) == 0 {
		return nil
	}
	runs, err := r.List(ctx)
	if err != nil {
		return err
	}
	for _, info := range runs {
		if info.Outcome != "" {
			continue
		}
		s, err := r.State(ctx, info.Run)
		if err != nil {
			continue // the sweep reports it
		}
		for _, o := range s.Owed {
			if n.old(o) && firstTime(filepath.Join(state, "notices"), info.Run+"/"+o.ID()+o.Since.String()) {
				r.Observer(runbook.Event{At: time.Now(), Run: info.Run, Environment: info.Environment, Kind: runbook.EventKind(runbook.KindOwe), Step: o.Step, Owed: &o})
			}
		}
	}
	return nil
}

// old says whether somebody wants to know of an obligation by now.
func (n notices) old(o runbook.Owed) bool {
	return slices.ContainsFunc(n.targets, func(t notify.Config) bool { return time.Since(o.Since) >= t.OwedAfter })
}

// firstTime says whether nobody has asked about a thing before. If that cannot be remembered it is the
// first time: better told twice than never.
func firstTime(folder, thing string) bool {
	sum := sha256.Sum256([]byte(thing))
	_ = os.MkdirAll(folder, 0o700)
	file, err := os.OpenFile(filepath.Join(folder, hex.EncodeToString(sum[:16])), os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_ = file.Close()
	}
	return !errors.Is(err, fs.ErrExist)
}
