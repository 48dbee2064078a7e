package fleet

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// River itself finds the job of a dead worker only by its age, which says nothing where a step may
// take hours. Here every process tells by a lock that it is alive, so the job of one that is not is
// handed out again as soon as its lease is over. The same happens to a job that a living process does
// not know of, because the database went away when it wanted to hand it back.

// handBack is how long River may take to hand a job back after its turn: it collects them for a
// quarter of a second, and tries three times when the database is away.
var handBack = 20 * time.Second

// missing is a running job that nobody works on.
type missing struct {
	attempted time.Time // which attempt
	since     time.Time
}

// rescue hands out again the running jobs that nobody has worked on for a lease.
func (p *process) rescue(ctx context.Context) error {
	running, err := p.running(ctx)
	if err != nil {
		return err
	}
	alive, err := p.present(ctx, owners(running))
	if err != nil {
		return err
	}
	lost := map[int64]missing{}
	for _, job := range running {
		own := owner(job) == p.name
		if own && p.worksOn(job.ID) || !own && alive[owner(job)] {
			continue
		}
		m := missing{attempted: *job.AttemptedAt, since: time.Now()}
		if before, ok := p.lost[job.ID]; ok && before.attempted.Equal(m.attempted) {
			m.since = before.since
		}
		lost[job.ID] = m
		if gone := time.Since(m.since); gone < p.cfg.Lease || own && gone < handBack {
			continue
		}
		if err := p.handOut(ctx, job); err != nil {
			return err
		}
	}
	p.lost = lost
	return nil
}

func (p *process) running(ctx context.Context) ([]*rivertype.JobRow, error) {
	list, err := p.Fleet.client.JobList(ctx, river.NewJobListParams().Kinds(args{}.Kind(), sweepArgs{}.Kind()).
		States(rivertype.JobStateRunning).First(10_000))
	if err != nil {
		return nil, err
	}
	return list.Jobs, nil
}

// owner is the process that a running job was given to.
func owner(job *rivertype.JobRow) string {
	if len(job.AttemptedBy) == 0 {
		return ""
	}
	return job.AttemptedBy[len(job.AttemptedBy)-1]
}

func owners(jobs []*rivertype.JobRow) (names []string) {
	seen := map[string]bool{}
	for _, job := range jobs {
		if name := owner(job); !seen[name] {
			seen[name], names = true, append(names, name)
		}
	}
	return names
}

// handOut makes a lost job available again. A job that is lost again and again may be what kills its
// workers, so each time it has to wait longer, and in the end it is given up.
func (p *process) handOut(ctx context.Context, job *rivertype.JobRow) error {
	what, err := json.Marshal(rivertype.AttemptError{At: time.Now().UTC(), Attempt: job.Attempt,
		Error: "the worker " + owner(job) + " ended, or lost the database, before its turn was over"})
	if err != nil {
		return err
	}
	params := &riverdriver.JobRescueManyParams{ID: []int64{job.ID}, Error: [][]byte{what}, Schema: p.cfg.Schema,
		StuckHorizon: job.AttemptedAt.Add(time.Microsecond), // this attempt, not a later one
		State:        []string{string(rivertype.JobStateAvailable)}, FinalizedAt: []*time.Time{nil},
		ScheduledAt: []time.Time{time.Now().Add(p.backOff(job.Attempt))}}
	if job.Attempt >= job.MaxAttempts {
		params.State[0], params.FinalizedAt[0] = string(rivertype.JobStateDiscarded), new(time.Now())
	}
	p.cfg.Logger.Warn("fleet: a lost job is handed out again", "job", job.ID, "lost by", owner(job), "attempt", job.Attempt, "state", params.State[0])
	if _, err := p.client.Driver().GetExecutor().JobRescueMany(ctx, params); err != nil {
		return err
	}
	var a args
	if job.Kind != a.Kind() || json.Unmarshal(job.EncodedArgs, &a) != nil {
		return nil
	}
	if state, err := p.run(ctx, a); err != nil || state == nil {
		return err
	}
	return p.prefer(ctx, job.ID)
}

// backOff is how long to wait after the given attempt: at most a second, then doubling. It is random,
// because those that died together must not come back together: one that kills its worker would take
// the same others with it again.
func (f *Fleet) backOff(attempt int) time.Duration {
	return rand.N(min(time.Second<<min(max(attempt-1, 0), 20), f.cfg.Retry) + 1)
}

// prefer lets a job that has begun go before those that have not. River has no call for that.
func (f *Fleet) prefer(ctx context.Context, job int64) error {
	_, err := f.cfg.DB.Exec(ctx, `UPDATE `+pgx.Identifier{f.cfg.Schema, "river_job"}.Sanitize()+` SET priority = $2 WHERE id = $1 AND priority > $2`, job, priorityBegun)
	return err
}
