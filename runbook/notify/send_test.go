package notify_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for name, codes := range map[string][]int{"429": {429, 429}, "5xx": {500, 502, 503}, "timeout": {408}} {
		r := newReceiver(t, answers(codes...))
		n := r.start(t, nil)
		n.Observe(failed("a"))
		got := r.got(t, n)
		if len(got) != len(codes)+1 {
			t.Errorf("%s: %d requests", name, len(got))
		}
		for _, p := range got {
			if p.header.Get("webhook-id") != got[0].header.Get("webhook-id") {
				t.Errorf("%s: a repetition has another id", name)
			}
		}
	}
}

// The receiver's Retry-After is honoured where it is longer than the notifier's own pause.
func TestRetryAfter(t *testing.T) {
	for _, value := range []string{"30", at.Add(30 * time.Second).Format(http.TimeFormat)} {
		clock := runbooktest.NewClock(at)
		first := answers(429)
		r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Retry-After", value)
			first(w, req)
		})
		n := r.start(t, func(c *notify.Config) { c.Clock, c.Events = clock, []notify.Event{notify.Failed} })
		n.Observe(failed("a"))
		if err := clock.WaitForTimers(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(29 * time.Second)
		if len(r.posts) != 1 {
			t.Errorf("Retry-After %s: %d requests after 29 s", value, len(r.posts))
		}
		clock.Advance(time.Second)
		if got := r.got(t, n); len(got) != 2 {
			t.Errorf("Retry-After %s: %d requests", value, len(got))
		}
	}
}

// A receiver that asks for more patience than there is, is given up without waiting.
func TestALongRetryAfterIsGivenUpAtOnce(t *testing.T) {
	for _, value := range []string{"3600", "9999999999", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		n := r.start(t, func(c *notify.Config) { c.Log, c.GiveUp = slog.New(slog.DiscardHandler), time.Minute })
		n.Observe(failed("a"))
		if err := n.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "429 Too Many Requests") || len(r.posts) != 1 {
			t.Errorf("%s: %d requests, %v", value, len(r.posts), err)
		}
	}
}

// A value that says nothing is as none.
func TestOddRetryAfter(t *testing.T) {
	for _, value := range []string{"-5", "soon", "1.5", "Sat, 01 Jan 2000 00:00:00 GMT"} {
		first := answers(503)
		r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Retry-After", value)
			first(w, req)
		})
		n := r.start(t, nil)
		n.Observe(failed("a"))
		if got := r.got(t, n); len(got) != 2 {
			t.Errorf("%s: %d requests", value, len(got))
		}
	}
}

// Trouble of every kind: it is given up within the limits, logged and returned by Close, and neither
// shows the address, which is a secret, nor the key of the signatures.
func TestTroubleIsToldWithoutTheAddress(t *testing.T) {
	elsewhere := newReceiver(t, nil)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		change func(*receiver, *notify.Config)
		want   string
		posts  int // 0: at least one, -1: it does not matter
	}{
		"refused for good": {answer: answers(400), want: "400 Bad Request", posts: 1},
		"redirected": {answer: func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, elsewhere.URL+req.URL.RequestURI(), http.StatusTemporaryRedirect)
		}, want: "307 Temporary Redirect", posts: 1},
		"broken": {answer: answers(500, 500, 500, 500, 500, 500, 500, 500, 500, 500), want: "500 Internal Server Error"},
		"hangs": {answer: func(_ http.ResponseWriter, req *http.Request) {
			<-req.Context().Done()
			panic(http.ErrAbortHandler) // an answer at this moment might still arrive
		}, want: "context deadline exceeded", posts: -1},
		"cut off": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: "EOF"},
		"closed":  {change: func(r *receiver, _ *notify.Config) { r.Close() }, want: "refused", posts: -1},
		"not trusted": {change: func(_ *receiver, c *notify.Config) { c.HTTPClient = &http.Client{Transport: &http.Transport{}} },
			want: "certificate", posts: -1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, c.answer)
			r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
			var log bytes.Buffer
			n := r.start(t, func(cfg *notify.Config) {
				cfg.URL, cfg.Secret = r.URL+"/canary-path?sig=canary-sig&api=1", "canary-key"
				cfg.Timeout, cfg.GiveUp, cfg.Log = 20*time.Millisecond, 25*time.Millisecond, slog.New(slog.NewTextHandler(&log, nil))
				if name != "hangs" {
					cfg.Timeout = time.Minute
				}
				if c.change != nil {
					c.change(r, cfg)
				}
			})
			n.Observe(failed("a"))
			err := n.Close(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(log.String(), c.want) || !strings.Contains(log.String(), "run=test-0001") {
				t.Fatalf("close: %v\nlog: %s", err, log.String())
			}
			if said := err.Error() + log.String(); strings.Contains(said, "canary") {
				t.Errorf("a secret is shown: %s", said)
			}
			if posts := len(r.posts); c.posts > 0 && posts != c.posts || c.posts == 0 && posts < 1 {
				t.Errorf("%d requests", posts)
			}
			if n.Close(t.Context()) == nil {
				t.Error("Close forgot")
			}
		})
	}
	if len(elsewhere.posts) != 0 {
		t.Error("a redirect was followed")
	}
}

// Close ends with its context although the receiver never answers.
func TestCloseEndsWithItsContext(t *testing.T) {
	r := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
		<-req.Context().Done()
		panic(http.ErrAbortHandler)
	})
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	n := r.start(t, func(c *notify.Config) { c.Timeout, c.Log = time.Hour, slog.New(slog.DiscardHandler) })
	for _, step := range []string{"a", "b", "c"} {
		n.Observe(failed(step))
	}
	<-r.posts
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Close(ctx); err == nil || !strings.Contains(err.Error(), "3 notice(s)") {
		t.Errorf("close: %v", err)
	}
}

// More than the queue holds is given up at once; Observe does not wait.
func TestAFullQueueDoesNotBlock(t *testing.T) {
	release := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	n := r.start(t, func(c *notify.Config) { c.Queue, c.Log = 1, slog.New(slog.DiscardHandler) })
	n.Observe(failed("a"))
	<-r.posts // it is under way; one more may wait
	for _, step := range []string{"b", "c", "d"} {
		n.Observe(failed(step))
	}
	close(release)
	if err := n.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "2 notice(s) not delivered") {
		t.Errorf("close: %v", err)
	}
}
