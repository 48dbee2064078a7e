package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Environment is what the fleet knows of one environment.
type Environment struct {
	Environment string `json:"environment"`
	Group       string `json:"group"`
	State       State  `json:"state"`
	// Run is empty until it has begun.
	Run string `json:"run,omitempty"`
	// Worker and Step say who drives it, and where it is; only while Running.
	Worker string `json:"worker,omitempty"`
	Step   string `json:"step,omitempty"`
	// Question is what a person is asked, Owed how much is to be put back meanwhile; only while Waiting
	// or Deciding.
	Question *runbook.Question `json:"question,omitempty"`
	Owed     int               `json:"owed,omitempty"`
	// Text says it in words: the question, the failure, the error, the reason.
	Text string `json:"text,omitempty"`
	// Since is when this became known, Next when the fleet looks at it again.
	Since time.Time `json:"since"`
	Next  time.Time `json:"next,omitzero"`
}

// Report is a fleet at one moment, by environment.
type Report struct {
	Environments []Environment `json:"environments"`
	Totals       map[State]int `json:"totals"`
}

// Over says whether the fleet has done with all environments.
func (r Report) Over() bool {
	return !slices.ContainsFunc(r.Environments, func(e Environment) bool { return !e.State.Over() })
}

// Line is the report in one line.
func (r Report) Line() string {
	parts := []string{fmt.Sprintf("%d environments", len(r.Environments))}
	for _, s := range []State{Queued, Running, Waiting, Deciding, Elsewhere, Retrying, GivenUp, Cancelled, Completed, Aborted, RolledBack} {
		if n := r.Totals[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

// Write writes the report as a table.
func (r Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENVIRONMENT\tGROUP\tSTATE\tRUN\tWHERE\tWHAT")
	for _, e := range r.Environments {
		where := strings.TrimPrefix(e.Step+" on "+e.Worker, " on ")
		if e.Worker == "" {
			where = ""
		}
		text, _, _ := strings.Cut(e.Text, "\n")
		if e.Question != nil {
			text = fmt.Sprintf("%s: %s", e.Question.Step, text)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Environment, e.Group, e.State, dash(e.Run), dash(where), dash(text))
	}
	return t.Flush()
}

// dash stands where there is nothing to tell.
func dash(s string) string { return cmp.Or(s, "-") }

// Status tells of every environment that the fleet has, or had within Config.Keep. It reads the jobs,
// and the journals of those that are being driven; for the others it is as of their last turn.
func (f *Fleet) Status(ctx context.Context) (Report, error) {
	r, err := f.status(ctx)
	if err != nil {
		return r, fmt.Errorf("fleet: status: %w", err)
	}
	for _, e := range r.Environments {
		r.Totals[e.State]++
	}
	slices.SortFunc(r.Environments, func(a, b Environment) int { return strings.Compare(a.Environment, b.Environment) })
	return r, nil
}

func (f *Fleet) status(ctx context.Context) (Report, error) {
	r := Report{Totals: map[State]int{}}
	seen := map[string]bool{}
	query := river.NewJobListParams().Kinds(args{}.Kind()).OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(5000)
	for {
		list, err := f.client.JobList(ctx, query)
		if err != nil {
			return r, err
		}
		for _, job := range list.Jobs {
			var a args
			if err := json.Unmarshal(job.EncodedArgs, &a); err != nil {
				return r, fmt.Errorf("job %d: %w", job.ID, err)
			}
			if seen[a.Environment] {
				continue // an earlier one of this environment
			}
			seen[a.Environment] = true
			e, err := f.environment(ctx, a, job)
			if err != nil {
				return r, err
			}
			r.Environments = append(r.Environments, e)
		}
		if len(list.Jobs) < 5000 {
			return r, nil
		}
		query = query.After(list.LastCursor)
	}
}

// environment says what a job and, while it is being driven, the journal tell.
func (f *Fleet) environment(ctx context.Context, a args, job *rivertype.JobRow) (Environment, error) {
	p := progressOf(job)
	e := Environment{Environment: a.Environment, Group: a.Group, State: cmp.Or(p.State, Queued), Run: p.Run, Question: p.Question,
		Owed: p.Owed, Text: p.Text, Since: cmp.Or(p.Since, p.At, job.CreatedAt), Next: job.ScheduledAt}
	if n := len(job.Errors); n > 0 && job.Errors[n-1].At.After(p.At) {
		e.State, e.Question, e.Text, e.Since = Retrying, nil, job.Errors[n-1].Error, job.Errors[n-1].At
	}
	switch job.State {
	case rivertype.JobStateRunning:
		return f.driven(ctx, a, job, e, p)
	case rivertype.JobStateCompleted:
		return f.over(ctx, a, e, p)
	case rivertype.JobStateDiscarded:
		e.State = GivenUp
		return f.over(ctx, a, e, p)
	case rivertype.JobStateCancelled:
		e.State = Cancelled
		return f.over(ctx, a, e, p)
	}
	return e, nil
}

// over tells of a job that is over. How its run ended is in the journal, where the last turn could not
// leave it: the worker died, or the database was away and River wrote an earlier turn's after it.
func (f *Fleet) over(ctx context.Context, a args, e Environment, p progress) (Environment, error) {
	e.Next, e.Question = time.Time{}, nil
	if !p.State.Over() {
		s, err := f.run(ctx, a)
		if err != nil || s == nil {
			return e, err
		}
		e.Run, e.Owed = s.Run, len(s.Owed)
		if s.End == nil {
			return e, nil
		}
		p = ended(s)
	}
	e.State, e.Run, e.Text, e.Since = p.State, p.Run, p.Text, p.Since
	return e, nil
}

// driven looks into the journal of an environment whose turn it is.
func (f *Fleet) driven(ctx context.Context, a args, job *rivertype.JobRow, e Environment, p progress) (Environment, error) {
	e.State, e.Text, e.Next = cmp.Or(p.State, Queued), p.Text, time.Time{}
	s, err := f.run(ctx, a)
	if err != nil || s == nil || p.stillWaits(s) {
		return e, err
	}
	e = Environment{Environment: a.Environment, Group: a.Group, State: Running, Run: s.Run, Worker: owner(job), Owed: len(s.Owed), Since: *job.AttemptedAt}
	if s.End != nil {
		e.Text = "the run is " + string(s.End.Outcome)
		return e, nil
	}
	for _, step := range s.Plan.Steps {
		if !s.Step(step.ID).Status.Over() {
			e.Step, e.Text = step.ID, step.Title
			break
		}
	}
	return e, nil
}
