package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// rocket is a runbook whose launch fails until there is fuel.
func rocket(fuel *bool) *runbook.Definition {
	return &runbook.Definition{Name: "launch", Environment: "test", Steps: []runbook.Step{
		{ID: "launch", Phase: "Flight", Title: "Launch", Clauses: []string{"B-1"}, Apply: func(*runbook.StepContext) error {
			if !*fuel {
				return errors.New("no fuel")
			}
			return nil
		}},
	}}
}

type people func(runbook.Question) runbook.Answer

func (p people) Ask(_ context.Context, q runbook.Question) (runbook.Answer, error) { return p(q), nil }

func TestARunTellsWhatItNeedsAndHowItEnded(t *testing.T) {
	r := newReceiver(t, nil)
	n := r.start(t, func(c *notify.Config) {
		c.Next = func(e runbook.Event) string { return "decide " + e.Step }
		c.Link = func(run string) string { return "https://desk.example/runs/" + run }
	})
	fuel := false
	runner := runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: n.Observe, Asker: people(func(runbook.Question) runbook.Answer {
		fuel = true
		return runbook.Answer{How: "test", Decision: runbook.DecideRetry}
	})}
	if _, err := runner.Start(t.Context(), rocket(&fuel)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range r.got(t, n) {
		if p.Schema != 1 || p.Run != "test-0001" || p.Environment != "test" || p.ID == "" || p.ID != p.header.Get("webhook-id") || p.At.IsZero() ||
			p.header.Get("Content-Type") != "application/json" || p.header.Get("webhook-signature") != "" {
			t.Errorf("notice %s, headers %v", p.body, p.header)
		}
		got = append(got, fmt.Sprintf("%s|%s|%s|%v|%s|%s|%s", p.Event, p.Step, p.Title, p.Clauses, p.Text, p.Next, p.Link))
	}
	want := []string{
		"failed|launch|Launch|[B-1]|no fuel|decide launch|https://desk.example/runs/test-0001",
		"waiting|launch|Launch|[B-1]|What is to be done about the failed step?\nIt failed: no fuel\nPossible: retry, abort, done|decide launch|https://desk.example/runs/test-0001",
		"ended|||[]|completed|decide |https://desk.example/runs/test-0001"}
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheSameThingIsToldOnce(t *testing.T) {
	r := newReceiver(t, nil)
	n := r.start(t, nil)
	for _, e := range []runbook.Event{failed("a"), failed("a"), failed("b"), waiting("a", at), waiting("a", at), waiting("a", at.Add(1)), end("test-0001"), end("test-0002")} {
		n.Observe(e)
	}
	n.Observe(runbook.Event{Run: "test-0001", Kind: "done", Step: "a"})
	var got []string
	ids := map[string]bool{}
	for _, p := range r.got(t, n) {
		got = append(got, fmt.Sprintf("%s %s %s", p.Event, p.Run, p.Step))
		ids[p.ID] = true
	}
	want := []string{"failed test-0001 a", "failed test-0001 b", "waiting test-0001 a", "waiting test-0001 a", "ended test-0001 ", "ended test-0002 "}
	if !slices.Equal(got, want) || len(ids) != len(want) {
		t.Errorf("told: %q with %d ids", got, len(ids))
	}
	again := r.start(t, nil) // another process that resumes the run
	again.Observe(failed("a"))
	if p := r.got(t, again); len(p) != 1 || !ids[p[0].ID] {
		t.Errorf("another process tells the same with another id: %+v", p)
	}
}

func TestOnlyWantedEventsAreTold(t *testing.T) {
	r := newReceiver(t, nil)
	n := r.start(t, func(c *notify.Config) { c.Events = []notify.Event{notify.Failed} })
	for _, e := range []runbook.Event{waiting("a", at), failed("a"), owes(runbook.KindOwe, "desk", at), end("test-0001")} {
		n.Observe(e)
	}
	if got := r.got(t, n); len(got) != 1 || got[0].Event != notify.Failed {
		t.Errorf("told: %+v", got)
	}
	n.Observe(failed("late")) // after Close: nothing, and no panic
	if len(r.posts) != 0 {
		t.Error("told after Close")
	}
}

// A receiver checks the signature with the library of those who wrote the standard.
func TestSignatures(t *testing.T) {
	for secret, check := range map[string]func() (*standardwebhooks.Webhook, error){
		"a plain secret": func() (*standardwebhooks.Webhook, error) {
			return standardwebhooks.NewWebhookRaw([]byte("a plain secret"))
		},
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": func() (*standardwebhooks.Webhook, error) {
			return standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		},
	} {
		r := newReceiver(t, nil)
		n := r.start(t, func(c *notify.Config) { c.Secret = secret })
		n.Observe(failed("a"))
		for _, p := range r.got(t, n) {
			hook, err := check()
			if err != nil {
				t.Fatal(err)
			}
			if err := hook.Verify(p.body, p.header); err != nil {
				t.Errorf("secret %q: %v", secret, err)
			}
			if hook.Verify(append(p.body, ' '), p.header) == nil {
				t.Error("a changed body verifies")
			}
		}
	}
}

func TestConfigFaultsAreReportedTogetherAndWithoutSecrets(t *testing.T) {
	_, err := notify.New(notify.Config{Kind: "pager", URL: "http://canary.example/canary?sig=canary", Secret: "whsec_canary!", Events: []notify.Event{"sneezed"}, GiveUp: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`kind is "pager"`, "https URL", "no base64", `"sneezed"`, "negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	for _, address := range []string{"http://canary.example/canary?sig=canary", "https://canary.example:canary/%zz", "", "canary"} {
		if _, err := notify.New(notify.Config{Kind: notify.Teams, URL: address}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Whatever the receiver does, the run goes on: here it does nothing at all until the run is over.
func TestASlowReceiverDoesNotSlowTheRun(t *testing.T) {
	over := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-over })
	n := r.start(t, nil)
	fuel := true
	runner := runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: n.Observe}
	for range 3 {
		if _, err := runner.Start(t.Context(), rocket(&fuel)); err != nil {
			t.Fatal(err)
		}
	}
	close(over)
	if got := r.got(t, n); len(got) != 3 {
		t.Errorf("%d notices after three runs", len(got))
	}
}
