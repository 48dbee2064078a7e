package pexip

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Call is one participant's connection to the platform. It says which call it was, and nothing about who made
// it: names, addresses and aliases of the other side are not read.
type Call struct {
	// ID is the call's UUID, or the node's own id for it where there is none.
	ID string `json:"id"`
	// Alias is what was dialled; empty for a call that the platform made, whose alias is a person's.
	Alias string `json:"alias,omitempty"`
	// Node is the address of the node that handled its media, or its signalling where that is not said.
	Node  string    `json:"node,omitempty"`
	Start time.Time `json:"start"`
	// End is zero while the call is in progress.
	End time.Time `json:"end,omitzero"`
}

// Overlaps says whether some of the call lies between two moments, both included.
func (c Call) Overlaps(from, to time.Time) bool {
	return !c.Start.After(to) && (c.End.IsZero() || !c.End.Before(from))
}

// callStamp is how a moment is written in a filter.
const callStamp = "2006-01-02T15:04:05"

// Calls reads the calls that overlap a time: those in progress and those in the node's history, each once, the
// earliest first. It reads only and may be repeated. The history is asked for what ended since from; as it is
// not verified which filters a node takes, what comes is filtered here again. A call without a readable start
// is left out. How far back a history goes is the node's affair, so no call is no proof that there was none.
//
// The resources are those of the node's schema page (participant of the status and of the history API).
func (c *Client) Calls(ctx context.Context, from, to time.Time) ([]Call, error) {
	live, err := list[liveCall](ctx, c, "read the calls in progress", "status/v1/participant/")
	if err != nil {
		return nil, err
	}
	since := url.Values{"end_time__gte": {from.UTC().Format(callStamp)}}
	past, err := list[pastCall](ctx, c, "read the history of calls", "history/v1/participant/?"+since.Encode())
	if err != nil {
		return nil, err
	}
	var all []Call
	for _, w := range past { // before the live ones: a call may have ended in between
		all = append(all, w.call())
	}
	for _, w := range live {
		all = append(all, w.call())
	}
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(call Call) bool {
		again := call.ID != "" && seen[call.ID]
		seen[call.ID] = true
		return again || call.Start.IsZero() || !call.Overlaps(from, to)
	})
	slices.SortStableFunc(all, func(a, b Call) int { return a.Start.Compare(b.Start) })
	return all, nil
}

// anyCall is what the two resources have in common.
type anyCall struct {
	ID             word `json:"id"`
	UUID           word `json:"call_uuid"`
	Direction      word `json:"call_direction"`
	MediaNode      word `json:"media_node"`
	SignallingNode word `json:"signalling_node"`
}

func (w anyCall) call(alias word) Call {
	c := Call{ID: cmp.Or(string(w.UUID), string(w.ID)), Node: cmp.Or(string(w.MediaNode), string(w.SignallingNode))}
	if strings.EqualFold(string(w.Direction), "in") {
		c.Alias = string(alias)
	}
	return c
}

type liveCall struct {
	anyCall
	Alias   word    `json:"destination_alias"`
	Connect instant `json:"connect_time"`
}

func (w liveCall) call() Call {
	c := w.anyCall.call(w.Alias)
	c.Start = w.Connect.Time
	return c
}

type pastCall struct {
	anyCall
	Alias    word    `json:"local_alias"`
	Start    instant `json:"start_time"`
	End      instant `json:"end_time"`
	Duration tally   `json:"duration"`
}

// call: one whose end is not said has ended all the same, after its duration.
func (w pastCall) call() Call {
	c := w.anyCall.call(w.Alias)
	c.Start, c.End = w.Start.Time, w.End.Time
	if c.End.IsZero() && !c.Start.IsZero() {
		c.End = c.Start
		if w.Duration.n != nil {
			c.End = c.Start.Add(time.Duration(*w.Duration.n) * time.Second)
		}
	}
	return c
}
