package pexip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	probeSize  = 4096
	probeChunk = 1024
)

// ErrNoChunkEncoding says that the node understands none of the encodings that were tried.
var ErrNoChunkEncoding = errors.New("no known chunk encoding fits")

// ProbeChunkEncoding finds out which form of chunk the node understands, by trying: it announces a
// package of 4,096 bytes, sends the first 1,024 and then the next 1,024 in the likeliest encoding,
// and accepts that encoding only if the node's own offset is exactly 1,024 and then exactly 2,048.
// (A node that took a form for content would have more.) Otherwise the next one is tried, with a
// request of its own. Write the result into the configuration as Config.ChunkEncoding, which need
// not be set for this; it holds for nodes of the same release.
//
// For a Test node only. Nothing is installed, because finish is never called, but it writes to
// the node: each request is cancelled, or else deleted, and seen to be gone before anything else
// happens and before this returns, also when ctx has ended. If that fails, the error names the
// request that is left. It does nothing at all (ErrForeignUpgradeRequest) when there is any upgrade
// request on the node. It may be repeated safely. If no encoding fits, the error matches
// ErrNoChunkEncoding and says how each one failed; if an answer is lost the outcome is not clear
// and the probe stops. That a real node tells its offset in this way is unverified.
func (c *Client) ProbeChunkEncoding(ctx context.Context) (ChunkEncoding, error) {
	var failed []string
	for _, e := range ChunkEncodings() {
		why, err := c.probe(ctx, e)
		switch {
		case err != nil:
			return "", fmt.Errorf("probe the chunk encoding %s: %w", e, err)
		case why == "":
			return e, nil
		}
		failed = append(failed, fmt.Sprintf("%s: %s", e, why))
	}
	return "", fmt.Errorf("probe the chunk encoding: %w: %s; watch an upload in the web interface with the browser's developer tools", ErrNoChunkEncoding, strings.Join(failed, "; "))
}

// probe tries one encoding and says why it is not the one, or "".
func (c *Client) probe(ctx context.Context, e ChunkEncoding) (why string, err error) {
	made, err := c.CreateUpgradeRequest(ctx, probeSize)
	if made.ID != "" {
		defer func() { err = errors.Join(err, c.removeProbe(ctx, made.ID)) }()
	}
	if err != nil {
		return "", err
	}
	path, err := requestPath(made.ID, "upload")
	if err != nil {
		return "", err
	}
	for off := int64(0); off < 2*probeChunk; off += probeChunk {
		why, err = c.sendProbe(ctx, e, path, off)
		if why != "" || err != nil {
			return why, err
		}
		r, err := c.UpgradeRequest(ctx, made.ID)
		if err != nil {
			return "", err
		}
		if r.Offset != off+probeChunk {
			return fmt.Sprintf("the node has %d bytes after %d were sent", r.Offset, off+probeChunk), nil
		}
	}
	return "", nil
}

// sendProbe sends one chunk. A refusal of its form is an answer; anything else that fails is not.
func (c *Client) sendProbe(ctx context.Context, e ChunkEncoding, path string, off int64) (why string, err error) {
	env := e.wrap("probe.tar", off, probeChunk, probeSize)
	body := bytes.Join([][]byte{env.prefix, bytes.Repeat([]byte("pexip-upgrade chunk encoding pro"), probeChunk/32), env.suffix}, nil)
	r := call{op: "send a probe", method: http.MethodPost, path: apiPath(path), body: body, contentType: env.contentType, header: env.header,
		advice: "nothing is installed by this"}
	_, err = c.write(ctx, r, &okReply{})
	switch s := status(err); {
	case err == nil:
		return "", nil
	case s == http.StatusBadRequest, s == http.StatusNotAcceptable, s == http.StatusLengthRequired, s == http.StatusUnsupportedMediaType,
		s == http.StatusUnprocessableEntity, s == http.StatusInternalServerError, s == http.StatusNotImplemented, s/100 == 2:
		return err.Error(), nil
	}
	return "", err
}

// removeProbe cleans up whatever became of ctx.
func (c *Client) removeProbe(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	if err := c.CancelUpgradeRequest(ctx, id); err != nil {
		return fmt.Errorf("upgrade request %s of the probe may be left on the node, cancel it: %w", id, err)
	}
	return nil
}
