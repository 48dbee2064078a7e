package pexip_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Without "request" the answer to the POST would be the file itself, of unknown size.
func TestSnapshot(t *testing.T) {
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		srv.ReadOnlyRole(true) // may take snapshots
		for _, o := range []pexip.SnapshotOptions{{}, {Hours: 24, EndHours: 1, Metrics: true}} {
			made, err := c.CreateSnapshot(t.Context(), o)
			ok(t, err)
			var file bytes.Buffer
			got, err := c.DownloadSnapshot(t.Context(), made, &file)
			ok(t, err)
			sum := sha256.Sum256(file.Bytes())
			if got.Bytes != int64(file.Len()) || got.Bytes == 0 || got.SHA256 != hex.EncodeToString(sum[:]) || made.CreatedAt.IsZero() {
				t.Errorf("%+v of %+v", got, made)
			}
		}
		var bodies []string
		for _, r := range srv.Requests() {
			if strings.HasSuffix(r.URL, "/platform/snapshot/") {
				bodies = append(bodies, string(r.Body))
			}
		}
		if got := strings.Join(bodies, " "); got != `{"request":true} {"end_limit":1,"include_diagnostic_metrics":true,"limit":24,"request":true}` {
			t.Errorf("sent %s", got)
		}
	})
}

// A snapshot is a POST, too: it is not repeated, and a message without a file is a failure.
func TestSnapshotFails(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	for _, o := range []pexip.SnapshotOptions{{Hours: -1}, {EndHours: -1}, {Hours: 2, EndHours: 2}} {
		_, err := c.CreateSnapshot(t.Context(), o)
		fails(t, err, nil, "is no period")
	}
	if len(srv.Requests()) != 0 {
		t.Error("a request was sent")
	}
	srv.FailNextSnapshot("disk is full")
	_, err := c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
	fails(t, err, nil, `the node says "disk is full"`, "calling again makes one more")
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropAfter, Path: "platform/snapshot"})
	_, err = c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
	fails(t, err, nil, "safe to call again")
	if n := sent(srv, "POST", "platform/snapshot"); n != 2 {
		t.Errorf("%d requests", n)
	}
	for skip := range 2 {
		srv.ClearFaults()
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "snapshot_request", Status: 403, Skip: skip, Times: -1})
		_, err = c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
		fails(t, err, pexip.ErrForbidden)
	}
	srv.ClearFaults() // a restart is waited out
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "snapshot_request", Status: 503, Skip: 1, Times: 6})
	_, err = c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
	ok(t, err)
	_, c = inProcess(t, pexiptest.Options{Speed: 1}, func(c *pexip.Config) { c.BackupTimeout = 5 * time.Millisecond })
	_, err = c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
	fails(t, err, context.DeadlineExceeded, "waited 5ms for the diagnostic snapshot")
}

func TestSnapshotDownloadIsChecked(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, nil)
	_, err := c.DownloadSnapshot(t.Context(), pexip.DiagnosticSnapshot{}, new(bytes.Buffer))
	fails(t, err, nil, "no download address")
	made, err := c.CreateSnapshot(t.Context(), pexip.SnapshotOptions{})
	ok(t, err)
	for name, f := range map[string]pexiptest.Fault{
		"the file is empty":     {Kind: pexiptest.Answer, Status: 200},
		"instead of the file":   {Kind: pexiptest.Answer, Status: 200, Body: "{}", Header: http.Header{"Content-Type": {"application/json"}}},
		"after 3 bytes: unexpe": {Kind: pexiptest.Answer, Status: 200, Body: "abc", Header: http.Header{"Content-Length": {"10"}}},
	} {
		f.Path = "/download/"
		inject(t, srv, f)
		_, err := c.DownloadSnapshot(t.Context(), made, new(bytes.Buffer))
		fails(t, err, nil, name)
	}
	whole := made
	whole.DownloadURI = srv.URL + made.DownloadURI
	_, err = c.DownloadSnapshot(t.Context(), whole, new(bytes.Buffer))
	ok(t, err)
	evil := made
	evil.DownloadURI = "https://evil.example.org/x"
	_, err = c.DownloadSnapshot(t.Context(), evil, new(bytes.Buffer))
	fails(t, err, nil, "is not a path below")
}

// The vendor's own client replaces 32 fields to switch this one; the mode survives restarts, so it is
// taken back by hand.
func TestMaintenanceMode(t *testing.T) {
	opt := pexiptest.Options{Nodes: []pexiptest.Node{{Name: "conf1"}, {Name: "conf2"}}}
	bothWays(t, opt, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		nodes, err := c.Nodes(t.Context())
		ok(t, err)
		ok(t, c.SetMaintenanceMode(t.Context(), nodes[1], true, strings.Repeat("ä", 250)))
		now, err := c.Nodes(t.Context())
		ok(t, err)
		if !now[1].MaintenanceMode || now[1].MaintenanceReason != strings.Repeat("ä", 250) || now[2].MaintenanceMode {
			t.Errorf("%+v", now)
		}
		for range 2 {
			ok(t, c.SetMaintenanceMode(t.Context(), nodes[1], false, "ignored"))
		}
		now, err = c.Nodes(t.Context())
		ok(t, err)
		if now[1].MaintenanceMode || now[1].MaintenanceReason != "" {
			t.Errorf("%+v", now[1])
		}
		for _, r := range srv.Requests() {
			if r.Method == "PATCH" && (!strings.HasSuffix(r.URL, "/worker_vm/1/") || strings.Count(string(r.Body), `":`) != 2) {
				t.Errorf("PATCH %s carries %s", r.URL, r.Body)
			}
		}
	})
}

// A Management Node has no maintenance mode; a reason has at most 250 characters.
func TestMaintenanceModeRefused(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	fails(t, c.SetMaintenanceMode(t.Context(), nodes[0], true, ""), nil, "only a conferencing node", `"management"`)
	fails(t, c.SetMaintenanceMode(t.Context(), pexip.Node{Role: pexip.Conferencing}, true, ""), nil, "id 0")
	fails(t, c.SetMaintenanceMode(t.Context(), nodes[1], true, strings.Repeat("x", 251)), nil, "251 characters, 250 are allowed")
	if sent(srv, "PATCH", "") != 0 {
		t.Error("a request was sent")
	}
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Method: "PATCH", Status: 503})
	fails(t, c.SetMaintenanceMode(t.Context(), nodes[1], true, ""), nil, "put node conf1 into maintenance mode", "safe to repeat")
	if sent(srv, "PATCH", "") != 1 {
		t.Error("repeated by itself")
	}
	gone := nodes[1]
	gone.ID = 99
	fails(t, c.SetMaintenanceMode(t.Context(), gone, false, ""), pexip.ErrNotFound, "out of maintenance mode")
}

// After a lost answer to the start, the node is read; that it stays as it was proves nothing.
func TestUpgradeBegan(t *testing.T) {
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv, c := inProcess(t, pexiptest.Options{Speed: 1, Now: func() time.Time { return clock }}, nil)
	look := func(target string) bool {
		t.Helper()
		began, err := c.UpgradeBegan(t.Context(), target)
		ok(t, err)
		return began
	}
	id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
	if look("") || look("39.1 (83067.0.0)") || !look("38") {
		t.Error("wrong before the start")
	}
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropAfter, Path: "finish"})
	fails(t, c.StartUpgrade(t.Context(), id), pexip.ErrOutcomeUnknown)
	if !look("") {
		t.Error("the upgrade does not show")
	}
	clock = clock.Add(11 * time.Minute)
	if _, err := c.UpgradeBegan(t.Context(), ""); !pexip.Unavailable(err) {
		t.Errorf("while restarting: %v", err)
	}
	clock = clock.Add(5 * time.Minute)
	if look("") || !look("39.1 (83067.0.0)") || !look("39.1") || look("39.2") {
		t.Error("wrong after the restart")
	}
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "status/v1/management_vm", Status: 404})
	_, err := c.UpgradeBegan(t.Context(), "")
	fails(t, err, nil, "no primary management node tells its state")
}
