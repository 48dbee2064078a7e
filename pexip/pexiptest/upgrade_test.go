package pexiptest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

const (
	before = "38 (81931.0.0)"
	after  = "39.1 (83067.0.0)"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 20, 0, 0, 0, time.UTC)} }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T, srv *pexiptest.Server) *pexip.Client {
	t.Helper()
	c, err := pexip.New(srv.Config())
	ok(t, err)
	return c
}

// start uploads a package of that version and starts.
func start(t *testing.T, c *pexip.Client, version, build string) {
	t.Helper()
	var b bytes.Buffer
	sum, err := pexiptest.WritePackage(&b, 4096, version, build)
	ok(t, err)
	r, err := c.CreateUpgradeRequest(t.Context(), 4096)
	ok(t, err)
	_, err = c.Upload(t.Context(), r.ID, pexip.Package{Size: 4096, SHA256: sum, Content: bytes.NewReader(b.Bytes())}, nil)
	ok(t, err)
	ok(t, c.StartUpgrade(t.Context(), r.ID))
}

// versions counts nodes by version.
func versions(srv *pexiptest.Server) map[string]int {
	out := map[string]int{}
	for _, n := range srv.State().Nodes {
		out[n.Version]++
	}
	return out
}

func TestUpgradeOfTheManagementNode(t *testing.T) {
	clock := newClock()
	srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1})
	c := newClient(t, srv)
	start(t, c, "39.1", "83067")
	for _, step := range []struct {
		wait    time.Duration
		phase   string
		manager string // what asking it gives
	}{
		{0, "installing", before + " UPGRADING"},
		{9*time.Minute + 59*time.Second, "installing", before + " UPGRADING"},
		{time.Second, "rebooting", "no answer"},
		{2*time.Minute + 59*time.Second, "rebooting", "no answer"},
		{time.Second, "starting", "502"},
		{30 * time.Second, "starting", "503"},
		{30 * time.Second, "upgrading conferencing nodes", after + " IDLE"},
		{119 * time.Second, "upgrading conferencing nodes", after + " IDLE"},
		{time.Second, "finished", after + " IDLE"},
	} {
		clock.advance(step.wait)
		if got := ask(t, c); got != step.manager || srv.State().Phase != step.phase {
			t.Errorf("at %s: %q in phase %q, want %q in %q", clock.now.Format(time.TimeOnly), got, srv.State().Phase, step.manager, step.phase)
		}
	}
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	for _, n := range nodes {
		if n.Version != after || !n.UpgradeIdle() || !n.Synced() || n.MaintenanceMode || !n.LastUpdated.Equal(clock.now) {
			t.Errorf("%+v", n)
		}
	}
	if r, err := c.UpgradeRequests(t.Context()); err != nil || len(r) != 0 {
		t.Errorf("%v %v", r, err)
	}
}

// ask tells how the Management Node answers.
func ask(t *testing.T, c *pexip.Client) string {
	t.Helper()
	nodes, err := c.Nodes(t.Context())
	if err == nil {
		return nodes[0].Version + " " + nodes[0].UpgradeStatus
	}
	if !pexip.Unavailable(err) {
		t.Errorf("%v does not count as unavailable", err)
	}
	e, _ := errors.AsType[*pexip.Error](err)
	if e.Status == 0 {
		return "no answer"
	}
	return fmt.Sprint(e.Status)
}

func TestUpgradeOfManyConferencingNodes(t *testing.T) {
	clock := newClock()
	opt := pexiptest.Options{Now: clock.Now, Speed: 1, Nodes: []pexiptest.Node{{Name: "burst", Address: "10.0.9.9", CloudBursting: true}}}
	for i := range 24 {
		opt.Nodes = append(opt.Nodes, pexiptest.Node{Name: fmt.Sprintf("conf%02d", i), Address: fmt.Sprintf("10.0.1.%d", i)})
	}
	srv := pexiptest.NewServer(opt)
	start(t, newClient(t, srv), "39.1", "83067")
	clock.advance(14 * time.Minute) // the Management Node is done
	for _, want := range []int{1, 11, 21} {
		if got := versions(srv)[after]; got != want {
			t.Errorf("%d nodes are upgraded, want %d", got, want)
		}
		parked := 0
		for _, n := range srv.State().Nodes {
			if n.MaintenanceMode {
				parked++
			}
		}
		if parked > 10 {
			t.Errorf("%d nodes are in maintenance mode", parked)
		}
		clock.advance(2 * time.Minute)
	}
	if s := srv.State(); s.Phase != "finished" || versions(srv)[after] != 26 {
		t.Errorf("%s: %v", s.Phase, versions(srv))
	}
}

func TestNodeWithCallsGoesToTheEndOfTheQueue(t *testing.T) {
	clock := newClock()
	opt := pexiptest.Options{Now: clock.Now, Speed: 1, Nodes: []pexiptest.Node{{Name: "a", Address: "10.0.0.10"}, {Name: "b", Address: "10.0.0.11"}}}
	srv := pexiptest.NewServer(opt)
	c := newClient(t, srv)
	ok(t, srv.SetParticipants(3))
	start(t, c, "39.1", "83067")
	clock.advance(14*time.Minute + 2*time.Minute)
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	if a, b := nodes[1], nodes[2]; a.Version != before || a.UpgradeIdle() || !a.MaintenanceMode || b.Version != after || !b.UpgradeIdle() {
		t.Errorf("%+v\n%+v", a, b)
	}
	clock.advance(3 * time.Hour)
	if s := srv.State(); s.Phase != "upgrading conferencing nodes" {
		t.Errorf("%+v", s)
	}
	ok(t, srv.SetCalls("a", 0))
	clock.advance(2 * time.Minute)
	if s := srv.State(); s.Phase != "finished" || versions(srv)[after] != 3 {
		t.Errorf("%+v", s)
	}
}

func TestUpgradeStopsAfterADay(t *testing.T) {
	clock := newClock()
	srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1})
	c := newClient(t, srv)
	ok(t, srv.SetPower("10.0.0.5", false))
	start(t, c, "39.1", "83067")
	clock.advance(25 * time.Hour)
	if s := srv.State(); s.Phase != "stopped" || versions(srv)[before] != 1 {
		t.Errorf("%+v", s)
	}
	// The same package again: what is upgraded is skipped, the rest follows.
	ok(t, srv.SetPower("10.0.0.5", true))
	srv.ExpireTokens() // the client's token is young by the wall clock
	_, _ = c.Alarms(t.Context())
	start(t, c, "39.1", "83067")
	clock.advance(time.Hour)
	if s := srv.State(); s.Phase != "finished" || versions(srv)[after] != 2 || srv.StartCount() != 2 {
		t.Errorf("%+v", s)
	}
}

func TestNodeThatBootsWhileItIsAwaited(t *testing.T) {
	clock := newClock()
	srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1})
	c := newClient(t, srv)
	ok(t, srv.SetPower("10.0.0.5", false))
	start(t, c, "39.1", "83067")
	clock.advance(20 * time.Minute)
	ok(t, srv.SetPower("10.0.0.5", true))
	clock.advance(5*time.Minute + 2*time.Minute)
	if s := srv.State(); s.Phase != "finished" {
		t.Errorf("%+v", s)
	}
}

func TestPowerOfAConferencingNode(t *testing.T) {
	clock := newClock()
	srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1})
	c := newClient(t, srv)
	off := clock.now
	ok(t, srv.SetPower("10.0.0.5", false))
	ok(t, srv.SetPower("10.0.0.5", false))
	for _, step := range []struct {
		wait  time.Duration
		on    bool
		stale bool
	}{{time.Hour, false, true}, {0, true, true}, {5*time.Minute - 1, true, true}, {1, true, false}} {
		clock.advance(step.wait)
		ok(t, srv.SetPower("10.0.0.5", step.on))
		nodes, err := c.Nodes(t.Context())
		ok(t, err)
		alarms, err := c.Alarms(t.Context())
		ok(t, err)
		want := clock.now
		if step.stale {
			want = off
		}
		if got := nodes[1].LastUpdated; got.Sub(want).Abs() > time.Microsecond || (len(alarms) == 1) != step.stale {
			t.Errorf("%+v: last updated %s, want %s; alarms %v", step, got, want, alarms)
		}
	}
	if err := srv.SetPower("10.9.9.9", true); err == nil {
		t.Error("an address that no node has")
	}
}

func TestPowerOfTheManagementNode(t *testing.T) {
	for _, tls := range []bool{false, true} {
		clock := newClock()
		srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1})
		if tls {
			ok(t, srv.Start())
			t.Cleanup(srv.Close)
		}
		c := newClient(t, srv)
		_, err := c.Nodes(t.Context())
		ok(t, err)
		ok(t, srv.SetPower("10.0.0.4", false))
		if got := ask(t, c); got != "no answer" {
			t.Errorf("off: %s", got)
		}
		ok(t, srv.SetPower("10.0.0.4", true))
		if got := ask(t, c); got != "no answer" {
			t.Errorf("booting: %s", got)
		}
		clock.advance(5 * time.Minute)
		if got := ask(t, c); got != before+" IDLE" {
			t.Errorf("on: %s", got)
		}
	}
}

func TestDefaultSpeedIsFast(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	c := newClient(t, srv)
	start(t, c, "39.1", "83067")
	for srv.State().Phase != "finished" { // 16 minutes, 16 ms
		if !srv.State().Now.Before(srv.State().Upgrades[0].At.Add(time.Minute)) {
			t.Fatal("not finished after a minute")
		}
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	clock := newClock()
	srv := pexiptest.NewServer(pexiptest.Options{Now: clock.Now, Speed: 1})
	c := newClient(t, srv)
	start(t, c, "39.1", "83067")
	id := srv.State().Uploads[0].ID
	if err := c.StartUpgrade(t.Context(), id); err == nil || srv.StartCount() != 1 || srv.StartAttempts() != 2 {
		t.Errorf("%v: %d of %d", err, srv.StartCount(), srv.StartAttempts())
	}
}

func TestStateIsJSON(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	c := newClient(t, srv)
	srv.AddAlarm(pexip.Alarm{Name: "x"})
	_, err := c.CreateBackup(t.Context(), "open sesame")
	ok(t, err)
	_, err = c.CreateUpgradeRequest(t.Context(), 5)
	ok(t, err)
	ok(t, c.SetSessionTimeoutEnabled(t.Context(), false))
	b, err := json.Marshal(srv.State())
	ok(t, err)
	for _, want := range []string{`"reachable":true`, `"sessionTimeoutEnabled":false`, `"sessionTimeoutMinutes":30`, `"version":"38 (81931.0.0)"`, `"total":5`, `"backups":1`, `"alarms":["x "]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	srv.ClearAlarms()
	if len(srv.State().Alarms) != 0 {
		t.Error("alarms are left")
	}
}

func TestSettersCheckTheirArguments(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{Nodes: []pexiptest.Node{{Name: "m", Role: pexip.Management}}})
	for name, err := range map[string]error{
		"version": srv.SetVersion("nobody", "1"), "participants": srv.SetParticipants(1), "calls": srv.SetCalls("nobody", 1), "call": srv.AddCall(pexiptest.Call{Node: "nobody"}),
		"syslog": srv.RemoveSyslog("location X"), "rewind": srv.RewindUpload("nobody", 0), "fault": srv.Inject(pexiptest.Fault{Kind: "x"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ok(t, srv.SetVersion("", "40 (1.0.0)"))
	ok(t, srv.SetVersion("m", "41 (1.0.0)"))
	if v := versions(srv); v["41 (1.0.0)"] != 1 {
		t.Errorf("%v", v)
	}
	r, err := newClient(t, srv).CreateUpgradeRequest(t.Context(), 5)
	ok(t, err)
	if srv.RewindUpload(r.ID, 0) == nil {
		t.Error("nothing was uploaded")
	}
}

func TestStartReportsABusyAddress(t *testing.T) {
	first := pexiptest.NewServer(pexiptest.Options{})
	if first.CertificatePEM() != nil {
		t.Error("a certificate before the start")
	}
	ok(t, first.Start())
	defer first.Close()
	second := pexiptest.NewServer(pexiptest.Options{Addr: strings.TrimPrefix(first.URL, "https://")})
	defer second.Close()
	if err := second.Start(); err == nil {
		t.Error("two servers on one address")
	}
}

func TestGivenPublicKey(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{OAuth2: &pexiptest.OAuth2{ClientID: "mine"}})
	if srv.PrivateKeyPEM() != nil || srv.ClientID() != "mine" {
		t.Error("a key that nobody gave")
	}
	res, err := srv.Client().PostForm(srv.URL+"/oauth/token/", nil)
	ok(t, err)
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("%d", res.StatusCode)
	}
}
