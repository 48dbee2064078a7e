package azurevm_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// real makes, inside a synctest bubble, a world whose operations take as long as Azure's, and a
// client with the intervals that it has by default. The bubble's clock jumps, so that nothing waits.
func real(t *testing.T, o azurevmtest.Options) (*azurevmtest.Server, *azurevm.Client) {
	t.Helper()
	o.Speed = 1
	srv := azurevmtest.NewServer(o)
	cfg := srv.Config()
	cfg.PollInterval, cfg.RetryWait = 0, 0
	return srv, connect(t, cfg)
}

var status = regexp.MustCompile(`(?i)/(operations|diskoperations|backupoperations|backupjobs)/[^/?]+|/instanceview`)

var made = regexp.MustCompile(`(?i)/(disks|snapshots)/[^/?]+`)

// gaps is the shortest pause between two looks at the same thing; of a disk or a snapshot, from the
// request to make it on.
func gaps(srv *azurevmtest.Server) map[string]time.Duration {
	last, least := map[string]time.Time{}, map[string]time.Duration{}
	for _, r := range srv.Requests() {
		path, _, _ := strings.Cut(r.URL, "?")
		before, seen := last[path]
		switch {
		case made.MatchString(path):
			if r.Method == "GET" && !seen {
				continue
			}
		case r.Method != "GET" || !status.MatchString(path):
			continue
		}
		if gap := r.At.Sub(before); seen && (least[path] == 0 || gap < least[path]) {
			least[path] = gap
		}
		last[path] = r.At
	}
	return least
}

// What Azure asks for in Retry-After is waited, and ten seconds in any case.
func TestPollsNoFasterThanRetryAfterOrTenSeconds(t *testing.T) {
	for retryAfter, want := range map[time.Duration]time.Duration{0: 10 * time.Second, 3 * time.Second: 10 * time.Second, 25 * time.Second: 25 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			srv, client := real(t, azurevmtest.Options{RetryAfter: retryAfter})
			if err := client.Deallocate(t.Context(), manager, nil); err != nil {
				t.Fatal(err)
			}
			if err := client.Start(t.Context(), manager, nil); err != nil {
				t.Fatal(err)
			}
			job := startBackup(t, client, time.Time{})
			if _, err := client.WaitSnapshot(t.Context(), vault, job, nil); err != nil {
				t.Fatal(err)
			}
			least := gaps(srv)
			if len(least) < 4 {
				t.Errorf("looked at %v", least)
			}
			if pause := firstLook(t, srv); pause < retryAfter {
				t.Errorf("Retry-After %s: the backup's operation was looked at after %s", retryAfter, pause)
			}
			for what, gap := range least {
				if strings.Contains(what, "/operations/") && gap < want || gap < 10*time.Second {
					t.Errorf("Retry-After %s: %s was looked at every %s", retryAfter, what, gap)
				}
			}
		})
	}
}

// firstLook is how long after the request for a backup its operation was asked about.
func firstLook(t *testing.T, srv *azurevmtest.Server) time.Duration {
	t.Helper()
	var asked time.Time
	for _, r := range srv.Requests() {
		switch {
		case r.Method == "POST":
			asked = r.At
		case strings.Contains(r.URL, "/backupOperations/"):
			return r.At.Sub(asked)
		}
	}
	t.Fatal("it was never looked at")
	return 0
}

// The SDK itself gives up at once when it is to wait more than a minute; the wait goes on for it.
func TestThrottledReadWaitsAsLongAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := real(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/instanceview", Skip: 1, Status: 429, Header: map[string][]string{"Retry-After": {"300"}},
			Body: `{"error":{"code":"TooManyRequests","message":"slow down"}}`})
		if err := client.Deallocate(t.Context(), manager, nil); err != nil {
			t.Fatal(err)
		}
		requests := srv.Requests()
		for i, r := range requests {
			if r.Status == 429 && requests[i+1].At.Sub(r.At) < 5*time.Minute {
				t.Errorf("asked again after %s", requests[i+1].At.Sub(r.At))
			}
		}
	})
}

// A capacity that is not there does not come in seconds.
func TestStartWithoutCapacityIsRepeatedSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := real(t, azurevmtest.Options{})
		srv.SetPower(managerVM, azurevm.Deallocated)
		for range 3 {
			srv.FailNextStart("AllocationFailed")
		}
		if err := client.Start(t.Context(), manager, nil); err != nil {
			t.Fatal(err)
		}
		var at []time.Time
		for _, r := range srv.Requests() {
			if r.Method == "POST" {
				at = append(at, r.At)
			}
		}
		for i, least := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			if pause := at[i+1].Sub(at[i]) - 3*time.Minute; pause < least {
				t.Errorf("start %d came %s after the failure of the one before, want %s", i+2, pause, least)
			}
		}
	})
}

// A run of two VMs (deallocate, backup, start, verify), one after the other at the real durations of
// stop 2 min, snapshot 8 min and start 3 min, makes 238 calls in 26 minutes: 6 writes and 232 reads, far
// below Azure's limits, which are thousands an hour. Whoever makes it more must say so here.
func TestCallsOfARunOfTwoVMs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := real(t, azurevmtest.Options{RetryAfter: 10 * time.Second})
		begin := time.Now()
		for _, vm := range []azurevm.VM{manager, conference} {
			if err := client.Deallocate(t.Context(), vm, nil); err != nil {
				t.Fatal(err)
			}
			id, err := client.StartBackup(t.Context(), vault, vm, begin.AddDate(0, 0, 30))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.WaitSnapshot(t.Context(), vault, id, nil); err != nil {
				t.Fatal(err)
			}
			if err := client.Start(t.Context(), vm, nil); err != nil {
				t.Fatal(err)
			}
			if in, err := client.Instance(t.Context(), vm); err != nil || len(in.Addresses) != 1 {
				t.Fatal(in, err)
			}
			if points, err := client.RecoveryPoints(t.Context(), vault, vm, begin); err != nil || !points[0].InSnapshot() {
				t.Fatal(points, err)
			}
		}
		calls := map[string]int{}
		for _, r := range srv.Requests() {
			calls[r.Method]++
			path, _, _ := strings.Cut(r.URL, "?")
			if m := status.FindString(path); m != "" {
				name, _, _ := strings.Cut(strings.TrimPrefix(m, "/"), "/")
				calls[name]++
			}
		}
		got := fmt.Sprintf("%d writes, %d reads (%v) in %s", calls["POST"], calls["GET"], calls, time.Since(begin).Round(time.Minute))
		if calls["POST"] != 6 || calls["GET"] != 232 {
			t.Error(got)
		}
		for what, gap := range gaps(srv) {
			if gap < 10*time.Second {
				t.Errorf("%s was looked at every %s", what, gap)
			}
		}
	})
}

// Snapshots and a swap are as polite.
func TestDisksArePolledPolitely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, client := real(t, disked(azurevmtest.Options{RetryAfter: 15 * time.Second}))
		o := azurevm.SwapOptions{Snapshots: snapshots(t, srv, client), Run: "r", At: time.Now()}
		wantSlow(t, srv, 15*time.Second)
		srv.ForgetRequests()
		if _, err := client.SwapDisks(t.Context(), manager, o, nil); err != nil {
			t.Fatal(err)
		}
		wantSlow(t, srv, 15*time.Second)
	})
}

// wantSlow: operations are asked about as seldom as Azure asks for, what they make every ten seconds.
func wantSlow(t *testing.T, srv *azurevmtest.Server, want time.Duration) {
	t.Helper()
	least := gaps(srv)
	for what, gap := range least {
		if gap < 10*time.Second || (gap < want && !made.MatchString(what)) {
			t.Errorf("%s was looked at every %s", what, gap)
		}
	}
	if n := len(srv.Requests()); n > 45 || len(least) < 3 {
		t.Errorf("%d requests, %d things looked at twice", n, len(least))
	}
}
