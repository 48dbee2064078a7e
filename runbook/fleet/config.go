package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Config is what a Fleet needs. DB, Log and Actor are required, Definition for Work and Sweep. All
// processes of a fleet must have the same Schema, Total and Groups.
type Config struct {
	// DB is the database of the jobs, at least four connections. It stays the caller's to close.
	DB *pgxpool.Pool
	// Schema holds River's tables (default "fleet"): lower-case letters, digits and _, at most 40.
	Schema string
	// Log is the shared store of journals; it must know who is alive (a runbook.Locker), as sqllog does.
	// It needs a connection for each worker and one more at least.
	Log runbook.Log
	// Actor is the identity that is recorded: of the worker's machine, or of the person who signals.
	Actor string
	// Definition makes the runbook of an environment, each time before it is driven on. It may set what
	// it likes in r, which drives this environment only; Log, Actor and Drain are the fleet's. An error,
	// or a panic, is tried again later.
	Definition func(ctx context.Context, r *runbook.Runner, environment string) (*runbook.Definition, error)

	// Workers is how many environments this process drives at once (default 10).
	Workers int
	// Total is how many all processes together drive at once (0: the sum of their Workers).
	Total int
	// Groups are the groups that environments may belong to, and how many environments of each all
	// processes together drive at once (0: Total). The group "default" is always there.
	Groups map[string]int

	// Slice is how long an environment is driven before others have their turn, at the end of a step
	// (0: until it ends or waits for a person). Each turn leaves a takeover in the journal, so it should
	// be many seconds.
	Slice time.Duration
	// Lease is how long a process may be gone before others go on with its environments (default 15 s).
	Lease time.Duration
	// Look is the longest time between two looks at a run that waits for a person (default 30 s).
	Look time.Duration
	// Poll is how often a process looks for a free slot (default 250 ms).
	Poll time.Duration
	// Retry is the longest time until an environment that could not be driven is tried again (default
	// 5 min; the first time after a second, then doubling), Attempts how often before it is given up
	// (default 100). A failed step is no such case: it waits for a decision.
	Retry    time.Duration
	Attempts int
	// Drain is how long steps may take to finish after Work's context has ended, before they are
	// interrupted (0: as long as they need).
	Drain time.Duration
	// Sweep says when expired runs are put back.
	Sweep Sweep
	// Keep is how long Status knows of an environment that is over (default 30 days).
	Keep time.Duration
	// Logger (default: none).
	Logger *slog.Logger
}

// Sweep says how often runs are looked for that nobody drives and that the fleet does not drive
// either, and when they have expired; see runbook.Sweeping.
type Sweep struct {
	// Every is the interval (0: this process schedules no sweeps).
	Every time.Duration
	// Silent and Waiting are those of runbook.Sweeping.
	Silent, Waiting time.Duration
}

// Fleet drives the runs of many environments. It is safe for concurrent use.
type Fleet struct {
	cfg    Config
	client *river.Client[pgx.Tx] // inserts and reads jobs
}

// defaultGroup is the group of environments that name none.
const defaultGroup = "default"

var (
	schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)
	groupName  = regexp.MustCompile(`^[a-z0-9]+([_-][a-z0-9]+)*$`)
)

// New checks the configuration and reports every fault of it. It does not connect.
func New(c Config) (*Fleet, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	f := &Fleet{cfg: c}
	var err error
	f.client, err = river.NewClient(riverpgxv5.New(c.DB), &river.Config{Schema: c.Schema, Logger: c.Logger})
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return f, nil
}

func (c Config) withDefaults() Config {
	c.Schema = cmp.Or(c.Schema, "fleet")
	c.Workers = cmp.Or(c.Workers, 10)
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.Look = cmp.Or(c.Look, 30*time.Second)
	c.Poll = cmp.Or(c.Poll, 250*time.Millisecond)
	c.Retry = cmp.Or(c.Retry, 5*time.Minute)
	c.Attempts = cmp.Or(c.Attempts, 100)
	c.Keep = cmp.Or(c.Keep, 30*24*time.Hour)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	groups := map[string]int{defaultGroup: 0}
	for name, most := range c.Groups {
		groups[name] = most
	}
	c.Groups = groups
	return c
}

func (c Config) check() error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("fleet: "+format, args...))
		}
	}
	_, alive := c.Log.(runbook.Locker)
	fault(c.DB == nil, "no database given")
	fault(c.DB != nil && c.DB.Config().MaxConns < 4, "the pool of the database has fewer than four connections")
	fault(!schemaName.MatchString(c.Schema), "%q cannot name a schema: lower-case letters, digits and _, at most 40", c.Schema)
	fault(!alive, "the store of journals does not know who is alive: it needs the method Lock")
	fault(c.Actor == "", "no actor given")
	fault(c.Workers < 1 || c.Total < 0 || c.Attempts < 1 || c.Attempts > 30000, "workers, total and attempts must be positive, attempts at most 30000")
	for name, most := range c.Groups {
		fault(!groupName.MatchString(name) || len(name) > 40, "%q cannot name a group: lower-case letters, digits, single - and _ between them, at most 40", name)
		fault(most < 0, "group %s: %d environments at once", name, most)
	}
	for name, d := range map[string]time.Duration{"Slice": c.Slice, "Lease": c.Lease, "Look": c.Look, "Poll": c.Poll, "Retry": c.Retry,
		"Drain": c.Drain, "Sweep.Every": c.Sweep.Every, "Keep": c.Keep} {
		fault(d < 0, "%s is %s", name, d)
	}
	return errors.Join(faults...)
}

// most is how many environments of a group may be driven at once by all processes together; 0: no bound.
func (c Config) most(group string) int { return c.Groups[group] }

// runner is what drives an environment, before its definition had a say.
func (f *Fleet) runner() *runbook.Runner { return &runbook.Runner{Log: f.cfg.Log, Actor: f.cfg.Actor} }
