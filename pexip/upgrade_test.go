package pexip_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// How the creation is answered is not known: id in the body, in data, in Location, or nowhere.
func TestCreateUpgradeRequestUnderstandsEveryReply(t *testing.T) {
	for _, form := range []pexiptest.CreationReply{pexiptest.ReplyBody, pexiptest.ReplyNested, pexiptest.ReplyLocation, pexiptest.ReplyBare} {
		bothWays(t, pexiptest.Options{CreationReply: form}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
			made, err := c.CreateUpgradeRequest(t.Context(), 4096)
			ok(t, err)
			if u := srv.State().Uploads; len(u) != 1 || u[0].ID != made.ID || u[0].Total != 4096 || made.Offset != 0 || made.Current.Version != "38" || made.Upgrade != nil {
				t.Errorf("%s: %+v, node has %+v", form, made, u)
			}
		})
	}
}

// The answer to a POST may be lost after its effect. Repeating it would make a second request.
func TestCreateUpgradeRequestFindsTheRequestWhenTheReplyIsLost(t *testing.T) {
	for _, f := range []pexiptest.Fault{{Kind: pexiptest.DropAfter}, {Kind: pexiptest.AnswerAfter, Status: 502, Body: "<html>"},
		{Kind: pexiptest.AnswerAfter, Status: 200, Body: "<html>"}, {Kind: pexiptest.AnswerAfter, Status: 200, Body: `{"upload_id":"wrong"}`},
		{Kind: pexiptest.AnswerAfter, Status: 200, Body: `{"upload_id":"../../x"}`}} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		f.Path, f.Method = "platform/upgrade", "POST"
		inject(t, srv, f)
		made, err := c.CreateUpgradeRequest(t.Context(), 4096)
		if err != nil || made.ID != srv.State().Uploads[0].ID || sent(srv, "POST", "platform/upgrade") != 1 {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// How many upgrade requests there may be is not known; one that is there belongs to somebody else until
// a person says otherwise.
func TestCreateUpgradeRequestFails(t *testing.T) {
	ctx := t.Context()
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	_, err := c.CreateUpgradeRequest(ctx, 0)
	fails(t, err, nil, "0 bytes")
	// Nothing arrived: the cause is told, and trying again is possible.
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "platform/upgrade"})
	_, err = c.CreateUpgradeRequest(ctx, 1)
	fails(t, err, nil, "the node has none")
	if errors.Is(err, pexip.ErrOutcomeUnknown) {
		t.Error("the node was asked, the outcome is known")
	}
	// The answer is lost and the node cannot be asked.
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropAfter, Path: "platform/upgrade"},
		pexiptest.Fault{Kind: pexiptest.Answer, Path: "upgrade_request", Status: 500, Skip: 1})
	_, err = c.CreateUpgradeRequest(ctx, 1)
	fails(t, err, pexip.ErrOutcomeUnknown)
	// Now one is there.
	_, err = c.CreateUpgradeRequest(ctx, 1)
	fails(t, err, pexip.ErrForeignUpgradeRequest, srv.State().Uploads[0].ID, "resume or cancel")
	// Refused.
	srv, c = inProcess(t, pexiptest.Options{}, nil)
	srv.ReadOnlyRole(true)
	_, err = c.CreateUpgradeRequest(ctx, 1)
	fails(t, err, pexip.ErrForbidden)
	_, c = inProcess(t, pexiptest.Options{NoResumableUpload: true}, nil)
	_, err = c.CreateUpgradeRequest(ctx, 1)
	fails(t, err, pexip.ErrNotFound)
}

// A request that came in between must not be taken for ours.
func TestCreateUpgradeRequestAmongOthers(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{CreationReply: pexiptest.ReplyBare}, nil)
	inject(t, srv, answer("upgrade_request", `{"meta":{},"objects":[]}`))
	first, err := c.CreateUpgradeRequest(t.Context(), 1)
	fails(t, err, nil, "names no request")
	srv.ClearFaults()
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "upgrade_request", Status: 200, Body: `{"meta":{},"objects":[]}`})
	_, err = c.CreateUpgradeRequest(t.Context(), 1) // a colleague's came in between
	fails(t, err, pexip.ErrForeignUpgradeRequest, "2 requests are there")
	_ = first
}

func TestUpgradeRequestsWithoutAnOffset(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, answer("upgrade_request/x/", `{"uuid":"x","state":"new"}`), answer("upgrade_request/", rows(`{"offset":1}`)))
	_, err := c.UpgradeRequest(t.Context(), "x")
	fails(t, err, nil, "offset or uuid is missing")
	_, err = c.UpgradeRequests(t.Context())
	fails(t, err, nil, "offset or uuid is missing")
	inject(t, srv)
	srv.ClearFaults()
	inject(t, srv, answer("upgrade_request/", rows(`{"offset":1,"resource_uri":"/api/admin/configuration/v1/upgrade_request/y/"}`)))
	got, err := c.UpgradeRequests(t.Context())
	ok(t, err)
	if got[0].ID != "y" {
		t.Errorf("%+v", got)
	}
}

// DELETE on the list removes all of it: an empty or odd id must never become an address.
func TestRequestIDsAreChecked(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	ctx := t.Context()
	for _, id := range []string{"", "..", "a/b", "a?b", strings.Repeat("a", 65)} {
		_, readErr := c.UpgradeRequest(ctx, id)
		_, validateErr := c.ValidateUpgrade(ctx, id)
		_, uploadErr := c.Upload(ctx, id, pack(t, 1024, "39", "1"), nil)
		for _, err := range []error{readErr, validateErr, uploadErr, c.StartUpgrade(ctx, id), c.CancelUpgradeRequest(ctx, id)} {
			fails(t, err, nil, "is not the id of an upgrade request")
		}
	}
	if len(srv.Requests()) != 0 {
		t.Error("a request was sent")
	}
}

// uploaded makes a request with a complete package.
func uploaded(t *testing.T, c *pexip.Client, p pexip.Package) string {
	t.Helper()
	r, err := c.CreateUpgradeRequest(t.Context(), p.Size)
	ok(t, err)
	_, err = c.Upload(t.Context(), r.ID, p, nil)
	ok(t, err)
	return r.ID
}

func TestValidateUpgrade(t *testing.T) {
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
		for range 2 {
			v, err := c.ValidateUpgrade(t.Context(), id)
			ok(t, err)
			if v.Current.Version != "38" || v.Current.PseudoVersion != "81931.0.0" || v.Upgrade.Version != "39.1" || v.Upgrade.PseudoVersion != "83067.0.0" || v.Upgrade.Major != 39 {
				t.Errorf("%+v", v)
			}
		}
		if srv.StartCount() != 0 {
			t.Error("validation started the upgrade")
		}
		r, err := c.UpgradeRequest(t.Context(), id)
		ok(t, err)
		if r.Upgrade == nil || r.Upgrade.Version != "39.1" {
			t.Errorf("%+v", r)
		}
	})
}

// A package is refused with 400; ok is never false.
func TestValidateUpgradeRefused(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{RefuseOlder: true}, nil)
	id := uploaded(t, c, blob(make([]byte, 4096)))
	_, err := c.ValidateUpgrade(t.Context(), id)
	fails(t, err, nil, "400", "not an upgrade package")
	ok(t, c.CancelUpgradeRequest(t.Context(), id))
	id = uploaded(t, c, pack(t, 4096, "37.2", "80000"))
	_, err = c.ValidateUpgrade(t.Context(), id)
	fails(t, err, nil, "older than the installed 38")
	fails(t, c.StartUpgrade(t.Context(), id), nil, "older than the installed 38")
	if srv.StartCount() != 0 {
		t.Error("started")
	}
	ok(t, c.CancelUpgradeRequest(t.Context(), id))
	r, err := c.CreateUpgradeRequest(t.Context(), 4096)
	ok(t, err)
	_, err = c.ValidateUpgrade(t.Context(), r.ID)
	fails(t, err, nil, "not complete: 0 of 4096")
}

func TestValidateUpgradeWithoutVersions(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
	// The reply does not name them, the request does.
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.AnswerAfter, Path: "finish", Status: 200, Body: `{"ok":true}`})
	v, err := c.ValidateUpgrade(t.Context(), id)
	ok(t, err)
	if v.Upgrade.Version != "39.1" {
		t.Errorf("%+v", v)
	}
	// Neither does.
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "finish", Status: 200}, answer("upgrade_request/"+id+"/$", `{"uuid":"x","offset":1}`))
	_, err = c.ValidateUpgrade(t.Context(), id)
	fails(t, err, nil, "version is missing")
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "finish", Status: 200, Body: `{"ok":false}`})
	_, err = c.ValidateUpgrade(t.Context(), id)
	fails(t, err, nil, "did not work")
	srv.ClearFaults()
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "finish", Status: 200}, pexiptest.Fault{Kind: pexiptest.Answer, Path: "request/" + id + "/$", Status: 403})
	_, err = c.ValidateUpgrade(t.Context(), id)
	fails(t, err, pexip.ErrForbidden)
}

func TestStartUpgrade(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv, c := inProcess(t, pexiptest.Options{Now: func() time.Time { return now }, Speed: 1}, nil)
	p := pack(t, 4096, "39.1", "83067")
	id := uploaded(t, c, p)
	ok(t, c.StartUpgrade(t.Context(), id))
	if s := srv.State().Upgrades; len(s) != 1 || s[0].To != "39.1 (83067.0.0)" || s[0].SHA256 != p.SHA256 {
		t.Errorf("%+v", s)
	}
	err := c.StartUpgrade(t.Context(), id)
	fails(t, err, nil, "an upgrade is in progress")
	if errors.Is(err, pexip.ErrOutcomeUnknown) || srv.StartCount() != 1 {
		t.Error("a refusal is a known outcome")
	}
}

// Whatever happens to the one request, it is sent once, and the error tells whether the outcome
// is known.
func TestStartUpgradeIsNeverRepeated(t *testing.T) {
	for _, tc := range []struct {
		fault   pexiptest.Fault
		unknown bool
		started int
	}{
		{pexiptest.Fault{Kind: pexiptest.DropBefore}, true, 0},
		{pexiptest.Fault{Kind: pexiptest.DropAfter}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 502, Body: "<html>"}, true, 0},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 503}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 500}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 408}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 302, Header: http.Header{"Location": {"/admin/"}}}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 200, Body: "<title>Log in"}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.Truncate}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.CutAnswer}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 200, Body: `{"ok":false}`}, true, 0},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 202}, false, 1},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 400, Body: `{"error":"no"}`}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 401}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 403}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 404}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 429, Header: http.Header{"Retry-After": {"1"}}}, false, 0},
	} {
		bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
			id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
			tc.fault.Path = "finish"
			inject(t, srv, tc.fault)
			err := c.StartUpgrade(t.Context(), id)
			if errors.Is(err, pexip.ErrOutcomeUnknown) != tc.unknown || srv.StartCount() != tc.started || sent(srv, "POST", "finish") != 1 {
				t.Errorf("%+v: %v; %d started by %d requests", tc.fault, err, srv.StartCount(), sent(srv, "POST", "finish"))
			}
			if tc.unknown {
				fails(t, err, pexip.ErrOutcomeUnknown, "do not repeat")
			}
		})
	}
}

func TestStartUpgradeBeforeAnythingIsSent(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, nil)
	id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := c.StartUpgrade(ctx, id)
	fails(t, err, context.Canceled)
	if errors.Is(err, pexip.ErrOutcomeUnknown) {
		t.Error("nothing was sent, the outcome is known")
	}
	// No token, so nothing was sent either.
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/oauth/token/", Status: 503, Times: -1})
	fresh := client(t, srv, nil)
	err = fresh.StartUpgrade(t.Context(), id)
	fails(t, err, nil, "get an access token")
	if errors.Is(err, pexip.ErrOutcomeUnknown) || sent(srv, "POST", "finish") != 0 {
		t.Error("nothing was sent, the outcome is known")
	}
	// Nobody listens.
	srv.Close()
	c2, err := pexip.New(pexip.Config{URL: srv.URL, Basic: srv.Basic()})
	ok(t, err)
	err = c2.StartUpgrade(t.Context(), id)
	if err == nil || errors.Is(err, pexip.ErrOutcomeUnknown) || !pexip.Unavailable(err) {
		t.Errorf("nobody listens: %v", err)
	}
}

// The node may need minutes to unpack before it answers; giving up earlier makes an unknown outcome.
func TestStartUpgradeWaitsForTheNodeToDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "finish", Delay: 14 * time.Minute})
		_, err := c.ValidateUpgrade(t.Context(), id)
		ok(t, err)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "finish", Delay: 16 * time.Minute})
		fails(t, c.StartUpgrade(t.Context(), id), pexip.ErrOutcomeUnknown, "nothing moved for 15m0s")
	})
}

// Whether cancel is offered, and whether it leaves the request in the list, is not known.
func TestCancelUpgradeRequest(t *testing.T) {
	for name, fault := range map[string]pexiptest.Fault{
		"cancel works":           {},
		"cancel is not offered":  {Kind: pexiptest.Answer, Path: "cancel", Status: 404},
		"cancel is refused":      {Kind: pexiptest.Answer, Path: "cancel", Status: 405},
		"cancel has no effect":   {Kind: pexiptest.Answer, Path: "cancel", Status: 200, Body: `{"ok":true}`},
		"cancel breaks off":      {Kind: pexiptest.DropAfter, Path: "cancel"},
		"delete finds it gone":   {Kind: pexiptest.AnswerAfter, Path: "cancel", Status: 500},
		"cancel never gets here": {Kind: pexiptest.DropBefore, Path: "cancel"},
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		r, err := c.CreateUpgradeRequest(t.Context(), 10)
		ok(t, err)
		if fault.Kind != "" {
			inject(t, srv, fault)
		}
		for range 2 {
			if err := c.CancelUpgradeRequest(t.Context(), r.ID); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(srv.State().Uploads); n != 0 {
			t.Errorf("%s: %d requests left", name, n)
		}
	}
}

func TestCancelUpgradeRequestFails(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	r, err := c.CreateUpgradeRequest(t.Context(), 10)
	ok(t, err)
	srv.ReadOnlyRole(true)
	fails(t, c.CancelUpgradeRequest(t.Context(), r.ID), pexip.ErrForbidden)
	srv.ReadOnlyRole(false)
	for skip := range 2 {
		srv.ClearFaults()
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "cancel", Status: 404, Times: -1},
			pexiptest.Fault{Kind: pexiptest.Answer, Path: "upgrade_request/.limit", Status: 500, Skip: skip})
		fails(t, c.CancelUpgradeRequest(t.Context(), r.ID), nil, "500")
	}
	// Accepted, but it stays.
	srv.ClearFaults()
	inject(t, srv, answer("cancel", ""), pexiptest.Fault{Kind: pexiptest.Answer, Method: "DELETE", Status: 204, Times: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	fails(t, c.CancelUpgradeRequest(ctx, r.ID), context.DeadlineExceeded)
}
