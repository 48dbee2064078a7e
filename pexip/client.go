package pexip

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

const (
	// maxAnswer bounds a JSON answer held in memory, in bytes.
	maxAnswer = 64 << 20
	// maxRepeats is how often a safe read is repeated beyond its first try.
	maxRepeats = 3
	// maxRetryAfter is the longest a Retry-After is followed.
	maxRetryAfter = 2 * time.Minute
	// maxAtOnce is how many requests are under way at the same time. Pexip's own command line client
	// keeps to 5, because more slow the node down.
	maxAtOnce = 5
)

// call is one request and what to tell a person if it fails.
type call struct {
	op     string
	method string
	path   string // host-relative, with query
	// address replaces base and path (the token endpoint may be elsewhere).
	address string
	// body is sent as it is; stream, when set, instead of it.
	body        []byte
	contentType string
	header      http.Header
	stream      *outgoing
	// quiet is the longest silence once everything is sent; 0: StallTimeout.
	quiet   time.Duration
	noLogin bool
	// secret is removed from errors, besides the credentials.
	secret string
	advice string
}

const safeToRepeat = "safe to repeat"

func get(op, path string) call {
	return call{op: op, method: http.MethodGet, path: apiPath(path), advice: "reading changes nothing, try again"}
}

func jsonCall(op, method, path string, body any, advice string) (call, error) {
	b, err := json.Marshal(body)
	return call{op: op, method: method, path: apiPath(path), body: b, contentType: "application/json", advice: advice}, err
}

// apiPath accepts a path below the API's root or one that already has it.
func apiPath(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return apiRoot + path
}

// read gets path and decodes its JSON into out, repeating when that may help.
func (c *Client) read(ctx context.Context, op, path string, out any) error {
	r := get(op, path)
	return c.repeat(ctx, func() error {
		return c.exchange(ctx, r, func(res *http.Response, body io.Reader) error { return decode(r, res, body, out) })
	})
}

// repeat runs a safe request again after 429, 502, 503, 504 and connection errors, and once after
// 401 with a new token.
func (c *Client) repeat(ctx context.Context, once func() error) error {
	wait, renewed := c.cfg.RetryWait, false
	for try := 0; ; {
		err := once()
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusUnauthorized && !e.token && c.login.renewable() && !renewed {
			renewed = true
			continue
		}
		if try == maxRepeats || !repeatable(err) || ctx.Err() != nil {
			return err
		}
		if slept := poll.Sleep(ctx, pause(err, wait)); slept != nil {
			return fmt.Errorf("%w while waiting to repeat: %w", slept, err)
		}
		wait *= 2
		try++
	}
}

func repeatable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.final && (e.Status == http.StatusTooManyRequests || e.Status != http.StatusUnauthorized && Unavailable(err))
}

func pause(err error, wait time.Duration) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, min(e.RetryAfter, maxRetryAfter))
	}
	return wait
}

// write sends a request that changes something, once. A refused token is forgotten, so that the
// next call gets a new one. out may be nil.
func (c *Client) write(ctx context.Context, r call, out any) (http.Header, error) {
	var header http.Header
	err := c.exchange(ctx, r, func(res *http.Response, body io.Reader) error {
		header = res.Header
		if err := decode(r, res, body, out); err != nil {
			return err
		}
		if reply, ok := out.(*okReply); ok {
			return reply.refusal(r, res)
		}
		return nil
	})
	return header, err
}

// exchange sends one request and hands a 2xx answer to handle. Every other outcome is an *Error,
// except what fails before anything is sent (context, rate limit) or while reading our own file.
func (c *Client) exchange(ctx context.Context, r call, handle func(*http.Response, io.Reader) error) error {
	if err := c.limiter.Wait(ctx); err != nil {
		if ctx.Err() == nil { // the limiter sees that the deadline would pass first, in words of its own
			err = fmt.Errorf("%w (%w)", context.DeadlineExceeded, err)
		}
		return fmt.Errorf("%s: not sent: %w", r.op, err)
	}
	auth, err := c.authorization(ctx, r)
	if err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%s: not sent: %w", r.op, ctx.Err())
	}
	ctx, dog := watch(ctx, c.cfg.StallTimeout)
	defer dog.stop()
	req, err := c.request(ctx, r, auth, dog)
	if err != nil {
		return fmt.Errorf("%s: not sent: %w", r.op, err)
	}
	res, err := c.http.Do(req)
	if err := r.stream.detach(); err != nil {
		closeBody(res)
		return err
	}
	if over := dog.over(); err == nil && over != nil && !r.stream.complete() {
		closeBody(res) // the node complains about a body that we broke off
		err = over
	}
	if err != nil {
		return c.noAnswer(r, dog.cause(err))
	}
	defer res.Body.Close()
	return c.answer(r, auth, res, dog.watchReader(res.Body), handle)
}

func closeBody(res *http.Response) {
	if res != nil {
		res.Body.Close()
	}
}

func (c *Client) authorization(ctx context.Context, r call) (string, error) {
	if r.noLogin {
		return "", nil
	}
	return c.login.header(ctx)
}

func (c *Client) request(ctx context.Context, r call, auth string, dog *watchdog) (*http.Request, error) {
	var body io.Reader
	quiet := cmp.Or(r.quiet, c.cfg.StallTimeout)
	if r.stream == nil {
		body = bytes.NewReader(r.body)
		dog.allow(quiet, answering)
	}
	address := r.address
	if address == "" {
		u, err := c.resolve(r.path)
		if err != nil {
			return nil, err
		}
		address = u.String()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	if r.stream != nil {
		r.stream.attach(dog, quiet)
		req.Body, req.ContentLength = r.stream, r.stream.length()
	}
	for k, vs := range r.header {
		req.Header[k] = vs
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	req.Header.Set("Accept", "application/json")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	return req, nil
}

// resolve makes a host-relative path absolute and refuses everything that would carry the
// credentials elsewhere; the node itself supplies some paths ("next", download addresses).
func (c *Client) resolve(path string) (*url.URL, error) {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, apiRoot) || strings.Contains(u.Path, "/../") {
		return nil, fmt.Errorf("%q is not a path below %s on this node", oneLine(path), apiRoot)
	}
	return c.base.ResolveReference(u), nil
}

func (c *Client) noAnswer(r call, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &Error{Op: r.op, Method: r.method, Path: r.path, Advice: r.advice, Err: err, sent: !neverSent(err), token: r.noLogin}
}

func (c *Client) answer(r call, auth string, res *http.Response, body io.Reader, handle func(*http.Response, io.Reader) error) error {
	if res.StatusCode == http.StatusUnauthorized {
		c.login.refused(auth)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		b, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // whatever came of it helps
		e := refusal(r, res, b)
		e.redact(c.redactor(r, auth))
		return e
	}
	if !r.stream.complete() {
		return &Error{Op: r.op, Method: r.method, Path: r.path, Status: res.StatusCode, sent: true, Advice: r.advice,
			Err: errors.New("the node answered before it had everything")}
	}
	err := handle(res, body)
	if broken, ok := errors.AsType[*brokenAnswer](err); ok {
		return c.noAnswer(r, broken.err)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		e.redact(c.redactor(r, auth))
	}
	return err
}

// redactor removes the credentials and the call's own secret from a text.
func (c *Client) redactor(r call, auth string) func(string) string {
	secrets := c.login.secrets()
	if r.secret != "" {
		secrets = append(secrets, r.secret)
	}
	if _, token, ok := strings.Cut(auth, " "); ok {
		secrets = append(secrets, token)
	}
	var pairs []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		for _, form := range spellings(s) {
			pairs = append(pairs, form, "[redacted]")
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// spellings of a secret: as it is, in JSON with and without HTML escapes, in HTML, in a form.
func spellings(s string) []string {
	escaped, _ := json.Marshal(s) // a string always marshals
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return []string{s, string(escaped[1 : len(escaped)-1]), strings.TrimSuffix(plain.String()[1:], "\"\n"), html.EscapeString(s), url.QueryEscape(s)}
}

// brokenAnswer marks an answer that broke off, as opposed to one that makes no sense.
type brokenAnswer struct{ err error }

func (b *brokenAnswer) Error() string { return b.err.Error() }

// decode reads a 2xx answer. An empty body leaves out as it is (of a read it is an *Error), one
// that is not JSON is an *Error also when out is nil.
func decode(r call, res *http.Response, body io.Reader, out any) error {
	b, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return &brokenAnswer{fmt.Errorf("the answer broke off: %w", err)}
	}
	if out == nil {
		out = new(any)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		if r.method == http.MethodGet {
			return nonsense(r, res, b, errors.New("the answer is empty"))
		}
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return nonsense(r, res, b, fmt.Errorf("the answer is not the expected JSON: %w", err))
	}
	return nil
}

func nonsense(r call, res *http.Response, body []byte, err error) *Error {
	e := &Error{Op: r.op, Method: r.method, Path: r.path, Status: res.StatusCode, sent: true, Advice: r.advice, Err: err, token: r.noLogin}
	if r.noLogin {
		return e // an answer of the token endpoint may hold a token
	}
	e.Body = string(body[:min(len(body), maxErrorBody)])
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		e.Message, _ = flatten(body)
	}
	return e
}
