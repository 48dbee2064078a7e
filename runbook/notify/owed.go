package notify

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func owedKey(run, obligation string) string { return run + "\x00" + obligation }

// owe remembers an obligation, which may be older than this process. n.mu is held.
func (n *Notifier) owe(e runbook.Event) {
	if e.Owed == nil || !n.wants(Owed) {
		return
	}
	n.owed[owedKey(e.Run, e.Owed.ID())] = e
	n.look()
}

func (n *Notifier) settled(e runbook.Event) {
	if e.Owed != nil {
		delete(n.owed, owedKey(e.Run, e.Owed.ID()))
	}
}

// look wakes the watch.
func (n *Notifier) look() {
	select {
	case n.looked <- struct{}{}:
	default:
	}
}

// longestNap bounds how late the watch notices that the machine has slept; see runbook.Clock.
const longestNap = time.Minute

// watch tells what has been owed for too long.
func (n *Notifier) watch() {
	for {
		left, closed := n.overdue()
		if closed {
			return
		}
		var wake <-chan time.Time
		if left > 0 {
			wake = n.cfg.Clock.After(min(left, longestNap))
		}
		select {
		case <-wake:
		case <-n.looked:
		}
	}
}

// overdue tells what is due and returns how long it is until the next is; 0: there is none.
func (n *Notifier) overdue() (next time.Duration, closed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return 0, true
	}
	return n.tellOverdue(), false
}

// tellOverdue does the work of overdue. n.mu is held.
func (n *Notifier) tellOverdue() (next time.Duration) {
	for key, e := range n.owed {
		left := n.cfg.OwedAfter - n.cfg.Clock.Now().Sub(e.Owed.Since)
		switch {
		case left <= 0:
			delete(n.owed, key)
			n.tell(Owed, e, e.Owed.ID()+e.Owed.Since.UTC().Format(time.RFC3339Nano), fmt.Sprintf("%s is not put back, since %s. If nobody is at it: resume the run, or settle it.",
				e.Owed.ID(), e.Owed.Since.Local().Format(time.RFC3339)))
		case next == 0 || left < next:
			next = left
		}
	}
	return next
}
