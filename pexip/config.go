package pexip

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Config says where the Management Node is, who calls, and how patient the client is.
// The zero value of every optional field is its documented default.
type Config struct {
	// URL is the Management Node's address, for example https://mgr.example.org. Only https with
	// a host (and port) is accepted; the API's paths are added by the client.
	URL string
	// Basic and OAuth2 are the two ways to log in; exactly one is needed. An OpenID Connect or
	// Entra login works in the web interface only, never on the API.
	Basic  *Basic
	OAuth2 *OAuth2

	// HTTPClient is the seam for tests, recorders and proxies. New works on a copy that follows no
	// redirect and has no total timeout. Nil: a client of our own, HTTP/1.1, TLS 1.2 or newer.
	// With HTTPClient set, the three TLS fields below must be empty.
	HTTPClient *http.Client
	// RootCAs holds PEM certificates to trust in addition to the system's.
	RootCAs []byte
	// PinnedCertificateSHA256 is the SHA-256 of the node's certificate (DER) in hex, colons
	// allowed. Alone it replaces the check of chain and name, which suits the self-signed
	// certificate of a fresh node; together with RootCAs both must hold.
	PinnedCertificateSHA256 string
	// DangerouslySkipTLSVerification accepts any certificate: whoever sits in between can read
	// the credentials. For throw-away systems only.
	DangerouslySkipTLSVerification bool

	// ChunkEncoding is how a chunk of an upgrade package is put on the wire. Pexip documents the
	// upload address but not its format, so it has to be found out once per deployment;
	// empty: unknown, and Upload refuses to work.
	ChunkEncoding ChunkEncoding
	// ChunkSize is the size of a chunk in bytes; 0: 16 MiB.
	ChunkSize int64

	// StallTimeout aborts a request when no byte has moved for that long; 0: 2 minutes.
	StallTimeout time.Duration
	// DigestTimeout replaces StallTimeout while the node works on something it has received
	// completely (a chunk, a package, a finish call); 0: 15 minutes.
	DigestTimeout time.Duration
	// UploadRetry is how long Upload, after a failure and without any progress, keeps asking the
	// node how far it got; 0: 10 minutes.
	UploadRetry time.Duration
	// PollInterval is the pause between two looks at a running backup, and between two tries of
	// an upload; 0: 5 seconds.
	PollInterval time.Duration
	// BackupTimeout limits the wait for a backup to be written; 0: 30 minutes.
	BackupTimeout time.Duration
	// RetryWait is the first pause before a safe read is repeated (at most three times, doubling,
	// a longer Retry-After wins); 0: 1 second.
	RetryWait time.Duration
	// CallsPerMinute limits all calls of this client together; 0: 1,000, the node's own limit for
	// all its callers. Half of it may come at once. -1: no limit, for test doubles.
	CallsPerMinute int
	// UserAgent is sent with every request; empty: "pexip-upgrade".
	UserAgent string
}

// Basic is a local or LDAP account of the Management Node. It never prints its password.
// (With LDAP every request costs the directory a query.)
type Basic struct {
	Username string
	Password string `json:"-"`
}

// OAuth2 is an API client of the Management Node: it proves itself with a signed assertion
// (ES256) and gets a bearer token. It never prints its key.
// Source: Pexip Infinity documentation, "Managing API access via OAuth2".
type OAuth2 struct {
	// ClientID is shown by the Management Node when the client is created.
	ClientID string
	// PrivateKey is the EC P-256 key in PEM, PKCS #8 or SEC 1; the node shows it only once.
	PrivateKey []byte `json:"-"`
	// TokenURL is where tokens are issued; empty: <URL>/oauth/token/.
	TokenURL string
	// Audience is the assertion's "aud"; empty: TokenURL. It may have to differ behind a reverse
	// proxy (unverified).
	Audience string
	// Scope is asked for; empty: "is_admin use_api".
	Scope string
}

// Format prints the account without its password, whatever the verb.
func (b Basic) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "basic account %q", b.Username) }

// Format prints the API client without its key, whatever the verb.
func (o OAuth2) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "oauth2 client %q", o.ClientID) }

const apiRoot = "/api/admin/"

// newLimiter keeps below perMinute in any 60 seconds: half of it at once, half refilled. 1,000 is
// the limit that community texts quote from Pexip's page "Using the API".
func newLimiter(perMinute int) *rate.Limiter {
	if perMinute < 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	burst := (perMinute + 1) / 2
	return rate.NewLimiter(rate.Limit(perMinute-burst)/60, burst)
}

// Client talks to one Management Node. It is safe for concurrent use; all its calls share one
// rate limit, Config.CallsPerMinute, and no more than five are under way at the same time.
type Client struct {
	cfg     Config
	base    *url.URL
	http    *http.Client
	login   login
	limiter *rate.Limiter
	slots   chan struct{} // one for each request under way
}

// New checks cfg and makes a client; it sends nothing. The error names every fault of cfg at once.
func New(cfg Config) (*Client, error) {
	base, urlErr := checkURL("URL", cfg.URL)
	if urlErr == nil && strings.Trim(base.Path, "/") != "" {
		urlErr = fmt.Errorf("URL: give only scheme and host, without %q", base.Path)
	}
	hc, httpErr := newHTTPClient(cfg)
	c := &Client{cfg: cfg.withDefaults(), base: base, http: hc,
		limiter: newLimiter(cmp.Or(cfg.CallsPerMinute, 1000)), slots: make(chan struct{}, maxAtOnce)}
	var loginErr error
	c.login, loginErr = newLogin(c, cfg)
	if err := errors.Join(urlErr, loginErr, httpErr, cfg.checkNumbers()); err != nil {
		return nil, fmt.Errorf("pexip: configuration: %w", err)
	}
	return c, nil
}

func (cfg Config) withDefaults() Config {
	cfg.ChunkSize = cmp.Or(cfg.ChunkSize, 16<<20)
	cfg.StallTimeout = cmp.Or(cfg.StallTimeout, 2*time.Minute)
	cfg.DigestTimeout = cmp.Or(cfg.DigestTimeout, 15*time.Minute)
	cfg.UploadRetry = cmp.Or(cfg.UploadRetry, 10*time.Minute)
	cfg.PollInterval = cmp.Or(cfg.PollInterval, 5*time.Second)
	cfg.BackupTimeout = cmp.Or(cfg.BackupTimeout, 30*time.Minute)
	cfg.RetryWait = cmp.Or(cfg.RetryWait, time.Second)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "pexip-upgrade")
	return cfg
}

func (cfg Config) checkNumbers() error {
	var faults []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"StallTimeout", cfg.StallTimeout}, {"DigestTimeout", cfg.DigestTimeout}, {"UploadRetry", cfg.UploadRetry},
		{"PollInterval", cfg.PollInterval}, {"BackupTimeout", cfg.BackupTimeout}, {"RetryWait", cfg.RetryWait}} {
		if d.value < 0 {
			faults = append(faults, fmt.Errorf("%s: %s is negative", d.name, d.value))
		}
	}
	if cfg.CallsPerMinute < -1 || cfg.CallsPerMinute == 1 {
		faults = append(faults, fmt.Errorf("CallsPerMinute: %d is neither -1 nor 0 nor 2 or more", cfg.CallsPerMinute))
	}
	if cfg.ChunkSize < 0 {
		faults = append(faults, fmt.Errorf("ChunkSize: %d is negative", cfg.ChunkSize))
	}
	if cfg.ChunkEncoding != "" && !cfg.ChunkEncoding.known() {
		faults = append(faults, fmt.Errorf("ChunkEncoding: %q is none of %q", cfg.ChunkEncoding, ChunkEncodings()))
	}
	if strings.ContainsAny(cfg.UserAgent, "\r\n") {
		faults = append(faults, errors.New("UserAgent: holds a line break"))
	}
	return errors.Join(faults...)
}

// checkURL accepts https addresses without user, query or fragment. Its errors never quote the
// address whole, which could hold a password.
func checkURL(field, raw string) (*url.URL, error) {
	if raw == "" {
		return nil, fmt.Errorf("%s: empty; give https://host", field)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: not an address; give https://host", field)
	case u.Scheme != "https":
		return nil, fmt.Errorf("%s: scheme %q refused, credentials travel only over https", field, u.Scheme)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s: no host; give https://host", field)
	case u.User != nil:
		return nil, fmt.Errorf("%s: put the user into Basic, not into the address", field)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s: query and fragment are not allowed", field)
	}
	return u, nil
}

// checkSHA256 returns the 64 hex digits of s in lower case; blanks around and colons inside go.
func checkSHA256(s string) (string, error) {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if b, err := hex.DecodeString(s); err != nil || len(b) != 32 {
		return "", fmt.Errorf("%q is not a SHA-256 (64 hex digits)", s)
	}
	return s, nil
}
