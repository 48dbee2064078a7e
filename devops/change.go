package devops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// change is one compare-and-set of the queue status, repeated as far as that is safe.
type change struct {
	client             *Client
	operation, comment string
	want               QueueStatus
	allowed            func(context.Context, Definition) error

	result  Change
	first   int    // the revision that was read first
	sent    int    // the revision the last write was made from
	pending *Error // why that write is not known to have succeeded
	unclear bool   // whether any write so far may have arrived without an answer
}

func (c *Client) change(ctx context.Context, operation string, want QueueStatus, comment string, allowed func(context.Context, Definition) error) (Change, error) {
	if want != Enabled && want != Paused && want != Disabled {
		return Change{}, &Error{Operation: operation, Message: fmt.Sprintf("%q is not a queue status; use enabled, paused or disabled", want)}
	}
	comment = strings.TrimSpace(comment)
	if comment == "" {
		comment = "queue status set to " + string(want) + " by pexip-upgrade"
	}
	ch := &change{client: c, operation: operation, comment: comment, want: want, allowed: allowed}
	for attempt := 0; ; attempt++ {
		done, err := ch.try(ctx, attempt)
		if done || err != nil {
			return ch.result, err
		}
	}
}

// try reads, decides and writes once. It is done, fails, or leaves ch.pending for another try.
func (ch *change) try(ctx context.Context, attempt int) (bool, error) {
	if attempt > 0 && ch.pending.passing() {
		if err := poll.Sleep(ctx, ch.client.retryWait<<min(attempt-1, 6)); err != nil {
			return false, ch.unknown(during(ch.operation, err))
		}
	}
	doc, def, err := ch.client.read(ctx, ch.operation, 0)
	if err != nil {
		return false, ch.unknown(err)
	}
	if attempt == 0 {
		ch.result.Before, ch.first = def.QueueStatus, def.Revision
	}
	if def.QueueStatus == ch.want {
		return true, ch.settle(ctx, def)
	}
	if err := ch.mayTry(ctx, attempt, def); err != nil {
		return false, err
	}
	if err := ch.allowed(ctx, def); err != nil {
		return false, during(ch.operation, err)
	}
	ch.result.RevisionBefore, ch.sent, ch.pending = def.Revision, def.Revision, nil
	answer, written, err := ch.client.put(ctx, ch.operation, doc, ch.sent, ch.want, ch.comment)
	if written.ID != 0 {
		ch.result.After, ch.result.RevisionAfter, ch.result.Altered = written.QueueStatus, written.Revision, altered(doc, answer)
	}
	if err != nil {
		return false, ch.keep(err)
	}
	return true, ch.readBack(ctx)
}

// unknown marks a failed read after a write that may have arrived.
func (ch *change) unknown(err error) error {
	if ch.pending == nil || !ch.unclear {
		return err
	}
	return &Error{Operation: ch.operation, Kind: ErrOutcomeUnknown, Err: fmt.Errorf("%w; then: %w", ch.pending, err)}
}

// keep decides whether a failed write is worth another look: refused because of the revision (told in
// several ways), refused for load, or with an unknown effect. Anything else is final.
func (ch *change) keep(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch {
	case e.Unclear, e.passing():
	case e.Kind == ErrForbidden, e.Kind == ErrUnauthorized:
		return err
	case e.Status == http.StatusNotFound, e.Status == http.StatusConflict, e.Status == http.StatusBadRequest:
	default:
		return err
	}
	ch.pending, ch.unclear = e, ch.unclear || e.Unclear
	return nil
}

// mayTry looks at what the definition has become since the last write.
func (ch *change) mayTry(ctx context.Context, attempt int, def Definition) error {
	if ch.pending == nil {
		return nil
	}
	edited := def.Revision != ch.sent
	if edited {
		ch.result.Conflicts++
	}
	undone, err := ch.undone(ctx, def)
	if err != nil {
		return err
	}
	if undone {
		return ch.client.changedByOther(ctx, ch.operation, def, nil)
	}
	passed := ch.pending.Unclear || ch.pending.passing()
	switch {
	case !edited && !passed:
		return ch.pending
	case attempt <= ch.client.conflictRetries:
		return nil
	case edited:
		return &Error{Operation: ch.operation, Kind: ErrConflict, Message: fmt.Sprintf("%d edits came in between; %s",
			ch.result.Conflicts, ch.client.whoEdited(ctx, ch.operation, def.Revision)), Err: ch.pending}
	}
	return ch.pending
}

// undone says whether somebody set the queue status since: to a third value, or back after a write
// of ours that had arrived although its answer was lost.
func (ch *change) undone(ctx context.Context, def Definition) (bool, error) {
	if def.QueueStatus != ch.result.Before {
		return true, nil
	}
	if def.Revision == ch.sent || !ch.unclear {
		return false, nil
	}
	return ch.arrived(ctx)
}

// settle finds out who set the wanted status: this call, whose answer was lost, or somebody else.
func (ch *change) settle(ctx context.Context, def Definition) error {
	ch.result.After = def.QueueStatus
	ch.result.RevisionBefore, ch.result.RevisionAfter, ch.result.AlreadySo = def.Revision, def.Revision, true
	if ch.pending == nil {
		return nil
	}
	arrived, err := ch.arrived(ctx)
	ch.result.AlreadySo = !arrived
	return err
}

// arrived looks in the history for an own write whose answer was lost, and takes its revisions.
func (ch *change) arrived(ctx context.Context) (bool, error) {
	list, err := ch.client.revisions(ctx, ch.operation)
	if err != nil {
		return false, ch.unknown(err)
	}
	found := false
	for _, r := range list {
		if r.Revision > ch.first && strings.TrimSpace(r.Comment) == ch.comment {
			ch.result.RevisionBefore, ch.result.RevisionAfter, found = r.Revision-1, r.Revision, true
		}
	}
	return found, nil
}

// readBack looks whether the status is still the written one.
func (ch *change) readBack(ctx context.Context) error {
	_, def, err := ch.client.read(ctx, ch.operation+": read back", 0)
	if err != nil {
		return err
	}
	ch.result.After = def.QueueStatus
	if def.QueueStatus != ch.want {
		return ch.client.changedByOther(ctx, ch.operation, def, nil)
	}
	return nil
}
