package web_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Every answer keeps the page to itself.
func TestHeaders(t *testing.T) {
	s := signedIn(t, nil)
	for _, path := range []string{"/", page, abort, "/login", "/nowhere", "/metrics", "/static/page.css", "/static/page.js", "/static/icon.svg"} {
		res, _ := s.do(http.MethodGet, path, "", nil)
		h := res.Header
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// Only the server's own names are answered.
func TestForeignNamesAreRefused(t *testing.T) {
	s := signedIn(t, nil)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"evil.example": 421, "evil.example:" + port: 421, "127.0.0.1.evil.example": 421, "localhost:" + port: 200, "LOCALHOST": 200, "[::1]": 200, "[::1]:" + port: 200, "127.0.0.1": 200} {
		if res, _ := s.do(http.MethodGet, "/login", "", http.Header{"Host": {host}}); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		}
	}
	only := start(t, func(c *web.Config) { c.Host = func(name string) bool { return name == "runs.example" } })
	for host, want := range map[string]int{"localhost": 421, "runs.example:8443": 200} {
		if res, _ := only.do(http.MethodGet, "/login", "", http.Header{"Host": {host}}); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		}
	}
}

// A form from somebody else's page, or without the session's word, is refused.
func TestForeignFormsAreRefused(t *testing.T) {
	s := signedIn(t, nil)
	good := s.form(page, "statement", "I read them", "value.link", "https://example.invalid")
	for _, h := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}}} {
		if res, body := s.do(http.MethodPost, answer, good.Encode(), h); res.StatusCode != http.StatusForbidden {
			t.Errorf("%v: %d %s", h, res.StatusCode, body)
		}
	}
	for _, word := range []string{"", "another"} {
		v := url.Values{"question": good["question"], "plan": good["plan"], "statement": good["statement"], "word": {word}}
		contains(t, s.post(answer, v, http.StatusForbidden), "not one of this session")
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace} {
		if res, _ := s.do(method, page, "", nil); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, res.StatusCode)
		}
	}
	if res, _ := s.do(http.MethodPost, page, good.Encode(), nil); res.StatusCode == http.StatusOK {
		t.Errorf("a form to a page: %d", res.StatusCode)
	}
	large := url.Values{"statement": {strings.Repeat("x", 70<<10)}}
	contains(t, s.post(abort, large, http.StatusRequestEntityTooLarge), "could not be read")
	if body, status := s.upload(answer, good, "file.link", "x", strings.Repeat("x", 21<<20)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a file that is too large: %d %s", status, body)
	}
	if body, status := s.upload(answer, good, "file.link", "x", "x"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "link takes no file") {
		t.Errorf("a file that nobody asked for: %d %s", status, body)
	}
	if s.signals() != 0 {
		t.Error("something was recorded")
	}
}

// Without a token there is nothing to see, and nothing to do.
func TestStrangersSeeNothing(t *testing.T) {
	s := start(t, nil)
	s.drive("")
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/", page, abort, page + "/files/evidence.json", "/events", page + "/events", "/metrics", "/nowhere"} {
		res, body := s.do(http.MethodGet, path, "", nil)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/login?"+(url.Values{"next": {path}}).Encode() || strings.Contains(body, "lamp") {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
		if res, _ := s.do(http.MethodGet, path, "", http.Header{"Accept": {"*/*"}}); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s for a program: %d", path, res.StatusCode)
		}
	}
	s.post(answer, url.Values{"question": {"1"}}, http.StatusUnauthorized)
	for next, want := range map[string]string{page: page, "//evil.example/": "/", "https://evil.example/": "/", `/\evil.example`: "/", "": "/", "javascript:x": "/", "/a%2f%2fb": "/a%2f%2fb"} {
		res, _ := s.do(http.MethodPost, "/login", url.Values{"token": {token}, "next": {next}}.Encode(), nil)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want {
			t.Errorf("next %q: %d %s", next, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// The cookie is of no use to scripts, other sites, other servers and later.
func TestSession(t *testing.T) {
	clock := runbooktest.NewClock(time.Now())
	var log bytes.Buffer
	s := start(t, func(c *web.Config) {
		c.Runner.Clock, c.Session, c.Log = clock, time.Hour, slog.New(slog.NewTextHandler(&log, nil))
	})
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, _ := s.do(http.MethodPost, "/login", url.Values{"token": {" " + token + " "}}.Encode(), nil)
	c := res.Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Secure || c[0].MaxAge != 3600 || c[0].Path != "/" || strings.Contains(c[0].Value, token) {
		t.Fatalf("%v", res.Header)
	}
	if code, _ := s.get("/"); code != http.StatusOK {
		t.Errorf("signed in: %d", code)
	}
	clock.Advance(time.Hour)
	if code, _ := s.get("/"); code != http.StatusSeeOther {
		t.Errorf("an hour later: %d", code)
	}
	if strings.Contains(log.String(), token) || !strings.Contains(log.String(), "kim@desk") {
		t.Errorf("log %s", log.String())
	}
}

// After a few wrong tokens everybody waits, but not who is signed in.
func TestGuessingIsSlow(t *testing.T) {
	clock := runbooktest.NewClock(time.Now())
	s := start(t, func(c *web.Config) { c.Runner.Clock = clock })
	s.get("/login?token=" + token)
	try := func(token string) int {
		res, _ := s.do(http.MethodPost, "/login", url.Values{"token": {token}}.Encode(), nil)
		return res.StatusCode
	}
	bearer := func(token string) int {
		res, _ := s.do(http.MethodGet, "/metrics", "", http.Header{"Authorization": {"Bearer " + token}})
		return res.StatusCode
	}
	for i := range 5 {
		if code := try(fmt.Sprint("wrong", i)); code != http.StatusUnauthorized {
			t.Errorf("try %d: %d", i, code)
		}
	}
	if try(token) != http.StatusTooManyRequests || bearer(token) != http.StatusTooManyRequests {
		t.Error("guessing goes on")
	}
	if code, _ := s.get("/"); code != http.StatusOK {
		t.Errorf("who is signed in: %d", code)
	}
	clock.Advance(2 * time.Second)
	if bearer("wrong") != http.StatusUnauthorized || try(token) != http.StatusTooManyRequests {
		t.Error("more than one try")
	}
	clock.Advance(2 * time.Second)
	if try(token) != http.StatusOK || bearer(token) != http.StatusOK {
		t.Error("the right token is refused")
	}
}

// A program needs no session: its token comes with each request.
func TestProgramsAnswer(t *testing.T) {
	s := start(t, nil)
	s.drive("")
	state := s.state()
	v := url.Values{"question": {fmt.Sprint(state.Waiting.Number())}, "plan": {state.Plan.Hash}, "statement": {"read"}, "value.link": {"https://example.invalid"}}
	if res, body := s.do(http.MethodPost, answer, v.Encode(), http.Header{"Authorization": {"Bearer " + token}, "Accept": {"*/*"}}); res.Request.URL.Path != page {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if a, ok := s.state().Answered(); !ok || a.Actor != "kim@desk" {
		t.Errorf("%+v", a)
	}
}

// Files of the run are handed out, and nothing else.
func TestFiles(t *testing.T) {
	s := signedIn(t, nil)
	folder := filepath.Join(s.runner.Files, "runs", "e-0001")
	if err := os.WriteFile(filepath.Join(folder, "report.html"), []byte("<h1>report</h1>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.runner.Files, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, body := s.do(http.MethodGet, page+"/files/evidence.json", "", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, `"run": "e-0001"`) || res.Header.Get("Content-Disposition") != `attachment; filename=evidence.json` || res.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	res, body = s.do(http.MethodGet, page+"/files/report.html", "", nil)
	if res.StatusCode != http.StatusOK || body != "<h1>report</h1>" || !strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "inline") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for _, path := range []string{page + "/files/journal.jsonl", page + "/files/secret", page + "/files/..%2f..%2fsecret", page + "/files/%2e%2e", "/runs/..%2f../files/secret",
		"/runs/e-0002", "/runs/e-0002/files/evidence.json", "/runs/..", "/runs/%2e%2e/files/secret", "/runs/a%2fb", "/static/../server.go", "/static/"} {
		if res, body := s.do(http.MethodGet, path, "", nil); res.StatusCode == http.StatusOK && (strings.Contains(body, "secret") || strings.HasPrefix(res.Request.URL.Path, "/runs/")) {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
	if err := os.Remove(filepath.Join(folder, "report.xml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../secret", filepath.Join(folder, "report.xml")); err != nil {
		t.Fatal(err)
	}
	if code, body := s.get(page + "/files/report.xml"); code != http.StatusNotFound {
		t.Errorf("a link that leads out: %d %s", code, body)
	}
}

// What is handed out is never taken for anything else than it is.
func TestFilesAreNotGuessedAt(t *testing.T) {
	s := signedIn(t, nil)
	for _, name := range []string{"evidence.json", "report.md", "report.xml", "report.html"} {
		res, body := s.do(http.MethodGet, page+"/files/"+name, "", nil)
		h := res.Header
		if res.StatusCode != http.StatusOK || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" ||
			h.Get("Cross-Origin-Resource-Policy") != "same-origin" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || body == "" {
			t.Errorf("%s: %d %v", name, res.StatusCode, h)
		}
		if how, _, _ := strings.Cut(h.Get("Content-Disposition"), ";"); (how == "inline") != (name == "report.html") {
			t.Errorf("%s is %s", name, how)
		}
		if res, body := s.do(http.MethodHead, page+"/files/"+name, "", nil); res.StatusCode != http.StatusOK || body != "" {
			t.Errorf("HEAD of %s: %d %s", name, res.StatusCode, body)
		}
	}
}
