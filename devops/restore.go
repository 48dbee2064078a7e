package devops

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Restore says what to put back and how to recognise that the present state is one's own. It needs
// nothing that a crash could lose but what was written down before and after the pause.
type Restore struct {
	// Found is the queue status that was there before the pause.
	Found QueueStatus
	// Revision is the one that the pause made (Change.RevisionAfter). Zero, when a crash lost it: the
	// newest revision whose comment contains Marker.
	Revision int
	// Marker is a text in the comment of the pause that nobody else uses, such as the id of the run.
	// Required when Revision is zero.
	Marker string
	// Comment goes into the definition's history.
	Comment string
}

// maxLookBack is how many revisions are compared to find who changed the queue status.
const maxLookBack = 50

// RestoreQueueStatus puts the queue status back to Found if it is still the one that the own pause
// set. When somebody else changed the queue status since, it returns ErrChangedByOther, whose text
// names who, when and their comment, and changes nothing. Edits of other fields are kept and do not
// hinder. When the status is already Found, restored by hand for example, nothing is sent and
// AlreadySo is set. Otherwise as SetQueueStatus; safe to repeat.
func (c *Client) RestoreQueueStatus(ctx context.Context, restore Restore) (Change, error) {
	operation := c.operation("restore the queue status " + string(restore.Found) + " of")
	if restore.Revision <= 0 && restore.Marker == "" {
		return Change{}, &Error{Operation: operation, Message: "Revision or Marker is needed to recognise the own pause; nothing was sent"}
	}
	return c.change(ctx, operation, restore.Found, restore.Comment, func(ctx context.Context, def Definition) error {
		return c.stillOurs(ctx, operation, def, restore)
	})
}

func (r Restore) made(revision Revision) bool {
	return (r.Revision <= 0 || revision.Revision == r.Revision) && strings.Contains(revision.Comment, r.Marker)
}

// stillOurs returns nil when the last change of the queue status is the own one.
func (c *Client) stillOurs(ctx context.Context, operation string, def Definition, restore Restore) error {
	return c.changedByOther(ctx, operation, def, restore.made)
}

// changedByOther goes back through the history to the edit that gave the queue status its present
// value and returns ErrChangedByOther naming it, or nil when ours accepts an edit on the way there.
// An own edit ends the search because what came after it left the status alone.
func (c *Client) changedByOther(ctx context.Context, operation string, def Definition, ours func(Revision) bool) error {
	list, err := c.revisions(ctx, operation)
	if err != nil {
		return err
	}
	foreign := &Error{Operation: operation, Kind: ErrChangedByOther, Message: fmt.Sprintf("it is %s now, and the history does not tell since when", def.QueueStatus)}
	for i := len(list) - 1; i >= 0 && len(list)-i <= maxLookBack; i-- {
		if ours != nil && ours(list[i]) {
			return nil
		}
		var before QueueStatus
		if i > 0 {
			_, older, err := c.read(ctx, operation, list[i-1].Revision)
			if err != nil {
				return err
			}
			before = older.QueueStatus
		}
		if before != def.QueueStatus {
			foreign.Message = fmt.Sprintf("%s since revision %d: %s", def.QueueStatus, list[i].Revision, list[i].describe())
			return foreign
		}
	}
	return foreign
}

func (r Revision) describe() string {
	text := fmt.Sprintf("%s, %s", r.ChangedBy, r.ChangedAt.UTC().Format(time.RFC3339))
	if r.Comment != "" {
		text += fmt.Sprintf(", comment %q", r.Comment)
	}
	return text
}

// whoEdited names the author of a revision as well as can be told.
func (c *Client) whoEdited(ctx context.Context, operation string, revision int) string {
	list, err := c.revisions(ctx, operation)
	if err != nil {
		return "their authors could not be read"
	}
	for _, r := range list {
		if r.Revision == revision {
			return fmt.Sprintf("the last is revision %d: %s", revision, r.describe())
		}
	}
	return fmt.Sprintf("the last is revision %d", revision)
}
