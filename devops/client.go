package devops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"
	"github.com/microsoft/azure-devops-go-api/azuredevops/v7"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// Config says which definition, with which credential, and how patiently.
type Config struct {
	// PipelineURL is the address of the pipeline as a browser shows it; see ParsePipelineURL.
	// Give either this or the three fields below.
	PipelineURL string
	// OrganizationURL is for example https://dev.azure.com/ExampleOrg.
	OrganizationURL string
	// Project is a name, unescaped, or a GUID.
	Project string
	// DefinitionID is the number of the definition.
	DefinitionID int

	// PAT is a personal access token. Give exactly one of PAT and Credential.
	PAT string
	// Credential gives Entra ID tokens; they are renewed five minutes before they expire.
	Credential azcore.TokenCredential

	// HTTPClient sends the requests. Nil: one with the standard transport, no total timeout, and two
	// minutes for the first byte of an answer. It is not changed: the client works on a copy.
	HTTPClient *http.Client
	// PollInterval is the time between two looks while waiting. Zero: 10 s.
	PollInterval time.Duration
	// CancelLimit is how long Cancel waits for builds to end. Zero: 10 min.
	CancelLimit time.Duration
	// RunLimit is how long WaitBuild and WaitIdle wait. Zero: 2 h.
	RunLimit time.Duration
	// RetryWait is the time before a read is repeated; it doubles with every repetition, of which
	// there are four. A longer Retry-After of the service counts instead. Zero: 1 s.
	RetryWait time.Duration
	// ConflictRetries is how often a change is re-applied to a definition that somebody else edited in
	// between, or that could not be written for a passing reason. Zero: 5.
	ConflictRetries int
	// CancelPausedBuilds also asks the service to cancel held builds when the definition is enabled
	// (query parameter of "Definitions - Update", API version 7.2-preview.8). Unverified, and ignored
	// by older servers: never the only measure, see Backlog and Cancel.
	CancelPausedBuilds bool
}

// Client works on one pipeline definition. It is safe for concurrent use.
type Client struct {
	pipeline           Pipeline
	api                *azuredevops.Client
	pollInterval       time.Duration
	cancelLimit        time.Duration
	runLimit           time.Duration
	retryWait          time.Duration
	conflictRetries    int
	cancelPausedBuilds bool
}

// New checks the configuration and returns a client. It sends nothing. All faults of the
// configuration are reported together.
func New(cfg Config) (*Client, error) {
	pipeline, place := cfg.pipeline()
	faults := errors.Join(place, cfg.credential(), cfg.numbers())
	if faults != nil {
		return nil, fmt.Errorf("devops configuration: %w", faults)
	}
	base, err := url.Parse(pipeline.OrganizationURL)
	if err != nil {
		return nil, fmt.Errorf("devops configuration: OrganizationURL: %w", err)
	}
	connection := azuredevops.NewAnonymousConnection(pipeline.OrganizationURL)
	connection.UserAgent = "pexip-upgrade"
	return &Client{
		pipeline:           pipeline,
		api:                azuredevops.NewClientWithOptions(connection, connection.BaseUrl, azuredevops.WithHTTPClient(cfg.httpClient(base.Host))),
		pollInterval:       orDefault(cfg.PollInterval, 10*time.Second),
		cancelLimit:        orDefault(cfg.CancelLimit, 10*time.Minute),
		runLimit:           orDefault(cfg.RunLimit, 2*time.Hour),
		retryWait:          orDefault(cfg.RetryWait, time.Second),
		conflictRetries:    orDefault(cfg.ConflictRetries, 5),
		cancelPausedBuilds: cfg.CancelPausedBuilds,
	}, nil
}

// Pipeline says which definition the client works on.
func (c *Client) Pipeline() Pipeline { return c.pipeline }

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (cfg Config) pipeline() (Pipeline, error) {
	if cfg.PipelineURL == "" {
		return cfg.threeFields()
	}
	var errs []error
	if cfg.OrganizationURL != "" || cfg.Project != "" || cfg.DefinitionID != 0 {
		errs = append(errs, errors.New("give either PipelineURL or OrganizationURL, Project and DefinitionID"))
	}
	p, err := ParsePipelineURL(cfg.PipelineURL)
	return p, errors.Join(append(errs, err)...)
}

func (cfg Config) threeFields() (Pipeline, error) {
	var errs []error
	u, err := url.Parse(cfg.OrganizationURL)
	switch {
	case cfg.OrganizationURL == "":
		errs = append(errs, errors.New("PipelineURL or OrganizationURL is required"))
	case err != nil:
		errs = append(errs, errors.New("OrganizationURL is not a URL"))
	case u.RawQuery != "" || u.Fragment != "":
		errs = append(errs, errors.New("OrganizationURL must not have a query or fragment"))
	default:
		if err := checkOrganizationURL(u); err != nil {
			errs = append(errs, fmt.Errorf("OrganizationURL: it %w", err))
		}
	}
	if cfg.OrganizationURL != "" && cfg.Project == "" {
		errs = append(errs, errors.New("a Project is required"))
	}
	if cfg.Project != "" && !isName(cfg.Project) {
		errs = append(errs, fmt.Errorf("a Project cannot be named %q", cfg.Project))
	}
	if cfg.OrganizationURL != "" && cfg.DefinitionID < 1 {
		errs = append(errs, errors.New("DefinitionID must be a positive number"))
	}
	return Pipeline{OrganizationURL: strings.TrimRight(cfg.OrganizationURL, "/"), Project: cfg.Project, DefinitionID: cfg.DefinitionID}, errors.Join(errs...)
}

func (cfg Config) credential() error {
	switch {
	case cfg.PAT == "" && cfg.Credential == nil:
		return errors.New("one of PAT and Credential is required")
	case cfg.PAT != "" && cfg.Credential != nil:
		return errors.New("give only one of PAT and Credential")
	case strings.ContainsFunc(cfg.PAT, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the PAT contains white space or characters that are not ASCII")
	}
	return nil
}

func (cfg Config) numbers() error {
	var errs []error
	for _, field := range []struct {
		name  string
		value int64
	}{{"PollInterval", int64(cfg.PollInterval)}, {"CancelLimit", int64(cfg.CancelLimit)}, {"RunLimit", int64(cfg.RunLimit)},
		{"RetryWait", int64(cfg.RetryWait)}, {"ConflictRetries", int64(cfg.ConflictRetries)}} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("%s must not be negative", field.name))
		}
	}
	return errors.Join(errs...)
}

func (cfg Config) httpClient(host string) *http.Client {
	t := &transport{base: defaultTransport(), host: host, wait: orDefault(cfg.RetryWait, time.Second)}
	t.auth = pat{cfg.PAT}
	if cfg.Credential != nil {
		t.auth = &bearer{credential: cfg.Credential}
	}
	var client http.Client
	if cfg.HTTPClient != nil {
		client = *cfg.HTTPClient
	}
	if client.Transport != nil {
		t.base = client.Transport
	}
	client.Transport = t
	return &client
}

// apiVersion is the one for every call, so that what is read is what can be written.
const apiVersion = "7.1"

// The service's names for its resources; the vendor's client finds their paths by these.
var (
	definitionsArea = uuid.MustParse("dbeaf647-6167-421a-bda9-c9327b25e2e6")
	revisionsArea   = uuid.MustParse("7c116775-52e5-453e-8c5d-914d9762d8c4")
	buildsArea      = uuid.MustParse("0cd358e1-9217-4d94-8269-1c1ee6f93dcf")
	runsArea        = uuid.MustParse("7859261e-d2e9-4a68-b820-a5d84cc5bb3d")
)

// call is one request to a resource.
type call struct {
	method  string
	area    uuid.UUID
	route   map[string]string
	query   url.Values
	version string // empty: apiVersion
	body    []byte
}

func (c *Client) definitionRoute() map[string]string {
	return map[string]string{"project": c.pipeline.Project, "definitionId": strconv.Itoa(c.pipeline.DefinitionID)}
}

// do sends a call and decodes the answer. A read is repeated as the package documents, the rest is
// sent once.
func (c *Client) do(ctx context.Context, operation string, in call, into any) (http.Header, error) {
	route := map[string]string{"project": c.pipeline.Project} // the vendor's client writes into it
	for k, v := range in.route {
		route[k] = v
	}
	var body io.Reader
	mediaType := ""
	if in.body != nil {
		body, mediaType = bytes.NewReader(in.body), "application/json"
	}
	res, err := c.api.Send(ctx, in.method, in.area, orDefault(in.version, apiVersion), route, in.query, body, mediaType, "application/json", nil)
	if err != nil {
		return nil, sendError(operation, in.method, err)
	}
	return res.Header, c.decode(operation, res, changes(in.method), into)
}

// sendError keeps what the transport found out. An error that does not come from there, such as the
// total timeout of a given HTTPClient, leaves open whether a write took effect.
func sendError(operation, method string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return during(operation, err)
	}
	return &Error{Operation: operation, Err: err, Unclear: changes(method)}
}

func (c *Client) decode(operation string, res *http.Response, unclear bool, into any) error {
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		// The decoder's own error may quote the document.
		e := unexpected(operation, res.Header, "the answer has an unexpected form")
		e.Status, e.Unclear = res.StatusCode, unclear
		if res.Request != nil {
			e.Method, e.Path = res.Request.Method, res.Request.URL.RequestURI()
		}
		return e
	}
	return nil
}

// missedLooks is how many looks in a row may fail for a passing reason while waiting.
const missedLooks = 12

// wait looks until look says so. Outages shorter than missedLooks looks are sat out.
func (c *Client) wait(ctx context.Context, operation string, limit time.Duration, look func(context.Context) (bool, error)) error {
	missed := 0
	err := poll.Until(ctx, operation, c.pollInterval, limit, func(ctx context.Context) (bool, error) {
		done, err := look(ctx)
		if err != nil && passing(err) && missed < missedLooks {
			missed++
			return false, nil
		}
		if err == nil {
			missed = 0
		}
		return done, err
	})
	return during(operation, err)
}
