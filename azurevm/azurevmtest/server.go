package azurevmtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/internal/double"
)

// Fault is something that goes wrong with requests that match; see Inject.
type Fault = double.Fault

// Request is one request as it arrived; see Requests.
type Request = double.Request

// Kind says what a Fault does.
type Kind = double.Kind

// The kinds of faults.
const (
	Answer      = double.Answer
	DropBefore  = double.DropBefore
	DropAfter   = double.DropAfter
	AnswerAfter = double.AnswerAfter
	Truncate    = double.Truncate
	CutBody     = double.CutBody
	Delay       = double.Delay
)

// Server is one Azure subscription. It is an http.Handler, and safe for concurrent use. Requests,
// ForgetRequests, WaitRequest, Inject, ClearFaults, Armed, SetDown, Down and RoundTripper are
// promoted from what all doubles of this module share.
type Server struct {
	double.Core
	// URL is the endpoint: Azure's own until Start, for use in process, then one on loopback.
	URL string
	// OnPower, when not nil, is called when a VM begins or ceases to run: at the request that
	// stops it, because nothing reaches a VM that is shutting down, and when a start is over.
	// Calls come one at a time, in order, and before the answer that lets a client know. It must
	// be set before the server is used, and must not call the Server.
	OnPower func(vm VM, running bool)
	// OnRestore, when not nil, is called when a VM's disks have been replaced by those of a
	// recovery point, or by disks made from snapshots, with the time whose state they hold. The
	// rules of OnPower hold.
	OnRestore func(vm VM, state time.Time)

	options  Options
	listener *double.Server

	calling sync.Mutex // held while hooks are called
	mu      sync.Mutex // guards all below
	hooks   []func()
	events  []event
	ids     int

	machines   []*machine
	vaults     []*vault
	operations map[string]*operation
	jobs       []*job
	disks      []*disk
	diskIDs    int
	failing    []failure
	slow       []*slowed
	failJobs   []jobFailure
	answered   int
}

// NewServer makes a world. It panics when o describes one that cannot be, as it is test code.
func NewServer(o Options) *Server {
	o.setDefaults()
	if err := o.check(); err != nil {
		panic("azurevmtest: " + err.Error())
	}
	s := &Server{URL: "https://management.azure.com", OnPower: o.OnPower, OnRestore: o.OnRestore, options: o,
		operations: map[string]*operation{}}
	s.Init("azure", o.Now, http.HandlerFunc(s.serve))
	for _, vm := range o.VMs {
		m := s.newMachine(vm)
		s.equip(m, s.Now())
		s.machines = append(s.machines, m)
	}
	for _, v := range o.Vaults {
		s.addVault(v)
	}
	return s
}

// Start serves TLS on a free loopback port and sets URL.
func (s *Server) Start() error {
	l, err := double.Serve("", s, s.Down)
	if err != nil {
		return fmt.Errorf("start the azure double: %w", err)
	}
	s.listener, s.URL = l, l.URL
	return nil
}

// Close ends what Start began.
func (s *Server) Close() {
	if s.listener != nil {
		s.listener.Close()
	}
}

// Client trusts the server; before Start it answers in process.
func (s *Server) Client() *http.Client {
	if s.listener != nil {
		return s.listener.Client()
	}
	return &http.Client{Transport: s.RoundTripper()}
}

// CertificatePEM is the certificate to trust, nil before Start.
func (s *Server) CertificatePEM() []byte {
	if s.listener == nil {
		return nil
	}
	return s.listener.CertificatePEM()
}

// Credential gives the token that the server accepts.
func (s *Server) Credential() azcore.TokenCredential { return credential{s.options.Token} }

type credential struct{ token string }

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token := c.token
	if token == "" {
		token = "rehearsal"
	}
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// Config is for a client of this server that waits no longer than the server's speed asks for.
func (s *Server) Config() azurevm.Config {
	return azurevm.Config{SubscriptionID: s.options.SubscriptionID, Credential: s.Credential(), Endpoint: s.URL,
		HTTPClient: s.Client(), PollInterval: time.Millisecond, RetryWait: time.Millisecond}
}

// Settle applies all that is due by now, as any request does, and calls the hooks.
func (s *Server) Settle() { s.locked(func(time.Time) {}) }

// locked runs do on the state as of now, then calls the hooks.
func (s *Server) locked(do func(now time.Time)) {
	s.mu.Lock()
	now := s.Now()
	s.advance(now)
	do(now)
	s.mu.Unlock()
	s.call()
}

// call drains the hooks in the order in which they were queued, whoever queued them.
func (s *Server) call() {
	s.calling.Lock()
	defer s.calling.Unlock()
	for {
		s.mu.Lock()
		if len(s.hooks) == 0 {
			s.mu.Unlock()
			return
		}
		hook := s.hooks[0]
		s.hooks = s.hooks[1:]
		s.mu.Unlock()
		hook()
	}
}

// event is something that happens at a time to come.
type event struct {
	at time.Time
	do func(at time.Time)
}

func (s *Server) schedule(at time.Time, do func(at time.Time)) {
	s.events = append(s.events, event{at, do})
}

// advance lets everything happen that is due by now, in order; what happens may schedule more.
func (s *Server) advance(now time.Time) {
	for {
		next := -1
		for i, e := range s.events {
			if !e.at.After(now) && (next < 0 || e.at.Before(s.events[next].at)) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		e := s.events[next]
		s.events = slices.Delete(s.events, next, next+1)
		e.do(e.at)
	}
}

// newID makes ids that look like Azure's and are the same in every run.
func (s *Server) newID() string {
	s.ids++
	return fmt.Sprintf("00000000-0000-4000-a000-%012d", s.ids)
}

// mustFind is for methods of tests, which name VMs that exist.
func (s *Server) mustFind(vm VM) *machine {
	if m := s.find(vm.ResourceGroup, vm.Name); m != nil {
		return m
	}
	panic(fmt.Sprintf("azurevmtest: there is no vm %s", vm.Ref()))
}

func (s *Server) find(group, name string) *machine {
	for _, m := range s.machines {
		if strings.EqualFold(m.Name, name) && (group == "" || strings.EqualFold(m.ResourceGroup, group)) {
			return m
		}
	}
	return nil
}
