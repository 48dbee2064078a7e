package pexiptest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// Fault is something that goes wrong with requests that match; arm it with Inject.
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

// CreationReply is how the double answers the creation of an upgrade request; the real form is
// not documented.
type CreationReply string

const (
	// ReplyBody: {"ok":true,"upload_id":…}. The default.
	ReplyBody CreationReply = "body"
	// ReplyNested: {"status":"success","data":{"upload_id":…}}.
	ReplyNested CreationReply = "nested"
	// ReplyLocation: an empty body and a Location header.
	ReplyLocation CreationReply = "location"
	// ReplyBare: {"status":"success"} and nothing else.
	ReplyBare CreationReply = "bare"
)

// Node is a node of the deployment.
type Node struct {
	Name string
	// Role is pexip.Management or pexip.Conferencing. The first Management Node is the one the
	// double answers for.
	Role    pexip.Role
	Address string
	// SecondaryAddress and StaticNATAddress are optional.
	SecondaryAddress, StaticNATAddress string
	// Location is the system location of a Conferencing Node; empty: "Location A".
	Location string
	// CloudBursting marks a node that runs only on demand; it starts switched off.
	CloudBursting bool
	// Version is installed; empty: Options.Version.
	Version string
	// Off: switched off at the beginning.
	Off bool
}

// OAuth2 is the API client that the double knows.
type OAuth2 struct {
	ClientID  string
	PublicKey *ecdsa.PublicKey
}

// Options describe the deployment. The zero value is a good default: one Management Node and one
// Conferencing Node in one location, both on version 38, in service.
type Options struct {
	// Addr is where Start listens; empty: a free loopback port.
	Addr string
	// Now is the double's clock; nil: time.Now. Access tokens live by the wall clock all the same,
	// as their holder does.
	Now func() time.Time
	// Speed is how many times faster than the real world slow operations run; 0: 60,000, so that
	// two minutes take 2 ms.
	Speed float64

	// Version is installed on every node; empty: "38 (81931.0.0)".
	Version string
	// NextVersion is what WritePackage of the Server writes; empty: "39.1 (83067.0.0)".
	NextVersion string
	// Nodes are the deployment; nil: mgr at 10.0.0.4 and conf1 at 10.0.0.5. Without a Management
	// Node among them, mgr is added.
	Nodes []Node
	// SessionTimeoutDisabled: the web interface's session timeout is off at the beginning.
	SessionTimeoutDisabled bool

	// Basic is the account; nil: admin with a random password.
	Basic *pexip.Basic
	// OAuth2 is the API client; nil: one with a random id and key.
	OAuth2 *OAuth2
	// TokenLifetime is of access tokens; 0: 1 hour. Not divided by Speed.
	TokenLifetime time.Duration

	// ChunkEncoding is the only one accepted; empty: pexip.RawContentRange.
	ChunkEncoding pexip.ChunkEncoding
	// CreationReply is the form of the answer; empty: ReplyBody.
	CreationReply CreationReply
	// NoResumableUpload: a release without upgrade requests.
	NoResumableUpload bool
	// KeepPartialChunks: bytes of a chunk that broke off count, instead of being thrown away.
	KeepPartialChunks bool
	// MaxLimit is the most objects on one page of a list; 0: 1,000. The real node's is not known.
	MaxLimit int
	// BasicDisabled: Basic logins are refused, only the API client gets in.
	BasicDisabled bool
	// EnvelopeCounts: the node takes whatever body arrives for bytes of the package, form and all.
	EnvelopeCounts bool
	// RefuseOlder: a package that is older than the installed version is refused.
	RefuseOlder bool

	// The following are durations of the real world, divided by Speed.

	// UpgradeDuration is how long the Management Node installs before it restarts; 0: 10 minutes.
	UpgradeDuration time.Duration
	// RebootDuration is how long it is unreachable then; 0: 3 minutes.
	RebootDuration time.Duration
	// StartupDuration is how long it answers 502 and then 503 after that; 0: 1 minute.
	StartupDuration time.Duration
	// NodeUpgradeDuration is of one Conferencing Node without calls; 0: 2 minutes.
	NodeUpgradeDuration time.Duration
	// CallWait is how long a node may wait for its calls to end before it goes to the end of the
	// queue; 0: 1 hour.
	CallWait time.Duration
	// UpgradeLimit is when the whole process stops; 0: 24 hours.
	UpgradeLimit time.Duration
	// BootDuration is from power on to contact; 0: 5 minutes.
	BootDuration time.Duration
	// BackupDuration is how long a backup takes; 0: 1 minute.
	BackupDuration time.Duration
	// TestCall has somebody make a Call as soon as an upgrade is over.
	TestCall bool
	// SnapshotDuration is how long a diagnostic snapshot takes; 0: 2 minutes.
	SnapshotDuration time.Duration
}

func (o Options) withDefaults() Options {
	o.Speed = cmp.Or(max(o.Speed, 0), 60000)
	o.MaxLimit = cmp.Or(max(o.MaxLimit, 0), 1000)
	o.Version = cmp.Or(o.Version, "38 (81931.0.0)")
	o.NextVersion = cmp.Or(o.NextVersion, "39.1 (83067.0.0)")
	o.TokenLifetime = cmp.Or(o.TokenLifetime, time.Hour)
	o.ChunkEncoding = cmp.Or(o.ChunkEncoding, pexip.RawContentRange)
	o.CreationReply = cmp.Or(o.CreationReply, ReplyBody)
	if o.Nodes == nil {
		o.Nodes = []Node{{Name: "conf1", Role: pexip.Conferencing, Address: "10.0.0.5"}}
	}
	if !slices.ContainsFunc(o.Nodes, func(n Node) bool { return n.Role == pexip.Management }) {
		o.Nodes = append([]Node{{Name: "mgr", Role: pexip.Management, Address: "10.0.0.4"}}, o.Nodes...)
	}
	for field, d := range map[*time.Duration]time.Duration{
		&o.UpgradeDuration: 10 * time.Minute, &o.RebootDuration: 3 * time.Minute, &o.StartupDuration: time.Minute,
		&o.NodeUpgradeDuration: 2 * time.Minute, &o.CallWait: time.Hour, &o.UpgradeLimit: 24 * time.Hour,
		&o.BootDuration: 5 * time.Minute, &o.BackupDuration: time.Minute,
		&o.SnapshotDuration: 2 * time.Minute,
	} {
		*field = max(1, time.Duration(float64(cmp.Or(*field, d))/o.Speed))
	}
	return o
}

// Server is the double. It is an http.Handler, can be started with TLS on loopback, and is safe
// for concurrent use. Its state moves with its clock whenever somebody looks; nothing runs in the
// background.
type Server struct {
	double.Core
	// URL is the Management Node's address: of the listener once started, a made-up one before.
	URL string

	opt    Options
	listen *double.Server
	key    *ecdsa.PrivateKey

	mu    sync.Mutex
	world world
}

// NewServer builds the deployment that opt describes, without listening.
func NewServer(opt Options) *Server {
	s := &Server{URL: "https://mgr.pexiptest.invalid"}
	if opt.OAuth2 == nil {
		// Neither can fail: crypto/rand ends the program rather than return an error.
		s.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		opt.OAuth2 = &OAuth2{ClientID: newID(), PublicKey: &s.key.PublicKey}
	}
	if opt.Basic == nil {
		opt.Basic = &pexip.Basic{Username: "admin", Password: rand.Text()}
	}
	s.opt = opt.withDefaults()
	s.Core.Init("pexip", opt.Now, http.HandlerFunc(s.handle))
	s.world = newWorld(s.opt, s.Now())
	return s
}

// Start serves with TLS on loopback and sets URL.
func (s *Server) Start() error {
	l, err := double.Serve(s.opt.Addr, s, func() bool { return !s.Reachable() })
	if err != nil {
		return err
	}
	s.listen, s.URL = l, l.URL
	return nil
}

// Close stops listening, if Start was called.
func (s *Server) Close() {
	if s.listen != nil {
		s.listen.Close()
	}
}

// CertificatePEM is the certificate to trust once started; nil before.
func (s *Server) CertificatePEM() []byte {
	if s.listen == nil {
		return nil
	}
	return s.listen.CertificatePEM()
}

// Client reaches the double: by TLS once started, in process before. It has no total timeout.
func (s *Server) Client() *http.Client {
	if s.listen == nil {
		return &http.Client{Transport: s.RoundTripper()}
	}
	return s.listen.Client()
}

// RoundTripper answers in process. While the node is off or restarting it returns an error.
func (s *Server) RoundTripper() http.RoundTripper { return transport{s, s.Core.RoundTripper()} }

type transport struct {
	server *Server
	inner  http.RoundTripper
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.server.Reachable() {
		return nil, double.ErrRefused
	}
	return t.inner.RoundTrip(r)
}

// ServeHTTP drops the connection while the node is off or restarting, else answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.Reachable() {
		panic(http.ErrAbortHandler)
	}
	s.Core.ServeHTTP(w, r)
}

// Config is a client configuration for this double with OAuth2 and short waits. Change what a
// test needs and give it to pexip.New.
func (s *Server) Config() pexip.Config {
	return pexip.Config{URL: s.URL, OAuth2: &pexip.OAuth2{ClientID: s.ClientID(), PrivateKey: s.PrivateKeyPEM()}, HTTPClient: s.Client(),
		ChunkEncoding: s.opt.ChunkEncoding, PollInterval: time.Millisecond, RetryWait: time.Millisecond, CallsPerMinute: -1}
}

// ClientID is the id of the OAuth2 client.
func (s *Server) ClientID() string { return s.opt.OAuth2.ClientID }

// PrivateKeyPEM is the OAuth2 client's key in PKCS #8; nil when Options gave only a public key.
func (s *Server) PrivateKeyPEM() []byte {
	if s.key == nil {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Basic is the account that the double knows.
func (s *Server) Basic() *pexip.Basic { return new(*s.opt.Basic) }
