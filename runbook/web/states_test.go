package web_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// lost is a store that has gone away.
type lost struct {
	runbook.Log
	gone atomic.Bool
}

func (l *lost) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if !l.gone.Load() {
		return l.Log.Streams(ctx, prefix)
	}
	return func(yield func(string, error) bool) { yield("", errGone) }
}

func (l *lost) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	if l.gone.Load() {
		return nil, errGone
	}
	return l.Log.Read(ctx, stream, from)
}

var errGone = errors.New("the store has gone away")

// A store that does not answer is told to who signed in, ends a stream, and is nothing for strangers.
func TestStoreThatHasGone(t *testing.T) {
	var l *lost
	s := start(t, func(c *web.Config) {
		l = &lost{Log: c.Runner.Log}
		c.Runner.Log = l
	})
	s.drive("")
	s.get("/login?token=" + token)
	v := s.form(page, "statement", "I read them", "value.link", "https://example.invalid")
	stop := s.form(abort, "statement", "enough")
	next := s.events(t.Context(), s.followed(page))
	l.gone.Store(true)
	if id := next(); id != "end" {
		t.Errorf("the stream goes on: %s", id)
	}
	eventually(t, func() bool { code, _ := s.get("/"); return code == http.StatusInternalServerError })
	for _, path := range []string{"/", page, abort, page + "/files/evidence.json"} {
		code, body := s.get(path)
		if code != http.StatusInternalServerError || !strings.Contains(body, "could not be read") {
			t.Errorf("%s: %d %s", path, code, main(body))
		}
		if res, body := s.do(http.MethodGet, path, "", http.Header{"Cookie": {"no=one"}, "Authorization": {"Bearer no-one"}}); strings.Contains(body, errGone.Error()) {
			t.Errorf("%s tells a stranger: %d %s", path, res.StatusCode, body)
		}
	}
	contains(t, s.post(answer, v, http.StatusInternalServerError), "could not be read")
	contains(t, s.post(abort, stop, http.StatusInternalServerError), "could not be read")
	if code, body := s.get("/metrics"); code != http.StatusInternalServerError || strings.Contains(body, errGone.Error()) {
		t.Errorf("metrics: %d %s", code, body)
	}
}

// A journal that cannot be read is a line of the list and a metric, and hides no other run.
func TestDamagedJournalIsListed(t *testing.T) {
	s := signedIn(t, nil)
	journal := filepath.Join(s.runner.Files, "runs", "e-0001", "journal.jsonl")
	raw, err := os.ReadFile(journal)
	if err == nil {
		err = os.WriteFile(journal, []byte(strings.Replace(string(raw), "lamp", "lamb", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { _, body := s.get("/"); return strings.Contains(body, "The journal cannot be read") })
	contains(t, s.metrics(), `runbook_journal_faults{environment="e"} 1`)
	if code, _ := s.get(page); code != http.StatusInternalServerError {
		t.Errorf("its page: %d", code)
	}
}

// A long list shows the latest runs, and the others when they are asked for.
func TestLongListIsFolded(t *testing.T) {
	s := start(t, nil)
	s.def.Steps = nil
	for range 52 {
		if _, err := s.runner.Start(t.Context(), s.def); err != nil {
			t.Fatal(err)
		}
	}
	s.get("/login?token=" + token)
	_, body := s.get("/")
	contains(t, body, "Show 2 earlier runs")
	if n := strings.Count(body, `id="run-`); n != 50 {
		t.Errorf("%d runs", n)
	}
	if _, body := s.get("/?all=yes"); strings.Count(body, `id="run-`) != 52 || strings.Contains(body, "earlier runs") {
		t.Errorf("all: %s", main(body))
	}
}

// What was put back when a run was ended has a place of its own.
func TestPutBackIsShown(t *testing.T) {
	s, _ := running(t, "upload")
	s.def.Undos[0].Settle = func(*runbook.StepContext, runbook.Owed) (string, error) { return "is on again", nil }
	if _, err := s.runner.Settle(t.Context(), s.def, "e-0001", "not tonight"); err != nil {
		t.Fatal(err)
	}
	_, body := s.get(page)
	contains(t, body, "Aborted; everything was put back", "not tonight", "<h3>Put back</h3>", "settle/lamp/one", "is on again", "found <code>&#34;on&#34;</code>")
}

// A waived step and one that was done already are no plain successes, and say so.
func TestWaivedStepIsADeviation(t *testing.T) {
	s := signedIn(t, nil)
	s.post(answer, s.form(page, "statement", "I read them", "value.link", "https://example.invalid"), http.StatusOK)
	s.drive("e-0001")
	s.post(answer, s.form(page, "statement", "do it"), http.StatusOK)
	s.drive("e-0001")
	contains(t, s.post(answer, s.form(page, "decision", "waive"), http.StatusUnprocessableEntity), "Nothing was recorded")
	s.post(answer, s.form(page, "decision", "waive", "statement", "it is daylight"), http.StatusOK)
	s.drive("e-0001")
	_, body := s.get(page)
	contains(t, body, "Completed", `<h2 id="deviations-title">Deviations</h2>`, ">switch/lamp</a>: ", "it is daylight", `<span class="word">waived`)
}

// After its time a question takes no answer from the page.
func TestTimeToAnswerIsOver(t *testing.T) {
	clock := runbooktest.NewClock(time.Now())
	s := start(t, func(c *web.Config) { c.Runner.Clock, c.Session = clock, 100*time.Hour })
	s.def.Steps = s.def.Steps[:1]
	s.def.Steps[0].Ask.Within = time.Hour
	s.drive("")
	s.get("/login?token=" + token)
	_, body := s.get(page)
	contains(t, body, "to be answered until")
	v := s.form(page, "statement", "late", "value.link", "x")
	clock.Advance(2 * time.Hour)
	_, body = s.get(page)
	contains(t, body, "The time to answer is over")
	if strings.Contains(body, "<form") {
		t.Error("there is a form")
	}
	s.post(answer, v, http.StatusUnprocessableEntity)
	if s.signals() != 0 {
		t.Error("a late answer was recorded")
	}
}

// Long values are cut, and the page says so; amounts are as people say them.
func TestLongValuesAreCut(t *testing.T) {
	s, clock := running(t, "upload")
	observe := web.ProgressFile(s.runner.Files)
	say := func(unit string, done, total int64) string {
		clock.Advance(time.Second)
		observe(runbook.Event{Run: "e-0001", At: clock.Now(), Kind: runbook.EventProgress, Step: "upload", Done: done, Total: total, Unit: unit})
		_, body := s.get(page)
		return body
	}
	contains(t, say("files", 3, 4), "75 %, 3 of 4 files")
	contains(t, say("bytes", 900, 3<<30), "0 %, 900 B of 3.00 GiB")
	contains(t, say("bytes", 5<<30, 3<<30), "100 %")

	long := start(t, nil)
	long.def.Steps = []runbook.Step{{ID: "long", Title: "Long", Apply: func(sc *runbook.StepContext) error {
		table := runbook.Table{Title: "Rows", Header: []string{"n"}}
		for i := range 60 {
			table.Rows = append(table.Rows, []string{fmt.Sprint(i), "beyond the heads"})
		}
		sc.Table(table)
		return sc.Output(strings.Repeat("ü", 4000))
	}}}
	long.drive("")
	long.get("/login?token=" + token)
	_, body := long.get(page)
	contains(t, body, "more bytes are in the evidence", "and 10 more rows in the evidence", "beyond the heads")
	if strings.Contains(body, "\ufffd") || strings.Contains(body, "<td data-head=\"n\">55</td>") {
		t.Error("it was cut in the middle of a letter, or a row too many is shown")
	}
}

// HEAD asks for the same without a body, and follows nothing.
func TestHead(t *testing.T) {
	s := signedIn(t, nil)
	for _, path := range []string{"/", page, abort, "/login", "/nowhere"} {
		get, _ := s.get(path)
		if res, body := s.do(http.MethodHead, path, "", nil); res.StatusCode != get || body != "" {
			t.Errorf("%s: %d, GET has %d; %q", path, res.StatusCode, get, body)
		}
	}
	for _, path := range []string{"/events", page + "/events"} {
		if res, _ := s.do(http.MethodHead, path, "", nil); res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
}

// Whatever prints a person prints no token.
func TestTokensAreNotPrinted(t *testing.T) {
	p := web.Person{Name: "kim", Token: token}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("who", "person", p)
	for _, said := range []string{fmt.Sprint(p), fmt.Sprintf("%v %+v %#v %s %q", p, p, p, p, p), fmt.Sprintf("%+v", web.Config{People: []web.Person{p}}), log.String()} {
		if strings.Contains(said, token) || !strings.Contains(said, "kim") {
			t.Errorf("printed: %s", said)
		}
	}
}
