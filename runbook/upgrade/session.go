package upgrade

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// Session is one environment's upgrade, ready to be planned, run, resumed or settled.
type Session struct {
	Config      *Config
	Environment policy.Environment
	Runner      *runbook.Runner
	Definition  *runbook.Definition

	process   *Process
	secrets   Secrets
	notices   notices
	transport func(http.RoundTripper) http.RoundTripper
}

// SessionOptions are what Open needs beside the configuration.
type SessionOptions struct {
	Environment policy.Environment
	// Actor is the identity of the caller; empty: user and host of the operating system.
	Actor    string
	Asker    runbook.Asker
	Observer runbook.Observer
	// Drain and AcceptPlan are those of runbook.Runner.
	Drain      <-chan struct{}
	AcceptPlan string
	// Log keeps the journals instead of files below the configuration's state folder, for example a
	// database that several machines share (package sqllog). Attachments and evidence are still files.
	Log runbook.Log
	// Transport, unless nil, goes around the transport of every client: for proxies, recorders and tests.
	Transport func(http.RoundTripper) http.RoundTripper
	// Within is that of runbook.Runner, Tracing that of azurevm.Config: with package trace both make the
	// calls of a step children of its span.
	Within  func(ctx context.Context, run, step string) context.Context
	Tracing tracing.Provider
}

// Open reads the secrets and makes the clients and the journal of a session. It sends no request and
// reports every fault of secrets and clients at once.
func Open(ctx context.Context, cfg *Config, o SessionOptions) (*Session, error) {
	secrets, err := cfg.ReadSecrets()
	notices, nerr := readNotices(cfg, o.Transport)
	if err := errors.Join(err, nerr); err != nil {
		return nil, err
	}
	systems, err := connect(cfg, o.Environment, secrets, o.Transport, o.Tracing)
	if err != nil {
		return nil, err
	}
	runner, err := OpenRunner(cfg.State, o)
	if err != nil {
		return nil, err
	}
	runner.Secrets = append(secrets.Values(), notices.secrets()...)
	runner.Grace = min(time.Minute, cfg.Waits.StartResolve)
	s := &Session{Config: cfg, Environment: o.Environment, Runner: runner, secrets: secrets, notices: notices, transport: o.Transport}
	s.process, err = s.newProcess(ctx, systems)
	if err != nil {
		return nil, err
	}
	s.Definition = s.process.Definition()
	return s, nil
}

// OpenRunner opens the journals, those below the folder state unless o.Log says otherwise, without a configuration: enough
// to look at runs, to answer their questions and to decide. It makes the folder if it is not there, which is the only
// thing that can fail, and sends nothing.
func OpenRunner(state string, o SessionOptions) (*runbook.Runner, error) {
	log := o.Log
	if log == nil {
		files, err := filelog.New(state)
		if err != nil {
			return nil, err
		}
		log = files
	}
	actor := o.Actor
	if actor == "" {
		actor = Identity()
	}
	return &runbook.Runner{Log: log, Actor: actor, Files: state, Asker: o.Asker, Observer: o.Observer, Drain: o.Drain, AcceptPlan: o.AcceptPlan, Within: o.Within}, nil
}

// Identity is the caller as the operating system knows it: user@host. What it does not know is "unknown".
func Identity() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

func (s *Session) newProcess(ctx context.Context, systems *Systems) (*Process, error) {
	return New(ctx, s.Config, Options{Environment: s.Environment, Systems: systems, History: s.Runner,
		BackupPassphrase: s.secrets.Environment(s.Environment).BackupPassphrase, Transport: s.transport})
}

// Plan shows what a run would do and what the gates say now. Files that the configuration names and
// that cannot be read are a *ConfigError. Its transport refuses every request that is not a read.
func (s *Session) Plan(ctx context.Context) (runbook.Preview, error) {
	if err := s.Config.CheckFiles(); err != nil {
		return runbook.Preview{}, err
	}
	systems, err := Connect(s.Config, s.Environment, s.secrets, func(t http.RoundTripper) http.RoundTripper { return ReadOnly(wrapped(t, s.transport)) })
	if err != nil {
		return runbook.Preview{}, err
	}
	process, err := s.newProcess(ctx, systems)
	if err != nil {
		return runbook.Preview{}, err
	}
	return s.Runner.Preview(ctx, process.Definition(), &memlog.Log{})
}

// Run starts a run and drives it; see runbook.Runner.Start. Whatever the outcome, the evidence so far
// is saved.
func (s *Session) Run(ctx context.Context) (Result, error) {
	runner, told := s.notices.on(ctx, s.Runner)
	defer told()
	state, err := runner.Start(ctx, s.Definition)
	return s.result(ctx, state, err)
}

// Resume drives a run on; see runbook.Runner.Resume. Run "" is the environment's active one.
func (s *Session) Resume(ctx context.Context, run, reason string) (Result, error) {
	run, err := s.active(ctx, run)
	if err != nil {
		return Result{}, err
	}
	runner, told := s.notices.on(ctx, s.Runner)
	defer told()
	state, err := runner.Resume(ctx, s.Definition, run, reason)
	return s.result(ctx, state, err)
}

// TakeOver drives a run on whose driver seems to be alive; see runbook.Runner.TakeOver. Run "" is the
// environment's active one.
func (s *Session) TakeOver(ctx context.Context, run, reason string) (Result, error) {
	run, err := s.active(ctx, run)
	if err != nil {
		return Result{}, err
	}
	runner, told := s.notices.on(ctx, s.Runner)
	defer told()
	state, err := runner.TakeOver(ctx, s.Definition, run, reason)
	return s.result(ctx, state, err)
}

// Settle puts back what a run changed and ends it; see runbook.Runner.Settle. A run that is alive on
// this machine is asked to do so itself.
func (s *Session) Settle(ctx context.Context, run, reason string) (Result, error) {
	run, err := s.active(ctx, run)
	if err != nil {
		return Result{}, err
	}
	runner, told := s.notices.on(ctx, s.Runner)
	defer told()
	state, err := runner.Settle(ctx, s.Definition, run, reason)
	var alive *runbook.LockedError
	if errors.As(err, &alive) {
		if aerr := s.Runner.Abort(ctx, run, reason); aerr != nil {
			return Result{}, aerr
		}
		return Result{}, fmt.Errorf("%w; it was asked to put everything back after its current step", err)
	}
	return s.result(ctx, state, err)
}

// ErrNoRun says that the environment has no active run.
var ErrNoRun = errors.New("no active run")

func (s *Session) active(ctx context.Context, run string) (string, error) {
	if run != "" {
		return run, nil
	}
	run, err := s.Runner.Active(ctx, string(s.Environment))
	if err == nil && run == "" {
		err = fmt.Errorf("%w of %s", ErrNoRun, s.Environment)
	}
	return run, err
}

// Result is how far a run came and where its evidence lies.
type Result struct {
	State *runbook.State `json:"state"`
	runbook.Bundle
}

// result saves the evidence; the run's own error comes first.
func (s *Session) result(ctx context.Context, state *runbook.State, runErr error) (Result, error) {
	if state == nil || state.Records == 0 {
		return Result{}, runErr
	}
	r, err := saveEvidence(ctx, s.Runner, state, s.secrets)
	if runErr != nil {
		return r, runErr
	}
	return r, err
}

// saveEvidence writes what the journal says about a run so far, signed if there is a key, also when ctx has ended.
func saveEvidence(ctx context.Context, runner *runbook.Runner, state *runbook.State, secrets Secrets) (Result, error) {
	r := Result{State: state}
	key, err := signingKey(secrets.SigningKey)
	if err != nil {
		return r, fmt.Errorf("sign the evidence: %w", err)
	}
	e, err := runner.Evidence(context.WithoutCancel(ctx), state.Run)
	if err == nil {
		r.Bundle, err = e.Save(filepath.Join(runner.Files, filepath.FromSlash(runbook.RunStream(state.Run))), key)
	}
	return r, err
}
