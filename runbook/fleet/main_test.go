package fleet_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/verify-by-video/pexip-upgrade/internal/pgtest"
	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// server is nil on machines without PostgreSQL; then only tests that need none are run.
var server *pgtest.Server

// asWorker makes the test binary a worker process of the world in its value.
const asWorker = "FLEET_TEST_WORKER"

func TestMain(m *testing.M) {
	if w := os.Getenv(asWorker); w != "" {
		os.Exit(workUntilStdinEnds(w))
	}
	// Most of these tests wait most of the time, for leases and for other processes. The command line is
	// read later and may say otherwise.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Main(m, "fleet", &server))
}

// world is what the processes of a test share. It travels as JSON.
type world struct {
	DSN, Name, File          string
	Workers, Total, Attempts int
	Groups                   map[string]int
	Slice, Lease, Look, Poll time.Duration
	Retry                    time.Duration
	Sweeps                   fleet.Sweep
	Step                     time.Duration // how long a step takes
	Hold                     bool          // it does not begin to take it until the test says go
	Log                      bool
	Others                   int           // environments that the deadly one waits for
	HandBack                 time.Duration // how long River may take; 0: as long as in production
}

var worlds atomic.Int64

// newWorld makes empty stores.
func newWorld(t testing.TB, change func(*world)) *member {
	t.Helper()
	m := emptyWorld(t, change)
	if err := errors.Join(m.log.Migrate(t.Context()), m.Migrate(t.Context())); err != nil {
		t.Fatal(err)
	}
	return m
}

// emptyWorld has no tables yet, and intervals for the impatient.
func emptyWorld(t testing.TB, change func(*world)) *member {
	t.Helper()
	n := worlds.Add(1)
	w := world{DSN: server.DSN(), Name: fmt.Sprintf("w%d", n), File: filepath.Join(t.TempDir(), "effects"), Workers: 4,
		Lease: time.Second, Look: 20 * time.Second, Poll: 25 * time.Millisecond, Retry: 100 * time.Millisecond}
	if change != nil {
		change(&w)
	}
	return w.member(t, "ann@desk")
}

// member is a process' view of a world.
type member struct {
	*fleet.Fleet
	world
	actor string
	log   *sqllog.Log
	pool  *pgxpool.Pool
	close func()
}

func (w world) member(t testing.TB, actor string) *member {
	t.Helper()
	m, err := w.join(context.Background(), actor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	return m
}

func (w world) join(ctx context.Context, actor string) (*member, error) {
	m := &member{world: w, actor: actor}
	if w.HandBack > 0 {
		fleet.SetHandBack(w.HandBack)
	}
	db, err := sql.Open("pgx", w.DSN)
	if err != nil {
		return nil, err
	}
	// Each environment keeps one, and not all of them write at once.
	db.SetMaxOpenConns(w.Workers + 2)
	db.SetMaxIdleConns(w.Workers + 2)
	config, err := pgxpool.ParseConfig(w.DSN + " pool_max_conns=5")
	if err != nil {
		return nil, err
	}
	if m.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	m.close = func() { m.pool.Close(); db.Close() }
	if m.log, err = sqllog.New(db, sqllog.Options{Schema: "journal_" + w.Name}); err != nil {
		return nil, err
	}
	m.Fleet, err = fleet.New(m.config())
	return m, err
}

func (m *member) config() fleet.Config {
	c := fleet.Config{DB: m.pool, Schema: "fleet_" + m.Name, Log: m.log, Actor: m.actor, Definition: m.definition, Workers: m.Workers,
		Total: m.Total, Groups: m.Groups, Slice: m.Slice, Lease: m.Lease, Look: m.Look, Poll: m.Poll, Retry: m.Retry, Attempts: m.Attempts, Sweep: m.Sweeps}
	if m.Log {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return c
}

// workUntilStdinEnds is the worker process. It drains when its standard input is closed.
func workUntilStdinEnds(text string) int {
	var w world
	err := json.Unmarshal([]byte(text), &w)
	var m *member
	if err == nil {
		m, err = w.join(context.Background(), fmt.Sprintf("worker-%d", os.Getpid()))
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err == nil {
		err = m.Work(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}

// worker is a worker process.
type worker struct {
	*exec.Cmd
	stdin io.Closer
	ended chan error
}

func (m *member) spawn(t testing.TB) *worker {
	t.Helper()
	text, err := json.Marshal(m.world)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{Cmd: exec.Command(os.Args[0]), ended: make(chan error, 1)}
	w.Env = append(os.Environ(), asWorker+"="+string(text))
	w.Stdout, w.Stderr = os.Stdout, os.Stderr
	if w.stdin, err = w.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.ended <- w.Wait() }()
	t.Cleanup(func() { w.kill(); <-w.ended })
	return w
}

func (w *worker) kill() { _ = w.Process.Kill() }

// drain ends the process in order, and waits for it.
func (w *worker) drain(t testing.TB) {
	t.Helper()
	w.stdin.Close()
	err := <-w.ended
	w.ended <- nil
	if err != nil {
		t.Errorf("drained worker: %v", err)
	}
}

// inProcess works in the test's own process until stop is called, or the test ends.
func (m *member) inProcess(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Work(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// patience is far more than anything here takes; it only ends a test that hangs.
const patience = 2 * time.Minute

// until waits for something to become true. It rests for longer than it asks, so that looking is never
// what keeps the machine busy.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); ; {
		asked := time.Now()
		if is() {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("waited %s for %s", patience, what)
		}
		if err := poll.Sleep(t.Context(), min(max(5*time.Millisecond, 10*time.Since(asked)), 100*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *member) enqueue(t testing.TB, items ...fleet.Item) {
	t.Helper()
	if n, err := m.Enqueue(t.Context(), items); err != nil || n != len(items) {
		t.Fatalf("enqueued %d of %d: %v", n, len(items), err)
	}
}

// items names n environments of a kind.
func items(kind string, n int) (out []fleet.Item) {
	for i := range n {
		out = append(out, fleet.Item{Environment: fmt.Sprintf("%s-%04d", kind, i+1)})
	}
	return out
}

// status reads the fleet; a database that is away is asked again.
func (m *member) status(t testing.TB) (r fleet.Report) {
	t.Helper()
	until(t, "the status", func() bool {
		var err error
		r, err = m.Status(t.Context())
		return err == nil
	})
	return r
}

func (m *member) one(t testing.TB, environment string) fleet.Environment {
	t.Helper()
	for _, e := range m.status(t).Environments {
		if e.Environment == environment {
			return e
		}
	}
	return fleet.Environment{}
}

// untilIs waits for an environment's state.
func (m *member) untilIs(t testing.TB, environment string, want fleet.State) (e fleet.Environment) {
	t.Helper()
	until(t, environment+" to be "+string(want), func() bool {
		e = m.one(t, environment)
		return e.State == want
	})
	return e
}

func (m *member) untilOver(t testing.TB) fleet.Report {
	t.Helper()
	for {
		asked := time.Now()
		r := m.status(t)
		if r.Over() {
			return r
		}
		if err := poll.Sleep(t.Context(), max(20*time.Millisecond, 10*time.Since(asked))); err != nil { // the timeout of go test ends it
			t.Fatal(err)
		}
	}
}

// effects reads what the steps have done, in order: "STEP ENVIRONMENT".
func (w world) effects(t testing.TB) (lines []string) {
	t.Helper()
	lines, err := w.readEffects()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func (w world) readEffects() (lines []string, err error) {
	f, err := os.Open(w.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines, s.Err()
}

// effect has an effect outside the database, that cannot be lost and shows whether it happened twice.
func (w world) effect(step, environment string) error {
	f, err := os.OpenFile(w.File, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(step + " " + environment + "\n")
	return errors.Join(err, f.Close())
}

func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

// onceEach checks that the step that may happen once happened exactly once for each environment.
func (m *member) onceEach(t testing.TB, r fleet.Report) {
	t.Helper()
	launched := map[string]int{}
	for _, line := range m.effects(t) {
		if env, ok := strings.CutPrefix(line, "launch "); ok {
			launched[env]++
		}
	}
	for _, e := range r.Environments {
		if e.State != fleet.Completed || launched[e.Environment] != 1 {
			t.Errorf("%s is %s (%s), launched %d times", e.Environment, e.State, e.Text, launched[e.Environment])
		}
	}
	if len(launched) != len(r.Environments) {
		t.Errorf("%d environments were launched, %d enqueued", len(launched), len(r.Environments))
	}
}

// journal returns how many records of a kind a run has.
func (m *member) journal(t testing.TB, run string, kind runbook.Kind) (n int) {
	t.Helper()
	records, err := m.log.Read(t.Context(), runbook.RunStream(run), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if rec.Kind == kind {
			n++
		}
	}
	return n
}

func leftOut(t *testing.T) bool {
	t.Helper()
	return pgtest.LeftOut(t, server)
}
