package pexip

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// maxReason is the longest maintenance_mode_reason that the node takes, in characters.
const maxReason = 250

// SetMaintenanceMode puts a Conferencing Node into maintenance mode, in which it takes no new
// calls, or takes it out again. The request names only the mode and its reason (at most 250
// characters, kept only while it is on) of that one node. Calls that run go on; the mode survives
// a restart of the node, so take it back. It reaches the node about a minute later. (Pexip
// documentation, "Taking a Conferencing Node out of service".)
//
// It may be repeated safely, but is not repeated by itself; read Nodes afterwards to see the
// effect. A Management Node has no such mode: that is an error, and nothing is sent.
func (c *Client) SetMaintenanceMode(ctx context.Context, node Node, on bool, reason string) error {
	op := "take node " + node.Name + " out of maintenance mode"
	if on {
		op = "put node " + node.Name + " into maintenance mode"
	}
	switch n := utf8.RuneCountInString(reason); {
	case node.Role != Conferencing || node.ID <= 0:
		return fmt.Errorf("%s: only a conferencing node of this platform has that mode (role %q, id %d)", op, node.Role, node.ID)
	case n > maxReason:
		return fmt.Errorf("%s: the reason has %d characters, %d are allowed", op, n, maxReason)
	}
	if !on {
		reason = ""
	}
	r, err := jsonCall(op, http.MethodPatch, "configuration/v1/worker_vm/"+strconv.Itoa(node.ID)+"/",
		map[string]any{"maintenance_mode": on, "maintenance_mode_reason": reason}, safeToRepeat)
	if err != nil {
		return err
	}
	_, err = c.write(ctx, r, nil)
	return err
}
