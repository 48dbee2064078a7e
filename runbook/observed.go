package runbook

import (
	"context"
	"slices"
	"time"
)

// Observed is what a step saw and sent, beside its result. It is part of the evidence.
type Observed struct {
	// Requests are those that changed something or failed; Reads counts all others.
	Requests []Exchange `json:"requests,omitempty"`
	Reads    int        `json:"reads,omitempty"`
	// Tables are shown in reports as they are.
	Tables []Table `json:"tables,omitempty"`
	// Deviations are what differs from the process as it is written, in a sentence each: an accepted
	// finding, an exception, something that could not be observed. Reports begin with them.
	Deviations []string `json:"deviations,omitempty"`
}

// Exchange is one request and what became of it.
type Exchange struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Target is host and path, without the query.
	Target string `json:"target"`
	// Status is the answer's status code, 0 without an answer; Error says why there is none.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	// RequestID is the server's own name for the exchange, for its support.
	RequestID string `json:"requestId,omitempty"`
}

// Table is something to show to people.
type Table struct {
	Title  string     `json:"title"`
	Header []string   `json:"header"`
	Rows   [][]string `json:"rows"`
}

// mostRequests bounds what one try keeps.
const mostRequests = 200

// NoteExchange records a request for the evidence of the step that ctx was given to. changes says
// whether it was to change something. A client's transport calls it; without a step nothing happens.
// What a try sent is written down with its outcome, so a crash in a step loses it.
func NoteExchange(ctx context.Context, e Exchange, changes bool) {
	sc, ok := ctx.Value(stepKey{}).(*StepContext)
	if !ok {
		return
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	failed := e.Status == 0 || e.Status >= 400
	if !changes && !failed || len(sc.observed.Requests) >= mostRequests {
		sc.observed.Reads++
		return
	}
	e.At = e.At.UTC()
	sc.observed.Requests = append(sc.observed.Requests, e)
}

// Table shows something in reports, under the step.
func (sc *StepContext) Table(t Table) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.observed.Tables = append(sc.observed.Tables, t)
}

// Deviate says in a sentence what differs from the process as it is written. Reports begin with it.
func (sc *StepContext) Deviate(sentence string) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.observed.Deviations = append(sc.observed.Deviations, sentence)
}

// outcome is what the try leaves.
func (sc *StepContext) outcome() outcomeData {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return outcomeData{Detail: sc.detail, Output: sc.output, Observed: sc.observed}
}

// add joins what another try observed. Tables and deviations are those of the last try that had any.
func (o *Observed) add(more Observed) {
	o.Requests = slices.Concat(o.Requests, more.Requests)
	o.Reads += more.Reads
	if len(more.Tables) > 0 {
		o.Tables = more.Tables
	}
	if len(more.Deviations) > 0 {
		o.Deviations = more.Deviations
	}
}
