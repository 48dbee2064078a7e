package pexip_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

func unset(c *pexip.Config) { c.ChunkEncoding = "" }

// untouched wants that nothing is left and nothing was started or finished.
func untouched(t *testing.T, srv *pexiptest.Server) {
	t.Helper()
	if u := srv.State().Uploads; len(u) != 0 || srv.StartAttempts() != 0 || sent(srv, "POST", "finish") != 0 {
		t.Errorf("left %+v, %d starts, %d finish calls", u, srv.StartAttempts(), sent(srv, "POST", "finish"))
	}
}

// The chunk format is unknown, but the node's offset tells whether a try was right.
func TestProbeFindsTheEncoding(t *testing.T) {
	for i, want := range pexip.ChunkEncodings() {
		bothWays(t, pexiptest.Options{ChunkEncoding: want}, unset, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
			got, err := c.ProbeChunkEncoding(t.Context())
			ok(t, err)
			if got != want {
				t.Errorf("found %q, want %q", got, want)
			}
			untouched(t, srv)
			if n := sent(srv, "POST", "platform/upgrade"); n != i+1 {
				t.Errorf("%d requests created, want one for each of %d candidates", n, i+1)
			}
			for _, r := range srv.Requests() {
				if strings.HasSuffix(r.URL, "platform/upgrade/") && string(r.Body) != `{"request":true,"total_size":4096}` {
					t.Errorf("created %s", r.Body)
				}
			}
			// What was found is good for a real upload.
			c = client(t, srv, func(c *pexip.Config) { c.ChunkEncoding = got })
			p := pack(t, 5000, "39.1", "83067")
			_, err = c.Upload(t.Context(), begin(t, c, p), p, nil)
			ok(t, err)
		})
	}
}

// A node that takes a form for content has more bytes than were sent; only exact offsets count.
func TestProbeAcceptsExactOffsetsOnly(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{EnvelopeCounts: true}, unset)
	got, err := c.ProbeChunkEncoding(t.Context())
	if err != nil || got != pexip.RawContentRange {
		t.Errorf("%q %v", got, err)
	}
	untouched(t, srv)
	// Raw is refused: every form leaves more than its content, or has no range.
	srv, c = inProcess(t, pexiptest.Options{EnvelopeCounts: true}, unset)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: 415})
	_, err = c.ProbeChunkEncoding(t.Context())
	fails(t, err, pexip.ErrNoChunkEncoding, "raw-content-range: send a probe", "415", "multipart-package: the node has 1", "after 1024 were sent", "multipart-chunk-offset", "developer tools")
	untouched(t, srv)
	// The first offset is right, the second is not.
	srv, c = inProcess(t, pexiptest.Options{}, unset)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: 200, Body: `{"ok":true}`, Skip: 1})
	_, err = c.ProbeChunkEncoding(t.Context())
	fails(t, err, pexip.ErrNoChunkEncoding, "raw-content-range: the node has 1024 bytes after 2048 were sent")
	untouched(t, srv)
}

func TestProbeRefusesANodeInUse(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, unset)
	r, err := c.CreateUpgradeRequest(t.Context(), 4096)
	ok(t, err)
	posts := sent(srv, "POST", "/api/")
	_, err = c.ProbeChunkEncoding(t.Context())
	fails(t, err, pexip.ErrForeignUpgradeRequest, r.ID)
	if u := srv.State().Uploads; len(u) != 1 || u[0].Offset != 0 || sent(srv, "POST", "/api/") != posts {
		t.Errorf("the colleague's request was touched: %+v", u)
	}
	_, c = inProcess(t, pexiptest.Options{NoResumableUpload: true}, unset)
	_, err = c.ProbeChunkEncoding(t.Context())
	fails(t, err, pexip.ErrNotFound)
}

// Whatever happens, the probe's request is gone afterwards, or named.
func TestProbeCleansUp(t *testing.T) {
	id := "upgrade_request/[0-9a-f-]{36}/$"
	for _, f := range []pexiptest.Fault{
		{Kind: pexiptest.DropAfter, Path: "platform/upgrade"},
		{Kind: pexiptest.DropAfter, Path: "/upload/"},
		{Kind: pexiptest.DropBefore, Path: "/upload/", Skip: 1},
		{Kind: pexiptest.Answer, Path: "/upload/", Status: 502, Body: "<html>"},
		{Kind: pexiptest.Answer, Path: "/upload/", Status: 429},
		{Kind: pexiptest.Answer, Path: "/upload/", Status: 403},
		{Kind: pexiptest.Answer, Path: "/upload/", Status: 500},
		{Kind: pexiptest.AnswerAfter, Path: "/upload/", Status: 200, Body: "<title>Log in"},
		{Kind: pexiptest.Answer, Method: "GET", Path: id, Status: 500, Times: -1},
		{Kind: pexiptest.Answer, Method: "GET", Path: id, Status: 500, Skip: 1},
		{Kind: pexiptest.Answer, Path: "/cancel/", Status: 404, Times: -1},
		{Kind: pexiptest.DropAfter, Path: "/cancel/"},
	} {
		t.Run(fmt.Sprintf("%s %d %s", f.Kind, f.Status, f.Path), func(t *testing.T) {
			srv, c := inProcess(t, pexiptest.Options{}, unset)
			inject(t, srv, f)
			_, _ = c.ProbeChunkEncoding(t.Context())
			untouched(t, srv)
		})
	}
	// Lost answers are no verdict.
	srv, c := inProcess(t, pexiptest.Options{}, unset)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "/upload/"})
	_, err := c.ProbeChunkEncoding(t.Context())
	fails(t, err, nil, "probe the chunk encoding raw-content-range", "no answer")
	// The caller gives up in between.
	ctx, cancel := context.WithCancel(t.Context())
	inner := srv.RoundTripper()
	c = client(t, srv, func(c *pexip.Config) {
		unset(c)
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/upload/") {
				cancel()
			}
			return inner.RoundTrip(r)
		})}
	})
	_, err = c.ProbeChunkEncoding(ctx)
	fails(t, err, context.Canceled)
	untouched(t, srv)
	// It cannot be removed.
	srv, c = inProcess(t, pexiptest.Options{}, unset)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/cancel/", Status: 403, Times: -1}, pexiptest.Fault{Kind: pexiptest.Answer, Method: "DELETE", Status: 403, Times: -1})
	_, err = c.ProbeChunkEncoding(t.Context())
	fails(t, err, pexip.ErrForbidden, "may be left on the node", srv.State().Uploads[0].ID)
}
