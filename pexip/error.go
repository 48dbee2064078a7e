package pexip

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sentinels for errors.Is. The first four match by the node's HTTP status.
var (
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("conflict")
	ErrUnauthorized = errors.New("credentials refused")
	ErrForbidden    = errors.New("permission missing")
	// ErrOutcomeUnknown says that something that happens only once may or may not have happened.
	// Do not repeat the call: watch the node, then ask a person.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrForeignUpgradeRequest says that an upload somebody else began is on the node.
	ErrForeignUpgradeRequest = errors.New("another upgrade request exists")
	// ErrChecksum says that bytes are not the ones that were promised.
	ErrChecksum = errors.New("checksum mismatch")
)

// maxErrorBody is how much of an error's body is kept, in bytes.
const maxErrorBody = 4 << 10

// Error is a request that did not succeed. Decide by Status or the sentinels, never by text.
type Error struct {
	// Op is what was attempted, for example "read the alarms".
	Op     string
	Method string
	Path   string
	// Status is the HTTP status; 0 when no complete answer came.
	Status int
	// Message is what the node said, its nested fields flattened to "field: text".
	Message string
	// Fields holds a validation error's texts by field, "" for those without one.
	Fields map[string][]string
	// Body is the answer's beginning (4 KiB at most), secrets removed.
	Body string
	// RetryAfter is how long the node asked to wait; 0 when it did not say.
	RetryAfter time.Duration
	// Advice says what is safe to do next.
	Advice string
	// Err is the cause when there was no usable answer.
	Err error

	sent  bool // the request may have reached the node
	token bool // the request was for a token
	final bool // it was repeated already
}

// Error is one line: what was attempted, where, what came back, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s: ", e.Op, e.Method, e.Path)
	switch {
	case e.Status == 0 && e.Err != nil:
		fmt.Fprintf(&b, "no answer: %v", e.Err)
	case e.Err != nil:
		fmt.Fprintf(&b, "answer %d: %v", e.Status, e.Err)
	default:
		fmt.Fprintf(&b, "answer %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Advice != "" {
		fmt.Fprintf(&b, " (%s)", e.Advice)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels that stand for a status.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound && !e.token
	case ErrConflict:
		return e.Status == http.StatusConflict || e.Status == http.StatusPreconditionFailed
	case ErrUnauthorized:
		// A token endpoint refuses with 400 (RFC 6749, invalid_client or invalid_grant) or 401.
		return e.Status == http.StatusUnauthorized || e.token && e.Status >= 400 && e.Status < 404
	case ErrForbidden:
		return e.Status == http.StatusForbidden && !e.token
	}
	return false
}

// unclear says whether the request may have taken effect although it failed.
func (e *Error) unclear() bool {
	refused := e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout
	return e.sent && !refused
}

// Unavailable says whether err is what a node shows while it restarts: connection refused or
// reset, end of file, timeout, 502, 503, 504, and 401 (its user database may come up late).
// A wrong certificate and a cancelled context are not that. Bound the wait: with wrong
// credentials 401 never ends.
func Unavailable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case 0:
		return transient(e.Err)
	}
	return false
}

// transient says whether a transport's error may go away by itself.
func transient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return false
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return false // a TLS alert: the node dislikes our handshake
	}
	return !certificateFault(err)
}

func certificateFault(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, pin := errors.AsType[*PinError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return verify || pin || header || authority || host
}

// neverSent says whether the transport failed before a byte of the request left.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	return certificateFault(err)
}

// refusal turns a non-2xx answer into an *Error.
func refusal(r call, res *http.Response, body []byte) *Error {
	e := &Error{Op: r.op, Method: r.method, Path: r.path, Status: res.StatusCode, RetryAfter: retryAfter(res.Header), sent: true,
		token: r.noLogin, Body: string(body)}
	e.Message, e.Fields = flatten(body)
	e.Advice = r.adviceFor(res.StatusCode)
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		e.Message = strings.TrimSpace("redirects are not followed " + e.Message)
	}
	return e
}

// redact removes secrets wherever the node may have echoed them.
func (e *Error) redact(clean func(string) string) {
	e.Body, e.Message = clean(e.Body), clean(e.Message)
	for _, texts := range e.Fields {
		for i := range texts {
			texts[i] = clean(texts[i])
		}
	}
}

func (r call) adviceFor(status int) string {
	if r.noLogin {
		return r.advice
	}
	switch status {
	case http.StatusUnauthorized:
		return "the node refuses these credentials; nothing was changed. A login through Entra or OpenID Connect does not work here, and where Basic is switched off only an OAuth2 client does"
	case http.StatusForbidden:
		return "the role of this account lacks the permission; nothing was changed"
	case http.StatusTooManyRequests:
		return "the node limits API calls to 1,000 a minute; wait a minute"
	case http.StatusRequestEntityTooLarge:
		return "the node or a proxy limits the size of a request; use a smaller ChunkSize"
	}
	return r.advice
}

func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// title is an HTML page's.
var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// flatten reads every error shape the node is known to use: {"resource":{"field":["text"]}},
// {"field":["text"]}, {"error":"text"} or a list, {"error_message":"text"}, plain text, HTML.
func flatten(body []byte) (string, map[string][]string) {
	body = bytes.TrimSpace(body)
	var v any
	if json.Unmarshal(body, &v) != nil {
		if m := title.FindSubmatch(body); m != nil {
			return "HTML page: " + oneLine(html.UnescapeString(string(m[1]))), nil
		}
		if bytes.HasPrefix(body, []byte("<")) {
			return "HTML page", nil
		}
		return oneLine(string(body)), nil
	}
	fields := map[string][]string{}
	collect(fields, "", v)
	var parts []string
	for _, name := range sortedKeys(fields) {
		text := strings.Join(fields[name], "; ")
		if name != "" {
			text = name + ": " + text
		}
		parts = append(parts, text)
	}
	return oneLine(strings.Join(parts, "; ")), fields
}

// collect descends to the texts; the innermost key that is no mere container names the field.
func collect(into map[string][]string, field string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if k == "traceback" {
				continue
			}
			name := k
			if slices.Contains([]string{"error", "errors", "error_message", "error_description", "detail", "message", "status", "__all__"}, k) {
				name = field
			}
			collect(into, name, v[k])
		}
	case []any:
		for _, e := range v {
			collect(into, field, e)
		}
	case nil:
	default:
		into[field] = append(into[field], fmt.Sprint(v))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// oneLine folds white space and shortens to 300 bytes.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
