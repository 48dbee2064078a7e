package pexip

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// login supplies the Authorization header.
type login interface {
	header(context.Context) (string, error)
	renewable() bool
	// refused reports a header that the node answered with 401.
	refused(header string)
	// renew makes the next header a fresh one, where that is possible.
	renew()
	secrets() []string
}

func newLogin(c *Client, cfg Config) (login, error) {
	switch {
	case cfg.Basic != nil && cfg.OAuth2 != nil:
		return nil, errors.New("Basic and OAuth2 are both given; exactly one is needed")
	case cfg.Basic != nil:
		return newBasicLogin(*cfg.Basic)
	case cfg.OAuth2 != nil:
		return newTokenLogin(c, *cfg.OAuth2)
	}
	return nil, errors.New("neither Basic nor OAuth2 is given; exactly one is needed")
}

type basicLogin struct{ password, value string }

func newBasicLogin(b Basic) (login, error) {
	var faults []error
	if b.Username == "" || strings.Contains(b.Username, ":") {
		faults = append(faults, errors.New("Basic.Username: empty or with a colon"))
	}
	if b.Password == "" {
		faults = append(faults, errors.New("Basic.Password: empty"))
	}
	value := base64.StdEncoding.EncodeToString([]byte(b.Username + ":" + b.Password))
	return &basicLogin{b.Password, "Basic " + value}, errors.Join(faults...)
}

func (b *basicLogin) header(context.Context) (string, error) { return b.value, nil }
func (b *basicLogin) renewable() bool                        { return false }
func (b *basicLogin) refused(string)                         {}
func (b *basicLogin) renew()                                 {}
func (b *basicLogin) secrets() []string                      { return []string{b.password} }

// renewBefore is how long before its end a token is replaced, or half its life if that is less.
const renewBefore = 5 * time.Minute

// tokenLogin gets and keeps a bearer token. One caller at a time fetches; others wait.
type tokenLogin struct {
	client *Client
	cfg    OAuth2
	key    *ecdsa.PrivateKey
	turn   chan struct{}

	mu    sync.Mutex
	value string
	until time.Time
}

func newTokenLogin(c *Client, o OAuth2) (login, error) {
	var faults []error
	if o.ClientID == "" {
		faults = append(faults, errors.New("OAuth2.ClientID: empty"))
	}
	key, err := jwt.ParseECPrivateKeyFromPEM(o.PrivateKey)
	if err != nil || key.Curve != elliptic.P256() {
		faults = append(faults, errors.New("OAuth2.PrivateKey: not an EC P-256 private key in PEM (PKCS #8 or SEC 1)"))
	}
	if o.TokenURL != "" {
		if _, err := checkURL("OAuth2.TokenURL", o.TokenURL); err != nil {
			faults = append(faults, err)
		}
	} else if c.base != nil {
		o.TokenURL = c.base.ResolveReference(&url.URL{Path: "/oauth/token/"}).String()
	}
	o.Audience = cmp.Or(o.Audience, o.TokenURL)
	o.Scope = cmp.Or(o.Scope, "is_admin use_api")
	return &tokenLogin{client: c, cfg: o, key: key, turn: make(chan struct{}, 1)}, errors.Join(faults...)
}

func (t *tokenLogin) renewable() bool { return true }

func (t *tokenLogin) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().After(t.until) {
		return ""
	}
	return t.value
}

func (t *tokenLogin) refused(header string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == header {
		t.value = ""
	}
}

func (t *tokenLogin) renew() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value = ""
}

func (t *tokenLogin) secrets() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{strings.TrimPrefix(t.value, "Bearer ")}
}

func (t *tokenLogin) header(ctx context.Context) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("get an access token: %w", ctx.Err())
	}
	if v := t.current(); v != "" {
		return v, nil
	}
	var reply tokenReply
	// Asking for a token changes nothing, so it may be repeated; each time with a new assertion.
	if err := t.client.repeat(ctx, func() error { return t.ask(ctx, &reply) }); err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.sent, e.final = false, true // whatever the token is for was not sent
		}
		return "", err
	}
	return t.keep(reply), nil
}

type tokenReply struct {
	AccessToken string   `json:"access_token"`
	ExpiresIn   *float64 `json:"expires_in"`
}

func (t *tokenLogin) keep(reply tokenReply) string {
	life := renewBefore // when the node does not say
	if reply.ExpiresIn != nil {
		life = time.Duration(*reply.ExpiresIn * float64(time.Second))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value = "Bearer " + reply.AccessToken
	t.until = time.Now().Add(life - min(renewBefore, life/2))
	return t.value
}

func (t *tokenLogin) ask(ctx context.Context, reply *tokenReply) error {
	assertion, err := t.assertion()
	if err != nil {
		return fmt.Errorf("sign an assertion for a token: %w", err)
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
		"scope":                 {t.cfg.Scope},
	}
	r := call{op: "get an access token", method: http.MethodPost, path: "/oauth/token/", address: t.cfg.TokenURL, noLogin: true, secret: assertion,
		body: []byte(form.Encode()), contentType: "application/x-www-form-urlencoded",
		advice: "check client id, key, the clock of this machine and, behind a proxy, OAuth2.Audience"}
	return t.client.exchange(ctx, r, func(res *http.Response, body io.Reader) error {
		if err := decode(r, res, body, reply); err != nil {
			return err
		}
		if reply.AccessToken == "" {
			return nonsense(r, res, nil, errors.New("the answer holds no access_token"))
		}
		return nil
	})
}

func (t *tokenLogin) assertion() (string, error) {
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{ // the audience as a plain string, not a list
		"iss": t.cfg.ClientID, "sub": t.cfg.ClientID, "aud": t.cfg.Audience,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": uuid.NewString(),
	}).SignedString(t.key)
}
