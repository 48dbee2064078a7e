package pexip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// SnapshotOptions choose what a diagnostic snapshot holds. The zero value is the node's default.
type SnapshotOptions struct {
	// Hours and EndHours are how many hours ago the logs begin and end; 0: not limited.
	Hours, EndHours int
	// Metrics adds diagnostic metrics, which makes it larger and slower.
	Metrics bool
}

// DiagnosticSnapshot is a finished diagnostic snapshot on the Management Node.
type DiagnosticSnapshot struct {
	CreatedAt time.Time
	// State is the node's word.
	State string
	// URI is the request's address; DownloadURI is where the file is.
	URI, DownloadURI string
}

// Received tells about a downloaded file.
type Received struct {
	Bytes int64
	// SHA256 is of what arrived, in hex. The node promises none to compare it with.
	SHA256 string
}

const snapshotsPath = "status/v1/snapshot_request/"

type fileRequest struct {
	CreatedAt   instant `json:"created_at"`
	State       word    `json:"state"`
	Message     word    `json:"message"`
	DownloadURI word    `json:"download_uri"`
	ResourceURI word    `json:"resource_uri"`
}

func (r fileRequest) same(o fileRequest) bool { return r.ResourceURI == o.ResourceURI }

// CreateSnapshot has the node collect a diagnostic snapshot, which holds its logs, and waits (at
// most Config.BackupTimeout) until it can be fetched. Take it before an upgrade: a rollback of
// the VM loses the local logs. The request is sent once; calling again is safe and makes one more.
// A role that may only read may do this (Pexip documentation, "Managing administrator roles").
//
// A request's states are not documented (unverified): it counts as finished when it has a
// download address, as failed when it has only a message.
func (c *Client) CreateSnapshot(ctx context.Context, o SnapshotOptions) (DiagnosticSnapshot, error) {
	const op = "create a diagnostic snapshot"
	if o.Hours < 0 || o.EndHours < 0 || o.Hours > 0 && o.EndHours >= o.Hours {
		return DiagnosticSnapshot{}, fmt.Errorf("%s: from %d to %d hours ago is no period", op, o.Hours, o.EndHours)
	}
	before, err := c.snapshotRequests(ctx)
	if err != nil {
		return DiagnosticSnapshot{}, err
	}
	if err := c.requestSnapshot(ctx, op, o); err != nil {
		return DiagnosticSnapshot{}, err
	}
	var made DiagnosticSnapshot
	err = poll.Until(ctx, "the diagnostic snapshot", c.cfg.PollInterval, c.cfg.BackupTimeout, func(ctx context.Context) (bool, error) {
		var err error
		made, err = c.newSnapshot(ctx, before)
		return made.DownloadURI != "", err
	})
	if err != nil {
		return DiagnosticSnapshot{}, fmt.Errorf("%s: %w; calling again makes one more", op, err)
	}
	return made, nil
}

func (c *Client) requestSnapshot(ctx context.Context, op string, o SnapshotOptions) error {
	body := map[string]any{"request": true}
	if o.Hours > 0 {
		body["limit"] = o.Hours
	}
	if o.EndHours > 0 {
		body["end_limit"] = o.EndHours
	}
	if o.Metrics {
		body["include_diagnostic_metrics"] = true
	}
	r, err := jsonCall(op, http.MethodPost, "command/v1/platform/snapshot/", body, "safe to call again: it makes one more snapshot")
	if err != nil {
		return err
	}
	r.quiet = c.cfg.DigestTimeout
	_, err = c.write(ctx, r, &okReply{})
	return err
}

func (c *Client) snapshotRequests(ctx context.Context) ([]fileRequest, error) {
	return list[fileRequest](ctx, c, "read the snapshot requests", snapshotsPath)
}

// newSnapshot looks for a request that was not there before; without a DownloadURI it is not ready.
func (c *Client) newSnapshot(ctx context.Context, before []fileRequest) (DiagnosticSnapshot, error) {
	now, err := c.snapshotRequests(ctx)
	if err != nil {
		return DiagnosticSnapshot{}, ignoreRestart(err)
	}
	for _, r := range now {
		switch {
		case slices.ContainsFunc(before, r.same):
		case r.DownloadURI == "" && r.Message != "":
			return DiagnosticSnapshot{}, fmt.Errorf("the node says %q (state %q)", r.Message, r.State)
		default:
			return DiagnosticSnapshot{r.CreatedAt.Time, string(r.State), string(r.ResourceURI), string(r.DownloadURI)}, nil
		}
	}
	return DiagnosticSnapshot{}, nil
}

// DownloadSnapshot copies the snapshot's file to w. It may be large and holds logs with names and
// addresses: keep it as private as the platform. There is no checksum to verify it by; an answer
// that is cut short of its declared length, empty, or a description instead of a file is an error,
// after which w may hold a part: throw it away. Safe to repeat with a fresh w.
func (c *Client) DownloadSnapshot(ctx context.Context, s DiagnosticSnapshot, w io.Writer) (Received, error) {
	const op = "download the diagnostic snapshot"
	if s.DownloadURI == "" {
		return Received{}, fmt.Errorf("%s: it has no download address yet", op)
	}
	sum := sha256.New()
	n, err := c.download(ctx, op, s.DownloadURI, io.MultiWriter(w, sum), -1)
	if err == nil && n == 0 {
		err = errors.New(op + ": the file is empty")
	}
	if err != nil {
		return Received{}, err
	}
	return Received{n, hex.EncodeToString(sum.Sum(nil))}, nil
}
