package pexip_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// An error comes in five shapes of JSON, empty, as text or as a page. A client that knows one of them
// loses the reason, or the status with it; here the status is always kept.
func TestErrorShapes(t *testing.T) {
	for _, tc := range []struct {
		status        int
		body, message string
		fields        map[string][]string
		sentinel      error
	}{
		{400, `{"alarm":{"name":["too long","odd"],"level":["bad"]}}`, "level: bad; name: too long; odd", map[string][]string{"name": {"too long", "odd"}, "level": {"bad"}}, nil},
		{400, `{"name":["too long"]}`, "name: too long", map[string][]string{"name": {"too long"}}, nil},
		{400, `{"error":"no such thing"}`, "no such thing", map[string][]string{"": {"no such thing"}}, nil},
		{400, `{"error":["a","b"]}`, "a; b", map[string][]string{"": {"a", "b"}}, nil},
		{500, `{"error_message":"sorry","traceback":"Traceback…"}`, "sorry", map[string][]string{"": {"sorry"}}, nil},
		{401, "", "", nil, pexip.ErrUnauthorized},
		{403, "", "", nil, pexip.ErrForbidden},
		{404, "", "", nil, pexip.ErrNotFound},
		{409, `"plain string"`, "plain string", map[string][]string{"": {"plain string"}}, pexip.ErrConflict},
		{412, "just text\n on two lines", "just text on two lines", nil, pexip.ErrConflict},
		{502, "<html><title>502 Bad  Gateway</title>", "HTML page: 502 Bad Gateway", nil, nil},
		{418, "<p>", "HTML page", nil, nil},
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: tc.status, Body: tc.body, Times: -1})
		_, err := c.Alarms(t.Context())
		e, isError := errors.AsType[*pexip.Error](err)
		if !isError || e.Status != tc.status || e.Message != tc.message || e.Body != tc.body || e.Method != "GET" || e.Path != "/api/admin/status/v1/alarm/?limit=1000" {
			t.Errorf("%d %s: %#v", tc.status, tc.body, err)
			continue
		}
		if d := cmp.Diff(tc.fields, e.Fields); d != "" {
			t.Errorf("%d %s: %s", tc.status, tc.body, d)
		}
		for _, sentinel := range []error{pexip.ErrUnauthorized, pexip.ErrForbidden, pexip.ErrNotFound, pexip.ErrConflict} {
			if errors.Is(err, sentinel) != (sentinel == tc.sentinel) {
				t.Errorf("%d matches %v: %v", tc.status, sentinel, errors.Is(err, sentinel))
			}
		}
	}
}

// What a broken server sends may have no end: of an error only the beginning is kept.
func TestErrorBodyIsCapped(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: 400, Body: strings.Repeat("ä", 1<<20)})
	_, err := c.Alarms(t.Context())
	e, _ := errors.AsType[*pexip.Error](err)
	if len(e.Body) > 4<<10 || len(err.Error()) > 1000 {
		t.Errorf("body %d bytes, text %d bytes", len(e.Body), len(err.Error()))
	}
}

// A page to log in, half an answer or none at all may come with status 200 and is no empty list.
func TestNonsenseWithStatus200(t *testing.T) {
	for body, want := range map[string]string{
		"<html><title>Log in</title>": "HTML page: Log in",
		`{"meta":`:                    "not the expected JSON",
		`[1]`:                         "not the expected JSON",
		``:                            "the answer is empty",
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, answer("alarm", body))
		_, err := c.Alarms(t.Context())
		fails(t, err, nil, "read the alarms", want)
		if pexip.Unavailable(err) {
			t.Errorf("%q counts as unavailable", body)
		}
	}
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Truncate, Path: "alarm"})
		_, err := c.Alarms(t.Context())
		fails(t, err, nil, "not the expected JSON")
	})
}

// How the node refuses too many calls is not known: 429 and 503 are treated alike, and only for reads.
func TestReadsAreRepeated(t *testing.T) {
	faults := []pexiptest.Fault{{Kind: pexiptest.DropBefore}, {Kind: pexiptest.DropAfter}, {Kind: pexiptest.CutAnswer}, {Kind: pexiptest.Answer, Status: 429}, {Kind: pexiptest.Answer, Status: 502},
		{Kind: pexiptest.Answer, Status: 503}, {Kind: pexiptest.Answer, Status: 504}}
	for _, f := range faults {
		f.Path, f.Times = "alarm", 3
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, f)
		if _, err := c.Alarms(t.Context()); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
		srv, c = inProcess(t, pexiptest.Options{}, nil)
		f.Times = 4
		inject(t, srv, f)
		if _, err := c.Alarms(t.Context()); err == nil {
			t.Errorf("%+v: a fifth try", f)
		}
	}
	for _, status := range []int{400, 403, 404, 500, 501} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: status})
		if _, err := c.Alarms(t.Context()); err == nil {
			t.Errorf("%d was repeated", status)
		}
	}
}

func TestAnswerThatBreaksOffIsRepeated(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	inner, broke := srv.RoundTripper(), false
	cut := roundTrip(func(r *http.Request) (*http.Response, error) {
		res, err := inner.RoundTrip(r)
		if err == nil && strings.Contains(r.URL.Path, "alarm") && !broke {
			broke = true
			res.Body = http.NoBody
			res.Body = brokenBody{}
		}
		return res, err
	})
	c := client(t, srv, func(c *pexip.Config) { c.HTTPClient = &http.Client{Transport: cut} })
	_, err := c.Alarms(t.Context())
	ok(t, err)
	if !broke || sent(srv, "GET", "alarm") != 2 {
		t.Error("not repeated")
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("unexpected EOF") }
func (brokenBody) Close() error             { return nil }

// Retry-After is in seconds or a date, and may be absurd; most clients do not read it at all.
func TestRetryAfterIsHonoured(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "": time.Second, "0": time.Second, "soon": time.Second, "86400": 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.RetryWait = time.Second })
			inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: 429, Header: http.Header{"Retry-After": {header}}})
			began := time.Now()
			_, err := c.Alarms(t.Context())
			ok(t, err)
			if d := time.Since(began); d != want {
				t.Errorf("Retry-After %q: waited %s, want %s", header, d, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.RetryWait = time.Second })
		date := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: 503, Header: http.Header{"Retry-After": {date}}})
		began := time.Now()
		_, err := c.Alarms(t.Context())
		ok(t, err)
		if d := time.Since(began); d != 30*time.Second {
			t.Errorf("waited %s for a date 30 s ahead", d)
		}
	})
}

func TestWaitingToRepeatEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.RetryWait = time.Hour })
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: 503})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Alarms(ctx)
		fails(t, err, context.DeadlineExceeded, "503")
	})
}

// 1,000 requests in any 60 seconds is the node's limit for all its callers together, so the client
// keeps below it by itself instead of waiting to be refused.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		c, err := pexip.New(pexip.Config{URL: "https://mgr.invalid", Basic: &pexip.Basic{Username: "u", Password: "p"},
			HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				return &http.Response{StatusCode: 404, Body: http.NoBody, Request: r}, nil
			})}})
		ok(t, err)
		for range 1600 {
			_, _ = c.LiveConferences(t.Context())
		}
		for i := 1000; i < len(at); i++ {
			if d := at[i].Sub(at[i-1000]); d < time.Minute {
				t.Fatalf("1,001 requests within %s", d)
			}
		}
		if total := at[len(at)-1].Sub(at[0]); total > 3*time.Minute {
			t.Errorf("1,600 requests took %s", total)
		}
		// Whoever cannot wait for a turn is told at once, and nothing is sent.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		before := len(at)
		_, err = c.LiveConferences(ctx)
		fails(t, err, context.DeadlineExceeded, "count", "not sent")
		if len(at) != before {
			t.Error("sent all the same")
		}
	})
}

// Without a total timeout a connection on which nothing happens would be waited for without end.
func TestStallAborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "alarm", Delay: time.Hour, Times: -1})
		began := time.Now()
		_, err := c.Alarms(t.Context())
		fails(t, err, nil, "nothing moved for 2m0s")
		if d := time.Since(began).Round(time.Minute); d != 8*time.Minute || !pexip.Unavailable(err) {
			t.Errorf("gave up after %s, unavailable %v", d, pexip.Unavailable(err))
		}
	})
}

// While the Management Node restarts it refuses, resets, times out, answers 502, 503, or 401 (its users
// are not there yet). None of that is the end; a wrong certificate or a refusal is.
func TestUnavailable(t *testing.T) {
	for _, status := range []int{401, 502, 503, 504} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/api/", Status: status, Times: -1})
		if _, err := c.Alarms(t.Context()); !pexip.Unavailable(err) {
			t.Errorf("%d: %v", status, err)
		}
	}
	for _, status := range []int{200, 400, 403, 404, 500} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/api/", Status: status, Times: -1})
		if _, err := c.Alarms(t.Context()); pexip.Unavailable(err) {
			t.Errorf("%d counts as unavailable", status)
		}
	}
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		srv.SetDown(true)
		if _, err := c.Alarms(t.Context()); !pexip.Unavailable(err) {
			t.Errorf("down: %v", err)
		}
		srv.SetDown(false)
		_, err := c.Alarms(t.Context())
		ok(t, err)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Times: -1})
		if _, err := c.Alarms(t.Context()); !pexip.Unavailable(err) {
			t.Errorf("dropped: %v", err)
		}
		srv.ClearFaults()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = c.Alarms(ctx)
		fails(t, err, context.Canceled)
		if pexip.Unavailable(err) {
			t.Error("a cancelled call counts as unavailable")
		}
	})
	for _, tc := range []struct {
		cause error
		want  bool
	}{
		{&net.DNSError{IsNotFound: true}, false}, {&net.DNSError{IsTimeout: true}, true}, {&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true}, {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true}, {io.EOF, true},
		{io.ErrUnexpectedEOF, true}, {context.DeadlineExceeded, true}, {tls.RecordHeaderError{}, false}, {x509.HostnameError{Certificate: new(x509.Certificate)}, false},
	} {
		c, err := pexip.New(pexip.Config{URL: "https://mgr.invalid", Basic: &pexip.Basic{Username: "u", Password: "p"}, RetryWait: time.Millisecond,
			HTTPClient: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, tc.cause })}})
		ok(t, err)
		if _, err := c.Alarms(t.Context()); pexip.Unavailable(err) != tc.want {
			t.Errorf("%v: unavailable %v", err, !tc.want)
		}
	}
	if pexip.Unavailable(nil) || pexip.Unavailable(errors.New("x")) {
		t.Error("any error counts as unavailable")
	}
}

// A token may end at any time. After 401 a read is repeated once with a new one, a change never, and
// 401 with a new token is the end.
func TestTokenIsKeptAndRenewed(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	for range 3 {
		_, err := c.Alarms(t.Context())
		ok(t, err)
	}
	if n := sent(srv, "POST", "/oauth/token/"); n != 1 {
		t.Errorf("%d tokens for three calls", n)
	}
	srv.ExpireTokens()
	_, err := c.Alarms(t.Context())
	ok(t, err)
	if n := sent(srv, "POST", "/oauth/token/"); n != 2 {
		t.Errorf("%d tokens after one expired", n)
	}
	// A refused change is not repeated, but the next one has a new token.
	srv.ExpireTokens()
	fails(t, c.SetSessionTimeoutEnabled(t.Context(), false), pexip.ErrUnauthorized)
	ok(t, c.SetSessionTimeoutEnabled(t.Context(), false))
	if n := sent(srv, "PATCH", ""); n != 2 {
		t.Errorf("%d PATCH requests", n)
	}
	// 401 in spite of a new token ends.
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: 401, Times: -1})
	before := sent(srv, "GET", "alarm")
	_, err = c.Alarms(t.Context())
	fails(t, err, pexip.ErrUnauthorized)
	if n := sent(srv, "GET", "alarm") - before; n != 2 {
		t.Errorf("%d tries with refused tokens", n)
	}
}

// There is no refresh token: five minutes before the end a new one is asked for.
func TestTokenIsReplacedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{TokenLifetime: time.Hour}, nil)
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}, {time.Hour, 3}} {
			<-time.After(step.wait)
			_, err := c.Alarms(t.Context())
			ok(t, err)
			if n := sent(srv, "POST", "/oauth/token/"); n != step.want {
				t.Errorf("%d tokens, want %d", n, step.want)
			}
		}
	})
}

func TestTokenIsFetchedOnceForManyCallers(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := c.Alarms(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := sent(srv, "POST", "/oauth/token/"); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// The vendor's own program asks for no scope, others for two: those two are asked for unless set.
func TestTokenRequest(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	_, err := c.Alarms(t.Context())
	ok(t, err)
	form, err := url.ParseQuery(string(srv.Requests()[0].Body))
	ok(t, err)
	if form.Get("scope") != "is_admin use_api" || form.Get("grant_type") != "client_credentials" || strings.Count(form.Get("client_assertion"), ".") != 2 {
		t.Errorf("%v", form)
	}
}

// A token endpoint refuses with 400 as well as 401, which says nothing about the request behind it.
func TestTokenRefused(t *testing.T) {
	for name, edit := range map[string]func(*pexip.Config){
		"id":       func(c *pexip.Config) { c.OAuth2.ClientID = "nobody" },
		"key":      func(c *pexip.Config) { c.OAuth2.PrivateKey = pexiptest.NewServer(pexiptest.Options{}).PrivateKeyPEM() },
		"audience": func(c *pexip.Config) { c.OAuth2.Audience = "https://elsewhere.example.org/oauth/token/" },
		"scope":    func(c *pexip.Config) { c.OAuth2.Scope = "something" },
	} {
		srv, c := inProcess(t, pexiptest.Options{}, edit)
		_, err := c.Alarms(t.Context())
		fails(t, err, pexip.ErrUnauthorized, "get an access token", "check client id")
		if n := len(srv.Requests()); n != 1 {
			t.Errorf("wrong %s: %d requests", name, n)
		}
		if strings.Contains(err.Error(), "eyJ") {
			t.Errorf("wrong %s: the error shows the assertion", name)
		}
	}
}

func TestTokenEndpointFaults(t *testing.T) {
	for _, tc := range []struct {
		fault pexiptest.Fault
		want  string
	}{
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 200, Body: `{"access_token":""}`}, "no access_token"},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 200, Body: `{"access_token":"sec`}, "not the expected JSON"},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 404}, "404"},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 503, Times: -1}, "503"},
		{pexiptest.Fault{Kind: pexiptest.DropBefore, Times: -1}, "no answer"},
	} {
		tc.fault.Path = "/oauth/token/"
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, tc.fault)
		_, err := c.Alarms(t.Context())
		fails(t, err, nil, "get an access token", tc.want)
		if errors.Is(err, pexip.ErrNotFound) {
			t.Error("a missing token endpoint reads as a missing alarm list")
		}
		if n := len(srv.Requests()); n > 4 {
			t.Errorf("%d requests for a token", n)
		}
	}
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Status: 503, Times: 3, Path: "/oauth/token/"})
	_, err := c.Alarms(t.Context())
	ok(t, err)
	inject(t, srv, answer("/oauth/token/", `{"access_token":"without-expiry"}`))
	srv.ExpireTokens()
	_, err = c.Alarms(t.Context())
	fails(t, err, pexip.ErrUnauthorized)
}

func TestWaitingForATokenEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "/oauth/token/", Delay: time.Minute})
		go func() { _, _ = c.Alarms(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Alarms(ctx)
		fails(t, err, context.DeadlineExceeded, "get an access token")
		synctest.Wait()
		<-time.After(2 * time.Minute)
	})
}

func TestBasic(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	basic := client(t, srv, func(c *pexip.Config) { c.OAuth2, c.Basic = nil, srv.Basic() })
	_, err := basic.Alarms(t.Context())
	ok(t, err)
	if sent(srv, "POST", "/oauth/token/") != 0 {
		t.Error("Basic asked for a token")
	}
	wrong := client(t, srv, func(c *pexip.Config) { c.OAuth2, c.Basic = nil, &pexip.Basic{Username: "admin", Password: "wrong"} })
	_, err = wrong.Alarms(t.Context())
	fails(t, err, pexip.ErrUnauthorized, "the node refuses these credentials")
	if n := sent(srv, "GET", "alarm"); n != 2 {
		t.Errorf("%d requests, a wrong password must not be repeated", n)
	}
	_ = c
}

// A node may echo what it was sent, in JSON, HTML or form escapes; no error may carry it on.
func TestSecretsAreRemovedFromErrors(t *testing.T) {
	const password, passphrase = `p"ss<word`, "open & sesame"
	srv := pexiptest.NewServer(pexiptest.Options{Basic: &pexip.Basic{Username: "admin", Password: password}})
	c := client(t, srv, func(c *pexip.Config) { c.OAuth2, c.Basic, c.BackupTimeout = nil, srv.Basic(), 5*time.Millisecond })
	for _, body := range []string{
		`{"error":"p\"ss<word and open & sesame"}`, `{"x":{"passphrase":["p\"ss\u003cword","open \u0026 sesame"]}}`,
		"<title>p&#34;ss&lt;word open &amp; sesame</title>", "p%22ss%3Cword open+%26+sesame YWRtaW46cCJzczx3b3Jk",
	} {
		for _, status := range []int{400, 200} {
			srv.ClearFaults()
			inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Method: "POST", Status: status, Body: body})
			_, err := c.CreateBackup(t.Context(), passphrase)
			e, isError := errors.AsType[*pexip.Error](err)
			if !isError {
				if status == 400 {
					t.Errorf("%d %s: %v", status, body, err)
				}
				continue
			}
			for _, secret := range []string{"ss<word", "ss&lt;word", `ss\u003cword`, "ss%3Cword", "sesame", "YWRtaW46"} {
				for _, text := range []string{err.Error(), e.Body, strings.Join(e.Fields["passphrase"], " ")} {
					if strings.Contains(text, secret) {
						t.Errorf("%d %s: %q is in %q", status, body, secret, text)
					}
				}
			}
		}
	}
}

// No resource tells who the caller is. Harmless reads find out what is missing, and a refusal of one
// thing is not a refusal of all.
func TestCheckAccess(t *testing.T) {
	verdicts := func(access []pexip.Access) map[string]pexip.Verdict {
		out := map[string]pexip.Verdict{}
		for _, a := range access {
			out[a.Resource] = a.Verdict
		}
		return out
	}
	srv, c := inProcess(t, pexiptest.Options{NoResumableUpload: true}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "v1/alarm", Status: 403, Times: -1},
		pexiptest.Fault{Kind: pexiptest.Answer, Path: "v1/licensing", Status: 500, Times: -1})
	access, err := c.CheckAccess(t.Context())
	ok(t, err)
	got := verdicts(access)
	for resource, want := range map[string]pexip.Verdict{
		"GET configuration/v1/global/1/": pexip.Granted, "GET status/v1/alarm/": pexip.Missing, "GET status/v1/licensing/": pexip.Unknown,
		"GET configuration/v1/upgrade_request/": pexip.Unknown, "GET status/v1/worker_vm/": pexip.Granted,
		"PATCH configuration/v1/global/1/": pexip.Granted, "POST command/v1/platform/upgrade/": pexip.Granted,
	} {
		if got[resource] != want {
			t.Errorf("%s: %q, want %q", resource, got[resource], want)
		}
	}
	for _, r := range srv.Requests() {
		if !r.ReadOnly() && r.URL != "/oauth/token/" {
			t.Errorf("checking access sent %s %s", r.Method, r.URL)
		}
	}
	for _, a := range access {
		if a.Purpose == "" || a.Detail == "" {
			t.Errorf("%+v", a)
		}
	}
}

// A read-only role may make backups all the same; which permission allows an upgrade is not documented,
// so what cannot be read stays unknown and is not granted.
func TestCheckAccessToWrite(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(*pexiptest.Server)
		edit  func(*pexiptest.Server) func(*pexip.Config)
		want  [3]pexip.Verdict // settings, upgrade, backup
	}{
		{"all permissions", nil, nil, [3]pexip.Verdict{pexip.Granted, pexip.Granted, pexip.Granted}},
		{"read-only", func(s *pexiptest.Server) { s.ReadOnlyRole(true) }, nil, [3]pexip.Verdict{pexip.Missing, pexip.Missing, pexip.Granted}},
		{"own role", func(s *pexiptest.Server) { s.SetRole("Upgraders", 3) }, nil, [3]pexip.Verdict{pexip.Unknown, pexip.Unknown, pexip.Unknown}},
		{"unreadable", func(s *pexiptest.Server) {
			_ = s.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "oauth2_client", Status: 403, Times: -1})
		}, nil, [3]pexip.Verdict{pexip.Unknown, pexip.Unknown, pexip.Unknown}},
		{"role unreadable", func(s *pexiptest.Server) {
			_ = s.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "v1/role", Status: 404, Times: -1})
		}, nil, [3]pexip.Verdict{pexip.Unknown, pexip.Unknown, pexip.Unknown}},
		{"odd client", func(s *pexiptest.Server) {
			_ = s.Inject(answer("oauth2_client", rows(`{"client_id":"other","role":null}`)))
		}, nil, [3]pexip.Verdict{pexip.Unknown, pexip.Unknown, pexip.Unknown}},
		{"two clients", func(s *pexiptest.Server) { _ = s.Inject(answer("oauth2_client", rows(`{},{}`))) }, nil, [3]pexip.Verdict{pexip.Unknown, pexip.Unknown, pexip.Unknown}},
		{"basic", nil, func(s *pexiptest.Server) func(*pexip.Config) {
			return func(c *pexip.Config) { c.OAuth2, c.Basic = nil, s.Basic() }
		}, [3]pexip.Verdict{pexip.Unknown, pexip.Unknown, pexip.Unknown}},
	} {
		srv := pexiptest.NewServer(pexiptest.Options{})
		var edit func(*pexip.Config)
		if tc.edit != nil {
			edit = tc.edit(srv)
		}
		c := client(t, srv, edit)
		if tc.setup != nil {
			tc.setup(srv)
		}
		access, err := c.CheckAccess(t.Context())
		ok(t, err)
		last := access[len(access)-3:]
		if got := [3]pexip.Verdict{last[0].Verdict, last[1].Verdict, last[2].Verdict}; got != tc.want {
			t.Errorf("%s: %v, want %v (%s)", tc.name, got, tc.want, last[0].Detail)
		}
	}
}

func TestCheckAccessWithoutCredentialsOrAnswer(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	c := client(t, srv, func(c *pexip.Config) { c.OAuth2, c.Basic = nil, &pexip.Basic{Username: "admin", Password: "wrong"} })
	_, err := c.CheckAccess(t.Context())
	fails(t, err, pexip.ErrUnauthorized)
	srv, c = inProcess(t, pexiptest.Options{}, nil)
	srv.SetDown(true)
	if _, err := c.CheckAccess(t.Context()); !pexip.Unavailable(err) {
		t.Errorf("down: %v", err)
	}
	srv.SetDown(false)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "oauth2_client", Times: -1})
	if _, err := c.CheckAccess(t.Context()); !pexip.Unavailable(err) {
		t.Errorf("dropped: %v", err)
	}
}
