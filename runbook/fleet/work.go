package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// process is one worker process, for as long as Work lasts.
type process struct {
	*Fleet
	*keeper
	client *river.Client[pgx.Tx]
	// drain ends when the process is to stop between two steps.
	drain context.Context

	busyMu sync.Mutex
	busy   map[int64]bool // jobs that this process works on
	lost   map[int64]missing
}

// Work drives environments until ctx ends; then it lets the steps that run finish, gives the
// environments back and returns nil. Several processes, on several machines, may work at once; one
// that dies is noticed by the others, and by the next one that starts, after Lease.
func (f *Fleet) Work(ctx context.Context) error {
	if f.cfg.Definition == nil {
		return errors.New("fleet: work: no definition given")
	}
	p := &process{Fleet: f, drain: ctx, busy: map[int64]bool{}, lost: map[int64]missing{}}
	p.keeper = &keeper{fleet: f, name: processName(), slots: map[int64]bool{}}
	if err := p.work(ctx); err != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("fleet: work: %w", err)
	}
	return nil
}

// processName is unique, and tells people where the process runs.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.60s:%d:%.6s", host, os.Getpid(), strings.ToLower(rand.Text()))
}

func (p *process) work(ctx context.Context) (err error) {
	defer p.close()
	if err := p.renew(ctx); err != nil {
		return err
	}
	if p.client, err = river.NewClient(riverpgxv5.New(p.cfg.DB), p.riverConfig()); err != nil {
		return err
	}
	if err := p.client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	p.cfg.Logger.Info("fleet: working", "worker", p.name)
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	var beat sync.WaitGroup
	beat.Go(func() { p.beat(beating) })
	<-ctx.Done()
	err = p.client.Stop(context.WithoutCancel(ctx)) // the beat goes on meanwhile
	stop()
	beat.Wait()
	p.cfg.Logger.Info("fleet: stopped", "worker", p.name)
	return err
}

// fetchCooldown is how soon after the last jobs were fetched more are.
const fetchCooldown = 25 * time.Millisecond

func (p *process) riverConfig() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{process: p})
	river.AddWorker(workers, &sweeper{process: p})
	c := &river.Config{ID: p.name, Schema: p.cfg.Schema, Logger: p.cfg.Logger, Workers: workers, Queues: map[string]river.QueueConfig{},
		FetchCooldown: fetchCooldown, SoftStopTimeout: p.cfg.Drain,
		CompletedJobRetentionPeriod: p.cfg.Keep, CancelledJobRetentionPeriod: p.cfg.Keep, DiscardedJobRetentionPeriod: p.cfg.Keep}
	for group, most := range p.cfg.Groups {
		if most == 0 || most > p.cfg.Workers {
			most = p.cfg.Workers
		}
		c.Queues[queue(group)] = river.QueueConfig{MaxWorkers: most}
	}
	c.Queues[sweepQueue] = river.QueueConfig{MaxWorkers: 1}
	if p.cfg.Sweep.Every > 0 {
		c.PeriodicJobs = []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(p.cfg.Sweep.Every), sweepJob, &river.PeriodicJobOpts{RunOnStart: true})}
	}
	return c
}

// beat renews the sign of life and looks for the jobs of processes that have none, three times per
// lease.
func (p *process) beat(ctx context.Context) {
	tick := time.NewTicker(p.cfg.Lease / 3)
	defer tick.Stop()
	for {
		if err := p.renew(ctx); err != nil && ctx.Err() == nil {
			p.cfg.Logger.Error("fleet: the sign of life could not be renewed", "worker", p.name, "error", err)
		}
		if err := p.rescue(ctx); err != nil && ctx.Err() == nil {
			p.cfg.Logger.Error("fleet: the jobs of other workers could not be looked at", "worker", p.name, "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// working notes that this process works on a job until done is called.
func (p *process) working(job int64) (done func()) {
	p.busyMu.Lock()
	defer p.busyMu.Unlock()
	p.busy[job] = true
	return func() {
		p.busyMu.Lock()
		defer p.busyMu.Unlock()
		delete(p.busy, job)
	}
}

func (p *process) worksOn(job int64) bool {
	p.busyMu.Lock()
	defer p.busyMu.Unlock()
	return p.busy[job]
}
