package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Observe is a runbook.Observer. It never waits: what cannot be queued is given up.
func (n *Notifier) Observe(e runbook.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	switch runbook.Kind(e.Kind) {
	case runbook.KindWait:
		n.tell(Waiting, e, e.Step+since(e), waitingText(e))
	case runbook.KindFail:
		n.tell(Failed, e, e.Step, e.Text)
	case runbook.KindOwe:
		n.owe(e)
	case runbook.KindSettled:
		n.settled(e)
	case runbook.KindEnd:
		n.tell(Ended, e, "", e.Text)
		n.forget(e.Run)
	}
}

// since tells a question apart from the same one of an earlier try.
func since(e runbook.Event) string {
	if e.Waiting == nil {
		return ""
	}
	return e.Waiting.Since.UTC().Format(time.RFC3339Nano)
}

func (n *Notifier) wants(kind Event) bool { return slices.Contains(n.cfg.Events, kind) }

// tell queues a notice, once. n.mu is held.
func (n *Notifier) tell(kind Event, e runbook.Event, thing, text string) {
	if !n.wants(kind) {
		return
	}
	x := n.notice(kind, e, thing, text)
	if n.seen[e.Run][x.ID] {
		return
	}
	if n.seen[e.Run] == nil {
		n.seen[e.Run] = map[string]bool{}
	}
	n.seen[e.Run][x.ID] = true
	select {
	case n.queue <- x:
	default:
		n.giveUp(x, fmt.Errorf("%d others wait to be sent already", n.cfg.Queue))
	}
}

// giveUp notes a notice that is not delivered. n.mu is held.
func (n *Notifier) giveUp(x Notice, err error) {
	n.failed, n.last = n.failed+1, err
	n.cfg.Log.Warn("notice not delivered; the run does not depend on it", "target", n.cfg.Name, "event", x.Event, "run", x.Run, "step", x.Step, "error", err.Error())
}

// forget drops what is known of a run that is over. n.mu is held.
func (n *Notifier) forget(run string) {
	delete(n.seen, run)
	for key := range n.owed {
		if strings.HasPrefix(key, owedKey(run, "")) {
			delete(n.owed, key)
		}
	}
	n.look()
}
