package devopstest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Build is one run of the pipeline.
type Build struct {
	ID     int    `json:"id"`
	Number string `json:"number"`
	// Status is notStarted, inProgress, cancelling or completed.
	Status string `json:"status"`
	// Result is succeeded, failed, canceled, … once completed.
	Result string `json:"result,omitempty"`
	// Reason is schedule or manual.
	Reason       string            `json:"reason"`
	RequestedFor string            `json:"requestedFor"`
	SourceBranch string            `json:"sourceBranch"`
	Parameters   map[string]string `json:"parameters,omitempty"`
	Variables    map[string]string `json:"variables,omitempty"`
	StagesToSkip []string          `json:"stagesToSkip,omitempty"`
	Queued       time.Time         `json:"queued"`
	Started      time.Time         `json:"started,omitzero"`
	Finished     time.Time         `json:"finished,omitzero"`

	due time.Time // when an inProgress or cancelling build ends
}

// scheduler is the identity under which the service queues scheduled builds.
const scheduler = "Microsoft.VisualStudio.Services.TFS"

// Tick lets the schedule fire once: a build is queued with these template parameters, also while the
// definition is paused. While it is disabled nothing is queued, and the build returned has no ID.
func (s *Server) Tick(parameters map[string]string) Build {
	return s.enqueue(Build{Reason: "schedule", RequestedFor: scheduler, Parameters: maps.Clone(parameters)})
}

// QueueManual is what a colleague does by hand; otherwise as Tick.
func (s *Server) QueueManual(parameters map[string]string) Build {
	return s.enqueue(Build{Reason: "manual", RequestedFor: "Platform Team", Parameters: maps.Clone(parameters)})
}

func (s *Server) enqueue(b Build) Build {
	s.Settle()
	s.mu.Lock()
	if s.queueStatus() != "disabled" {
		b = *s.add(b)
	}
	s.mu.Unlock()
	s.Settle()
	return b
}

func (s *Server) add(b Build) *Build {
	now := s.Now()
	b.ID, b.Queued, b.Status = s.nextBuild, now, "notStarted"
	b.Number = fmt.Sprintf("%s.%d", now.UTC().Format("20060102"), b.ID)
	b.SourceBranch = or(b.SourceBranch, "refs/heads/main")
	s.nextBuild++
	s.builds = append(s.builds, &b)
	return &b
}

// SetRunResult is the result of builds that end from now on, for example failed.
func (s *Server) SetRunResult(result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result = result
}

// Settle applies everything that is due by now: builds end and start. OnRun is called for those that
// started, before Settle returns unless another call of it is under way.
func (s *Server) Settle() {
	s.mu.Lock()
	s.advance()
	if s.notifying {
		s.mu.Unlock()
		return
	}
	s.notifying = true
	for len(s.started) > 0 {
		b := s.started[0]
		s.started = s.started[1:]
		s.mu.Unlock()
		if s.OnRun != nil {
			s.OnRun(b)
		}
		s.mu.Lock()
	}
	s.notifying = false
	s.mu.Unlock()
}

// advance goes from event to event in the order of their times.
func (s *Server) advance() {
	now := s.Now()
	for {
		s.startNext()
		var first *Build
		for _, b := range s.builds {
			if !b.due.IsZero() && !b.due.After(now) && (first == nil || b.due.Before(first.due)) {
				first = b
			}
		}
		if first == nil {
			return
		}
		s.finish(first)
	}
}

// startNext starts the oldest waiting build when the definition is enabled and nothing runs.
func (s *Server) startNext() {
	if s.queueStatus() != "enabled" || slices.ContainsFunc(s.builds, func(b *Build) bool { return b.running() }) {
		return
	}
	for _, b := range s.builds {
		if b.Status != "notStarted" {
			continue
		}
		b.Started = later(b.Queued, s.idleSince)
		b.Status, b.due = "inProgress", b.Started.Add(s.real(s.opts.RunDuration))
		s.started = append(s.started, *b)
		return
	}
}

func (b *Build) running() bool { return !b.Started.IsZero() && b.Status != "completed" }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Server) finish(b *Build) {
	b.Result = s.result
	if b.Status == "cancelling" {
		b.Result = "canceled"
	}
	if b.running() {
		s.idleSince = later(s.idleSince, b.due)
	}
	b.Status, b.Finished, b.due = "completed", b.due, time.Time{}
}

func (s *Server) cancel(b *Build) {
	if b.Status != "cancelling" {
		b.Status, b.due = "cancelling", s.Now().Add(s.real(s.opts.CancelDuration))
	}
}

func (s *Server) cancelHeld() {
	for _, b := range s.builds {
		if b.Status == "notStarted" {
			s.cancel(b)
		}
	}
}

// RunCount is how many runs were queued through the pipelines API.
func (s *Server) RunCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs
}

// Snapshot is the world at one moment, for people and for tests.
type Snapshot struct {
	Organization string  `json:"organization"`
	Project      string  `json:"project"`
	DefinitionID int     `json:"definitionId"`
	Name         string  `json:"name"`
	QueueStatus  string  `json:"queueStatus"`
	Revision     int     `json:"revision"`
	LastChangeBy string  `json:"lastChangeBy"`
	LastComment  string  `json:"lastComment"`
	Builds       []Build `json:"builds"`
	// Backlog are those of Builds that wait to be started.
	Backlog  []Build `json:"backlog"`
	PutCount int     `json:"putCount"`
	RunCount int     `json:"runCount"`
}

// State settles what is due and returns a snapshot.
func (s *Server) State() Snapshot {
	s.Settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.history[len(s.history)-1]
	out := Snapshot{Organization: s.opts.Organization, Project: s.opts.Project, DefinitionID: s.opts.DefinitionID, Name: s.opts.Name,
		QueueStatus: s.queueStatus(), Revision: s.revision(), LastChangeBy: last.by, LastComment: last.remark,
		Builds: []Build{}, Backlog: []Build{}, PutCount: s.puts, RunCount: s.runs}
	for _, b := range s.builds {
		out.Builds = append(out.Builds, *b)
		if b.Status == "notStarted" {
			out.Backlog = append(out.Backlog, *b)
		}
	}
	return out
}
