package pexip

import (
	"context"
	"fmt"
	"net/http"
)

// UploadAndStart sends a package in one request, which most likely starts the upgrade when its
// last byte arrives (unverified): treat it as the point of no return, and prefer Upload where the
// node offers it. The body is a multipart form with the file part "package" (unverified; it is
// how the vendor's other uploads are formed), streamed with a known length.
//
// The last bytes are held back until the SHA-256 of everything sent is p.SHA256; a mismatch
// (ErrChecksum) or a file that cannot be read breaks the request off incomplete, so the node has
// nothing to install. It is sent once and never repeated. The error matches ErrOutcomeUnknown
// when everything was sent but the outcome is not clear; any other error means not started.
// progress may be nil.
func (c *Client) UploadAndStart(ctx context.Context, p Package, progress func(Progress)) (Uploaded, error) {
	p, err := p.check()
	if err != nil {
		return Uploaded{}, fmt.Errorf("upload and start: %w", err)
	}
	env := formFile("package", p.Name, nil, http.Header{"Expect": {"100-continue"}})
	pieces := newPieces(p)
	pieces.span(0, p.Size)
	out := newOutgoing(env, pieces, newDigest(), newMeter(p.Size, progress))
	out.last, out.verify = true, p.compare
	r := call{op: "upload " + p.Name + " and start the upgrade", method: http.MethodPost, path: apiPath(postUpgrade.path), stream: out,
		contentType: env.contentType, header: env.header, quiet: c.cfg.DigestTimeout}
	c.login.renew()
	var reply okReply
	_, err = c.write(ctx, r, &reply)
	done := Uploaded{Bytes: out.reached(), Attempts: 1}
	if err != nil && !out.complete() {
		return done, fmt.Errorf("%w; not everything was sent, so nothing was started", err)
	}
	if err != nil {
		return done, outcome(err)
	}
	done.SHA256 = out.sum.sum()
	return done, nil
}
