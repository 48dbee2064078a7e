package upgrade

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// Connect makes the clients of an environment's run. It sends nothing; every fault is reported.
// wrap, unless nil, goes around each client's transport: a plan passes ReadOnly.
func Connect(cfg *Config, env policy.Environment, secrets Secrets, wrap func(http.RoundTripper) http.RoundTripper) (*Systems, error) {
	return connect(cfg, env, secrets, wrap, tracing.Provider{})
}

func connect(cfg *Config, env policy.Environment, secrets Secrets, wrap func(http.RoundTripper) http.RoundTripper, tracing tracing.Provider) (*Systems, error) {
	c := connector{cfg: cfg, secrets: secrets, wrap: wrap, tracing: tracing}
	s := &Systems{Test: c.pexip(policy.Test), Production: c.pexip(policy.Production)}
	c.credential()
	s.Azure = c.azure()
	s.Pipeline = c.pipeline(cfg.Environment(env))
	return s, errors.Join(c.faults...)
}

type connector struct {
	cfg     *Config
	secrets Secrets
	wrap    func(http.RoundTripper) http.RoundTripper
	tracing tracing.Provider
	entra   azcore.TokenCredential
	faults  []error
}

// fault collects an error and says whether there was one.
func (c *connector) fault(what string, err error) bool {
	if err != nil {
		c.faults = append(c.faults, fmt.Errorf("%s: %w", what, err))
	}
	return err != nil
}

func (c *connector) pexip(env policy.Environment) *pexip.Client {
	e, s, u := c.cfg.Environment(env), c.secrets.Environment(env), c.cfg.Upload
	pc := pexip.Config{URL: e.Pexip.URL, PinnedCertificateSHA256: e.Pexip.PinnedCertificateSHA256, ChunkEncoding: u.ChunkEncoding,
		ChunkSize: u.ChunkSize, StallTimeout: u.StallTimeout, UploadRetry: u.RetryFor, PollInterval: c.cfg.Waits.PollInterval, RetryWait: c.retryWait()}
	if o := e.Pexip.OAuth2; o != nil {
		pc.OAuth2 = &pexip.OAuth2{ClientID: o.ClientID, PrivateKey: []byte(s.PexipPrivateKey), TokenURL: o.TokenURL, Audience: o.Audience, Scope: o.Scope}
	}
	if b := e.Pexip.Basic; b != nil {
		pc.Basic = &pexip.Basic{Username: b.Username, Password: s.PexipPassword}
	}
	what := fmt.Sprintf("Management Node of %s", env)
	if e.Pexip.CAFile != "" {
		pem, err := os.ReadFile(e.Pexip.CAFile)
		if c.fault(what, err) {
			return nil
		}
		pc.RootCAs = pem
	}
	transport, err := pexip.NewTransport(pc)
	if c.fault(what, err) {
		return nil
	}
	pc.HTTPClient = &http.Client{Transport: wrapped(transport, c.wrap)}
	pc.RootCAs, pc.PinnedCertificateSHA256 = nil, ""
	client, err := pexip.New(pc)
	c.fault(what, err)
	return client
}

// retryWait keeps the clients' pauses in proportion where a rehearsal polls in milliseconds.
func (c *connector) retryWait() time.Duration { return min(time.Second, c.cfg.Waits.PollInterval) }

func (c *connector) credential() {
	var err error
	switch c.cfg.Azure.Credential {
	case CredentialTokenFile:
		c.entra = staticToken(c.secrets.AzureToken)
	case CredentialCLI:
		c.entra, err = azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: c.cfg.Azure.Tenant})
	default:
		c.entra, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{TenantID: c.cfg.Azure.Tenant})
	}
	c.fault("Azure credential", err)
}

// staticToken is a token that somebody fetched beforehand, for example with az account get-access-token.
type staticToken string

// GetToken implements azcore.TokenCredential.
func (t staticToken) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func (c *connector) azure() *azurevm.Client {
	a := c.cfg.Azure
	hc, err := c.client(a.CAFile)
	if c.fault("Azure", err) {
		return nil
	}
	w := c.cfg.Waits
	client, err := azurevm.New(azurevm.Config{SubscriptionID: a.Subscription, Credential: c.entra, Endpoint: a.Endpoint, Audience: a.Audience, HTTPClient: hc, TracingProvider: c.tracing,
		PollInterval: w.PollInterval, PowerLimit: w.VMPower, SnapshotLimit: w.Snapshot, RetryWait: c.retryWait()})
	c.fault("Azure", err)
	return client
}

func (c *connector) pipeline(e *EnvironmentConfig) *devops.Client {
	d := c.cfg.DevOps
	hc, err := c.client(d.CAFile)
	if c.fault("Azure DevOps", err) {
		return nil
	}
	dc := devops.Config{PipelineURL: e.Pipeline.URL, PAT: c.secrets.DevOpsPAT, HTTPClient: hc, PollInterval: c.cfg.Waits.PollInterval,
		CancelLimit: c.cfg.Waits.CancelBuilds, RetryWait: c.retryWait()}
	if d.Entra {
		dc.Credential = c.entra
	}
	client, err := devops.New(dc)
	c.fault("Azure DevOps", err)
	return client
}

func (c *connector) client(caFile string) (*http.Client, error) {
	return clientFor(caFile, c.wrap)
}

// wrapped makes a client's transport: wrap, if given, and outside it the fence.
func wrapped(t http.RoundTripper, wrap func(http.RoundTripper) http.RoundTripper) http.RoundTripper {
	if wrap != nil {
		t = wrap(t)
	}
	return fenced{t}
}

// clientFor makes a client that trusts the system's certificates and those of a file. It has no total
// timeout; connecting is bounded.
func clientFor(caFile string, wrap func(http.RoundTripper) http.RoundTripper) (*http.Client, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 30 * time.Second, IdleConnTimeout: 90 * time.Second}
	if std, ok := http.DefaultTransport.(*http.Transport); ok { // programs may have replaced it
		t = std.Clone()
	}
	t.DialContext = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", caFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: wrapped(t, wrap)}, nil
}
