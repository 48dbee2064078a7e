package devops

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/microsoft/azure-devops-go-api/azuredevops/v7"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

const (
	readRetries  = 4
	maxRetryWait = 5 * time.Minute
	maxAnswer    = 32 << 20
)

// transport is the one place where requests meet the network: it adds the credential, repeats reads,
// and turns every answer that is not good JSON into an *Error. The vendor's client on top of it loses
// the status of such answers, and would panic over an incomplete description of the API.
type transport struct {
	base http.RoundTripper
	host string
	auth authorizer
	wait time.Duration

	mu        sync.Mutex
	notBefore time.Time
}

// RoundTrip sends a GET or OPTIONS up to five times and everything else once. A read that is answered
// with a rejection of the credential is repeated only if there may be a newer one, without waiting.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		res, e := t.once(req)
		if e == nil {
			return res, nil
		}
		rejected := e.Kind == ErrUnauthorized && e.Status != 0 && t.auth.renew()
		if rejected && attempt == 0 && !changes(req.Method) {
			continue
		}
		if changes(req.Method) || attempt == readRetries || !e.passing() || e.RetryAfter > maxRetryWait {
			return nil, e
		}
		if err := poll.Sleep(req.Context(), max(t.wait<<attempt, e.RetryAfter)); err != nil {
			e.Err = gaveUp(err, e.Err)
			return nil, e
		}
	}
}

// gaveUp keeps the last failure beside the reason to stop repeating.
func gaveUp(err, last error) error {
	if last == nil {
		return err
	}
	return fmt.Errorf("%w, after: %w", err, last)
}

func (t *transport) once(req *http.Request) (*http.Response, *Error) {
	e := &Error{Method: req.Method, Path: req.URL.RequestURI()}
	out, err := t.prepare(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &Error{Kind: err.kind, Err: err.cause}
	}
	res, sendErr := t.base.RoundTrip(out)
	if sendErr != nil {
		e.Err, e.Unclear = sendErr, changes(req.Method) && !neverSent(sendErr)
		return nil, e
	}
	body, readErr := readAnswer(res)
	t.describe(e, res)
	if readErr != nil {
		return nil, unread(e, readErr)
	}
	if e.Status >= http.StatusBadRequest { // before it is cut: half a secret would not be found
		body = []byte(t.auth.scrub(string(body)))
	}
	if e := judge(e, res, body); e != nil {
		return nil, e
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	return res, nil
}

// neverSent is true when not even a connection came about.
func neverSent(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	return certificate || ok && dial.Op == "dial"
}

type unsent struct{ kind, cause error }

// prepare waits as long as the service last asked for, and adds the credential.
func (t *transport) prepare(req *http.Request) (*http.Request, *unsent) {
	if req.URL.Scheme != "https" || !strings.EqualFold(req.URL.Host, t.host) {
		return nil, &unsent{cause: fmt.Errorf("refused to send the credential to %s://%s: it is for https://%s only", req.URL.Scheme, req.URL.Host, t.host)}
	}
	t.mu.Lock()
	pause := time.Until(t.notBefore)
	t.mu.Unlock()
	if pause > 0 {
		if err := poll.Sleep(req.Context(), pause); err != nil {
			return nil, &unsent{cause: err}
		}
	}
	header, err := t.auth.header(req.Context())
	if err != nil {
		if final(err) {
			return nil, &unsent{cause: err}
		}
		return nil, &unsent{kind: ErrUnauthorized, cause: fmt.Errorf("get a token: %w", err)}
	}
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", header)
	return out, nil
}

// describe takes status, activity and Retry-After, which throttling also sends with a status of
// success (vendor page "Rate and usage limits"): then the next request has to wait.
func (t *transport) describe(e *Error, res *http.Response) {
	e.Status = res.StatusCode
	e.ActivityID = activity(res.Header)
	e.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
	if e.RetryAfter > 0 {
		t.mu.Lock()
		t.notBefore = time.Now().Add(min(e.RetryAfter, maxRetryWait))
		t.mu.Unlock()
	}
}

func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

var errTooLarge = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)

// unread describes an answer that could not be read to its end.
func unread(e *Error, err error) *Error {
	e.Err, e.Unclear = err, changes(e.Method)
	if !errors.Is(err, errTooLarge) { // the same read may work next time
		e.Message, e.Status = fmt.Sprintf("the answer (status %d) broke off", e.Status), 0
	}
	return e
}

func readAnswer(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errTooLarge
	}
	return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), err
}

// judge returns nil for 2xx with JSON and completes e for everything else.
func judge(e *Error, res *http.Response, body []byte) *Error {
	html := looksHTML(body) || strings.Contains(res.Header.Get("Content-Type"), "text/html")
	switch {
	case e.Status >= http.StatusBadRequest:
		return refused(e, body)
	case e.Status < http.StatusOK || e.Status >= http.StatusMultipleChoices || e.Status == http.StatusNonAuthoritativeInfo || html:
		e.Kind, e.Message = ErrUnauthorized, "the service answered with its sign-in page"
		return e
	case !json.Valid(body):
		e.Message, e.Unclear = fmt.Sprintf("the answer (%d bytes) is not JSON", len(body)), changes(e.Method)
		return e
	case e.Method == http.MethodOptions:
		return judgeLocations(e, body)
	}
	return nil
}

func looksHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("<"))
}

// judgeLocations refuses a description of the API in which something this package needs is missing:
// the vendor's client would keep it for the life of the process, and panic over a missing field.
func judgeLocations(e *Error, body []byte) *Error {
	var list struct {
		Value []azuredevops.ApiResourceLocation `json:"value"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		e.Message = "the description of the API cannot be read"
		return e
	}
	known := map[uuid.UUID]bool{}
	for _, l := range list.Value {
		if l.Id == nil {
			e.Message = "the description of the API has an entry without id"
			return e
		}
		known[*l.Id] = l.Area != nil && l.ResourceName != nil && l.RouteTemplate != nil && l.ResourceVersion != nil &&
			version(l.MinVersion) && version(l.MaxVersion) && version(l.ReleasedVersion)
	}
	for _, id := range []uuid.UUID{definitionsArea, revisionsArea, buildsArea, runsArea} {
		if !known[id] {
			e.Message = fmt.Sprintf("the description of the API lacks resource %s", id)
			return e
		}
	}
	return nil
}

func version(text *string) bool {
	if text == nil {
		return false
	}
	_, err := azuredevops.NewVersion(*text)
	return err == nil
}

// defaultTransport is the standard one with a bound on the wait for an answer's header, above the
// 30 s for which the service may hold a throttled request.
func defaultTransport() http.RoundTripper {
	std, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	own := std.Clone()
	own.ResponseHeaderTimeout = 2 * time.Minute
	return own
}

// authorizer makes the Authorization header and removes credentials from text.
type authorizer interface {
	header(context.Context) (string, error)
	// renew is told that the credential was rejected and says whether the next header may differ.
	renew() bool
	scrub(string) string
}
