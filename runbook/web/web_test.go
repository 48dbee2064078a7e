package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "a-token-of-kim-with-more-than-twenty-characters"

// site is a server on a journal, and a browser that is signed in as kim@desk.
type site struct {
	*testing.T
	runner *runbook.Runner
	def    *runbook.Definition
	server *web.Server
	http   *httptest.Server
	client *http.Client
}

// start serves an empty journal.
func start(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	files := t.TempDir()
	log, err := filelog.New(files)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, def: book(), runner: &runbook.Runner{Log: log, Actor: "ann@laptop", Files: files, Poll: time.Millisecond, Grace: time.Millisecond}}
	c := web.Config{Runner: s.runner, People: []web.Person{{Name: "kim@desk", Token: token}}, Poll: time.Millisecond}
	if change != nil {
		change(&c)
	}
	if s.server, err = web.New(c); err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(s.server)
	t.Cleanup(s.http.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Jar: jar, Transport: s.http.Client().Transport}
	return s
}

// signedIn serves a run that waits for its first answer.
func signedIn(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	s := start(t, change)
	s.drive("")
	if code, body := s.get("/login?token=" + token); code != http.StatusOK {
		t.Fatalf("sign in: %d %s", code, body)
	}
	return s
}

// book asks, does something that must be put back and fails once, and asks for approval.
func book() *runbook.Definition {
	failed := false
	return &runbook.Definition{Name: "lamp", Environment: "e", Steps: []runbook.Step{
		{ID: "attest", Phase: "Before", Title: "Notes read", Clauses: []string{"A-1"}, Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Were the notes read?",
			Fields: []runbook.Field{{Name: "link", Text: "link to them", Required: true}, {Name: "size", Text: "how many", OneOf: []string{"few", "many"}},
				{Name: "day", Text: "on which day", Date: true}}}},
		{ID: "approve", Phase: "Before", Title: "Approve the plan", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "Shall it be done?"}},
		{ID: "switch/lamp", Phase: "Do", Title: "Switch it off", Does: "switches the lamp off", Owes: []string{"lamp"}, Waivable: true, Expected: time.Minute,
			Apply: func(sc *runbook.StepContext) error {
				if err := sc.Owe("lamp", "one", "on"); err != nil {
					return err
				}
				if !failed {
					failed = true
					return errors.New("the switch is stuck")
				}
				sc.Deviate("the lamp was warm")
				sc.Table(runbook.Table{Title: "Lamps", Header: []string{"lamp", "state"}, Rows: [][]string{{"one", "off"}}})
				_, err := sc.Attach("photo.txt", func(w io.Writer) error { _, err := io.WriteString(w, "dark"); return err })
				return errors.Join(err, sc.Output(map[string]int{"watts": 40}))
			}},
	}, Undos: []runbook.Undo{{Kind: "lamp", Title: "Switch it on", Settle: func(*runbook.StepContext, runbook.Owed) (string, error) { return "is on", nil }}}}
}

// drive starts a run, or resumes the one that there is, until it waits or ends.
func (s *site) drive(run string) *runbook.State {
	s.Helper()
	var state *runbook.State
	var err error
	if run == "" {
		state, err = s.runner.Start(s.Context(), s.def)
	} else {
		state, err = s.runner.Resume(s.Context(), s.def, run, "go on")
	}
	var waiting *runbook.WaitingError
	if err != nil && !errors.As(err, &waiting) {
		s.Fatal(err)
	}
	if e, err := s.runner.Evidence(s.Context(), state.Run); err != nil {
		s.Fatal(err)
	} else if _, err := e.Save(filepath.Join(s.runner.Files, "runs", state.Run), nil); err != nil {
		s.Fatal(err)
	}
	return state
}

func (s *site) state() *runbook.State {
	s.Helper()
	state, err := s.runner.State(s.Context(), "e-0001")
	if err != nil {
		s.Fatal(err)
	}
	return state
}

func (s *site) signals() (n int) {
	s.Helper()
	e, err := s.runner.Evidence(s.Context(), "e-0001")
	if err != nil {
		s.Fatal(err)
	}
	for _, rec := range e.Records {
		if rec.Kind == runbook.KindSignal {
			n++
		}
	}
	return n
}

// do sends a request and reads the answer.
func (s *site) do(method, path, body string, header http.Header) (*http.Response, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header = http.Header{"Accept": {"text/html"}}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res, string(raw)
}

func (s *site) get(path string) (int, string) {
	s.Helper()
	res, body := s.do(http.MethodGet, path, "", nil)
	return res.StatusCode, body
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// form reads the hidden entries of a page's form, and adds what a person fills in.
func (s *site) form(path string, fill ...string) url.Values {
	s.Helper()
	_, body := s.get(path)
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		v.Set(m[1], m[2])
	}
	if len(v) == 0 {
		s.Fatalf("%s has no form: %s", path, body)
	}
	for i := 0; i+1 < len(fill); i += 2 {
		v.Set(fill[i], fill[i+1])
	}
	return v
}

// post sends a form, as the browser does that shows it, and compares the status.
func (s *site) post(path string, v url.Values, want int) string {
	s.Helper()
	res, body := s.do(http.MethodPost, path, v.Encode(), http.Header{"Sec-Fetch-Site": {"same-origin"}})
	if res.StatusCode != want {
		s.Fatalf("%s: %d, want %d: %s", path, res.StatusCode, want, body)
	}
	return body
}

func contains(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%q is missing in %.3000s", part, main(body))
		}
	}
}

const (
	page   = "/runs/e-0001"
	answer = page + "/answer"
	abort  = page + "/abort"
)

// A whole run is answered on its page; the actor is who signed in.
func TestRunIsAnsweredOnItsPage(t *testing.T) {
	s := signedIn(t, func(c *web.Config) { c.Next = func(s *runbook.State) string { return "resume " + s.Run } })
	_, body := s.get("/")
	contains(t, body, "e-0001", "Waits for a person", "Waits for: Notes read")
	_, body = s.get(page)
	contains(t, body, "Were the notes read?", "link to them", `<option value="few"`, `type="date"`, "resume e-0001", "switches the lamp off", "about 1 min")
	v := s.form(page, "statement", "I read them", "value.link", "https://example.invalid", "value.size", "few", "value.day", "2026-02-28")
	v.Set("actor", "somebody else")
	body = s.post(answer, v, http.StatusOK)
	contains(t, body, "kim@desk has answered")
	state := s.drive("e-0001")
	if a := state.Step("attest").Answers; len(a) != 1 || a[0].Actor != "kim@desk" || a[0].How != "page" || a[0].Values["day"] != "2026-02-28" || a[0].Statement != "I read them" {
		t.Errorf("answers %+v", a)
	}
	s.post(answer, s.form(page, "statement", "do it"), http.StatusOK)
	state = s.drive("e-0001")
	if a := state.Step("approve").Answers; len(a) != 1 || a[0].PlanHash != state.Plan.Hash {
		t.Errorf("approval %+v", a)
	}
	_, body = s.get(page)
	contains(t, body, "the run waits for a decision", "the switch is stuck", "lamp/one", "opens lamp", `value="retry"`, `value="waive"`, "try the step again")
	s.post(answer, s.form(page, "decision", "retry"), http.StatusOK)
	s.drive("e-0001")
	_, body = s.get(page)
	contains(t, body, "Completed", "Deviations", "the lamp was warm", "<caption>Lamps</caption>", "&#34;watts&#34;: 40", "is on", "photo.txt", "report.md")
	if strings.Contains(body, "<form") || strings.Contains(body, "data-events") {
		t.Error("a run that has ended has a form, or is followed")
	}
	_, body = s.get("/")
	contains(t, body, "Completed")
}

// A file comes with an answer: its copy lies with the run, under a name of its own.
func TestAnswerBringsAFile(t *testing.T) {
	s := start(t, nil)
	s.def.Steps = []runbook.Step{{ID: "attest", Phase: "Before", Title: "Plan B", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "What if?", Fields: []runbook.Field{
		{Name: "document", Text: "the plan", Help: "link or file", Link: true, File: true}, {Name: "at", Text: "when", Time: true, Required: true, When: "kind=file"}, {Name: "read", Text: "read on", Date: true, Past: true}, {Name: "kind", Text: "kind", OneOf: []string{"file", "link"}}}}}}
	s.drive("")
	s.get("/login?token=" + token)
	_, body := s.get(page)
	contains(t, body, `enctype="multipart/form-data"`, `name="value.document" type="url"`, `name="file.document" type="file"`, "link or file", "(only if kind is file)", `data-when="kind=file" data-insist`, `max="`+time.Now().Format(time.DateOnly), `placeholder="such as 2006-01-02 15:04 -0700, or now"`)
	v := s.form(page, "statement", "as written", "value.kind", "file", "value.at", "now")
	body, status := s.upload(answer, v, "file.document", `C:\docs\Plan B.PDF`, "escape through the window")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	state := s.drive("e-0001")
	a := state.Step("attest").Answers[0]
	if len(a.Attached) != 1 || a.Attached[0].Was != "Plan B.PDF" || a.Attached[0].Size != 25 || a.Values["document"] != a.Attached[0].Name || a.Values["at"] == "now" {
		t.Fatalf("%+v", a)
	}
	if code, body := s.get(page + "/files/" + a.Attached[0].Name); code != http.StatusOK || body != "escape through the window" {
		t.Errorf("%d %s", code, body)
	}
}

// upload sends a form with a file.
func (s *site) upload(path string, v url.Values, entry, name, content string) (string, int) {
	s.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for k := range v {
		if err := form.WriteField(k, v.Get(k)); err != nil {
			s.Fatal(err)
		}
	}
	w, err := form.CreateFormFile(entry, name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		s.Fatal(err)
	}
	res, body := s.do(http.MethodPost, path, b.String(), http.Header{"Content-Type": {form.FormDataContentType()}})
	return body, res.StatusCode
}

// What does not fit is told beside the form, which keeps what was typed.
func TestWrongEntriesAreToldAndKept(t *testing.T) {
	s := signedIn(t, nil)
	body := s.post(answer, s.form(page, "statement", "I read <them>", "value.size", "lots"), http.StatusUnprocessableEntity)
	contains(t, body, "link is needed", "must be one of few, many", "I read &lt;them&gt;", "data-dirty")
	body = s.post(answer, s.form(page, "statement", "x", "value.link", "y", "decision", "retry"), http.StatusUnprocessableEntity)
	contains(t, body, "waits for no decision")
	body = s.post(abort, s.form(abort), http.StatusUnprocessableEntity)
	contains(t, body, "needs a reason")
	if s.signals() != 0 {
		t.Error("something was recorded")
	}
}

// A form counts for the question and the plan that it showed, and once.
func TestOutdatedFormIsRefused(t *testing.T) {
	s := signedIn(t, nil)
	good := s.form(page, "statement", "I read them", "value.link", "https://example.invalid")
	change := func(name, value string) url.Values {
		v := url.Values{}
		for k := range good {
			v.Set(k, good.Get(k))
		}
		v.Set(name, value)
		return v
	}
	contains(t, s.post(answer, change("plan", "another"), http.StatusConflict), "its plan is now", "I read them", "https://example.invalid")
	contains(t, s.post(answer, change("question", "1"), http.StatusConflict), "does not ask this question any more")
	contains(t, s.post(answer, change("question", "none"), http.StatusBadRequest), "which question")
	contains(t, s.post(abort, change("plan", "another"), http.StatusConflict), "its plan is now")
	if s.signals() != 0 {
		t.Fatal("something was recorded")
	}
	s.post(answer, good, http.StatusOK)
	contains(t, s.post(answer, good, http.StatusConflict), "kim@desk has already answered")
	s.drive("e-0001")
	contains(t, s.post(answer, good, http.StatusConflict), "does not ask this question any more")
	if s.signals() != 1 {
		t.Errorf("%d answers were recorded", s.signals())
	}
}

func TestRunIsEndedFromItsPage(t *testing.T) {
	s := signedIn(t, nil)
	v := s.form(abort, "statement", "not tonight")
	contains(t, s.post(abort, v, http.StatusOK), "kim@desk has asked the run to end")
	contains(t, s.post(abort, v, http.StatusConflict), "kim@desk has already answered", "not tonight")
	if _, body := s.get(abort); strings.Contains(body, "<form") {
		t.Error("it can be asked twice")
	}
	if state := s.drive("e-0001"); state.End == nil || state.End.Outcome != runbook.Aborted || state.End.Reason != "not tonight" || s.signals() != 1 {
		t.Errorf("%+v", state.End)
	}
	_, body := s.get(page)
	contains(t, body, "Aborted", "not tonight")
	contains(t, s.post(abort, v, http.StatusConflict), "it has ended")
}

// Whoever started the run gets no form where a second person must answer.
func TestSecondPersonIsAsked(t *testing.T) {
	s := start(t, func(c *web.Config) { c.People = []web.Person{{Name: "ann@laptop", Token: token}} })
	s.def.Steps = s.def.Steps[1:2]
	s.def.Steps[0].Ask.SecondPerson = true
	s.drive("")
	s.get("/login?token=" + token)
	_, body := s.get(page)
	contains(t, body, "A second person must answer, not ann@laptop")
	if strings.Contains(body, "<form") {
		t.Error("there is a form")
	}
}

func TestReadOnlyTakesNothing(t *testing.T) {
	s := signedIn(t, func(c *web.Config) { c.ReadOnly = true })
	for _, path := range []string{"/", page, abort} {
		if _, body := s.get(path); strings.Contains(body, "<form") || strings.Contains(body, "<button") || strings.Contains(body, "<textarea") {
			t.Errorf("%s has a form", path)
		}
	}
	contains(t, s.post(answer, url.Values{"statement": {"x"}}, http.StatusForbidden), "read-only")
	contains(t, s.post(abort, url.Values{"statement": {"x"}}, http.StatusForbidden), "read-only")
	if s.signals() != 0 {
		t.Error("something was recorded")
	}
}

// Texts of a run are shown as texts.
func TestHostileTextsAreInert(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`
	s := start(t, nil)
	s.def = &runbook.Definition{Name: evil, Environment: "e", Steps: []runbook.Step{{ID: evil, Phase: evil, Title: evil, Does: evil, Clauses: []string{evil},
		Owes: []string{evil}, Apply: func(sc *runbook.StepContext) error {
			sc.Deviate(evil)
			sc.Table(runbook.Table{Title: evil, Header: []string{evil}, Rows: [][]string{{evil}}})
			runbook.NoteExchange(sc, runbook.Exchange{Method: evil, Target: evil, Error: evil, RequestID: evil}, true)
			if err := errors.Join(sc.Note(evil, evil), sc.Owe(evil, evil, evil)); err != nil {
				return err
			}
			if _, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: evil, Fields: []runbook.Field{{Name: evil, Text: evil, OneOf: []string{evil}}}}); err != nil {
				return err
			}
			return errors.New(evil)
		}}}, Undos: []runbook.Undo{{Kind: evil, Title: evil, Settle: func(*runbook.StepContext, runbook.Owed) (string, error) { return evil, nil }}}}
	s.drive("")
	s.get("/login?token=" + token)
	check := func() {
		t.Helper()
		for _, path := range []string{"/", page, abort} {
			_, body := s.get(path)
			for _, bad := range []string{"<script>", "<img", "onerror=alert(1)>{{"} {
				if strings.Contains(body, bad) {
					t.Errorf("%s holds %s", path, bad)
				}
			}
			contains(t, body, "&lt;script&gt;")
		}
	}
	check()
	if err := s.runner.Signal(s.Context(), "e-0001", evil, runbook.Answer{How: evil, Statement: evil, Values: map[string]string{evil: evil}}); err != nil {
		t.Fatal(err)
	}
	s.drive("e-0001")
	check()
}

func TestConfigIsChecked(t *testing.T) {
	r := &runbook.Runner{Log: nopLog{}, Actor: "ann"}
	for want, c := range map[string]web.Config{
		"no runner given":       {},
		"nobody is there":       {Runner: &runbook.Runner{Log: nopLog{}}},
		"must not be negative":  {Runner: r, Poll: -1},
		"needs at least 20":     {Runner: r, People: []web.Person{{Name: "kim", Token: "short"}}},
		"person 1 has no name":  {Runner: r, People: []web.Person{{Token: token}}},
		"of kim is there twice": {Runner: r, People: []web.Person{{Name: "kim", Token: token}, {Name: "kim", Token: token + "2"}}},
	} {
		if _, err := web.New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	s, err := web.New(web.Config{Runner: r})
	if err != nil {
		t.Fatal(err)
	}
	if link := s.Link("http://127.0.0.1:1"); !regexp.MustCompile(`^http://127\.0\.0\.1:1/login\?token=[A-Z2-7]{26}$`).MatchString(link) {
		t.Error(link)
	}
	if s, err = web.New(web.Config{Runner: r, People: []web.Person{{Name: "kim", Token: token}}}); err != nil || s.Link("http://127.0.0.1:1") != "http://127.0.0.1:1/" {
		t.Errorf("%v: the link tells a token that somebody else has given", err)
	}
}

type nopLog struct{ runbook.Log }

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("# people\n\nann@x:y:"+token+"\n kim : "+token+"2\n", 0o600)
	people, err := web.ReadPeople(path)
	if err != nil || len(people) != 2 || people[0].Name != "ann@x:y" || people[0].Token != token || people[1] != (web.Person{Name: "kim", Token: token + "2"}) {
		t.Fatalf("%v %v", people, err)
	}
	for content, want := range map[string]string{"": "names nobody", "kim": "line 1 is not of the form", "kim:" + token + "\nann:short": "token of ann has 5 characters"} {
		write(content, 0o600)
		if _, err := web.ReadPeople(path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", content, err)
		}
	}
	write("kim:"+token, 0o644)
	if _, err := web.ReadPeople(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file for everybody: %v", err)
	}
	if _, err := web.ReadPeople(path + "2"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Serve ends with its context, also while a page is followed.
func TestServeEnds(t *testing.T) {
	s := start(t, nil)
	s.http.Close()
	ctx, stop := context.WithCancel(t.Context())
	l, ended := listen(t), make(chan error, 1)
	go func() { ended <- s.server.Serve(ctx, l) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// main is the content of a page.
func main(body string) string {
	_, content, ok := strings.Cut(body, "<main")
	if !ok {
		return body
	}
	return strings.Join(strings.Fields(content), " ")
}
