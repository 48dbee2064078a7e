// Package double holds what the public test doubles (pexiptest, azurevmtest, devopstest) share:
// a log of what arrived, injected faults, a switch that makes the host unreachable, and the two
// ways in: TLS on loopback or in process as an http.RoundTripper.
package double

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxLoggedBody is how much of a request body the log keeps, in bytes.
const maxLoggedBody = 64 << 10

// Request is one request as it arrived at a double.
type Request struct {
	// Seq counts from 1 in the order of arrival.
	Seq int `json:"seq"`
	// At is the double's own clock.
	At time.Time `json:"at"`
	// System names the double, for example "pexip".
	System string `json:"system"`
	Method string `json:"method"`
	// URL is the path with its query, as sent.
	URL string `json:"url"`
	// Body holds the first 64 KiB; credentials in headers are not logged.
	Body []byte `json:"body,omitempty"`
	// BodyBytes is how many bytes of the body were read.
	BodyBytes int64 `json:"bodyBytes"`
	// ContentLength is the declared length, -1 when unknown (a chunked body).
	ContentLength int64 `json:"contentLength"`
	// Status is what was answered; 0 when the connection was dropped instead, -1 while it is being
	// answered.
	Status int `json:"status"`
	// Fault is the name of the injected fault that met this request.
	Fault string `json:"fault,omitempty"`
}

// ReadOnly says whether the request's method cannot change anything.
func (r Request) ReadOnly() bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

// Core is embedded by each double. It is safe for concurrent use.
type Core struct {
	system  string
	now     func() time.Time
	handler http.Handler

	mu       sync.Mutex
	seq      int
	requests []Request
	faults   []*armed
	down     bool
	changed  chan struct{}
}

// Init names the double, sets its clock (nil: time.Now) and the handler that answers.
func (c *Core) Init(system string, now func() time.Time, handler http.Handler) {
	if now == nil {
		now = time.Now
	}
	c.system, c.now, c.handler = system, now, handler
	c.changed = make(chan struct{})
}

// Now is the double's clock.
func (c *Core) Now() time.Time { return c.now() }

// Requests returns what arrived so far, in order.
func (c *Core) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Request(nil), c.requests...)
}

// ForgetRequests empties the log; numbering goes on.
func (c *Core) ForgetRequests() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.requests {
		c.requests[i].Body = nil
	}
	c.requests = c.requests[:0:0]
}

// WaitRequest blocks until a logged request satisfies match, and returns it.
// It returns ctx's error when that ends first.
func (c *Core) WaitRequest(ctx context.Context, match func(Request) bool) (Request, error) {
	for {
		c.mu.Lock()
		for _, r := range c.requests {
			if match(r) {
				c.mu.Unlock()
				return r, nil
			}
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Request{}, ctx.Err()
		}
	}
}

// SetDown makes the host unreachable (every connection is dropped) or reachable again.
func (c *Core) SetDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// Down says whether the host is unreachable.
func (c *Core) Down() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down
}

// ServeHTTP logs the request, applies the first armed fault that matches, and answers.
// A dropped connection is a panic with http.ErrAbortHandler, as net/http defines it.
func (c *Core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.Down() {
		panic(http.ErrAbortHandler)
	}
	body := &countingBody{ReadCloser: r.Body}
	if r.Body == nil {
		body.ReadCloser = http.NoBody
	}
	r = r.WithContext(r.Context()) // a copy: net/http looks at its own request's Body for Expect: 100-continue
	r.Body = body
	fault := c.take(r)
	sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	entry := c.begin(r, fault)
	dropped := true
	defer func() {
		if dropped {
			sw.status = 0
		}
		c.end(entry, body, sw.status)
	}()
	c.answer(sw, r, body, fault)
	dropped = false
}

func (c *Core) answer(w http.ResponseWriter, r *http.Request, body *countingBody, fault *Fault) {
	if fault == nil {
		c.handler.ServeHTTP(w, r)
		return
	}
	fault.serve(w, r, body, c.handler)
}

// begin appends the log entry when the request arrives, so that a request whose sender
// was killed is in the log too.
func (c *Core) begin(r *http.Request, fault *Fault) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	req := Request{Seq: c.seq, At: c.now().UTC(), System: c.system, Method: r.Method,
		URL: r.URL.RequestURI(), ContentLength: r.ContentLength, Status: -1}
	if fault != nil {
		req.Fault = fault.label()
	}
	c.requests = append(c.requests, req)
	c.tell()
	return req.Seq
}

func (c *Core) end(seq int, body *countingBody, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.requests) - 1; i >= 0; i-- {
		if c.requests[i].Seq == seq {
			c.requests[i].Body, c.requests[i].BodyBytes = body.logged()
			c.requests[i].Status = status
			break
		}
	}
	c.tell()
}

// tell wakes those who wait for a request.
func (c *Core) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// RoundTripper answers in process, without a socket. A dropped connection is an error;
// an unreachable host answers ErrRefused.
func (c *Core) RoundTripper() http.RoundTripper { return roundTripper{c} }

// ErrRefused is what the in-process transport returns while the host is unreachable.
var ErrRefused = errors.New("connection refused")

// ErrDropped is what the in-process transport returns for a dropped connection.
var ErrDropped = errors.New("connection reset by peer")

type roundTripper struct{ core *Core }

func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if t.core.Down() {
		return nil, ErrRefused
	}
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	in.RequestURI = req.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	rec := newRecorder()
	dropped := t.serve(rec, in)
	if err := context.Cause(req.Context()); err != nil {
		return nil, err // the client gave up meanwhile, as over a socket it gets no answer
	}
	if dropped && !rec.flushed {
		return nil, ErrDropped
	}
	return rec.response(req, dropped), nil
}

// serve says whether the connection was dropped instead of an answer, or in the middle of it.
func (t roundTripper) serve(w http.ResponseWriter, r *http.Request) (dropped bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			dropped = true
		}
	}()
	t.core.ServeHTTP(w, r)
	return false
}

// recorder keeps an answer.
type recorder struct {
	header  http.Header
	status  int
	wrote   bool
	flushed bool
	body    bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) Flush() { r.flushed = true }

// send passes the answer on.
func (r *recorder) send(w http.ResponseWriter) {
	add(w.Header(), r.header)
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}

// response is what the client gets; one that broke off ends in an error.
func (r *recorder) response(req *http.Request, brokeOff bool) *http.Response {
	var body io.Reader = &r.body
	switch {
	case req.Method == http.MethodHead:
		body = http.NoBody
	case brokeOff:
		body = io.MultiReader(body, brokenOff{})
	}
	return &http.Response{Status: fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)), StatusCode: r.status, Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1, Header: r.header, Body: io.NopCloser(body), ContentLength: int64(r.body.Len()), Request: req}
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// countingBody counts what is read of a request body and keeps its beginning.
type countingBody struct {
	io.ReadCloser
	mu    sync.Mutex
	kept  []byte
	total int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += int64(n)
	if room := maxLoggedBody - len(b.kept); room > 0 && n > 0 {
		b.kept = append(b.kept, p[:min(n, room)]...)
	}
	return n, err
}

func (b *countingBody) logged() ([]byte, int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]byte(nil), b.kept...), b.total
}

// WriteJSON answers with status and v as JSON under the given media type.
func WriteJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
