package pexip

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// newHTTPClient copies the given client or builds our own; neither follows redirects (Go would
// turn a redirected POST into a GET) nor limits a call's total time (an upload takes hours).
func newHTTPClient(cfg Config) (*http.Client, error) {
	given := len(cfg.RootCAs) > 0 || cfg.PinnedCertificateSHA256 != "" || cfg.DangerouslySkipTLSVerification
	hc := &http.Client{}
	if cfg.HTTPClient != nil {
		if given {
			return nil, errors.New("HTTPClient: cannot be combined with RootCAs, PinnedCertificateSHA256 or DangerouslySkipTLSVerification; set TLS up in its transport")
		}
		*hc = *cfg.HTTPClient
	} else {
		t, err := NewTransport(cfg)
		if err != nil {
			return nil, err
		}
		hc.Transport = t
	}
	hc.Timeout = 0
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return hc, nil
}

// NewTransport makes the transport that New uses when Config has no HTTPClient: with cfg's certificates,
// HTTP/1.1, and no total timeout. Wrap it, for example to record or to refuse requests, and pass it
// back through HTTPClient.
func NewTransport(cfg Config) (*http.Transport, error) {
	tlsConfig, err := newTLSConfig(cfg)
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:       tlsConfig,
		Protocols:             protocols,
		TLSHandshakeTimeout:   30 * time.Second,
		ExpectContinueTimeout: 5 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   5,
		WriteBufferSize:       64 << 10,
	}, nil
}

func newTLSConfig(cfg Config) (*tls.Config, error) {
	var faults []error
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(cfg.RootCAs) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(cfg.RootCAs) {
			faults = append(faults, errors.New("RootCAs: no PEM certificate found"))
		}
		out.RootCAs = pool
	}
	if cfg.PinnedCertificateSHA256 != "" {
		pin, err := checkSHA256(cfg.PinnedCertificateSHA256)
		if err != nil {
			faults = append(faults, fmt.Errorf("PinnedCertificateSHA256: %w", err))
		}
		out.InsecureSkipVerify = len(cfg.RootCAs) == 0 // the pin replaces the chain
		out.VerifyConnection = pinned(pin)
	}
	if cfg.DangerouslySkipTLSVerification {
		if len(cfg.RootCAs) > 0 || cfg.PinnedCertificateSHA256 != "" {
			faults = append(faults, errors.New("DangerouslySkipTLSVerification: contradicts RootCAs and PinnedCertificateSHA256"))
		}
		out.InsecureSkipVerify = true
	}
	return out, errors.Join(faults...)
}

// pinned accepts only the certificate with that SHA-256.
func pinned(want string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return &PinError{Want: want}
		}
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		got := hex.EncodeToString(sum[:])
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
			return &PinError{Want: want, Got: got}
		}
		return nil
	}
}

// PinError says that the node presented another certificate than the pinned one: it was replaced,
// or someone sits in between. Nothing was sent.
type PinError struct {
	// Want and Got are SHA-256 sums in hex; Got is empty when no certificate was presented.
	Want, Got string
}

// Error shows both sums, so that a planned replacement can be pinned anew.
func (e *PinError) Error() string {
	return fmt.Sprintf("the node's certificate has SHA-256 %q, pinned is %q; pin the new one only if its change was announced", e.Got, e.Want)
}
