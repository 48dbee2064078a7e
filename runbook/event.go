package runbook

import (
	"context"
	"log/slog"
	"time"
)

// EventKind says what an Event is about: a record's kind, or EventProgress.
type EventKind string

// EventProgress events are for display only; nothing of them is kept.
const EventProgress EventKind = "progress"

// Event tells an observer what happens. Rules never depend on an observer.
type Event struct {
	At          time.Time `json:"at"`
	Run         string    `json:"run"`
	Environment string    `json:"environment,omitempty"`
	Kind        EventKind `json:"kind"`
	// Step, Phase, Title and Clauses are empty for events of the run itself.
	Step    string   `json:"step,omitempty"`
	Phase   string   `json:"phase,omitempty"`
	Title   string   `json:"title,omitempty"`
	Clauses []string `json:"clauses,omitempty"`
	// Status is set for outcomes, Text says the event in words.
	Status StepStatus `json:"status,omitempty"`
	Text   string     `json:"text,omitempty"`
	Try    int        `json:"try,omitempty"`
	// Elapsed is how long the step took, for outcomes.
	Elapsed time.Duration `json:"elapsed,omitempty"`
	// Done and Total measure a progress event, in Unit; Total 0 means unknown.
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`
	Unit  string `json:"unit,omitempty"`
	// Waiting is what a KindWait event is about, Owed what a KindOwe or KindSettled event is about, as the
	// journal has them. What a run owes already when it is driven on is told again, with its own Since.
	Waiting *Wait `json:"waiting,omitempty"`
	Owed    *Owed `json:"owed,omitempty"`
}

// Observer is called for each event, one call at a time. It must not block for long.
type Observer func(Event)

// Observers calls each of them.
func Observers(list ...Observer) Observer {
	return func(e Event) {
		for _, o := range list {
			if o != nil {
				o(e)
			}
		}
	}
}

// Slog is an observer that writes each event to l: failures and what is waited for as warnings,
// progress for debugging, all else as information.
func Slog(l *slog.Logger) Observer {
	return func(e Event) {
		attrs := []slog.Attr{slog.String("run", e.Run), slog.String("kind", string(e.Kind))}
		if e.Step != "" {
			attrs = append(attrs, slog.String("step", e.Step), slog.String("phase", e.Phase))
		}
		if e.Status != "" {
			attrs = append(attrs, slog.String("status", string(e.Status)), slog.Duration("elapsed", e.Elapsed))
		}
		if e.Kind == EventProgress {
			attrs = append(attrs, slog.Int64("done", e.Done), slog.Int64("total", e.Total), slog.String("unit", e.Unit))
		}
		l.LogAttrs(context.Background(), level(e.Kind), e.Text, attrs...)
	}
}

func level(k EventKind) slog.Level {
	switch k {
	case EventKind(KindFail), EventKind(KindWait):
		return slog.LevelWarn
	case EventProgress:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
