package devopstest

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
)

// Fault is something that goes wrong with requests that match; see Server.Inject.
type Fault = double.Fault

// Request is one request as it arrived.
type Request = double.Request

// What a Fault does.
const (
	Answer      = double.Answer
	DropBefore  = double.DropBefore
	DropAfter   = double.DropAfter
	AnswerAfter = double.AnswerAfter
	Truncate    = double.Truncate
	CutBody     = double.CutBody
	CutAnswer   = double.CutAnswer
	Delay       = double.Delay
	SlowBody    = double.SlowBody
	AddHeader   = double.AddHeader
)

// Permission is a permission on the definition, for Options.MissingPermissions.
type Permission string

// The permissions that the double checks, by the vendor's names.
const (
	EditPipeline Permission = "Edit build pipeline"
	QueueBuilds  Permission = "Queue builds"
	StopBuilds   Permission = "Stop builds"
	// EditQueueConfiguration is needed on top of QueueBuilds to give parameters or variables.
	EditQueueConfiguration Permission = "Edit queue build configuration"
)

// Options describe the world. The zero value is a complete one.
type Options struct {
	// Organization is its name. Empty: ExampleOrg.
	Organization string
	// Project is its name, ProjectID its GUID. Empty: "Verify-by-Video Platform" and a fixed GUID.
	Project, ProjectID string
	// DefinitionID and Name are the definition's. Zero: 107, "Virtual Machine - Start Stop".
	DefinitionID int
	Name         string
	// Folder is the definition's, with backslashes. Empty: \ (the root).
	Folder string

	// PAT and Token are the credentials that are accepted, as Basic password and as Bearer. Both
	// empty: any credential is accepted, but there must be one.
	PAT, Token string
	// Rejection is the answer to a bad credential: "401" (empty body; the default), "203" (the sign-in
	// page) or "302" (a redirect to it).
	Rejection string
	// User is the display name of whoever holds the credential. Empty: "Upgrade Operator".
	User string
	// MissingPermissions are those the user lacks.
	MissingPermissions []Permission

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Speed is how many times faster than in the real world builds run. Zero: 60,000, so that two
	// minutes take 2 ms.
	Speed float64
	// RunDuration and CancelDuration are the real world's. Zero: 5 min and 10 s.
	RunDuration, CancelDuration time.Duration

	// StaleRevision is the answer to a write from another revision: "404" (reported for the real
	// service; the default), "409" or "400".
	StaleRevision string
	// HeldStatus is the state of queued builds while the definition is not enabled: "notStarted" (the
	// default) or "postponed". Unverified for the real service.
	HeldStatus string
	// EchoComment makes the document carry the comment of the last write. Unverified.
	EchoComment bool
	// MaskSecrets makes the document show *** for secrets instead of null. Unverified.
	MaskSecrets bool
	// DefinitionsVersion is the newest resource version of definitions: 7 (the default), or 8, which
	// knows cancelPausedBuilds.
	DefinitionsVersion int
	// PageSize is the most builds that one answer lists. Zero: 1,000.
	PageSize int
	// Document replaces the default definition document. Identity fields and revision are set by the
	// double.
	Document map[string]any

	// OnRun is called, one build at a time and outside the double's lock, when a build starts.
	OnRun func(Build)
}

// Server is the double. It is safe for concurrent use.
type Server struct {
	double.Core
	// URL is the address once started, without a path.
	URL string
	// OnRun is Options.OnRun, for a world that is made after the double; set it before the first request.
	OnRun func(Build)

	opts   Options
	listen *double.Server

	mu        sync.Mutex
	doc       map[string]any
	secrets   map[string]string
	history   []revision
	builds    []*Build
	nextBuild int
	idleSince time.Time
	result    string
	puts      int
	runs      int
	started   []Build
	notifying bool
}

// NewServer builds the world. Use Client at once for requests in process, or call Start to listen.
func NewServer(opts Options) *Server {
	s := &Server{opts: opts.withDefaults(), nextBuild: 501, result: "succeeded"}
	s.OnRun = opts.OnRun
	s.Init("devops", opts.Now, http.HandlerFunc(s.serve))
	s.idleSince = s.Now()
	s.seed()
	return s
}

func (o Options) withDefaults() Options {
	text := func(field *string, otherwise string) {
		if *field == "" {
			*field = otherwise
		}
	}
	text(&o.Organization, "ExampleOrg")
	text(&o.Project, "Verify-by-Video Platform")
	text(&o.ProjectID, "5f0c1a9e-7b1d-4c55-9d6a-2f1f3b8f6a10")
	text(&o.Name, "Virtual Machine - Start Stop")
	text(&o.Folder, `\`)
	text(&o.User, "Upgrade Operator")
	text(&o.Rejection, "401")
	text(&o.StaleRevision, "404")
	text(&o.HeldStatus, "notStarted")
	o.DefinitionID = or(o.DefinitionID, defaultDefinition)
	o.Speed = or(o.Speed, 60_000)
	o.RunDuration = or(o.RunDuration, 5*time.Minute)
	o.CancelDuration = or(o.CancelDuration, 10*time.Second)
	o.DefinitionsVersion = or(o.DefinitionsVersion, 7)
	o.PageSize = or(o.PageSize, 1000)
	return o
}

const defaultDefinition = 107

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Start serves TLS on a free loopback port and sets URL.
func (s *Server) Start() error { return s.StartAt("") }

// StartAt serves TLS on an address such as 127.0.0.1:8443.
func (s *Server) StartAt(address string) error {
	listen, err := double.Serve(address, s, s.Down)
	if err != nil {
		return fmt.Errorf("start the Azure DevOps double: %w", err)
	}
	s.listen, s.URL = listen, listen.URL
	return nil
}

// Close stops listening. It does nothing when the double was not started.
func (s *Server) Close() {
	if s.listen != nil {
		s.listen.Close()
	}
}

// Client reaches the double: over TLS when it is started, otherwise in process, whatever the host.
func (s *Server) Client() *http.Client {
	if s.listen != nil {
		return s.listen.Client()
	}
	return &http.Client{Transport: s.RoundTripper()}
}

// CertificatePEM is the certificate to trust; nil before Start.
func (s *Server) CertificatePEM() []byte {
	if s.listen == nil {
		return nil
	}
	return s.listen.CertificatePEM()
}

// OrganizationURL is the address of the organization, on dev.azure.com when not started.
func (s *Server) OrganizationURL() string {
	return or(s.URL, "https://dev.azure.com") + "/" + url.PathEscape(s.opts.Organization)
}

// PipelineURL is the address of the pipeline as a browser would show it.
func (s *Server) PipelineURL() string {
	return fmt.Sprintf("%s/%s/_build?definitionId=%d", s.OrganizationURL(), url.PathEscape(s.opts.Project), s.opts.DefinitionID)
}

// SetCredentials replaces the accepted credentials, as when a token expires.
func (s *Server) SetCredentials(pat, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.PAT, s.opts.Token = pat, token
}

// SetMissingPermissions replaces the permissions that the user lacks.
func (s *Server) SetMissingPermissions(missing ...Permission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.MissingPermissions = missing
}

// real turns a duration of the real world into the double's.
func (s *Server) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.opts.Speed)
}
