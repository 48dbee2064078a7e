package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// events follows a page, and returns what reads the next event's id.
func (s *site) events(ctx context.Context, path string) func() string {
	s.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		s.Fatalf("%s: %d %v", path, res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	return func() string {
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				return id
			}
		}
		return "end"
	}
}

// followed is the address of the events of a page.
func (s *site) followed(path string) string {
	s.Helper()
	_, body := s.get(path)
	_, rest, ok := strings.Cut(body, `data-events="`)
	address, _, _ := strings.Cut(rest, `"`)
	if !ok {
		s.Fatalf("%s is not followed: %s", path, body)
	}
	return address
}

// A page hears of what another process records, once, and also what it missed.
func TestPageHearsOfRecordsAndProgress(t *testing.T) {
	s := signedIn(t, nil)
	address := s.followed(page)
	next := s.events(t.Context(), address)
	all := s.events(t.Context(), s.followed("/"))
	if err := s.runner.Signal(t.Context(), "e-0001", "attest", runbook.Answer{How: "decide", Statement: "read", Values: map[string]string{"link": "x"}}); err != nil {
		t.Fatal(err)
	}
	first := next()
	if !strings.HasSuffix(address, "have=3-0") || first != "4-0" {
		t.Errorf("%s, then %s", address, first)
	}
	if id := all(); id == "end" {
		t.Error("the list hears nothing")
	}
	if late := s.events(t.Context(), address)(); late != first {
		t.Errorf("whoever comes late hears %s", late)
	}
	web.ProgressFile(s.runner.Files)(runbook.Event{Run: "e-0001", Kind: runbook.EventProgress, Step: "switch/lamp", At: time.UnixMilli(1234), Text: "half"})
	if id := next(); id != "4-1234" {
		t.Errorf("progress: %s", id)
	}
}

// Streams are bounded, pages are not; a stream goes with its client, and gives its place back.
func TestStreamEndsWithItsClient(t *testing.T) {
	s := signedIn(t, nil)
	follow := func(ctx context.Context) int {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+page+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res.StatusCode
	}
	open, leave := context.WithCancel(t.Context())
	defer leave()
	n := 0
	for ; follow(open) == http.StatusOK; n++ {
	}
	if code, _ := s.get(page); n != 64 || follow(open) != http.StatusServiceUnavailable || code != http.StatusOK {
		t.Errorf("%d streams; pages: %d", n, code)
	}
	leave()
	eventually(t, func() bool { return follow(t.Context()) == http.StatusOK })
}

func progressOf(t *testing.T, files string) (p struct {
	Steps map[string]struct {
		Text        string
		Done, Total int64
	}
}) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(files, "runs", "e-0001", "progress.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// The file says how far each running step is, and goes with the last of them.
func TestProgressFile(t *testing.T) {
	files := t.TempDir()
	if err := os.MkdirAll(filepath.Join(files, "runs", "e-0001"), 0o700); err != nil {
		t.Fatal(err)
	}
	observe, now := web.ProgressFile(files), time.Now()
	say := func(after time.Duration, kind runbook.EventKind, step, text string, done, total int64) {
		now = now.Add(after)
		observe(runbook.Event{Run: "e-0001", At: now, Kind: kind, Step: step, Text: text, Done: done, Total: total, Unit: "bytes"})
	}
	say(0, "intent", "upload", "", 0, 0)
	say(0, runbook.EventProgress, "upload", "sending", 0, 1000)
	say(time.Millisecond, runbook.EventProgress, "upload", "sending", 1, 1000)
	if p := progressOf(t, files); p.Steps["upload"].Done != 0 {
		t.Errorf("written too often: %+v", p)
	}
	say(2*time.Second-time.Millisecond, runbook.EventProgress, "upload", "sending", 400, 1000)
	say(0, runbook.EventProgress, "other", "looking", 0, 0)
	if p := progressOf(t, files); p.Steps["upload"].Done != 400 || p.Steps["other"].Text != "looking" {
		t.Errorf("%+v", p)
	}
	say(time.Second, runbook.EventProgress, "upload", "digesting", 0, 0)
	if p := progressOf(t, files); p.Steps["upload"].Done != 400 || p.Steps["upload"].Text != "digesting" {
		t.Errorf("%+v", p)
	}
	say(time.Second, runbook.EventProgress, "upload", "sending", 100, 1000) // begun again
	if p := progressOf(t, files); p.Steps["upload"].Done != 100 {
		t.Errorf("%+v", p)
	}
	say(0, "done", "other", "", 0, 0)
	if p := progressOf(t, files); len(p.Steps) != 1 {
		t.Errorf("%+v", p)
	}
	say(0, "fail", "upload", "", 0, 0)
	if left, err := filepath.Glob(filepath.Join(files, "runs", "e-0001", "*")); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
	observe(runbook.Event{Run: "gone", Kind: runbook.EventProgress, Step: "s", At: now}) // has no folder: nothing happens
}

// running is a run in the middle of its first step, as another process sees it.
func running(t *testing.T, step string) (*site, *runbooktest.Clock) {
	t.Helper()
	clock := runbooktest.NewClock(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC))
	s := start(t, func(c *web.Config) { c.Runner.Clock = clock })
	halted, cancel := context.WithCancel(t.Context())
	s.def.Steps = []runbook.Step{{ID: step, Phase: "Do", Title: "Upload it", Owes: []string{"lamp"}, Expected: time.Hour, Apply: func(sc *runbook.StepContext) error {
		if err := sc.Owe("lamp", "one", "on"); err != nil {
			return err
		}
		cancel()
		return sc.Err()
	}}}
	if _, err := s.runner.Start(halted, s.def); err == nil {
		t.Fatal("the run did not stop")
	}
	s.get("/login?token=" + token)
	return s, clock
}

// Progress is shown with its age when it is old.
func TestProgressIsShown(t *testing.T) {
	s, clock := running(t, "upload")
	observe := web.ProgressFile(s.runner.Files)
	observe(runbook.Event{Run: "e-0001", At: clock.Now(), Kind: runbook.EventProgress, Step: "upload", Text: "sending, 2 MiB/s", Done: 10 << 20, Total: 40 << 20, Unit: "bytes"})
	clock.Advance(5 * time.Second)
	_, body := s.get(page)
	contains(t, body, `value="25"`, "25 %, 10 MiB of 40 MiB: sending, 2 MiB/s", "In progress", "Now: Upload it", `http-equiv="refresh"`, "5 s</span> of about 1 h 00 min")
	clock.Advance(time.Minute)
	_, body = s.get(page)
	contains(t, body, "(as of 1 min 05 s ago)")
	if err := os.WriteFile(filepath.Join(s.runner.Files, "runs", "e-0001", "progress.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, body := s.get(page); code != http.StatusOK || strings.Contains(body, "<progress") {
		t.Errorf("a damaged file: %d %s", code, body)
	}
}

func TestMetrics(t *testing.T) {
	s, clock := running(t, "upload")
	web.ProgressFile(s.runner.Files)(runbook.Event{Run: "e-0001", At: clock.Now(), Kind: runbook.EventProgress, Step: "upload", Done: 1 << 20, Total: 4 << 20, Unit: "bytes"})
	clock.Advance(time.Minute)
	lines := s.metrics()
	contains(t, lines, `runbook_runs{environment="e",outcome="active"} 1`, `runbook_step_running_age_seconds{environment="e",step="upload"} 60`,
		`runbook_step_transfer_done_bytes{environment="e",step="upload"} 1.048576e+06`, `runbook_step_transfer_size_bytes{environment="e",step="upload"} 4.194304e+06`,
		`runbook_owed{environment="e"} 1`, `runbook_owed_age_seconds{environment="e"} 60`, `runbook_waiting{environment="e",kind="decision"} 0`,
		`runbook_record_age_seconds{environment="e"} 60`)

	waits := signedIn(t, nil)
	contains(t, waits.metrics(), `runbook_waiting{environment="e",kind="attestation"} 1`, `runbook_waiting_age_seconds{environment="e",kind="attestation"} `)
	if err := waits.runner.Abort(t.Context(), "e-0001", "enough"); err != nil {
		t.Fatal(err)
	}
	waits.drive("e-0001")
	eventually(t, func() bool {
		return strings.Contains(waits.metrics(), `runbook_runs{environment="e",outcome="aborted"} 1`)
	})
	odd, _ := running(t, "a\"b\\c\nd")
	contains(t, odd.metrics(), `step="a\"b\\c\nd"`)
}

// eventually waits until the list of runs is read anew.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatal("it never happened")
		}
	}
}

// metrics reads and lints them.
func (s *site) metrics() string {
	s.Helper()
	code, body := s.get("/metrics")
	problems, err := promlint.New(bytes.NewReader([]byte(body))).Lint()
	if code != http.StatusOK || err != nil || len(problems) > 0 {
		s.Errorf("%d, %v, %v: %s", code, err, problems, body)
	}
	return body
}
