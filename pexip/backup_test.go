package pexip_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// The states of a request are not documented: finished is what has a file, whatever the word.
func TestBackup(t *testing.T) {
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		first, err := c.CreateBackup(t.Context(), "open sesame")
		ok(t, err)
		second, err := c.CreateBackup(t.Context(), "open sesame")
		ok(t, err)
		all, err := c.Backups(t.Context())
		ok(t, err)
		if len(all) != 2 || first.URI == second.URI || second.Version != "38" || second.Build != "81931.0.0" || second.Date.IsZero() {
			t.Errorf("first %+v, second %+v, of %d", first, second, len(all))
		}
		for _, b := range []pexip.Backup{first, second, all[0]} {
			var file bytes.Buffer
			ok(t, c.DownloadBackup(t.Context(), b, &file))
			if int64(file.Len()) != b.Size {
				t.Errorf("%d bytes, want %d", file.Len(), b.Size)
			}
		}
	})
}

func TestBackupPassphraseIsChecked(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	for _, phrase := range []string{"", strings.Repeat("ä", 1001)} {
		_, err := c.CreateBackup(t.Context(), phrase)
		fails(t, err, nil, "1 to 1000")
	}
	if len(srv.Requests()) != 0 {
		t.Error("a request was sent")
	}
	_, err := c.CreateBackup(t.Context(), strings.Repeat("ä", 1000))
	ok(t, err)
}

// Failed is what has a message and no file, whatever the word.
func TestBackupFails(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	srv.FailNextBackup("disk is full")
	_, err := c.CreateBackup(t.Context(), "open sesame")
	fails(t, err, nil, `the node says "disk is full"`, "calling again makes one more")
	_, err = c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
}

// A backup is a POST: repeating it makes one more.
func TestBackupIsNotRequestedTwice(t *testing.T) {
	for _, f := range []pexiptest.Fault{{Kind: pexiptest.DropAfter}, {Kind: pexiptest.DropBefore}, {Kind: pexiptest.Answer, Status: 503}, {Kind: pexiptest.Answer, Status: 429}} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		f.Path = "backup_create"
		inject(t, srv, f)
		_, err := c.CreateBackup(t.Context(), "open sesame")
		if err == nil || sent(srv, "POST", "backup_create") != 1 || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%+v: %v, %d requests", f, err, sent(srv, "POST", "backup_create"))
		}
	}
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	srv.ReadOnlyRole(true) // may make backups
	_, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	for _, body := range []string{`{"ok":false}`, `{"status":"failure"}`, `{"error":"no"}`, `<html>`} {
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "backup_create", Status: 200, Body: body})
		if _, err := c.CreateBackup(t.Context(), "open sesame"); err == nil {
			t.Errorf("%s counts as success", body)
		}
	}
}

func TestBackupWaitIsLimited(t *testing.T) {
	_, c := inProcess(t, pexiptest.Options{Speed: 1}, func(c *pexip.Config) { c.BackupTimeout = 5 * time.Millisecond })
	_, err := c.CreateBackup(t.Context(), "open sesame")
	fails(t, err, context.DeadlineExceeded, "waited 5ms for the backup")
}

// Releases of about v24 to v29 have no backup requests; what counts is the list of backups.
func TestBackupOutlastsARestartAndOldReleases(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "backup_request", Skip: 1, Status: 503, Times: 6},
		pexiptest.Fault{Kind: pexiptest.Answer, Path: "system_backup", Skip: 1, Status: 502, Times: 6})
	_, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	srv, c = inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "backup_request", Status: 404, Times: -1})
	b, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	if b.Filename == "" || b.DownloadURI != "" {
		t.Errorf("%+v", b)
	}
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "system_backup", Skip: 1, Status: 403, Times: -1})
	_, err = c.CreateBackup(t.Context(), "open sesame")
	fails(t, err, pexip.ErrForbidden)
}

// A download that ended early, or an error page, looks like a file: size and checksum decide.
func TestDownloadIsVerified(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	good, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	for name, edit := range map[string]func(*pexip.Backup){
		"checksum":    func(b *pexip.Backup) { b.SHA256 = strings.Repeat("0", 64) },
		"shorter":     func(b *pexip.Backup) { b.Size++ },
		"longer":      func(b *pexip.Backup) { b.Size-- },
		"no checksum": func(b *pexip.Backup) { b.SHA256 = "" },
		"no size":     func(b *pexip.Backup) { b.Size = 0 },
	} {
		b := good
		edit(&b)
		if err := c.DownloadBackup(t.Context(), b, new(bytes.Buffer)); !errors.Is(err, pexip.ErrChecksum) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := good
	gone.URI = strings.Replace(gone.URI, "pexip_backup", "other", 1)
	fails(t, c.DownloadBackup(t.Context(), gone, new(bytes.Buffer)), pexip.ErrNotFound)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: good.Filename, Status: 503, Times: 2})
	ok(t, c.DownloadBackup(t.Context(), good, new(bytes.Buffer)))
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Truncate, Path: good.Filename})
	fails(t, c.DownloadBackup(t.Context(), good, new(bytes.Buffer)), pexip.ErrChecksum)
	full := errors.New("disk is full")
	fails(t, c.DownloadBackup(t.Context(), good, failWriter{full}), full, "after 0 bytes")
}

type failWriter struct{ err error }

func (w failWriter) Write([]byte) (int, error) { return 0, w.err }

// The address of a backup gives the file with some clients and JSON with others: the content type tells.
func TestDownloadWhereTheAddressGivesADescription(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	b, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	description := pexiptest.Fault{Kind: pexiptest.Answer, Path: "described", Status: 200, Body: "{}", Times: -1, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
	inject(t, srv, description)
	file := b.URI
	b.URI = "/api/admin/configuration/v1/system_backup/described/"
	b.DownloadURI = file
	ok(t, c.DownloadBackup(t.Context(), b, new(bytes.Buffer)))
	b.DownloadURI = ""
	fails(t, c.DownloadBackup(t.Context(), b, new(bytes.Buffer)), nil, "fetch it in the web interface")
}
