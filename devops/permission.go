package devops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Verdict is the answer to whether a permission is held.
type Verdict string

const (
	// Granted: the service says so, or the thing was just done.
	Granted Verdict = "granted"
	// Missing: the service says so.
	Missing Verdict = "missing"
	// Unknown: the service did not say. It never counts as granted.
	Unknown Verdict = "unknown"
)

// Permission is one permission on the definition, by the vendor's name for it.
type Permission struct {
	Name string
	// Purpose is what it is needed for.
	Purpose string
	Verdict Verdict
	// Detail says how the verdict came about.
	Detail string
}

// buildNamespace is the security namespace "Build" (vendor page "Security namespace and permission
// reference").
const buildNamespace = "33344d9c-fc72-4d6f-aba5-fa317101a7e9"

var neededPermissions = []struct {
	bit           int
	name, purpose string
}{
	{2048, "Edit build pipeline", "pause and resume the pipeline"},
	{128, "Queue builds", "run the pipeline by hand"},
	{512, "Stop builds", "cancel builds that the schedule or others queued"},
}

// CheckPermissions says which of the permissions this package needs the account holds: view, edit,
// queue, and stop builds, which Contributors do not have. View is known from reading the definition;
// the others come from the security API ("Permissions - Has Permissions Batch" and its siblings),
// whose use here is unverified: an answer of any unexpected form is Unknown. It changes nothing and
// may be repeated. It returns an error when the definition itself cannot be read.
func (c *Client) CheckPermissions(ctx context.Context) ([]Permission, error) {
	operation := c.operation("check the permissions on")
	view := Permission{Name: "View builds and build pipeline", Purpose: "read the definition, its builds and its history"}
	_, def, err := c.read(ctx, operation, 0)
	if errors.Is(err, ErrForbidden) {
		view.Verdict, view.Detail = Missing, err.Error()
		return append([]Permission{view}, unknownPermissions("the definition cannot be read")...), nil
	}
	if err != nil {
		return nil, err
	}
	view.Verdict, view.Detail = Granted, fmt.Sprintf("revision %d was read", def.Revision)
	out := []Permission{view}
	for _, need := range neededPermissions {
		verdict, detail := c.permission(ctx, def, need.bit)
		if ctx.Err() != nil {
			return nil, during(operation, ctx.Err())
		}
		out = append(out, Permission{Name: need.name, Purpose: need.purpose, Verdict: verdict, Detail: detail})
	}
	return out, nil
}

func unknownPermissions(detail string) []Permission {
	var out []Permission
	for _, need := range neededPermissions {
		out = append(out, Permission{Name: need.name, Purpose: need.purpose, Verdict: Unknown, Detail: detail})
	}
	return out
}

// permission asks for one bit. The request is not in the service's own description of its API as the
// vendor's client reads it, so its address is put together here.
func (c *Client) permission(ctx context.Context, def Definition, bit int) (Verdict, string) {
	if def.ProjectID == "" {
		return Unknown, "the definition names no project id"
	}
	query := url.Values{"tokens": {securityToken(def)}, "api-version": {apiVersion}}
	address := fmt.Sprintf("%s/_apis/permissions/%s/%s?%s", strings.ToLower(c.pipeline.OrganizationURL), buildNamespace, strconv.Itoa(bit), query.Encode())
	req, err := c.api.CreateRequestMessage(ctx, http.MethodGet, address, "", nil, "", "application/json", nil)
	if err != nil {
		return Unknown, err.Error()
	}
	res, err := c.api.SendRequest(req)
	if err != nil {
		return Unknown, during("ask for permission "+strconv.Itoa(bit), err).Error()
	}
	defer res.Body.Close()
	var answer struct {
		Count *int   `json:"count"`
		Value []bool `json:"value"`
	}
	if json.NewDecoder(res.Body).Decode(&answer) != nil || len(answer.Value) != 1 || answer.Count == nil || *answer.Count != 1 {
		return Unknown, "the service's answer has an unexpected form"
	}
	if !answer.Value[0] {
		return Missing, fmt.Sprintf("the service denies permission %d on %s", bit, securityToken(def))
	}
	return Granted, fmt.Sprintf("the service confirms permission %d on %s", bit, securityToken(def))
}

// securityToken is project, folder and definition, with slashes.
func securityToken(def Definition) string {
	parts := []string{def.ProjectID}
	for folder := range strings.SplitSeq(def.Path, `\`) {
		if folder != "" {
			parts = append(parts, folder)
		}
	}
	return strings.Join(append(parts, strconv.Itoa(def.ID)), "/")
}
