package pexip

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Verdict is what is known about a permission.
type Verdict string

const (
	Granted Verdict = "granted"
	Missing Verdict = "missing"
	// Unknown is no permission: it could not be found out without changing something.
	Unknown Verdict = "unknown"
)

// Access is what the account may do with one resource.
type Access struct {
	// Resource is for example "GET status/v1/alarm/" or "PATCH configuration/v1/global/1/".
	Resource string
	// Purpose says what it is needed for.
	Purpose string
	Verdict Verdict
	// Detail says where the verdict comes from.
	Detail string
}

type need struct{ method, path, purpose string }

var reads = []need{
	{"GET", globalPath, "read the session timeout"},
	{"GET", "configuration/v1/management_vm/", "know the management nodes"},
	{"GET", "status/v1/management_vm/", "watch the management node's version"},
	{"GET", "configuration/v1/worker_vm/", "know the conferencing nodes"},
	{"GET", "status/v1/worker_vm/", "watch the conferencing nodes' versions"},
	{"GET", "configuration/v1/system_location/", "know the locations"},
	{"GET", "configuration/v1/syslog_server/", "check remote logging"},
	{"GET", "status/v1/alarm/", "check the alarms"},
	{"GET", "status/v1/participant/", "check for live calls"},
	{"GET", "status/v1/conference/", "check for live calls"},
	{"GET", "status/v1/licensing/", "compare licences before and after"},
	{"GET", "configuration/v1/licence/", "compare licences before and after"},
	{"GET", "configuration/v1/system_backup/", "fetch a backup"},
	{"GET", "status/v1/backup_request/", "watch a backup being made"},
	{"GET", "configuration/v1/upgrade_request/", "resume an upload"},
}

var (
	patchGlobal   = need{"PATCH", globalPath, "switch the session timeout"}
	postUpgrade   = need{"POST", "command/v1/platform/upgrade/", "upload and start an upgrade"}
	postBackup    = need{"POST", "command/v1/platform/backup_create/", "make a backup"}
	writes        = []need{patchGlobal, postUpgrade, postBackup}
	readOnlyAllow = map[need]bool{postBackup: true}
)

// CheckAccess finds out what the account may do, by harmless reads only. What may be written is
// known for an OAuth2 client whose role may read itself: a role with every permission of the node
// may do everything, and the built-in role "Read-only" may only make backups (Pexip documentation,
// "Managing administrator roles"). Which single permission allows an upgrade is not documented,
// so every other role, and any Basic account, gives Unknown for writing.
//
// The error matches ErrUnauthorized when the node refuses the credentials as such.
func (c *Client) CheckAccess(ctx context.Context) ([]Access, error) {
	var out []Access
	for _, n := range reads {
		a, err := c.tryRead(ctx, n)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	w, err := c.writeAccess(ctx)
	if err != nil {
		return nil, err
	}
	return append(out, w...), nil
}

func (c *Client) tryRead(ctx context.Context, n need) (Access, error) {
	a := Access{Resource: n.method + " " + n.path, Purpose: n.purpose, Verdict: Granted, Detail: "read successfully"}
	path := n.path
	if path != globalPath {
		path += "?limit=1"
	}
	err := c.read(ctx, "check access", path, new(map[string]any))
	switch {
	case err == nil:
	case errors.Is(err, ErrForbidden):
		a.Verdict, a.Detail = Missing, "the node answers 403"
	case errors.Is(err, ErrNotFound):
		a.Verdict, a.Detail = Unknown, "this node does not offer the resource (404)"
	case errors.Is(err, ErrUnauthorized), answerless(err):
		return a, err
	default:
		a.Verdict, a.Detail = Unknown, err.Error()
	}
	return a, nil
}

// answerless says that there was no answer to judge by.
func answerless(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return !ok || e.Status == 0
}

type role struct {
	Name        string `json:"name"`
	Permissions refs   `json:"permissions"`
	ResourceURI string `json:"resource_uri"`
}

func (c *Client) writeAccess(ctx context.Context) ([]Access, error) {
	if c.cfg.OAuth2 == nil {
		return judge(Unknown, "the API does not tell what a Basic account may write; a refusal shows it, before anything changes"), nil
	}
	r, total, err := c.ownRole(ctx)
	switch {
	case err != nil && answerless(err):
		return nil, err
	case err != nil:
		return judge(Unknown, "this client's role cannot be read: "+err.Error()), nil
	case total > 0 && len(r.Permissions) >= total:
		return judge(Granted, fmt.Sprintf("role %q has all %d permissions of the node", r.Name, total)), nil
	case strings.EqualFold(strings.ReplaceAll(r.Name, " ", "-"), "read-only"):
		return judgeReadOnly(r.Name), nil
	}
	return judge(Unknown, fmt.Sprintf("role %q has %d of %d permissions; which one allows this is not documented", r.Name, len(r.Permissions), total)), nil
}

func judge(v Verdict, detail string) []Access {
	var out []Access
	for _, n := range writes {
		out = append(out, Access{n.method + " " + n.path, n.purpose, v, detail})
	}
	return out
}

func judgeReadOnly(name string) []Access {
	out := judge(Missing, fmt.Sprintf("role %q may not change anything", name))
	for i, n := range writes {
		if readOnlyAllow[n] {
			out[i].Verdict, out[i].Detail = Granted, fmt.Sprintf("role %q may make backups", name)
		}
	}
	return out
}

// ownRole reads the OAuth2 client's role and how many permissions there are.
func (c *Client) ownRole(ctx context.Context) (role, int, error) {
	const op = "read this client's role"
	var clients page[struct {
		ClientID string `json:"client_id"`
		Role     refs   `json:"role"`
	}]
	path := "configuration/v1/oauth2_client/?client_id=" + url.QueryEscape(c.cfg.OAuth2.ClientID)
	if err := c.read(ctx, op, path, &clients); err != nil {
		return role{}, 0, err
	}
	if clients.Objects == nil || len(*clients.Objects) != 1 {
		return role{}, 0, misshapen(op, path, "not exactly one client with this id")
	}
	own := (*clients.Objects)[0]
	if own.ClientID != c.cfg.OAuth2.ClientID || len(own.Role) != 1 || own.Role[0].uri == "" {
		return role{}, 0, misshapen(op, path, "not this client with the address of one role")
	}
	var r role
	if err := c.read(ctx, op, own.Role[0].uri, &r); err != nil {
		return role{}, 0, err
	}
	total, err := count(ctx, c, "count the permissions", "configuration/v1/permission/")
	return r, total, err
}
