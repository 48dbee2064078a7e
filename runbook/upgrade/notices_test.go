package upgrade_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	stdlog "log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

const canaryHook = "/canary-hook-0005?sig=canary-hook-0006"

// desk is a webhook that keeps what it is told.
type desk struct {
	mu    sync.Mutex
	told  []notify.Notice
	signs int
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var n notify.Notice
	raw, _ := io.ReadAll(r.Body)
	if json.Unmarshal(raw, &n) == nil && r.URL.RequestURI() == canaryHook {
		d.told = append(d.told, n)
	}
	if strings.HasPrefix(r.Header.Get("webhook-signature"), "v1,") {
		d.signs++
	}
}

// tells makes the stage's configuration tell a desk, as the configuration file says it.
func (s *stage) tells(t *testing.T, address string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(s.dir, "desk.url"), []byte(address+canaryHook+"\n"), 0o600))
	t.Setenv("DESK_SECRET", "canary-secret-0007")
	file := filepath.Join(s.dir, "upgrade.yaml")
	raw, err := os.ReadFile(file)
	must(t, err)
	more := "notify:\n  - kind: webhook\n    url_file: desk.url\n    secret_env: DESK_SECRET\n    page: https://desk.example\n"
	must(t, os.WriteFile(file, append(raw, more...), 0o600))
	s.cfg, err = upgrade.LoadConfig(file)
	must(t, err)
}

// Whoever is to act is told, with what to type; the address of the webhook is in nothing that is left.
func TestNoticesOfARun(t *testing.T) {
	d := &desk{}
	server := httptest.NewServer(d)
	defer server.Close()
	s := newStage(t, upgradetest.Options{})
	s.tells(t, server.URL)
	session := s.open(t, policy.Test, nil)
	r, err := session.Run(t.Context())
	if err == nil || r.State.Waiting == nil {
		t.Fatalf("the run waits for nobody: %v", err)
	}
	step := r.State.Waiting.Question.Step
	r, err = session.Settle(t.Context(), "", "enough for today")
	must(t, err)
	if len(d.told) != 2 || d.signs != 2 {
		t.Fatalf("told %+v, %d signed", d.told, d.signs)
	}
	if n := d.told[0]; n.Event != notify.Waiting || n.Step != step || n.Environment != "test" || n.Run != r.State.Run ||
		!strings.HasPrefix(n.Next, "upgrade decide -config FILE -run "+n.Run+" -step "+step) || n.Link != "https://desk.example/runs/"+n.Run {
		t.Errorf("told first: %+v", n)
	}
	if n := d.told[1]; n.Event != notify.Ended || n.Text != "aborted" || n.Next != "" {
		t.Errorf("told last: %+v", n)
	}
	wantNoCanary(t, "summary", []byte(s.cfg.Summary()))
	must(t, filepath.WalkDir(s.cfg.State, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		wantNoCanary(t, path, raw)
		return err
	}))
}

// A run that waits without a process owes something for too long: the sweep tells it, once.
func TestSweepTellsWhatIsOwedForTooLong(t *testing.T) {
	d := &desk{}
	server := httptest.NewServer(d)
	defer server.Close()
	s := newStage(t, upgradetest.Options{})
	s.tells(t, server.URL)
	s.cfg.Notify[0].Events, s.cfg.Notify[0].OwedAfter = []notify.Event{notify.Owed}, time.Nanosecond
	session := s.open(t, policy.Test, nil)
	def := &runbook.Definition{Name: "debt", Environment: "test",
		Steps: []runbook.Step{{ID: "pause", Phase: "P", Title: "Pause", Owes: []string{"pipeline"}, Apply: func(sc *runbook.StepContext) error {
			if err := sc.Owe("pipeline", "107", "enabled"); err != nil {
				return err
			}
			return errors.New("and then it fails")
		}}},
		Undos: []runbook.Undo{{Kind: "pipeline", Title: "resumed", Settle: func(*runbook.StepContext, runbook.Owed) (string, error) { return "", nil }}}}
	if _, err := session.Runner.Start(t.Context(), def); err == nil {
		t.Fatal("the run waits for nobody")
	}
	for range 2 {
		swept, err := upgrade.Sweep(t.Context(), s.cfg, upgrade.SessionOptions{}, runbook.Sweeping{})
		must(t, err)
		if len(swept) != 0 {
			t.Errorf("swept: %+v", swept)
		}
	}
	if len(d.told) != 1 || d.told[0].Event != notify.Owed || !strings.Contains(d.told[0].Text, "pipeline/107 is not put back") || d.told[0].Environment != "test" {
		t.Errorf("told: %+v", d.told)
	}
}

// Nobody hears: the run goes on all the same, and the log says so without the address.
func TestNoticesThatNobodyTakes(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := newStage(t, upgradetest.Options{})
	s.tells(t, server.URL)
	var log bytes.Buffer
	captureLog(t, &log)
	session := s.open(t, policy.Test, nil)
	if r, err := session.Run(t.Context()); r.State == nil || r.State.Waiting == nil {
		t.Fatalf("the run: %v", err)
	}
	if !strings.Contains(log.String(), "notice not delivered") || !strings.Contains(log.String(), "404 Not Found") {
		t.Errorf("log: %s", log.String())
	}
	wantNoCanary(t, "log", log.Bytes())
}

// captureLog makes w what slog's default logger writes to, while the test runs.
func captureLog(t *testing.T, w io.Writer) {
	was, out, flags := slog.Default(), stdlog.Writer(), stdlog.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(w, nil)))
	t.Cleanup(func() {
		slog.SetDefault(was)
		stdlog.SetOutput(out) // SetDefault had led it to slog
		stdlog.SetFlags(flags)
	})
}

func wantNoCanary(t *testing.T, where string, data []byte) {
	t.Helper()
	if at := bytes.Index(data, []byte("canary")); at >= 0 {
		t.Errorf("%s holds a secret: %s", where, data[max(0, at-80):at])
	}
}

func TestNotifyConfig(t *testing.T) {
	full := readConfigFile(t, "full.yaml")
	c, err := upgrade.ParseConfig([]byte(full+"notify:\n  - {kind: teams, url_env: HOOK}\n  - {kind: webhook, url_file: hook.url, secret_file: hook.key, ca_file: ca.pem, events: [failed, owed], owed_after: 2h, give_up: 1m, drain: 5s, page: https://desk.example}\n"), "/cfg")
	must(t, err)
	if len(c.Notify) != 2 {
		t.Fatalf("%+v", c.Notify)
	}
	if n := c.Notify[0]; n.Kind != notify.Teams || n.URL.Env != "HOOK" || !n.Secret.IsZero() || n.Events != nil || n.OwedAfter != 8*time.Hour || n.GiveUp != 5*time.Minute || n.Drain != 10*time.Second {
		t.Errorf("defaults: %+v", n)
	}
	if n := c.Notify[1]; n.URL.File != in("hook.url") || n.Secret.File != in("hook.key") || n.CAFile != in("ca.pem") || len(n.Events) != 2 || n.OwedAfter != 2*time.Hour || n.GiveUp != time.Minute ||
		n.Drain != 5*time.Second || n.Page != "https://desk.example" {
		t.Errorf("%+v", n)
	}
	for text, want := range map[string]string{
		"notify: {}\n": "notify: expected a list",
		"notify:\n  - kind: pager\n    url_env: HOOK\n":                        "notify[0].kind: ",
		"notify:\n  - kind: teams\n":                                           "notify[0].url_file: missing: give it or url_env; the address of a webhook is a secret",
		"notify:\n  - kind: teams\n    url: https://a/b\n    url_env: HOOK\n":  "notify[0].url: unknown key; known here: ca_file",
		"notify:\n  - kind: teams\n    url_env: HOOK\n    events: [sneezed]\n": "notify[0].events[0]: ",
	} {
		checkProblems(t, full+text, []string{want})
	}
}

// The address is judged when it is read, before anything is sent, and not shown.
func TestNotifyAddressesAreJudgedBeforeAnythingIsSent(t *testing.T) {
	s := newStage(t, upgradetest.Options{})
	s.tells(t, "http://canary.example")
	_, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Test})
	if err == nil || !strings.Contains(err.Error(), "notify[0].url_file: file "+filepath.Join(s.dir, "desk.url")+": the address must be an absolute https URL") {
		t.Fatalf("%v", err)
	}
	wantNoCanary(t, "error", []byte(err.Error()))
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
