package pexip_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

func TestNewReportsAllFaultsTogether(t *testing.T) {
	_, err := pexip.New(pexip.Config{
		URL: "http://mgr.example.org", Basic: &pexip.Basic{Username: "a:b"}, RootCAs: []byte("no certificate"), PinnedCertificateSHA256: "123",
		DangerouslySkipTLSVerification: true, ChunkEncoding: "smoke-signals", ChunkSize: -1, PollInterval: -time.Second, UserAgent: "a\nb",
	})
	fails(t, err, nil, `scheme "http" refused`, "Basic.Username", "Basic.Password", "RootCAs: no PEM", "PinnedCertificateSHA256", "contradicts",
		"smoke-signals", "ChunkSize", "PollInterval", "UserAgent")
}

func TestNewRefuses(t *testing.T) {
	basic := &pexip.Basic{Username: "admin", Password: "hunter2"}
	oauth := &pexip.OAuth2{ClientID: "id", PrivateKey: ecKey(t, elliptic.P256(), true)}
	const url = "https://mgr.example.org"
	for want, cfg := range map[string]pexip.Config{
		"URL: empty":                   {Basic: basic},
		"no host":                      {URL: "https://", Basic: basic},
		"not an address":               {URL: "https://a b", Basic: basic},
		"put the user into Basic":      {URL: "https://u:hunter2@mgr", Basic: basic},
		"query and fragment":           {URL: url + "?a=b", Basic: basic},
		"without \"/admin/\"":          {URL: url + "/admin/", Basic: basic},
		"neither Basic nor OAuth2":     {URL: url},
		"both given":                   {URL: url, Basic: basic, OAuth2: oauth},
		"OAuth2.ClientID: empty":       {URL: url, OAuth2: &pexip.OAuth2{PrivateKey: oauth.PrivateKey}},
		"not an EC P-256 private key":  {URL: url, OAuth2: &pexip.OAuth2{ClientID: "id", PrivateKey: ecKey(t, elliptic.P384(), true)}},
		"(PKCS #8 or SEC 1)":           {URL: url, OAuth2: &pexip.OAuth2{ClientID: "id", PrivateKey: []byte("hunter2")}},
		"OAuth2.TokenURL: scheme":      {URL: url, OAuth2: &pexip.OAuth2{ClientID: "id", PrivateKey: oauth.PrivateKey, TokenURL: "http://x/oauth/token/"}},
		"CallsPerMinute: 1 is neither": {URL: url, Basic: basic, CallsPerMinute: 1},
		"HTTPClient: cannot be combin": {URL: url, Basic: basic, HTTPClient: &http.Client{}, RootCAs: []byte("x")},
	} {
		_, err := pexip.New(cfg)
		fails(t, err, nil, want)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error shows a secret: %v", err)
		}
	}
	for _, key := range [][]byte{ecKey(t, elliptic.P256(), true), ecKey(t, elliptic.P256(), false)} {
		_, err := pexip.New(pexip.Config{URL: url + "/", OAuth2: &pexip.OAuth2{ClientID: "id", PrivateKey: key}})
		ok(t, err)
	}
}

func ecKey(t *testing.T, curve elliptic.Curve, pkcs8 bool) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	ok(t, err)
	kind, marshal := "EC PRIVATE KEY", func() ([]byte, error) { return x509.MarshalECPrivateKey(key) }
	if pkcs8 {
		kind, marshal = "PRIVATE KEY", func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(key) }
	}
	der, err := marshal()
	ok(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestConfigNeverPrintsSecrets(t *testing.T) {
	cfg := pexip.Config{Basic: &pexip.Basic{Username: "u", Password: "hunter2"}, OAuth2: &pexip.OAuth2{ClientID: "id", PrivateKey: []byte("hunter2")}}
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&out, format+"\n", cfg)
		fmt.Fprintf(&out, format+"\n", *cfg.Basic)
		fmt.Fprintf(&out, format+"\n", *cfg.OAuth2)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "basic", cfg.Basic, "oauth2", *cfg.OAuth2)
	b, err := json.Marshal([]any{cfg.Basic, cfg.OAuth2})
	ok(t, err)
	out.Write(b)
	for _, secret := range []string{"hunter2", hex.EncodeToString([]byte("hunter2")), "aHVudGVyMg"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in\n%s", secret, out.String())
		}
	}
}

// A fresh node has a certificate that nobody trusts. Most clients then trust everything; here it is
// pinned or its authority named, and a changed one is an error.
func TestTLS(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	ok(t, srv.Start())
	t.Cleanup(srv.Close)
	block, _ := pem.Decode(srv.CertificatePEM())
	sum := sha256.Sum256(block.Bytes)
	pin := strings.ToUpper(hex.EncodeToString(sum[:]))
	other := strings.Repeat("ab", 32)
	for name, tc := range map[string]struct {
		edit func(*pexip.Config)
		want string
	}{
		"not trusted":      {func(*pexip.Config) {}, "certificate"},
		"root":             {func(c *pexip.Config) { c.RootCAs = srv.CertificatePEM() }, ""},
		"pin":              {func(c *pexip.Config) { c.PinnedCertificateSHA256 = pin[:2] + ":" + pin[2:] }, ""},
		"wrong pin":        {func(c *pexip.Config) { c.PinnedCertificateSHA256 = other }, "pinned is"},
		"root and pin":     {func(c *pexip.Config) { c.RootCAs, c.PinnedCertificateSHA256 = srv.CertificatePEM(), pin }, ""},
		"root, wrong pin":  {func(c *pexip.Config) { c.RootCAs, c.PinnedCertificateSHA256 = srv.CertificatePEM(), other }, "pinned is"},
		"skipped":          {func(c *pexip.Config) { c.DangerouslySkipTLSVerification = true }, ""},
		"pin, other roots": {func(c *pexip.Config) { c.RootCAs, c.PinnedCertificateSHA256 = otherRoot(t), pin }, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(srv.Requests())
			c := client(t, srv, func(c *pexip.Config) {
				c.HTTPClient = nil
				c.OAuth2, c.Basic = nil, srv.Basic()
				tc.edit(c)
			})
			_, err := c.Alarms(t.Context())
			if tc.want == "" {
				ok(t, err)
				return
			}
			fails(t, err, nil, tc.want)
			if pexip.Unavailable(err) {
				t.Error("a wrong certificate counts as a restarting node")
			}
			if len(srv.Requests()) != before {
				t.Error("a request was sent in spite of the certificate")
			}
		})
	}
}

func otherRoot(t *testing.T) []byte {
	t.Helper()
	other := httptest.NewUnstartedServer(nil)
	other.StartTLS()
	defer other.Close()
	// httptest uses one built-in certificate, so make it another by choosing a client CA of our own.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := x509.Certificate{SerialNumber: other.Certificate().SerialNumber, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	ok(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestGivenClientIsNotChanged(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	own := srv.Client()
	own.Timeout = 7 * time.Second
	c := client(t, srv, func(c *pexip.Config) { c.HTTPClient = own })
	_, err := c.Alarms(t.Context())
	ok(t, err)
	if own.Timeout != 7*time.Second || own.CheckRedirect != nil {
		t.Error("New changed the caller's client")
	}
}

// Go turns a redirected POST into a GET, or sends its body again elsewhere (307, 308).
func TestRedirectsAreRefused(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: 302, Header: http.Header{"Location": {"/api/admin/configuration/v1/"}}})
	_, err := c.Alarms(t.Context())
	fails(t, err, nil, "302", "redirects are not followed")
	if sent(srv, "GET", "configuration") != 0 {
		t.Error("the redirect was followed")
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv.ForgetRequests()
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Method: "PATCH", Status: status, Header: http.Header{"Location": {"/api/admin/configuration/v1/global/1/?moved"}}})
		fails(t, c.SetSessionTimeoutEnabled(t.Context(), false), nil, strconv.Itoa(status), "redirects are not followed")
		if n := sent(srv, "", "moved"); n != 0 {
			t.Errorf("%d was followed", status)
		}
	}
	if !srv.State().SessionTimeoutEnabled {
		t.Error("the redirected change took effect")
	}
}

func TestTransportFailureIsAnError(t *testing.T) {
	broken := errors.New("cable cut")
	c, err := pexip.New(pexip.Config{URL: "https://mgr.invalid", Basic: &pexip.Basic{Username: "u", Password: "p"}, RetryWait: time.Millisecond,
		HTTPClient: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken })}})
	ok(t, err)
	_, err = c.Alarms(t.Context())
	fails(t, err, broken, "read the alarms: GET /api/admin/status/v1/alarm/", "no answer: cable cut", "try again")
	if !pexip.Unavailable(err) {
		t.Error("no answer does not count as unavailable")
	}
}
