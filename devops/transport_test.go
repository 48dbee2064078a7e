package devops_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// TestRejectedCredential: 401 without a body, the sign-in page under 203, and a redirect to it mean the
// same, are told from an outage, and are not repeated with the same credential.
func TestRejectedCredential(t *testing.T) {
	for _, how := range []string{"401", "203", "302"} {
		srv := listening(t, devopstest.Options{Rejection: how})
		srv.SetCredentials("another", "")
		_, err := client(t, srv).Definition(t.Context())
		e := wantError(t, err, devops.ErrUnauthorized, "not expired", "read pipeline definition 107")
		if fmt.Sprint(e.Status) != how || e.ActivityID == "" {
			t.Errorf("%s: %+v", how, e)
		}
		if n := len(srv.Requests()); n != 1 {
			t.Errorf("%s: %d requests", how, n)
		}
	}
}

// TestAnswersAndTheirKinds: the type key and the number in the message decide, because the status that
// goes with them varies and the text is translated.
func TestAnswersAndTheirKinds(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		kind   error
		text   string
	}{
		"html 200":              {200, "\n<html>sign in</html>", devops.ErrUnauthorized, "sign-in page"},
		"redirect":              {301, "", devops.ErrUnauthorized, "sign-in page"},
		"TF400813":              {400, `{"message":"TF400813: not authorized","typeKey":"UnauthorizedRequestException"}`, devops.ErrUnauthorized, "TF400813"},
		"403 html":              {403, "<html>", devops.ErrForbidden, "403 Forbidden"},
		"wrapped message":       {400, `{"count":1,"value":{"Message":"odd request"}}`, nil, "odd request"},
		"VS800075":              {400, `{"message":"VS800075: no project"}`, devops.ErrNotFound, "check organization"},
		"409":                   {409, `{"message":"newer"}`, devops.ErrConflict, "newer"},
		"500 text":              {500, "the server is on fire", nil, "on fire"},
		"garbage":               {200, `{"id":`, nil, "is not JSON"},
		"empty":                 {204, ``, nil, "is not JSON"},
		"byte order mark":       {404, "\xef\xbb\xbf" + `{"message":"gone","typeKey":"DefinitionNotFoundException"}`, devops.ErrNotFound, "gone"},
		"a text of two lines":   {500, "on\r\n\tfire \xff", nil, ": on fire"},
		"a secret in the error": {400, `{"message":"you sent ` + secret + ` and ` + base64.StdEncoding.EncodeToString([]byte(":"+secret)) + `"}`, nil, "you sent [removed] and [removed]"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := inProcess(devopstest.Options{})
			inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: test.status, Body: test.body})
			_, err := client(t, srv).Definition(t.Context())
			e := wantError(t, err, test.kind, test.text)
			if strings.Contains(e.Body, secret) {
				t.Error("the body holds the secret")
			}
		})
	}
}

// TestASecretWhereAnErrorIsCut: half of it would not be recognised any more.
func TestASecretWhereAnErrorIsCut(t *testing.T) {
	for _, before := range []int{290, 2040} {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 400, Body: strings.Repeat(".", before) + secret})
		_, err := client(t, srv).Definition(t.Context())
		if e := wantError(t, err, nil); strings.Contains(e.Message+e.Body, secret[:6]) {
			t.Errorf("%q %q", e.Message, e.Body)
		}
	}
}

// TestReadsAreRepeated: the vendor's client repeats nothing.
func TestReadsAreRepeated(t *testing.T) {
	for name, f := range map[string]devopstest.Fault{
		"429":     devopstest.Throttled("GET", "definitions", 0),
		"503":     devopstest.Unavailable("GET", "definitions"),
		"502":     {Kind: devopstest.Answer, Method: "GET", Path: "definitions", Status: 502, Body: "<html>"},
		"504":     {Kind: devopstest.Answer, Method: "GET", Path: "definitions", Status: 504},
		"dropped": {Kind: devopstest.DropBefore, Method: "GET", Path: "definitions"},
	} {
		f.Times = 4
		srv := inProcess(devopstest.Options{})
		inject(t, srv, f)
		if _, err := client(t, srv).Definition(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Times = 5
		inject(t, srv, f)
		if _, err := client(t, srv).Definition(t.Context()); err == nil {
			t.Errorf("%s: repeated for ever", name)
		}
	}
}

// TestReadsAreNotRepeatedInVain: an unknown certificate does not get better, and an hour of Retry-After is
// the caller's business.
func TestReadsAreNotRepeatedInVain(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	_, err := client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = nil }).Definition(t.Context())
	wantError(t, err, nil, "certificate")
	inject(t, srv, devopstest.Throttled("GET", "definitions", 3600))
	_, err = client(t, srv).Definition(t.Context())
	if e := wantError(t, err, nil, "429"); e.RetryAfter != time.Hour {
		t.Errorf("retry after %s", e.RetryAfter)
	}
}

// TestRetryAfterIsHonoured runs on a fake clock.
func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{})
		c := client(t, srv)
		if _, err := c.Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
		inject(t, srv, devopstest.Throttled("GET", "definitions", 30))
		began := time.Now()
		if _, err := c.Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("repeated after %s", took)
		}
		at := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 429, Header: http.Header{"Retry-After": {at}}})
		began = time.Now()
		if _, err := c.Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 58*time.Second {
			t.Errorf("repeated after %s", took)
		}
	})
}

// TestADelayedSuccessSlowsTheNextRequest: throttling may come with 200.
func TestADelayedSuccessSlowsTheNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{})
		c := client(t, srv)
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 200, Header: http.Header{"Retry-After": {"20"}}, Body: `{"id":107,"revision":3,"queueStatus":"enabled"}`})
		if _, err := c.Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := c.Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 19*time.Second {
			t.Errorf("the next request came after %s", took)
		}
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 503, Header: http.Header{"Retry-After": {"60"}}})
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		_, err := c.Definition(ctx)
		wantError(t, err, context.DeadlineExceeded)
		_, err = c.Definition(ctx)
		wantError(t, err, context.DeadlineExceeded)
	})
}

// TestIncompleteDescriptionOfTheAPI: the vendor's client would panic, or keep it for ever.
func TestIncompleteDescriptionOfTheAPI(t *testing.T) {
	for _, body := range []string{`{}`, `{"value":[{}]}`, `{"value":7}`, `{"value":[{"id":"dbeaf647-6167-421a-bda9-c9327b25e2e6","area":"build","resourceName":"Definitions","routeTemplate":"x","resourceVersion":7,"minVersion":"x","maxVersion":"7.2","releasedVersion":"7.1"}]}`} {
		srv := listening(t, devopstest.Options{})
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "OPTIONS", Status: 200, Body: body})
		c := client(t, srv)
		_, err := c.Definition(t.Context())
		wantError(t, err, nil, "description of the API")
		if _, err := c.Definition(t.Context()); err != nil {
			t.Errorf("after that: %v", err)
		}
	}
}

// TestTotalTimeoutOfAGivenClientLeavesAWriteOpen: net/http then hides what the transport said.
func TestTotalTimeoutOfAGivenClientLeavesAWriteOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{})
		slow := &http.Client{Transport: slowPost{srv.RoundTripper()}, Timeout: 30 * time.Second}
		_, err := client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = slow }).Run(t.Context(), devops.RunOptions{})
		wantError(t, err, devops.ErrOutcomeUnknown)
	})
}

// slowPost never answers a POST.
type slowPost struct{ next http.RoundTripper }

func (s slowPost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return s.next.RoundTrip(r)
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestAnswersThatAreTooLarge: they do not fill the memory.
func TestAnswersThatAreTooLarge(t *testing.T) {
	big := &http.Client{Transport: bigAnswer{}}
	c := client(t, inProcess(devopstest.Options{}), func(cfg *devops.Config) { cfg.HTTPClient = big })
	_, err := c.Definition(t.Context())
	wantError(t, err, nil, "larger than")
}

type bigAnswer struct{}

func (bigAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(io.LimitReader(zeros{}, 33<<20))}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// closeBefore makes every request use a connection of its own.
type closeBefore struct{ next http.RoundTripper }

func (c closeBefore) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Close = true
	return c.next.RoundTrip(r)
}

// TestHostThatRefusesConnections: a request that never left has no effect, so that a run is not in doubt.
func TestHostThatRefusesConnections(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	c := client(t, srv)
	if _, err := c.Definition(t.Context()); err != nil {
		t.Fatal(err)
	}
	hc := srv.Client()
	hc.Transport = onPost{hc.Transport, srv.Close} // a POST that never leaves has no effect
	_, err := client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = &http.Client{Transport: closeBefore{hc.Transport}} }).Run(t.Context(), devops.RunOptions{})
	if wantError(t, err, nil, "connection refused", "nothing was changed"); errors.Is(err, devops.ErrOutcomeUnknown) {
		t.Error(err)
	}
	_, err = c.Definition(t.Context())
	wantError(t, err, nil, "connection refused", "nothing was changed")
}
