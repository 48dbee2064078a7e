package upgrade_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// every is the stride of the sweeps: 1 tries all points, the default a fixed sample with each fault in it.
var every = flag.Int("sweep", 197, "try every n-th crash point and fault")

// quiet is a world that answers in process, with a small package.
func quiet(t *testing.T, o upgradetest.Options) *stage {
	t.Helper()
	o.PackageSize, o.PollInterval = cmp.Or(o.PackageSize, 64<<10), 2*time.Millisecond
	w := upgradetest.New(o)
	s := &stage{World: w, dir: folder(t)}
	file, err := w.WriteConfig(s.dir)
	must(t, err)
	s.cfg, err = upgrade.LoadConfig(file)
	must(t, err)
	hasten(s.cfg)
	return s
}

// hasten makes the upload one of several requests, and does not look long for a start whose answer was lost.
func hasten(cfg *upgrade.Config) {
	cfg.Upload.ChunkSize, cfg.Waits.StartResolve = 32<<10, 60*time.Millisecond
}

// impatient shortens what a run waits for, so that failures show at once. A slow machine fails then, too.
func impatient(cfg *upgrade.Config) {
	cfg.Upload.RetryFor = 60 * time.Millisecond
	w := &cfg.Waits
	w.PlatformOnline, w.VMPower, w.ManagementNode = 2*time.Second, 2*time.Second, 2*time.Second
	w.ConferencingNodes, w.Snapshot, w.CancelBuilds = 2*time.Second, 2*time.Second, 300*time.Millisecond
}

func (s *stage) session(t *testing.T, asker runbook.Asker, transport func(http.RoundTripper) http.RoundTripper) *upgrade.Session {
	t.Helper()
	session, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@desk", Asker: asker, Transport: transport})
	must(t, err)
	return session
}

// person answers questions, looks at the world before deciding about the start, and retries the rest
// a few times.
func (s *stage) person(tries int) runbook.Asker {
	var mu sync.Mutex
	return runbook.Askers{upgradetest.People{}, runbook.AskerFunc(func(_ context.Context, q runbook.Question) (runbook.Answer, error) {
		mu.Lock()
		defer mu.Unlock()
		a := runbook.Answer{How: "test", Statement: "looked at it", Decision: runbook.DecideRetry}
		if q.Step == "start-upgrade" && s.Test.StartCount() > 0 {
			a.Decision = runbook.DecideDone
		}
		if tries--; tries < 0 {
			return a, runbook.ErrNoAnswer
		}
		return a, nil
	})}
}

func (s *stage) wantOnce(t *testing.T, where string) {
	t.Helper()
	if n := s.Test.StartCount(); n > 1 {
		t.Errorf("%s: %d upgrades started", where, n)
	}
	if n := s.Test.StartAttempts(); n > 1 {
		t.Errorf("%s: the start was sent %d times after it had taken effect", where, n)
	}
	for _, vm := range s.Azure.State().VMs {
		if vm.Backups > 1 {
			t.Errorf("%s: %s was backed up %d times", where, vm.Name, vm.Backups)
		}
	}
}

// wantUpgraded: a completed run did what it says.
func (s *stage) wantUpgraded(t *testing.T, where string) {
	t.Helper()
	if n := s.Test.StartCount(); n != 1 {
		t.Errorf("%s: completed with %d upgrades started", where, n)
	}
	for _, n := range s.Test.State().Nodes {
		if n.Version != "39.1 (83067.0.0)" {
			t.Errorf("%s: completed, but %s runs %s", where, n.Name, n.Version)
		}
	}
	for _, vm := range s.Azure.State().VMs {
		if strings.HasSuffix(vm.Name, "-core") && vm.Backups != 1 {
			t.Errorf("%s: completed, but %s has %d backups", where, vm.Name, vm.Backups)
		}
	}
}

// fault is something that goes wrong with one request.
type fault struct {
	name string
	hit  func(next http.RoundTripper, r *http.Request) (*http.Response, error)
}

var errNetwork = errors.New("read: connection reset by peer")

// timeout is a network timeout, as net.Error describes it.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func answers(status int, contentType, body string, header ...string) func(http.RoundTripper, *http.Request) (*http.Response, error) {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
		}
		h := http.Header{"Content-Type": {contentType}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
	}
}

const mediaJSON = "application/json"

var faults = []fault{
	{"timeout", func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, timeout{} }},
	{"reset before the effect", func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, errNetwork }},
	{"reset after the effect", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if res, err := next.RoundTrip(r); err == nil {
			res.Body.Close()
		}
		return nil, errNetwork
	}},
	{"401", answers(401, mediaJSON, "")},
	{"403", answers(403, mediaJSON, `{"error":{"code":"AuthorizationFailed","message":"no"},"message":"TF215106: no","typeKey":"AccessDeniedException"}`)},
	{"404", answers(404, mediaJSON, `{"error":{"code":"ResourceNotFound","message":"gone"}}`)},
	{"409", answers(409, mediaJSON, `{"error":{"code":"Conflict","message":"busy"}}`)},
	{"429 with Retry-After", answers(429, mediaJSON, `{"error":{"code":"TooManyRequests","message":"slow down"}}`, "Retry-After", "0")},
	{"429 without Retry-After", answers(429, mediaJSON, `{"error":{"code":"TooManyRequests","message":"slow down"}}`)},
	{"500", answers(500, mediaJSON, `{"error_message":"oops"}`)},
	{"502 HTML", answers(502, "text/html", "<html>bad gateway</html>")},
	{"garbage JSON", answers(200, mediaJSON, `{"meta":`)},
	{"truncated body", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		res.Body = io.NopCloser(strings.NewReader(string(raw[:len(raw)/2])))
		res.ContentLength = -1
		return res, err
	}},
	{"200 with an error inside", answers(200, mediaJSON, `{"status":"Failed","error":{"code":"AllocationFailed","message":"no capacity"}}`)},
}

// faulty hits the n-th request with a fault.
type faulty struct {
	next http.RoundTripper
	n    int
	f    fault
	mu   sync.Mutex
	seen int
	what string
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.seen++
	hit := f.seen == f.n
	if hit {
		f.what = r.Method + " " + r.URL.String()
	}
	f.mu.Unlock()
	if hit {
		return f.f.hit(f.next, r)
	}
	return f.next.RoundTrip(r)
}

// Each fault at every request of a run: it ends completed, or it waits for a decision with a message;
// never wrong, and after an abort nothing is owed.
func TestFaultEverywhere(t *testing.T) {
	t.Parallel()
	whole := &runbooktest.Crash{}
	resumed.trial(t, quiet(t, upgradetest.Options{})).Survive(t, whole)
	_, requests := whole.Seen()
	i := 0
	for n := 1; n <= requests; n++ {
		for _, f := range faults {
			if i++; i%*every != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s at %d", f.name, n), func(t *testing.T) {
				t.Parallel()
				faultAt(t, n, f)
			})
		}
	}
}

func faultAt(t *testing.T, n int, f fault) {
	s := quiet(t, upgradetest.Options{})
	impatient(s.cfg)
	hit := &faulty{next: s.Transport(nil), n: n, f: f}
	r, err := s.session(t, s.person(0), func(http.RoundTripper) http.RoundTripper { return hit }).Run(t.Context())
	where := fmt.Sprintf("%s at %s", f.name, hit.what)
	var waiting *runbook.WaitingError
	switch {
	case err == nil:
		if r.State.End.Outcome != runbook.Completed {
			t.Errorf("%s: %+v", where, r.State.End)
		}
		s.wantUpgraded(t, where)
	case errors.As(err, &waiting) && waiting.Question.Ask.Kind == runbook.DecisionWanted && len(waiting.Question.Failure) > 10:
		s.decideAfter(t, where, waiting)
	default:
		t.Errorf("%s: ended with %v", where, err)
	}
	s.wantOnce(t, where)
	s.wantPutBack(t)
}

// decideAfter aborts, as soon as no upgrade runs any more.
func (s *stage) decideAfter(t *testing.T, where string, waiting *runbook.WaitingError) {
	t.Helper()
	session := s.session(t, s.person(0), s.Transport)
	var r upgrade.Result
	var err error
	for range 200 {
		if r, err = session.Settle(t.Context(), waiting.Question.Run, "abort"); err == nil {
			break
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	if err != nil || r.State.End == nil || len(r.State.Owed) > 0 {
		t.Errorf("%s: failed with %q; settle: %v", where, waiting.Question.Failure, err)
	}
}
