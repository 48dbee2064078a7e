package devops

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/microsoft/azure-devops-go-api/azuredevops/v7"
)

// QueueStatus says whether a definition takes and starts builds (vendor page "Definitions - Get",
// DefinitionQueueStatus).
type QueueStatus string

const (
	// Enabled: builds are queued and started.
	Enabled QueueStatus = "enabled"
	// Paused: builds are queued, by people and by the schedule, and none is started.
	Paused QueueStatus = "paused"
	// Disabled: no build can be queued, and those that are queued do not start.
	Disabled QueueStatus = "disabled"
)

// Definition is the part of a pipeline definition that this package decides on.
type Definition struct {
	ID int
	// Revision counts every edit of anything in the definition.
	Revision int
	Name     string
	// Project is the name and ProjectID the GUID.
	Project     string
	QueueStatus QueueStatus
	ProjectID   string
	// Path is the folder, with backslashes; \ is the root.
	Path string
}

// Change says what SetQueueStatus or RestoreQueueStatus did.
type Change struct {
	// Before and After are the queue status found and the one read back.
	Before, After QueueStatus
	// RevisionBefore is the one the change was made from, RevisionAfter the one that the change made.
	// They are equal when nothing was sent.
	RevisionBefore, RevisionAfter int
	// AlreadySo: the definition had the wanted status; this call changed nothing.
	AlreadySo bool
	// Conflicts counts edits of others that came in between and were kept.
	Conflicts int
	// Altered names fields, other than the queue status and what every write changes, that the service
	// answered differently from how they were read; normally none.
	Altered []string
}

// Revision is one entry of the definition's history.
type Revision struct {
	Revision int
	// ChangedBy is the display name, with the account name when the service gives one.
	ChangedBy string
	// ChangeType is add, update or delete.
	ChangeType string
	// Comment is what the author wrote.
	Comment   string
	ChangedAt time.Time
}

// Definition reads the definition. It changes nothing and may be repeated. Errors: ErrNotFound,
// ErrUnauthorized, ErrForbidden.
func (c *Client) Definition(ctx context.Context) (Definition, error) {
	_, def, err := c.read(ctx, c.operation("read"), 0)
	return def, err
}

// Revisions reads the definition's history, oldest first. It may be repeated.
func (c *Client) Revisions(ctx context.Context) ([]Revision, error) {
	return c.revisions(ctx, c.operation("read the history of"))
}

// SetQueueStatus sets the queue status and records comment in the definition's history (empty: a
// sentence of our own). Every other field is written back as it was read. When the status is already
// the wanted one nothing is sent. A write from a revision that is no longer the newest is refused by
// the service; the status is then applied to the newer one, as long as nobody else changed the status
// itself: that is ErrChangedByOther. When an answer is lost, the definition and its history tell
// whether the write arrived. The result is read back.
//
// It is safe to repeat. Errors: ErrConflict after Config.ConflictRetries, ErrChangedByOther,
// ErrOutcomeUnknown when neither the write nor the read after it was answered, ErrForbidden,
// ErrUnauthorized, ErrNotFound.
func (c *Client) SetQueueStatus(ctx context.Context, want QueueStatus, comment string) (Change, error) {
	operation := c.operation("set the queue status to " + string(want) + " of")
	return c.change(ctx, operation, want, comment, func(context.Context, Definition) error { return nil })
}

func (c *Client) operation(verb string) string {
	return fmt.Sprintf("%s pipeline definition %d", verb, c.pipeline.DefinitionID)
}

// read gets the definition, at a revision when that is not 0.
func (c *Client) read(ctx context.Context, operation string, revision int) (document, Definition, error) {
	in := call{method: http.MethodGet, area: definitionsArea, route: c.definitionRoute(), version: c.definitionVersion()}
	if revision > 0 {
		in.query = url.Values{"revision": {strconv.Itoa(revision)}}
	}
	var doc document
	header, err := c.do(ctx, operation, in, &doc)
	if err != nil {
		return nil, Definition{}, err
	}
	def, ok := doc.definition()
	if !ok || def.ID != c.pipeline.DefinitionID {
		return nil, Definition{}, unexpected(operation, header, "the service's answer is not this definition")
	}
	return doc, def, nil
}

// definitionVersion is used to read and to write: a document must go back in the version it came in.
func (c *Client) definitionVersion() string {
	if c.cancelPausedBuilds {
		return "7.2-preview.8"
	}
	return apiVersion
}

// put writes doc with another status and comment. It returns what the service answered, also beside the
// error that the answer still has the old status or revision.
func (c *Client) put(ctx context.Context, operation string, doc document, from int, want QueueStatus, comment string) (document, Definition, error) {
	body, err := doc.with(want, comment)
	if err != nil {
		return nil, Definition{}, during(operation, err)
	}
	in := call{method: http.MethodPut, area: definitionsArea, route: c.definitionRoute(), version: c.definitionVersion(), body: body}
	if c.cancelPausedBuilds && want == Enabled {
		in.query = url.Values{"cancelPausedBuilds": {"true"}}
	}
	var answer document
	header, err := c.do(ctx, operation, in, &answer)
	if err != nil {
		return nil, Definition{}, err
	}
	def, ok := answer.definition()
	switch {
	case !ok || def.ID != c.pipeline.DefinitionID:
		e := unexpected(operation, header, "the service's answer is not this definition")
		e.Unclear = true
		return nil, Definition{}, e
	case def.QueueStatus != want || def.Revision <= from:
		return answer, def, unexpected(operation, header, fmt.Sprintf("the service accepted the write of revision %d and answered with revision %d, still %s",
			from, def.Revision, def.QueueStatus))
	}
	return answer, def, nil
}

func (c *Client) revisions(ctx context.Context, operation string) ([]Revision, error) {
	var list struct {
		Value []struct {
			Revision    int              `json:"revision"`
			ChangedBy   identity         `json:"changedBy"`
			ChangeType  string           `json:"changeType"`
			Comment     string           `json:"comment"`
			ChangedDate azuredevops.Time `json:"changedDate"`
		} `json:"value"`
	}
	if _, err := c.do(ctx, operation, call{method: http.MethodGet, area: revisionsArea, route: c.definitionRoute()}, &list); err != nil {
		return nil, err
	}
	var out []Revision
	for _, r := range list.Value {
		out = append(out, Revision{Revision: r.Revision, ChangedBy: r.ChangedBy.String(), ChangeType: r.ChangeType,
			Comment: r.Comment, ChangedAt: r.ChangedDate.Time})
	}
	slices.SortFunc(out, func(a, b Revision) int { return cmp.Compare(a.Revision, b.Revision) })
	return out, nil
}

type identity struct {
	DisplayName string `json:"displayName"`
	UniqueName  string `json:"uniqueName"`
}

func (i identity) String() string {
	if i.UniqueName == "" || i.UniqueName == i.DisplayName {
		return i.DisplayName
	}
	return strings.TrimSpace(i.DisplayName + " <" + i.UniqueName + ">")
}
