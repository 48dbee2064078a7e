package fleet

import (
	"encoding/json"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// State is how far an environment is.
type State string

const (
	// Queued: it waits for its turn, or for a free slot.
	Queued State = "queued"
	// Running: a worker drives it.
	Running State = "running"
	// Waiting for a person's answer or approval, Deciding for a decision about a failed step. Neither
	// takes a slot.
	Waiting  State = "waiting"
	Deciding State = "deciding"
	// Elsewhere: somebody outside the fleet drives the run.
	Elsewhere State = "elsewhere"
	// Retrying: it could not be driven, and is tried again.
	Retrying State = "retrying"
	// GivenUp: it could not be driven, and is not tried again until it is enqueued again. Its run may
	// owe things.
	GivenUp State = "given up"
	// Cancelled in River's interface: as GivenUp.
	Cancelled State = "cancelled"
	// Completed, Aborted and RolledBack: the run has ended.
	Completed  State = State(runbook.Completed)
	Aborted    State = State(runbook.Aborted)
	RolledBack State = State(runbook.RolledBack)
)

// Over says whether the fleet has done with the environment.
func (s State) Over() bool {
	switch s {
	case Completed, Aborted, RolledBack, GivenUp, Cancelled:
		return true
	}
	return false
}

// progress is what a turn leaves for the next one, and for Status, with its job.
type progress struct {
	State    State             `json:"state"`
	Run      string            `json:"run,omitempty"`
	Text     string            `json:"text,omitempty"`
	Question *runbook.Question `json:"question,omitempty"`
	Owed     int               `json:"owed,omitempty"`
	// At is when the turn was, Since when the run began to wait, or ended.
	At    time.Time `json:"at"`
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Records is how many the run had when it began to wait; while it has no more, nothing has happened.
	Records uint64 `json:"records,omitempty"`
	// Looks counts the looks since.
	Looks int `json:"looks,omitempty"`

	pause time.Duration
}

// progressOf reads what the last turn of a job has left.
func progressOf(job *rivertype.JobRow) (p progress) {
	if raw := job.Output(); raw != nil {
		_ = json.Unmarshal(raw, &p) // another program's output is as none: the journal decides
	}
	return p
}

func ended(s *runbook.State) progress {
	return progress{State: State(s.End.Outcome), Run: s.Run, Text: s.End.Reason, Since: s.End.At}
}

// waits is read from the journal and not from the error, because secrets are taken out there.
func waits(s *runbook.State) progress {
	q := s.Waiting.Question
	p := progress{State: Waiting, Run: s.Run, Text: q.Ask.Text, Question: &q, Owed: len(s.Owed),
		Since: s.Waiting.Since, Until: s.Waiting.Until(), Records: s.Records}
	if q.Ask.Kind == runbook.DecisionWanted {
		p.State, p.Text = Deciding, q.Failure
	}
	return p
}

// stillWaits says whether nothing has happened since the run began to wait. Only then is it left
// alone: each time that it is driven it costs a slot and a record.
func (p progress) stillWaits(s *runbook.State) bool {
	return s != nil && p.Question != nil && s.Waiting != nil && s.Records == p.Records &&
		(p.Until.IsZero() || time.Now().Before(p.Until))
}

// looksAs is how often the run was found in this state already.
func (p progress) looksAs(s State) int {
	if p.State != s {
		return 0
	}
	return p.Looks
}
