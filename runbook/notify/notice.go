package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Event is what a notice is about.
type Event string

const (
	// Waiting: the run waits for an answer, an approval or a decision.
	Waiting Event = "waiting"
	// Failed: a step has failed, for the first time.
	Failed Event = "failed"
	// Owed: something that the run changed is not put back for longer than Config.OwedAfter.
	Owed Event = "owed"
	// Ended: the run is completed, aborted or rolled back.
	Ended Event = "ended"
)

// Events are all of them.
func Events() []Event { return []Event{Waiting, Failed, Owed, Ended} }

// Schema is the version of Notice. Fields may be added to it without a new one.
const Schema = 1

// Notice is what a webhook receives, as JSON.
type Notice struct {
	Schema int `json:"schema"`
	// ID is the same for the same thing, also when it is told by another process.
	ID          string    `json:"id"`
	Event       Event     `json:"event"`
	At          time.Time `json:"at"`
	Run         string    `json:"run"`
	Environment string    `json:"environment"`
	// Step, Title and Clauses are empty for the end of a run.
	Step    string   `json:"step,omitempty"`
	Title   string   `json:"title,omitempty"`
	Clauses []string `json:"clauses,omitempty"`
	Text    string   `json:"text"`
	// Next is what to type, Link where to see more; empty if nobody said.
	Next string `json:"next,omitempty"`
	Link string `json:"link,omitempty"`
}

// What a text, a title and what to type may have, in characters. Teams takes 28 KB a message, and JSON
// may need six bytes for a character.
const (
	longest      = 3000
	longestTitle = 300
	longestNext  = 600
)

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// notice makes a notice of an event; thing tells apart what could be told several times in a run.
func (n *Notifier) notice(kind Event, e runbook.Event, thing, text string) Notice {
	sum := sha256.Sum256([]byte(strings.Join([]string{e.Run, string(kind), thing}, "\x00")))
	x := Notice{Schema: Schema, ID: "msg_" + hex.EncodeToString(sum[:12]), Event: kind, At: n.cfg.Clock.Now().UTC(), Run: e.Run, Environment: e.Environment,
		Step: e.Step, Title: cut(e.Title, longestTitle), Clauses: e.Clauses, Text: cut(text, longest)}
	if n.cfg.Next != nil {
		x.Next = cut(n.cfg.Next(e), longestNext)
	}
	if n.cfg.Link != nil {
		x.Link = n.cfg.Link(e.Run)
	}
	return x
}

// waitingText is the question, and for a decision what failed and what may be decided.
func waitingText(e runbook.Event) string {
	w := e.Waiting
	if w == nil || w.Question.Ask.Kind != runbook.DecisionWanted {
		return e.Text
	}
	var possible []string
	for _, d := range w.Question.Decisions {
		possible = append(possible, string(d))
	}
	return fmt.Sprintf("%s\nIt failed: %s\nPossible: %s", e.Text, w.Question.Failure, strings.Join(possible, ", "))
}

// headline says in a line what a notice is about.
func (x Notice) headline() string {
	what := map[Event]string{Waiting: "waits for you", Failed: "has a failed step", Owed: "has not put something back", Ended: "has ended: " + x.Text}[x.Event]
	return fmt.Sprintf("%s: run %s %s", x.Environment, x.Run, what)
}
