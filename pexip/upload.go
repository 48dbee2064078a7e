package pexip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// Uploaded tells about a finished upload.
type Uploaded struct {
	// SHA256 is of the package as sent, in hex.
	SHA256 string
	// Bytes of the package were sent by this call, repeats included.
	Bytes int64
	// Resumed is how many bytes the node had when the call began.
	Resumed int64
	// Attempts counts the requests that carried bytes.
	Attempts int
}

// Upload sends a package in chunks to an upgrade request. It starts where the node says it is
// (reading the part before that from p for the checksum only), and after any failure asks the
// node again: behind what was sent, it goes back; ahead of it, somebody else is sending and it
// stops with ErrConflict. It ends when the node has p.Size bytes and the SHA-256 of what was sent
// is p.SHA256; the last bytes are held back until that is so, and a mismatch is ErrChecksum.
//
// Failures that may go away (no answer, 429, 5xx, 401 once) are outlasted for
// Config.UploadRetry without progress. Nothing is installed by an upload, and calling it again
// after any error but ErrChecksum is safe: it resumes. progress may be nil.
//
// Which wire format the node understands is not documented (unverified); Config.ChunkEncoding
// chooses, and the node's offset after the first chunk shows whether it was right.
func (c *Client) Upload(ctx context.Context, id string, p Package, progress func(Progress)) (Uploaded, error) {
	u, err := c.newUpload(id, p, progress)
	if err != nil {
		return Uploaded{}, fmt.Errorf("upload: %w", err)
	}
	if err := u.run(ctx); err != nil {
		return u.done, fmt.Errorf("upload %s to upgrade request %s, %d of %d bytes are there: %w", u.p.Name, id, u.off, u.p.Size, err)
	}
	return u.done, nil
}

type upload struct {
	client *Client
	id     string
	path   string
	p      Package
	pieces *pieces
	meter  *meter

	off  int64   // how far the node is, as far as known
	sum  *digest // of the package up to off
	done Uploaded

	furthest  int64 // that bytes of this package are known to have been sent
	confirmed bool  // the node's offset was seen to follow a chunk of this call
	best      int64
	failing   time.Time // of the first failure since off last grew beyond best
	ignored   int       // chunks that were accepted without effect since then
	refused   bool      // credentials were refused since then
}

func (c *Client) newUpload(id string, p Package, progress func(Progress)) (*upload, error) {
	if c.cfg.ChunkEncoding == "" {
		return nil, fmt.Errorf("Config.ChunkEncoding is not set, and no form of chunk is documented; find out which of %q this node takes, or upload by hand", ChunkEncodings())
	}
	path, err := requestPath(id, "upload")
	if err != nil {
		return nil, err
	}
	p, err = p.check()
	if err != nil {
		return nil, err
	}
	return &upload{client: c, id: id, path: path, p: p, pieces: newPieces(p), meter: newMeter(p.Size, progress), sum: newDigest()}, nil
}

func (u *upload) run(ctx context.Context) error {
	r, err := u.client.UpgradeRequest(ctx, u.id)
	if err != nil {
		return err
	}
	u.done.Resumed = r.Offset
	if r.Offset > u.p.Size {
		return fmt.Errorf("the node has %d bytes, more than the package: cancel the request", r.Offset)
	}
	if err := u.moveTo(ctx, r.Offset); err != nil {
		return err
	}
	u.best, u.furthest = u.off, u.off
	for u.off < u.p.Size {
		if err := u.step(ctx); err != nil {
			return err
		}
	}
	u.done.SHA256 = u.sum.sum()
	return u.p.compare(u.done.SHA256)
}

// step sends one chunk and finds out where the node is then.
func (u *upload) step(ctx context.Context) error {
	before := u.off
	n := min(u.client.cfg.ChunkSize, u.p.Size-u.off)
	reached, err := u.send(ctx, n)
	u.furthest = max(u.furthest, reached)
	if err == nil && u.confirmed && u.off < u.p.Size {
		u.grew()
		return nil
	}
	if err != nil {
		if err := u.outlast(ctx, err); err != nil {
			return err
		}
	}
	at, askErr := u.ask(ctx, err)
	if askErr != nil {
		return askErr
	}
	if at > u.furthest {
		return fmt.Errorf("the node has %d bytes, only %d were sent: somebody else is sending too: %w", at, u.furthest, ErrConflict)
	}
	if accepted := err == nil || status(err)/100 == 2; accepted && at <= before {
		u.ignored++
	}
	if u.ignored >= 3 {
		return fmt.Errorf("the node accepts chunks but stays at byte %d: encoding %q is probably not the one it understands", at, u.client.cfg.ChunkEncoding)
	}
	if status(err) == http.StatusBadRequest && at == before {
		return err // refused for another reason than the place
	}
	if err := u.moveTo(ctx, at); err != nil {
		return err
	}
	u.confirmed = u.confirmed || at > before
	u.grew()
	return nil
}

// grew forgets failures once there is progress.
func (u *upload) grew() {
	if u.off > u.best {
		u.best, u.failing, u.ignored, u.refused = u.off, time.Time{}, 0, false
	}
}

// send sends the next n bytes as one request and returns how far the bytes went that left.
func (u *upload) send(ctx context.Context, n int64) (int64, error) {
	env := u.client.cfg.ChunkEncoding.wrap(u.p.Name, u.off, n, u.p.Size)
	sum, err := u.sum.clone()
	if err != nil {
		return u.off, err
	}
	u.pieces.span(u.off, u.off+n)
	out := newOutgoing(env, u.pieces, sum, u.meter)
	if u.off+n == u.p.Size {
		out.last, out.verify = true, u.p.compare
	}
	r := call{op: fmt.Sprintf("send bytes %d to %d", u.off, u.off+n), method: http.MethodPost, path: apiPath(u.path), stream: out,
		contentType: env.contentType, header: env.header, quiet: u.client.cfg.DigestTimeout, advice: "calling again resumes"}
	u.done.Attempts++
	var reply okReply
	_, err = u.client.write(ctx, r, &reply)
	reached := out.reached()
	u.done.Bytes += reached - u.off
	if err == nil {
		u.off, u.sum = u.off+n, sum
	}
	return reached, err
}

// outlast decides whether a failed chunk may be tried again, and pauses.
func (u *upload) outlast(ctx context.Context, cause error) error {
	s := status(cause)
	again := s == http.StatusBadRequest || s == http.StatusConflict || s == http.StatusRequestedRangeNotSatisfiable || // perhaps just the wrong place
		s == http.StatusTooManyRequests || s == http.StatusRequestTimeout || s >= 500 && s != http.StatusNotImplemented ||
		s == http.StatusUnauthorized && !u.refused && u.client.login.renewable() ||
		s/100 == 2 || // an answer that makes no sense
		s == 0 && Unavailable(cause)
	if ctx.Err() != nil || !again {
		return cause
	}
	u.refused = u.refused || s == http.StatusUnauthorized
	if u.failing.IsZero() {
		u.failing = time.Now()
	}
	if quiet := time.Since(u.failing); quiet > u.client.cfg.UploadRetry {
		return fmt.Errorf("no progress for %s: %w", quiet.Round(time.Second), cause)
	}
	u.meter.show(Waiting, u.off)
	if err := poll.Sleep(ctx, pause(cause, u.client.cfg.PollInterval)); err != nil {
		return fmt.Errorf("%w after: %w", err, cause)
	}
	return nil
}

// ask gets the node's offset, for as long as UploadRetry allows.
func (u *upload) ask(ctx context.Context, cause error) (int64, error) {
	var at int64
	var last error
	err := poll.Until(ctx, "the node", u.client.cfg.PollInterval, u.client.cfg.UploadRetry, func(ctx context.Context) (bool, error) {
		r, err := u.client.UpgradeRequest(ctx, u.id)
		if err == nil {
			at = r.Offset
			return true, nil
		}
		if ctx.Err() != nil || !repeatable(err) {
			return false, err
		}
		last = err
		u.meter.show(Waiting, u.off)
		return false, nil
	})
	if err != nil {
		return 0, fmt.Errorf("ask the node how far it got: %w", errors.Join(err, last, cause))
	}
	return at, nil
}

// moveTo takes the node's offset as ours, reading what the checksum needs from the package.
func (u *upload) moveTo(ctx context.Context, at int64) error {
	from := u.off
	if at < u.off {
		from, u.sum = 0, newDigest()
	}
	u.off = at
	return u.pieces.absorb(ctx, u.sum, from, at, u.meter)
}

func status(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}
