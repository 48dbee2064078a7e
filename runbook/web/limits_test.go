package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// direct asks without following redirects.
func (s *site) direct(method, path, body string, header http.Header) (*http.Response, string) {
	s.Helper()
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { s.client.CheckRedirect = nil }()
	return s.do(method, path, body, header)
}

// Whatever becomes of the token in a link, the next address has none, and no log has one.
func TestTokenLeavesTheAddress(t *testing.T) {
	var log bytes.Buffer
	s := start(t, func(c *web.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	open := func(token, want string) {
		t.Helper()
		res, body := s.direct(http.MethodGet, "/login?next=/runs/e-0001&token="+token, "", nil)
		if to := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || to != want || strings.Contains(body, token) {
			t.Errorf("%s: %d to %s, want %s: %s", token, res.StatusCode, to, want, body)
		}
	}
	open(token, page)
	for range 5 {
		open("wrong", "/login?next=%2Fruns%2Fe-0001&refused=401")
	}
	open(token, "/login?next=%2Fruns%2Fe-0001&refused=429")
	for refused, want := range map[string]int{"401": 401, "429": 429, "200": 200, "500": 200, "<b>": 200, "": 200} {
		res, body := s.do(http.MethodGet, "/login?refused="+url.QueryEscape(refused), "", nil)
		if res.StatusCode != want || strings.Contains(body, `class="fault"`) != (want != 200) || strings.Contains(body, "<b>") {
			t.Errorf("refused=%s: %d %s", refused, res.StatusCode, body)
		}
	}
	if strings.Contains(log.String(), token) || !strings.Contains(log.String(), "a wrong token") {
		t.Errorf("log: %s", log.String())
	}
}

// Nothing is read from the body of a request that changes nothing: no limit holds there.
func TestBodyOfAGetIsNotRead(t *testing.T) {
	s := start(t, nil)
	var b bytes.Buffer
	b.WriteString("--x\r\nContent-Disposition: form-data; name=\"next\"\r\n\r\n/from-the-body\r\n--x--\r\n")
	_, body := s.do(http.MethodGet, "/login", b.String(), http.Header{"Content-Type": {"multipart/form-data; boundary=x"}})
	if strings.Contains(body, "from-the-body") {
		t.Error("the body of a GET was read")
	}
}

// Over TLS the cookie is never sent without.
func TestCookieOverTLS(t *testing.T) {
	s := start(t, nil)
	over := httptest.NewTLSServer(s.server)
	defer over.Close()
	client := over.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.PostForm(over.URL+"/login", url.Values{"token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if c := res.Cookies(); len(c) != 1 || !c[0].Secure || !c[0].HttpOnly {
		t.Errorf("%v", res.Header)
	}
}

// More browsers than there is room for: the one that signed in first gives way.
func TestSessionsAreBounded(t *testing.T) {
	s := start(t, nil)
	ask := func(method, path string, cookie *http.Cookie) *http.Response {
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(url.Values{"token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		return w.Result()
	}
	var cookies []*http.Cookie
	for range 1001 {
		cookies = append(cookies, ask(http.MethodPost, "/login", nil).Cookies()...)
	}
	for i, want := range map[int]int{0: 401, 1: 200, 1000: 200} {
		if res := ask(http.MethodGet, "/", cookies[i]); res.StatusCode != want {
			t.Errorf("browser %d: %d", i, res.StatusCode)
		}
	}
}

// pipes is a listener in memory: nothing is buffered on the way to a client.
type pipes struct {
	net.Listener
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

// follow opens a stream and returns the client's end, of which nothing is read.
func (p *pipes) follow(t *testing.T) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	p.conns <- server
	if _, err := fmt.Fprintf(client, "GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", token); err != nil {
		t.Fatal(err)
	}
	return client
}

// Who follows a page and reads nothing gives its place back within a minute, from the start or later on;
// who reads is not cut off.
func TestSlowReadersAreCutOff(t *testing.T) {
	files := t.TempDir()
	log, err := filelog.New(files)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		server, err := web.New(web.Config{Runner: &runbook.Runner{Log: log, Files: files}, People: []web.Person{{Name: "kim", Token: token}}, Poll: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		p, ended := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}, make(chan error, 1)
		go func() { ended <- server.Serve(t.Context(), p) }()
		status := func() int {
			c := p.follow(t)
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			return res.StatusCode
		}
		var open []net.Conn
		fill := func(n int) {
			for range n {
				open = append(open, p.follow(t))
			}
			synctest.Wait()
		}
		var beats atomic.Int64
		fill(32)
		for _, c := range open { // reads for two minutes
			_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute))
			go func() {
				for lines := bufio.NewScanner(c); lines.Scan(); {
					if lines.Text() == ":" {
						beats.Add(1)
					}
				}
			}()
		}
		fill(32)
		if code := status(); code != http.StatusServiceUnavailable {
			t.Errorf("one more stream: %d", code)
		}
		<-time.After(61 * time.Second)
		if code := status(); code != http.StatusOK {
			t.Errorf("after those that never read: %d", code)
		}
		<-time.After(58 * time.Second)
		if n := beats.Load(); n != 5*32 {
			t.Errorf("those that read heard %d beats in two minutes", n)
		}
		<-time.After(82 * time.Second)
		fill(63)
		if code := status(); code != http.StatusOK {
			t.Errorf("after those that stopped: %d", code)
		}
		for _, c := range open {
			c.Close()
		}
		p.Close()
		if err := <-ended; err == nil {
			t.Error("Serve ended without its listener, and said nothing")
		}
	})
}

// The same form from many windows at the same time counts once.
func TestManyFormsAreOneAnswer(t *testing.T) {
	s := signedIn(t, nil)
	v := s.form(page, "statement", "I read them", "value.link", "https://example.invalid")
	codes := make(chan int)
	for range 8 {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+answer, strings.NewReader(v.Encode()))
			if err != nil {
				codes <- 0
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := s.client.Do(req)
			if err != nil {
				codes <- 0
				return
			}
			res.Body.Close()
			codes <- res.StatusCode
		}()
	}
	got := map[int]int{}
	for range 8 {
		got[<-codes]++
	}
	if got[http.StatusOK] != 1 || got[http.StatusConflict] != 7 || s.signals() != 1 {
		t.Errorf("%v, %d answers", got, s.signals())
	}
}

// Read-only means every way in and every address: not a byte of the journal changes.
func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	s := signedIn(t, func(c *web.Config) { c.ReadOnly = true })
	state := s.state()
	journal := filepath.Join(s.runner.Files, "runs", "e-0001", "journal.jsonl")
	before, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	v := url.Values{"question": {fmt.Sprint(state.Waiting.Number())}, "plan": {state.Plan.Hash}, "statement": {"read"}, "value.link": {"x"}}.Encode()
	for _, path := range []string{answer, abort, page, "/", "/events", "/metrics", page + "/files/evidence.json", "/login/", "//login", "/nowhere"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "ANSWER"} {
			for _, by := range []http.Header{{}, {"Authorization": {"Bearer " + token}}} {
				if res, body := s.direct(method, path, v, by); res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusMethodNotAllowed {
					t.Errorf("%s %s: %d %s", method, path, res.StatusCode, body)
				}
			}
		}
	}
	if after, err := os.ReadFile(journal); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the journal changed: %v", err)
	}
}

// Whoever started the run cannot answer for the second person, also without a form.
func TestSecondPersonIsInsistedOn(t *testing.T) {
	s := start(t, func(c *web.Config) { c.People = []web.Person{{Name: "ann@laptop", Token: token}} })
	s.def.Steps = s.def.Steps[1:2]
	s.def.Steps[0].Ask.SecondPerson = true
	state := s.drive("")
	v := url.Values{"question": {fmt.Sprint(state.Waiting.Number())}, "plan": {state.Plan.Hash}, "statement": {"me again"}}
	for _, plan := range []string{state.Plan.Hash, ""} {
		v.Set("plan", plan)
		res, body := s.direct(http.MethodPost, answer, v.Encode(), http.Header{"Authorization": {"Bearer " + token}})
		if res.StatusCode != http.StatusUnprocessableEntity && res.StatusCode != http.StatusConflict || s.signals() != 0 {
			t.Errorf("plan %q: %d %s", plan, res.StatusCode, body)
		}
	}
}

// A file that cannot be kept is no answer, and it is not the journal's fault.
func TestFileThatCannotBeKept(t *testing.T) {
	s := signedIn(t, nil)
	v := s.form(page, "statement", "I read them", "value.link", "https://example.invalid")
	body, status := s.upload(answer, v, "file.link", strings.Repeat("long", 100), "x")
	if status != http.StatusInternalServerError || !strings.Contains(body, "could not be kept; nothing was recorded") || strings.Contains(body, os.TempDir()) {
		t.Errorf("a name that is too long: %d %s", status, main(body))
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	t.Setenv("TMP", filepath.Join(t.TempDir(), "gone"))
	body, status = s.upload(answer, v, "file.link", "x", "x")
	if status != http.StatusInternalServerError || !strings.Contains(body, "could not be kept; nothing was recorded") {
		t.Errorf("no room: %d %s", status, main(body))
	}
	if s.signals() != 0 {
		t.Error("something was recorded")
	}
}
