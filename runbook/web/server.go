package web

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Server shows runs. It is an http.Handler for the root of a host of its own.
type Server struct {
	cfg      Config
	made     string // the token that New made, if it did
	handler  http.Handler
	gate     *gate
	overview *overview
	streams  chan struct{} // one for each open stream of events
	closing  chan struct{}
}

// mostStreams bounds how many pages are kept up to date at a time.
const mostStreams = 64

// New makes a server. It reads and changes nothing. Everything that is wrong with c is in the error.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	made := ""
	if len(c.People) == 0 {
		made = rand.Text()
		c.People = []Person{{Name: c.Runner.Actor, Token: made}}
	}
	c = c.withDefaults()
	s := &Server{cfg: c, made: made, streams: make(chan struct{}, mostStreams), closing: make(chan struct{})}
	s.gate = newGate(c, s.now)
	s.overview = &overview{runner: c.Runner, fresh: c.Poll, now: s.now, turn: make(chan struct{}, 1)}
	s.handler = s.guard(s.routes())
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Link is where a person begins; base is where the server is reached. With the token that New made it
// signs in whoever opens it. Tokens of Config.People are never in it: each types the own one.
func (s *Server) Link(base string) string {
	if s.made == "" {
		return base + "/"
	}
	return base + "/login?token=" + s.made
}

// Serve answers what arrives at l until ctx ends; then it lets requests in progress finish, for at most
// ten seconds, and returns nil. It may be called once. For any address but loopback l must speak TLS.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: writeTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	close(s.closing)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(last)
	if err != nil {
		err = errors.Join(err, srv.Close())
	}
	<-failed
	return err
}

// writeTime is how long an answer may take to be sent.
const writeTime = time.Minute

//go:embed static
var staticFiles embed.FS

func (s *Server) routes() http.Handler {
	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("POST /login", s.signIn)
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request, visit){
		"GET /{$}":                     s.index,
		"GET /events":                  s.indexEvents,
		"GET /metrics":                 s.metrics,
		"GET /runs/{run}":              s.run,
		"GET /runs/{run}/events":       s.runEvents,
		"GET /runs/{run}/files/{name}": s.file,
		"POST /runs/{run}/answer":      s.answer,
		"GET /runs/{run}/abort":        s.abortPage,
		"POST /runs/{run}/abort":       s.abort,
	} {
		mux.Handle(pattern, s.gate.known(handle))
	}
	mux.Handle("/", s.gate.known(func(w http.ResponseWriter, r *http.Request, _ visit) {
		s.refuse(w, r, http.StatusNotFound, "There is no such page.")
	}))
	return mux
}

// now is the runner's clock.
func (s *Server) now() time.Time {
	if c := s.cfg.Runner.Clock; c != nil {
		return c.Now()
	}
	return time.Now()
}

// as is the runner with the visitor as its actor.
func (s *Server) as(v visit) *runbook.Runner {
	r := *s.cfg.Runner
	r.Actor = v.actor
	return &r
}
