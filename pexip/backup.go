package pexip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// Backup is a backup file stored on the Management Node.
type Backup struct {
	Filename string
	Date     time.Time
	// Version, Build and Type are the node's words.
	Version, Build, Type string
	// Size is in bytes; SHA256 is hex.
	Size   int64
	SHA256 string
	// URI is the resource's address on the node.
	URI string
	// DownloadURI is where the finished request says the file is; empty for older backups.
	DownloadURI string
}

const backupsPath = "configuration/v1/system_backup/"

// Backups reads the list of stored backups.
func (c *Client) Backups(ctx context.Context) ([]Backup, error) {
	type wire struct {
		Filename string  `json:"filename"`
		Date     instant `json:"date"`
		Version  word    `json:"version"`
		Build    word    `json:"build"`
		Type     word    `json:"type"`
		Size     int64   `json:"size"`
		SHA256   string  `json:"sha256sum"`
		URI      string  `json:"resource_uri"`
	}
	rows, err := list[wire](ctx, c, "read the list of backups", backupsPath)
	if err != nil {
		return nil, err
	}
	out := make([]Backup, 0, len(rows))
	for _, w := range rows {
		out = append(out, Backup{w.Filename, w.Date.Time, string(w.Version), string(w.Build), string(w.Type), w.Size, w.SHA256, w.URI, ""})
	}
	return out, nil
}

// CreateBackup makes an encrypted backup of the Management Node's configuration and waits (at
// most Config.BackupTimeout) until it is stored. Pexip advises it before upgrading a deployment
// in a cloud (release notes v39.1). The passphrase is 1 to 1,000 characters; without it the
// backup is useless. The request is sent once; calling again is safe and makes one more backup.
//
// A request's states are not documented (unverified): it counts as finished when it has a
// download address, as failed when it has only a message.
func (c *Client) CreateBackup(ctx context.Context, passphrase string) (Backup, error) {
	if n := len([]rune(passphrase)); n < 1 || n > 1000 {
		return Backup{}, fmt.Errorf("create a backup: the passphrase has %d characters, 1 to 1000 are needed", n)
	}
	before, err := c.Backups(ctx)
	if err != nil {
		return Backup{}, err
	}
	requests, err := c.backupRequests(ctx)
	if err != nil {
		return Backup{}, err
	}
	if err := c.requestBackup(ctx, passphrase); err != nil {
		return Backup{}, err
	}
	w := backupWait{client: c, before: before, requests: requests}
	if err := poll.Until(ctx, "the backup", c.cfg.PollInterval, c.cfg.BackupTimeout, w.look); err != nil {
		return Backup{}, fmt.Errorf("create a backup: %w; look into the list of backups, calling again makes one more", err)
	}
	return w.made, nil
}

func (c *Client) requestBackup(ctx context.Context, passphrase string) error {
	r, err := jsonCall("create a backup", http.MethodPost, postBackup.path,
		map[string]any{"passphrase": passphrase, "request": true}, "safe to call again: it makes one more backup")
	if err != nil {
		return err
	}
	r.secret, r.quiet = passphrase, c.cfg.DigestTimeout
	var reply okReply
	_, err = c.write(ctx, r, &reply)
	return err
}

func (c *Client) backupRequests(ctx context.Context) ([]fileRequest, error) {
	rs, err := list[fileRequest](ctx, c, "read the backup requests", "status/v1/backup_request/")
	if errors.Is(err, ErrNotFound) {
		return nil, nil // a release that makes the backup at once
	}
	return rs, err
}

// backupWait finds the backup that was not there before.
type backupWait struct {
	client   *Client
	before   []Backup
	requests []fileRequest
	made     Backup
}

func (w *backupWait) look(ctx context.Context) (bool, error) {
	requests, err := w.client.backupRequests(ctx)
	if err != nil {
		return false, ignoreRestart(err)
	}
	var download string
	for _, r := range requests {
		if slices.ContainsFunc(w.requests, r.same) {
			continue
		}
		switch {
		case r.DownloadURI != "":
			download = string(r.DownloadURI)
		case r.Message != "":
			return false, fmt.Errorf("the node says %q (state %q)", r.Message, r.State)
		default:
			return false, nil
		}
	}
	return w.find(ctx, download)
}

func (w *backupWait) find(ctx context.Context, download string) (bool, error) {
	now, err := w.client.Backups(ctx)
	if err != nil {
		return false, ignoreRestart(err)
	}
	fresh := slices.DeleteFunc(now, func(b Backup) bool {
		return slices.ContainsFunc(w.before, func(o Backup) bool { return o.URI == b.URI && o.Filename == b.Filename })
	})
	if len(fresh) == 0 {
		return false, nil
	}
	w.made = slices.MaxFunc(fresh, func(a, b Backup) int { return a.Date.Compare(b.Date) })
	for _, b := range fresh {
		if download != "" && (b.URI == download || lastSegment(download) == b.Filename) {
			w.made = b
		}
	}
	w.made.DownloadURI = download
	return true, nil
}

// ignoreRestart turns what may go away by itself into "not yet".
func ignoreRestart(err error) error {
	if repeatable(err) {
		return nil
	}
	return err
}

// DownloadBackup copies the backup's file to w and verifies size and SHA-256 on the way. On any
// error w may hold a part or a wrong file: throw it away. A mismatch matches ErrChecksum, as does
// a backup for which the node gives no checksum. Safe to repeat with a fresh w.
func (c *Client) DownloadBackup(ctx context.Context, b Backup, w io.Writer) error {
	op := "download backup " + b.Filename
	want, err := checkSHA256(b.SHA256)
	if err != nil || b.Size <= 0 {
		return fmt.Errorf("%s: the node gives no size and checksum to verify it by: %w", op, ErrChecksum)
	}
	sum := sha256.New()
	dst := io.MultiWriter(w, sum)
	n, err := c.download(ctx, op, b.URI, dst, b.Size+1)
	if errors.Is(err, errNotAFile) && b.DownloadURI != "" && b.DownloadURI != b.URI {
		n, err = c.download(ctx, op, b.DownloadURI, dst, b.Size+1)
	}
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != b.Size || got != want {
		return fmt.Errorf("%s: got %d bytes with SHA-256 %s, the node promised %d with %s: %w", op, n, got, b.Size, want, ErrChecksum)
	}
	return nil
}

// download copies the file at uri to w, at most limit bytes of it (negative: all). Only what fails
// before the first byte is repeated.
func (c *Client) download(ctx context.Context, op, uri string, w io.Writer, limit int64) (n int64, err error) {
	uri = strings.TrimPrefix(uri, strings.TrimSuffix(c.base.String(), "/")) // whether addresses come with the host is not documented
	if !strings.HasPrefix(uri, "/") {
		return 0, fmt.Errorf("%s: %q is not a path below %s on this node", op, oneLine(uri), apiRoot)
	}
	r := get(op, uri)
	err = c.repeat(ctx, func() error {
		return c.exchange(ctx, r, func(res *http.Response, body io.Reader) error {
			if isJSON(res) {
				return errNotAFile
			}
			if limit >= 0 {
				body = io.LimitReader(body, limit)
			}
			var err error
			if n, err = io.Copy(w, body); err != nil {
				return fmt.Errorf("%s: after %d bytes: %w", op, n, err)
			}
			return nil
		})
	})
	return n, err
}

// errNotAFile: vendor sources disagree on whether a backup's own address gives the file.
var errNotAFile = errors.New("the node answers with a description instead of the file; fetch it in the web interface")

func isJSON(res *http.Response) bool {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return strings.HasSuffix(media, "json")
}
