package pexip

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// VersionInfo is a software version in the node's words.
type VersionInfo struct {
	// Version is the public number, for example "39.1".
	Version string `json:"version"`
	// PseudoVersion is the build, for example "83067.0.0"; two nodes run the same software when it
	// is the same.
	PseudoVersion string `json:"pseudo_version"`
	BuildDate     string `json:"build_date"`
	Major         int    `json:"major"`
}

// UnmarshalJSON takes the fields in whatever form they come, and leaves a version that is not
// spelled out (an address in its place, for example) empty, which nobody may take for a version.
func (v *VersionInfo) UnmarshalJSON(b []byte) error {
	var w struct {
		Version       word  `json:"version"`
		PseudoVersion word  `json:"pseudo_version"`
		BuildDate     word  `json:"build_date"`
		Major         tally `json:"major"`
	}
	_ = json.Unmarshal(b, &w) // no object: nothing is known
	*v = VersionInfo{Version: string(w.Version), PseudoVersion: string(w.PseudoVersion), BuildDate: string(w.BuildDate)}
	if w.Major.n != nil {
		v.Major = *w.Major.n
	}
	return nil
}

// known is nil for a version that says nothing.
func (v *VersionInfo) known() *VersionInfo {
	if v == nil || v.Version == "" {
		return nil
	}
	return v
}

// UpgradeRequest is a package on its way to the Management Node.
type UpgradeRequest struct {
	ID string
	// State is the node's word; its values are not documented.
	State string
	// Offset is how many bytes the node has.
	Offset int64
	// Current and Upgrade are the installed and the contained version, nil until known.
	Current, Upgrade *VersionInfo
}

const (
	requestsPath = "configuration/v1/upgrade_request/"
	// goneLimit bounds the wait for a cancelled request to disappear.
	goneLimit = time.Minute
)

type wireRequest struct {
	UUID        word         `json:"uuid"`
	ResourceURI word         `json:"resource_uri"`
	State       word         `json:"state"`
	Offset      *int64       `json:"offset"`
	Current     *VersionInfo `json:"current"`
	Upgrade     *VersionInfo `json:"upgrade"`
}

func (w wireRequest) request(path string) (UpgradeRequest, error) {
	r := UpgradeRequest{ID: string(w.UUID), State: string(w.State), Current: w.Current.known(), Upgrade: w.Upgrade.known()}
	if r.ID == "" {
		r.ID = lastSegment(string(w.ResourceURI))
	}
	if w.Offset == nil || *w.Offset < 0 || r.ID == "" {
		return r, misshapen("read an upgrade request", path, "offset or uuid is missing")
	}
	r.Offset = *w.Offset
	return r, nil
}

// UpgradeRequests reads all upgrade requests on the node, anybody's.
func (c *Client) UpgradeRequests(ctx context.Context) ([]UpgradeRequest, error) {
	rows, err := list[wireRequest](ctx, c, "read the upgrade requests", requestsPath)
	if err != nil {
		return nil, err
	}
	out := make([]UpgradeRequest, 0, len(rows))
	for _, w := range rows {
		r, err := w.request(requestsPath)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// UpgradeRequest reads one upgrade request; ErrNotFound when the node has it no more.
func (c *Client) UpgradeRequest(ctx context.Context, id string) (UpgradeRequest, error) {
	path, err := requestPath(id, "")
	if err != nil {
		return UpgradeRequest{}, err
	}
	var w wireRequest
	if err := c.read(ctx, "read upgrade request "+id, path, &w); err != nil {
		return UpgradeRequest{}, err
	}
	return w.request(path)
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// requestPath refuses an id that would address anything but one request: a DELETE on the list
// removes them all.
func requestPath(id, action string) (string, error) {
	if !requestID.MatchString(id) {
		return "", fmt.Errorf("%q is not the id of an upgrade request", oneLine(id))
	}
	path := requestsPath + id + "/"
	if action != "" {
		path += action + "/"
	}
	return path, nil
}

// CreateUpgradeRequest announces a package of totalSize bytes; nothing is installed by that. If
// any upgrade request is on the node already, the error matches ErrForeignUpgradeRequest and
// names it: to resume one's own, give its id to Upload; to remove it, CancelUpgradeRequest.
//
// The form of the reply is not documented (unverified), so the id is looked for in the body, in
// the Location header, and last among the requests: exactly one that was not there before and
// holds no bytes. The last way is also taken when no answer came. Not repeated by itself. When the
// request was made but cannot be read back, its ID is returned together with the error.
func (c *Client) CreateUpgradeRequest(ctx context.Context, totalSize int64) (UpgradeRequest, error) {
	const op = "create an upgrade request"
	if totalSize <= 0 {
		return UpgradeRequest{}, fmt.Errorf("%s: size is %d bytes", op, totalSize)
	}
	if err := c.refuseForeign(ctx); err != nil {
		return UpgradeRequest{}, fmt.Errorf("%s: %w", op, err)
	}
	r, err := jsonCall(op, http.MethodPost, postUpgrade.path, map[string]any{"request": true, "total_size": totalSize},
		"nothing is installed by this; look at the upgrade requests before trying again")
	if err != nil {
		return UpgradeRequest{}, err
	}
	var raw json.RawMessage
	header, err := c.write(ctx, r, &raw)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); !ok || !e.unclear() {
			return UpgradeRequest{}, err
		}
	}
	if id := createdID(raw, header); id != "" && err == nil {
		made, err := c.UpgradeRequest(ctx, id)
		if !errors.Is(err, ErrNotFound) { // else the id in the reply is not the one in the address
			made.ID = cmp.Or(made.ID, id)
			return made, err
		}
	}
	return c.onlyNewRequest(ctx, op, err)
}

func (c *Client) refuseForeign(ctx context.Context) error {
	there, err := c.UpgradeRequests(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, r := range there {
		names = append(names, fmt.Sprintf("%s (state %q, %d bytes)", r.ID, r.State, r.Offset))
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: %s; ask who uploads, then resume or cancel it", ErrForeignUpgradeRequest, strings.Join(names, ", "))
	}
	return nil
}

// createdID looks for the new request's id in the reply.
func createdID(raw json.RawMessage, header http.Header) string {
	type ids struct {
		UploadID word `json:"upload_id"`
		UUID     word `json:"uuid"`
	}
	var outer struct {
		ids
		Data json.RawMessage `json:"data"`
	}
	var inner ids
	_ = json.Unmarshal(raw, &outer) // what does not fit stays empty
	_ = json.Unmarshal(outer.Data, &inner)
	for _, id := range []string{string(outer.UploadID), string(inner.UploadID), string(inner.UUID), lastSegment(header.Get("Location"))} {
		if requestID.MatchString(id) {
			return id
		}
	}
	return ""
}

// onlyNewRequest takes the request that the node has now and had not before. cause is why the
// reply did not tell.
func (c *Client) onlyNewRequest(ctx context.Context, op string, cause error) (UpgradeRequest, error) {
	if cause == nil {
		cause = errors.New("the reply names no request")
	}
	there, err := c.UpgradeRequests(ctx)
	if err != nil {
		return UpgradeRequest{}, fmt.Errorf("%s: %w: %w; and then: %w", op, ErrOutcomeUnknown, cause, err)
	}
	switch {
	case len(there) == 1 && there[0].Offset == 0:
		return there[0], nil
	case len(there) == 0:
		return UpgradeRequest{}, fmt.Errorf("%s: the node has none: %w", op, cause)
	}
	return UpgradeRequest{}, fmt.Errorf("%s: %d requests are there, none is surely ours: %w: %w", op, len(there), ErrForeignUpgradeRequest, cause)
}

// Validation is what the node found in a package.
type Validation struct {
	// Current is installed, Upgrade is in the package.
	Current, Upgrade VersionInfo
}

// okReply is the node's answer to upload, finish and cancel. A refusal is a status 400, so "ok" is
// never false; if it is all the same, that is a failure.
type okReply struct {
	OK      *bool           `json:"ok"`
	Status  word            `json:"status"`
	Error   json.RawMessage `json:"error"`
	Current *VersionInfo    `json:"current"`
	Upgrade *VersionInfo    `json:"upgrade"`
}

// refusal is the error in a 2xx answer that says that it did not work.
func (r *okReply) refusal(of call, res *http.Response) error {
	told := len(r.Error) > 0 && string(r.Error) != "null"
	if !(r.OK != nil && !*r.OK || r.Status != "" && !strings.EqualFold(string(r.Status), "success") || told) {
		return nil
	}
	e := nonsense(of, res, nil, errors.New("the node says it did not work"))
	if told {
		e.Message, e.Fields = flatten(r.Error)
	}
	return e
}

// ValidateUpgrade has the node check an uploaded package without installing it, and tells which
// versions it sees. A package the node refuses is an *Error with status 400 and its reason. It
// may be repeated safely, but is not repeated by itself.
func (c *Client) ValidateUpgrade(ctx context.Context, id string) (Validation, error) {
	reply, err := c.finish(ctx, "validate upgrade request "+id, id, true, "nothing is installed by this; "+safeToRepeat)
	if err != nil {
		return Validation{}, err
	}
	current, upgrade := reply.Current.known(), reply.Upgrade.known()
	if current == nil || upgrade == nil {
		r, err := c.UpgradeRequest(ctx, id)
		if err != nil {
			return Validation{}, err
		}
		current, upgrade = r.Current, r.Upgrade
	}
	if current == nil || upgrade == nil {
		return Validation{}, misshapen("validate upgrade request "+id, requestsPath+id+"/", "current or upgrade version is missing")
	}
	return Validation{*current, *upgrade}, nil
}

// StartUpgrade installs an uploaded package: the Management Node is upgraded and restarts, then
// the Conferencing Nodes follow. It cannot be undone: call ValidateUpgrade before it, and compare
// its versions with what was approved. The request is sent once and never repeated. When it is not
// clear whether the node took it (no answer, 3xx, 408, 5xx, or an answer that makes no sense) the
// error matches ErrOutcomeUnknown, and UpgradeBegan looks; any other error means not started.
func (c *Client) StartUpgrade(ctx context.Context, id string) error {
	op := "start the upgrade with request " + id
	_, err := c.finish(ctx, op, id, false, "")
	return outcome(err)
}

// outcome marks an error after which the upgrade may run.
func outcome(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.unclear() {
		return fmt.Errorf("%w: %w; the upgrade may be running: do not repeat, watch version and upgrade status for 15 minutes, then decide", ErrOutcomeUnknown, err)
	}
	return err
}

// UpgradeBegan says whether an upgrade shows: the primary Management Node reports anything but an
// idle upgrade state, or runs target, for example "39.1 (83067.0.0)" (empty: only the state is
// looked at). It is for after ErrOutcomeUnknown, where repeating the start is wrong. True is proof;
// false proves nothing, because a node may take its time: ask for 15 minutes, then ask a person.
// While the node restarts the error is one for which Unavailable is true, which after a start is a
// good sign. It may be repeated safely.
func (c *Client) UpgradeBegan(ctx context.Context, target string) (bool, error) {
	nodes, err := c.ManagementNodes(ctx)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Primary })
	if i < 0 || !nodes[i].HasStatus || nodes[i].UpgradeStatus == "" {
		return false, misshapen("look for signs of an upgrade", "status/v1/management_vm/", "no primary management node tells its state")
	}
	return !nodes[i].UpgradeIdle() || target != "" && sameVersion(nodes[i].Version, target), nil
}

func (c *Client) finish(ctx context.Context, op, id string, validateOnly bool, advice string) (okReply, error) {
	path, err := requestPath(id, "finish")
	if err != nil {
		return okReply{}, err
	}
	r, err := jsonCall(op, http.MethodPost, path, map[string]bool{"validate_only": validateOnly}, advice)
	if err != nil {
		return okReply{}, err
	}
	r.quiet = c.cfg.DigestTimeout
	var reply okReply
	_, err = c.write(ctx, r, &reply)
	return reply, err
}

// CancelUpgradeRequest removes an upgrade request and the bytes uploaded so far: by cancel, else
// by DELETE; it succeeds only when the node has the request no more. It may be repeated safely,
// also when the request is gone. Never use it once the upgrade was started.
func (c *Client) CancelUpgradeRequest(ctx context.Context, id string) error {
	path, err := requestPath(id, "")
	if err != nil {
		return err
	}
	op := "cancel upgrade request " + id
	gone, err := c.gone(ctx, id)
	if gone || err != nil {
		return err
	}
	_, cancelErr := c.write(ctx, call{op: op, method: http.MethodPost, path: apiPath(path + "cancel/"), advice: safeToRepeat}, nil)
	if gone, err := c.gone(ctx, id); gone || err != nil {
		return err
	}
	_, err = c.write(ctx, call{op: op, method: http.MethodDelete, path: apiPath(path), advice: safeToRepeat}, nil)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return errors.Join(err, cancelErr)
	}
	return poll.Until(ctx, "upgrade request "+id+" to disappear", c.cfg.PollInterval, goneLimit, func(ctx context.Context) (bool, error) {
		return c.gone(ctx, id)
	})
}

// gone says whether the list of requests, not just the request's address, lacks id.
func (c *Client) gone(ctx context.Context, id string) (bool, error) {
	there, err := c.UpgradeRequests(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(there, func(r UpgradeRequest) bool { return r.ID == id }), nil
}
