package upgrade

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// ErrReadOnly is matched by the error of a request that a plan may not make.
var ErrReadOnly = errors.New("a plan only reads")

// ReadOnly lets only requests through that change nothing: reads, and fetching a token. The error of any other one
// matches ErrReadOnly.
func ReadOnly(next http.RoundTripper) http.RoundTripper { return readOnly{next} }

type readOnly struct{ next http.RoundTripper }

func (r readOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if !reads(req) {
		return nil, refuse(req, fmt.Errorf("%w: %s %s was not sent", ErrReadOnly, req.Method, req.URL.Path))
	}
	return r.next.RoundTrip(req)
}

// reads says whether a request changes nothing.
func reads(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/oauth/token/")
}

// fenced sends nothing that changes something once the run has gone to another process, and notes for
// the evidence what was sent.
type fenced struct{ next http.RoundTripper }

func (f fenced) RoundTrip(req *http.Request) (*http.Response, error) {
	changes := !reads(req)
	if changes {
		if err := runbook.CheckOwner(req.Context()); err != nil {
			return nil, refuse(req, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err))
		}
	}
	e := runbook.Exchange{At: time.Now(), Method: req.Method, Target: req.URL.Host + req.URL.EscapedPath()}
	res, err := f.next.RoundTrip(req)
	if err != nil {
		e.Error = err.Error()
	} else {
		e.Status, e.RequestID = res.StatusCode, requestID(res.Header)
	}
	runbook.NoteExchange(req.Context(), e, changes)
	return res, err
}

// requestID is the server's own name for an exchange: Azure's or Azure DevOps'. Pexip has none.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Ms-Correlation-Request-Id", "X-Ms-Request-Id", "X-Vss-E2eid", "Activityid"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// refuse closes the body, as every transport must.
func refuse(req *http.Request, err error) error {
	if req.Body != nil {
		return errors.Join(err, req.Body.Close())
	}
	return err
}
