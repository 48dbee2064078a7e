//go:build unix

package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// errand is what a real process, this test binary again, is to do: upgrade Test, and die or stand
// still on the way.
type errand struct {
	Config string
	// DSN and Schema name the shared store; without them the journals are files.
	DSN, Schema string
	// Death is where the process kills itself, N 0: nowhere; Stop where it stops itself, nil: nowhere.
	Death runbooktest.Point
	Stop  *spot
}

// errand completes e for the world of s, with the journals of log.
func (s *stage) errand(log runbook.Log, e errand) errand {
	e.Config = filepath.Join(s.dir, "upgrade.yaml")
	if db, ok := log.(*store); ok {
		e.DSN, e.Schema = server.DSN(), db.schema
	}
	return e
}

// errandVariable holds the errand of a child.
const errandVariable = "UPGRADE_TEST_ERRAND"

// child runs the errand of this process, if it has one.
func child() (code int, yes bool) {
	text := os.Getenv(errandVariable)
	if text == "" {
		return 0, false
	}
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		fmt.Println(err)
		return upgrade.ExitInput, true
	}
	state, err := e.run()
	fmt.Println("ended:", err)
	return upgrade.ExitCode(state, err), true
}

func (e errand) run() (*runbook.State, error) {
	cfg, err := upgrade.LoadConfig(e.Config)
	if err != nil {
		return nil, err
	}
	hasten(cfg)
	var log runbook.Log
	if e.DSN != "" {
		log, _, err = openStore(e.DSN, e.Schema) // the database is closed by the end of the process
	} else {
		log, err = filelog.New(cfg.State)
	}
	if err != nil {
		return nil, err
	}
	if e.Stop != nil {
		cfg.Test.VMs = cfg.Test.VMs[:1]
		s := &stopping{Log: log, spot: *e.Stop}
		return e.upgrade(cfg, s, s.through)
	}
	c := e.Death.Crash()
	c.Log, c.Die = log, killSelf
	state, err := e.upgrade(cfg, c, c.Transport)
	if appends, requests := c.Seen(); e.Death.N > 0 && (!e.Death.Request && e.Death.N <= appends || e.Death.Request && e.Death.N <= requests) {
		err = errors.Join(err, fmt.Errorf("survived its death %s", e.Death))
	}
	return state, err
}

func (e errand) upgrade(cfg *upgrade.Config, log runbook.Log, transport func(http.RoundTripper) http.RoundTripper) (*runbook.State, error) {
	session, err := upgrade.Open(context.Background(), cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@desk",
		Asker: upgradetest.People{}, Log: log, Transport: transport})
	if err != nil {
		return nil, err
	}
	r, err := session.Run(context.Background())
	return r.State, err
}

// killSelf is kill -9: nothing of this process runs any more, no deferred function either.
func killSelf() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // other threads get the signal, too
}

// stopSelf is kill -STOP. It returns after somebody sent SIGCONT.
func stopSelf() {
	woken := make(chan os.Signal, 1)
	signal.Notify(woken, syscall.SIGCONT)
	defer signal.Stop(woken)
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		panic(err)
	}
	<-woken
}

// running is a child.
type running struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// launch starts a child. It is killed when it takes minutes.
func launch(t *testing.T, e errand) *running {
	t.Helper()
	text, err := json.Marshal(e)
	must(t, err)
	program, err := os.Executable()
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	p := &running{cmd: exec.CommandContext(ctx, program)}
	p.cmd.Cancel = func() error {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error("a child took too long")
		}
		return p.cmd.Process.Kill()
	}
	p.cmd.Env = append(os.Environ(), errandVariable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	must(t, p.cmd.Start())
	return p
}

// end waits for the child's end and says how it was.
func (p *running) end(t *testing.T) *os.ProcessState {
	t.Helper()
	_ = p.cmd.Wait() // the state says more
	return p.cmd.ProcessState
}

// listening is a world behind real TLS listeners, for processes of their own.
func listening(t *testing.T, o upgradetest.Options) *stage {
	o.PackageSize, o.PollInterval = 64<<10, 2*time.Millisecond
	s := newStage(t, o)
	hasten(s.cfg)
	return s
}
