package pexip_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Watching an upgrade of 500 nodes, restart included, from its start to its end: four calls a look,
// far below 1,000 in 60 seconds, so that people and other programs can use the API meanwhile.
func TestWatchingFiveHundredNodesIsPolite(t *testing.T) {
	const nodes, interval, target = 500, 5 * time.Second, "39.1 (83067.0.0)" // the default PollInterval
	synctest.Test(t, func(t *testing.T) {
		opt := pexiptest.Options{Speed: 1, TokenLifetime: time.Hour, UpgradeDuration: time.Minute, NodeUpgradeDuration: 2 * time.Second}
		for i := range nodes {
			opt.Nodes = append(opt.Nodes, pexiptest.Node{Name: fmt.Sprintf("conf%03d", i), Address: fmt.Sprintf("10.1.%d.%d", i/200, i%200)})
		}
		srv, c := inProcess(t, opt, func(c *pexip.Config) { c.CallsPerMinute, c.PollInterval, c.RetryWait = 0, 0, 0 })
		ok(t, c.StartUpgrade(t.Context(), uploaded(t, c, pack(t, 4096, "39.1", "83067"))))
		srv.ForgetRequests()
		began, looks, away := time.Now(), 0, 0
		for done := 0; done <= nodes; {
			if time.Since(began) > time.Hour {
				t.Fatalf("%d nodes after an hour", done)
			}
			at := len(srv.Requests())
			all, err := c.Nodes(t.Context())
			if err != nil {
				if !pexip.Unavailable(err) {
					t.Fatal(err)
				}
				away++
			} else if n := len(srv.Requests()) - at; n > 8 && looks > 0 {
				t.Errorf("a look took %d calls", n)
			} else if n == 4 {
				looks++
			}
			done = 0
			for _, n := range all {
				if n.Version == target && n.UpgradeIdle() {
					done++
				}
			}
			<-time.After(interval)
		}
		most := busiest(srv.Requests(), time.Minute)
		t.Logf("%s watched, %d looks of 4 calls, %d while away, at most %d calls in a minute", time.Since(began), looks, away, most)
		if most > 100 || looks < 20 || away == 0 {
			t.Errorf("at most %d calls in a minute, %d looks, %d while away", most, looks, away)
		}
	})
}

// busiest is the largest number of requests within a period.
func busiest(requests []pexiptest.Request, period time.Duration) int {
	most, from := 0, 0
	for i, r := range requests {
		for r.At.Sub(requests[from].At) >= period {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}
