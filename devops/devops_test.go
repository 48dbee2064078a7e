package devops_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

const secret = "pat-that-must-not-leak"

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var organizations atomic.Int64

// freshOrganization is a name that this process has not used: the vendor's module remembers a
// service's description for each address, for ever, and a port may come back.
func freshOrganization(name string) string { return fmt.Sprintf("%s%d", name, organizations.Add(1)) }

// listening starts the double on loopback.
func listening(t *testing.T, o devopstest.Options) *devopstest.Server {
	t.Helper()
	srv := inProcess(o)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// inProcess does not listen; requests reach it through its transport.
func inProcess(o devopstest.Options) *devopstest.Server {
	o.PAT = secret
	if o.Organization == "" {
		o.Organization = freshOrganization("Org")
	}
	return devopstest.NewServer(o)
}

func client(t *testing.T, srv *devopstest.Server, set ...func(*devops.Config)) *devops.Client {
	t.Helper()
	cfg := devops.Config{PipelineURL: srv.PipelineURL(), PAT: secret, HTTPClient: srv.Client(),
		PollInterval: time.Millisecond, RetryWait: time.Millisecond}
	for _, f := range set {
		f(&cfg)
	}
	c, err := devops.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func inject(t *testing.T, srv *devopstest.Server, f devopstest.Fault) {
	t.Helper()
	if err := srv.Inject(f); err != nil {
		t.Fatal(err)
	}
}

// wantError checks the sentinel, that the texts are in the message, and that no secret is.
func wantError(t *testing.T, err, sentinel error, texts ...string) *devops.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v %q", sentinel, texts)
	}
	if sentinel != nil && !errors.Is(err, sentinel) {
		t.Fatalf("error %v, want one that is %v", err, sentinel)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("error %q contains the secret", err)
	}
	e, ok := errors.AsType[*devops.Error](err)
	if !ok {
		t.Fatalf("error %T, want *devops.Error", err)
	}
	if e.Operation == "" {
		t.Errorf("error %q names no operation", err)
	}
	return e
}

func count(srv *devopstest.Server, method, path string) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Method == method && strings.Contains(strings.ToLower(r.URL), strings.ToLower(path)) {
			n++
		}
	}
	return n
}

func set(t *testing.T, c *devops.Client, want devops.QueueStatus, comment string) devops.Change {
	t.Helper()
	change, err := c.SetQueueStatus(context.Background(), want, comment)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func ids(builds []devops.Build) []int {
	out := []int{}
	for _, b := range builds {
		out = append(out, b.ID)
	}
	return out
}
