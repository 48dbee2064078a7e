package azurevm

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicesbackup/v4"
)

// Config says which subscription to work on and how patiently. Only SubscriptionID and Credential
// are required.
type Config struct {
	// SubscriptionID is the subscription that holds the VMs and the vault.
	SubscriptionID string
	// Credential gives the bearer tokens.
	Credential azcore.TokenCredential

	// Endpoint is the URL of Azure Resource Manager, https only. Empty: the Azure public cloud.
	Endpoint string
	// Audience is what tokens are requested for. Empty: the public cloud's, or Endpoint when that
	// is set.
	Audience string
	// HTTPClient sends the requests; nil: azcore's own. It should have no total timeout.
	HTTPClient *http.Client
	// TracingProvider makes a span for each call of the SDK, below the span in the call's context. The
	// zero value makes none and costs nothing. For OpenTelemetry use azotel.NewTracingProvider of
	// github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel. Spans hold no token and no body.
	TracingProvider tracing.Provider

	// PollInterval is the pause between two looks at something that is awaited; zero: 10 s.
	// A longer Retry-After of the service is honoured.
	PollInterval time.Duration
	// PowerLimit bounds Deallocate and Start; zero: 30 min.
	PowerLimit time.Duration
	// TriggerLimit bounds the wait for the job's id after a backup or restore was requested;
	// zero: 10 min.
	TriggerLimit time.Duration
	// SnapshotLimit bounds WaitSnapshot; zero: 4 h.
	SnapshotLimit time.Duration
	// RestoreLimit bounds WaitJob; zero: 8 h.
	RestoreLimit time.Duration
	// TransferLimit bounds WaitVaultTransfer; zero: 24 h.
	TransferLimit time.Duration
	// DiskLimit bounds each change of a disk, a snapshot of one, or a VM's model; zero: 4 h.
	DiskLimit time.Duration
	// RetryWait is the pause before a failed read is repeated for the first time; it then grows
	// (about three, then seven times as long). Zero: 1 s. A start that failed for want of
	// capacity is repeated after sixty times RetryWait, then twice that, and so on up to 64
	// times that: hosts do not become free in seconds.
	RetryWait time.Duration
	// AllocationRetries is how often such a start is repeated; zero: 3, negative: never.
	AllocationRetries int
}

// readRetries is how often a read is repeated within one call.
const readRetries = 3

// New checks cfg and returns a client. All faults of cfg are reported together. Nothing is sent.
func New(cfg Config) (*Client, error) {
	endpoint, faults := cfg.endpoint()
	faults = append(faults, cfg.faults()...)
	if len(faults) > 0 {
		return nil, fmt.Errorf("azurevm configuration: %w", errors.Join(faults...))
	}
	cfg.setDefaults()
	c := &Client{cfg: cfg, host: endpoint.Host, reads: policy.RetryOptions{MaxRetries: readRetries, RetryDelay: cfg.RetryWait}}
	if err := c.connect(strings.TrimRight(endpoint.String(), "/")); err != nil {
		return nil, fmt.Errorf("azurevm configuration: %w", err)
	}
	return c, nil
}

func (cfg *Config) endpoint() (*url.URL, []error) {
	raw := cfg.Endpoint
	if raw == "" {
		raw = cloud.AzurePublic.Services[cloud.ResourceManager].Endpoint
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, []error{fmt.Errorf("endpoint: %w", err)}
	case u.Scheme != "https" || u.Host == "":
		return nil, []error{fmt.Errorf("endpoint %q: must be an https URL, because a token is sent to it", u.Redacted())}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, []error{fmt.Errorf("endpoint %q: must have neither user, query nor fragment", u.Host)}
	}
	return u, nil
}

func (cfg *Config) faults() []error {
	var faults []error
	if cfg.SubscriptionID == "" || strings.ContainsAny(cfg.SubscriptionID, "/?# ") {
		faults = append(faults, fmt.Errorf("subscription id %q: must be the id, as in the portal's overview", cfg.SubscriptionID))
	}
	if cfg.Credential == nil {
		faults = append(faults, errors.New("credential: must be set"))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"poll interval", cfg.PollInterval}, {"power limit", cfg.PowerLimit}, {"trigger limit", cfg.TriggerLimit},
		{"snapshot limit", cfg.SnapshotLimit}, {"restore limit", cfg.RestoreLimit},
		{"transfer limit", cfg.TransferLimit}, {"disk limit", cfg.DiskLimit}, {"retry wait", cfg.RetryWait}} {
		if d.value < 0 {
			faults = append(faults, fmt.Errorf("%s %s: must not be negative", d.name, d.value))
		}
	}
	return faults
}

func (cfg *Config) setDefaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&cfg.PollInterval, 10 * time.Second}, {&cfg.PowerLimit, 30 * time.Minute}, {&cfg.TriggerLimit, 10 * time.Minute},
		{&cfg.SnapshotLimit, 4 * time.Hour}, {&cfg.RestoreLimit, 8 * time.Hour},
		{&cfg.TransferLimit, 24 * time.Hour}, {&cfg.DiskLimit, 4 * time.Hour}, {&cfg.RetryWait, time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if cfg.AllocationRetries == 0 {
		cfg.AllocationRetries = 3
	}
}

func (c *Client) connect(endpoint string) error {
	options, cred := c.options(endpoint), credential{c.cfg.Credential}
	compute, err1 := armcompute.NewClientFactory(c.cfg.SubscriptionID, cred, options)
	backup, err2 := armrecoveryservicesbackup.NewClientFactory(c.cfg.SubscriptionID, cred, options)
	raw, err3 := arm.NewClient("azurevm", "v0.1.0", cred, options)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	c.vms, c.disks, c.snapshots = compute.NewVirtualMachinesClient(), compute.NewDisksClient(), compute.NewSnapshotsClient()
	c.backup, c.raw = backup, raw
	return nil
}

// options never repeats a request by itself: reads ask for repetition call by call (attempt.reading),
// so that a forgotten request is sent too seldom and not too often.
func (c *Client) options(endpoint string) *arm.ClientOptions {
	o := &arm.ClientOptions{DisableRPRegistration: true}
	o.TracingProvider = c.cfg.TracingProvider
	o.Retry.MaxRetries = -1
	o.Telemetry.ApplicationID = "pexip-upgrade"
	o.PerCallPolicies = []policy.Policy{guard{c.host}}
	if c.cfg.HTTPClient != nil {
		o.Transport = c.cfg.HTTPClient
	}
	if c.cfg.Endpoint != "" || c.cfg.Audience != "" {
		service := cloud.ServiceConfiguration{Endpoint: endpoint, Audience: c.cfg.Audience}
		if service.Audience == "" {
			service.Audience = endpoint
		}
		o.Cloud = cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: service}}
	}
	return o
}
