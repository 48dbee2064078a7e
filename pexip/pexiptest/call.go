package pexiptest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// Call is a call that somebody makes to the deployment: in progress at first, then in its history. It holds up
// no upgrade and takes no licence; see SetCalls for calls that do.
type Call struct {
	// Alias is what is dialled; empty: "test-call@pexiptest.invalid".
	Alias string
	// Node is the name of the Conferencing Node that takes it; empty: the first one.
	Node string
	// Start is when it begins; zero: now.
	Start time.Time
	// Duration is how long it takes in reality; 0: 42 seconds. It passes at Options.Speed.
	Duration time.Duration
}

// caller is who made each call of the double; a client has no reason to read it.
const caller = "Pat Caller"

type call struct {
	id, alias  string
	node       *node
	start, end time.Time
}

// AddCall makes a call. It is an error if there is no such node.
func (s *Server) AddCall(c Call) error {
	return s.change(func(w *world) error {
		nodes := w.byRole(pexip.Conferencing)
		i := slices.IndexFunc(nodes, func(n *node) bool { return c.Node == "" || n.Name == c.Node })
		if i < 0 {
			return fmt.Errorf("no conferencing node is called %q", c.Node)
		}
		if c.Start.IsZero() {
			c.Start = s.Now()
		}
		w.call(nodes[i], c)
		return nil
	})
}

func (w *world) call(n *node, c Call) {
	lasts := time.Duration(float64(cmp.Or(c.Duration, 42*time.Second)) / w.opt.Speed)
	w.made = append(w.made, call{id: newID(), alias: cmp.Or(c.Alias, "test-call@pexiptest.invalid"), node: n, start: c.Start, end: c.Start.Add(lasts)})
}

// testCall is what a team does once an upgrade is over; see Options.TestCall.
func (w *world) testCall(at time.Time) {
	if nodes := w.byRole(pexip.Conferencing); w.opt.TestCall && len(nodes) > 0 {
		w.call(nodes[0], Call{Start: at})
	}
}

func (c call) view() object {
	return object{"id": c.id, "call_uuid": c.id, "call_direction": "in", "display_name": caller, "protocol": "WebRTC", "remote_address": "192.0.2.7",
		"media_node": c.node.Address, "signalling_node": c.node.Address, "system_location": c.node.Location}
}

// liveCalls are those in progress.
func (w *world) liveCalls(now time.Time) []object {
	var rows []object
	for _, c := range w.made {
		if row := c.view(); !c.start.After(now) && c.end.After(now) {
			row["conference"], row["destination_alias"], row["source_alias"], row["connect_time"] = c.alias, c.alias, caller, stamp(c.start)
			rows = append(rows, row)
		}
	}
	return rows
}

// history are the calls that are over.
func (w *world) history(now time.Time) []object {
	var rows []object
	for _, c := range w.made {
		if row := c.view(); !c.end.After(now) {
			row["conference_name"], row["local_alias"], row["remote_alias"] = c.alias, c.alias, caller
			row["start_time"], row["end_time"], row["duration"] = stamp(c.start), stamp(c.end), int(c.end.Sub(c.start).Seconds())
			row["disconnect_reason"] = "Call disconnected"
			rows = append(rows, row)
		}
	}
	return rows
}
