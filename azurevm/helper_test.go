package azurevm_test

import (
	"cmp"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

var (
	manager    = azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}
	conference = azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-conf-core"}
	vault      = azurevm.Vault{ResourceGroup: "rg-backup", Name: "rsv-pexip"}
	managerVM  = azurevmtest.Of(manager)
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 18, 30, 0, 123456789, time.UTC)} }

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

// slow makes a world whose operations pass in real durations of a clock that the test moves.
func slow(o azurevmtest.Options) (azurevmtest.Options, *clock) {
	c := newClock()
	o.Now, o.Speed = c.Now, 1
	return o, c
}

// With speed three hours of a transfer pass while a client looks a few times; retryWait is the unit of all pauses
// after what went wrong.
const (
	speed     = 600_000
	retryWait = 100 * time.Microsecond
)

// start serves the world over TLS and makes a client of it.
func start(t *testing.T, o azurevmtest.Options) (*azurevmtest.Server, *azurevm.Client) {
	t.Helper()
	o.Speed = cmp.Or(o.Speed, speed)
	srv := azurevmtest.NewServer(o)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	cfg := srv.Config()
	cfg.RetryWait = retryWait
	return srv, connect(t, cfg)
}

func connect(t *testing.T, cfg azurevm.Config) *azurevm.Client {
	t.Helper()
	client, err := azurevm.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func inject(t *testing.T, srv *azurevmtest.Server, f azurevmtest.Fault) {
	t.Helper()
	if err := srv.Inject(f); err != nil {
		t.Fatal(err)
	}
}

// count is how many requests of the method had a path that ends so.
func count(srv *azurevmtest.Server, method, suffix string) int {
	n := 0
	for _, r := range srv.Requests() {
		path, _, _ := strings.Cut(r.URL, "?")
		if r.Method == method && strings.HasSuffix(strings.ToLower(path), strings.ToLower(suffix)) {
			n++
		}
	}
	return n
}

func posts(srv *azurevmtest.Server) int { return count(srv, "POST", "") }

// wantError fails unless err matches target, is an *Error and tells all of the words.
func wantError(t *testing.T, err, target error, words ...string) *azurevm.Error {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, want %v", err, target)
	}
	e, ok := errors.AsType[*azurevm.Error](err)
	if !ok {
		t.Fatalf("%v is a %T", err, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not tell %q", err, w)
		}
	}
	for _, secret := range []string{"signature-of-the-double", "rehearsal", "Bearer"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q tells a secret", err)
		}
	}
	return e
}
