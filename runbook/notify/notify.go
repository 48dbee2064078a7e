package notify

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Kind is what a target understands.
type Kind string

const (
	// Webhook receives a Notice as JSON.
	Webhook Kind = "webhook"
	// Teams receives an Adaptive Card at the address of a Workflows webhook.
	Teams Kind = "teams"
)

// Config says whom to tell what. Kind and URL are required. New keeps a copy.
type Config struct {
	Kind Kind
	// URL is where notices are posted: https, or http to this machine. It is a secret.
	URL string
	// Secret signs the requests; empty: they are not signed. One that begins with "whsec_" is base64, as
	// Standard Webhooks writes them, any other is taken as it is.
	Secret string
	// Name is how logs and errors call this target (default: its Kind).
	Name string
	// Events are those to tell (default: all).
	Events []Event
	// OwedAfter is how long something may be owed before it is told (default 8 h).
	OwedAfter time.Duration
	// Next says what to type next, Link where a person sees more of the run; nil or "": nothing is said.
	Next func(runbook.Event) string
	Link func(run string) string

	// HTTPClient sends the requests (default: one of its own). Its CheckRedirect and Timeout do not
	// matter: no redirect is followed, and Timeout below bounds each request.
	HTTPClient *http.Client
	// Timeout bounds one request (default 10 s).
	Timeout time.Duration
	// RetryWait is the pause before the first repetition (default 1 s). It doubles, up to a minute; a
	// longer Retry-After is honoured. GiveUp is when a notice is given up (default 5 min).
	RetryWait, GiveUp time.Duration
	// Queue is how many notices may wait to be sent (default 100). More are given up at once.
	Queue int
	// Clock is where the time is taken from (default: the system).
	Clock runbook.Clock
	// Log takes a warning for each notice that was given up (default slog.Default()).
	Log *slog.Logger
}

// Notifier tells one target. It is safe for concurrent use, also by several runs.
type Notifier struct {
	cfg    Config
	client http.Client
	key    []byte          // of the signatures
	hidden []string        // what no error may show
	life   context.Context // of the requests
	kill   context.CancelFunc
	queue  chan Notice
	done   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	seen   map[string]map[string]bool // of each run: what was told
	owed   map[string]runbook.Event   // by run and obligation
	looked chan struct{}              // something changed in owed
	failed int
	last   error
}

// New checks the configuration, reports every fault of it, and starts the notifier, which sends nothing
// before Observe. Close ends it.
func New(c Config) (*Notifier, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("notify %s: %w", cmp.Or(c.Name, string(c.Kind)), err)
	}
	c = c.withDefaults()
	n := &Notifier{cfg: c, client: *c.HTTPClient, hidden: c.hidden(), queue: make(chan Notice, c.Queue),
		seen: map[string]map[string]bool{}, owed: map[string]runbook.Event{}, looked: make(chan struct{}, 1)}
	n.key, _ = signingKey(c.Secret)
	n.client.Timeout = 0
	n.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	n.life, n.kill = context.WithCancel(context.Background())
	n.done.Go(n.send)
	if n.wants(Owed) {
		n.done.Go(n.watch)
	}
	return n, nil
}

// Check reports every fault of the configuration, without its secrets.
func (c Config) Check() error {
	var faults []error
	if c.Kind != Webhook && c.Kind != Teams {
		faults = append(faults, fmt.Errorf("kind is %q; it is %s or %s", c.Kind, Webhook, Teams))
	}
	if _, err := c.address(); err != nil {
		faults = append(faults, err)
	}
	if _, err := signingKey(c.Secret); err != nil {
		faults = append(faults, err)
	}
	for _, e := range c.Events {
		if !slices.Contains(Events(), e) {
			faults = append(faults, fmt.Errorf("no event is called %q", e))
		}
	}
	if c.OwedAfter < 0 || c.Timeout < 0 || c.RetryWait < 0 || c.GiveUp < 0 || c.Queue < 0 {
		faults = append(faults, errors.New("no duration and no length may be negative"))
	}
	return errors.Join(faults...)
}

func (c Config) address() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local(u.Hostname())) {
		return nil, errors.New("the address must be an absolute https URL (http only to this machine); it is not shown, because it is a secret")
	}
	return u, nil
}

func local(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

func signingKey(secret string) ([]byte, error) {
	encoded, standard := strings.CutPrefix(secret, "whsec_")
	if !standard {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return nil, errors.New("the secret begins with whsec_, but no base64 follows")
	}
	return key, nil
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, string(c.Kind))
	c.Events = slices.Clone(c.Events)
	if len(c.Events) == 0 {
		c.Events = Events()
	}
	c.OwedAfter = cmp.Or(c.OwedAfter, 8*time.Hour)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.RetryWait = cmp.Or(c.RetryWait, time.Second)
	c.GiveUp = cmp.Or(c.GiveUp, 5*time.Minute)
	c.Queue = cmp.Or(c.Queue, 100)
	c.Log = cmp.Or(c.Log, slog.Default())
	c.HTTPClient = cmp.Or(c.HTTPClient, &http.Client{})
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	return c
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Close stops listening and sends what still waits, as long as ctx lasts. Its error tells how many
// notices were given up since New. It may be repeated.
func (n *Notifier) Close(ctx context.Context) error {
	n.mu.Lock()
	if !n.closed {
		n.tellOverdue() // what the watch has not looked at yet
		n.closed = true
		close(n.queue)
		n.look()
	}
	n.mu.Unlock()
	stop := context.AfterFunc(ctx, n.kill)
	n.done.Wait()
	stop()
	n.kill()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed > 0 {
		return fmt.Errorf("%s: %d notice(s) not delivered, the last because: %w; the run does not depend on them, its status tells the same", n.cfg.Name, n.failed, n.last)
	}
	return nil
}
