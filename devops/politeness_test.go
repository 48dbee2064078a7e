package devops_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// TestHowManyCalls states what a pause, clearing a backlog of n builds and a resume cost: 9 requests and
// 3 more for each build, when the builds end between two looks. The description of the API is one more
// per process.
func TestHowManyCalls(t *testing.T) {
	for _, n := range []int{0, 1, 20} {
		ck := newClock()
		srv := inProcess(devopstest.Options{Now: ck.Now, Speed: 1})
		hc := &http.Client{Transport: &recorder{next: srv.RoundTripper(), edit: func(r *http.Request, res *http.Response) *http.Response {
			if r.Method == http.MethodPatch {
				ck.Add(time.Minute) // cancelling takes 10 s
			}
			return res
		}}}
		c := client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = hc })
		pause := set(t, c, devops.Paused, "run 42")
		for range n {
			srv.Tick(nil)
		}
		backlog, err := c.Backlog(t.Context())
		if err != nil || len(backlog) != n {
			t.Fatal(backlog, err)
		}
		if _, err := c.Cancel(t.Context(), ids(backlog)...); err != nil {
			t.Fatal(err)
		}
		if left, err := c.Backlog(t.Context()); err != nil || len(left) != 0 {
			t.Fatal(left, err)
		}
		if _, err := c.RestoreQueueStatus(t.Context(), devops.Restore{Found: pause.Before, Revision: pause.RevisionAfter, Marker: "run 42"}); err != nil {
			t.Fatal(err)
		}
		got := len(srv.Requests()) - count(srv, http.MethodOptions, "")
		if want := 9 + 3*n; got != want {
			t.Errorf("a backlog of %d took %d requests, want %d", n, got, want)
		}
	}
}

// looks are the times at which the builds were asked for.
func looks(srv *devopstest.Server) []time.Time {
	var out []time.Time
	for _, r := range srv.Requests() {
		if r.Method == http.MethodGet && strings.Contains(r.URL, "/build/Builds") {
			out = append(out, r.At)
		}
	}
	return out
}

// TestPollsAreNoFasterThanPollInterval, by default 10 s, on a fake clock.
func TestPollsAreNoFasterThanPollInterval(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{0: 10 * time.Second, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			srv := inProcess(devopstest.Options{Speed: 1})
			b := srv.Tick(nil) // runs for five minutes
			c := client(t, srv, func(cfg *devops.Config) { cfg.PollInterval = interval })
			for name, wait := range map[string]func() error{
				"build": func() error { _, err := c.WaitBuild(t.Context(), b.ID, nil); return err },
				"idle":  func() error { srv.Tick(nil); return c.WaitIdle(t.Context(), nil) },
			} {
				srv.ForgetRequests()
				if err := wait(); err != nil {
					t.Fatal(name, err)
				}
				at := looks(srv)
				for i := 1; i < len(at); i++ {
					if gap := at[i].Sub(at[i-1]); gap < want {
						t.Errorf("%s: two looks within %s, want %s", name, gap, want)
					}
				}
			}
		})
	}
}

// TestPollsAreNoFasterThanRetryAfter, also when it comes with success.
func TestPollsAreNoFasterThanRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{Speed: 1})
		b := srv.Tick(nil)
		always := devopstest.Delayed("GET", "", 45)
		always.Times = -1
		inject(t, srv, always)
		c := client(t, srv, func(cfg *devops.Config) { cfg.PollInterval = time.Second })
		if _, err := c.WaitBuild(t.Context(), b.ID, nil); err != nil {
			t.Fatal(err)
		}
		at := looks(srv)
		if len(at) < 5 || len(at) > 8 {
			t.Errorf("%d looks in five minutes", len(at))
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < 45*time.Second {
				t.Errorf("two looks within %s", gap)
			}
		}
	})
}

// TestRepeatsSpreadOut: the time between two tries of a read doubles.
func TestRepeatsSpreadOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{})
		f := devopstest.Unavailable("GET", "definitions")
		f.Times = -1
		inject(t, srv, f)
		began := time.Now()
		_, err := client(t, srv, func(cfg *devops.Config) { cfg.RetryWait = 0 }).Definition(t.Context())
		wantError(t, err, nil, "503")
		if took, n := time.Since(began), count(srv, "GET", ""); took != 15*time.Second || n != 5 {
			t.Errorf("%d tries in %s, want 5 in 1+2+4+8 s", n, took)
		}
	})
}
