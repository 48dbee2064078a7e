package pexip

import (
	"context"
	"strings"
	"time"
)

// Alarm is a currently raised alarm. "Connectivity lost" alarms never reach the alarm history
// (Pexip release notes v39.1, known limitations), so they have to be read while they are there.
type Alarm struct {
	// Identifier is the number of the kind of alarm.
	Identifier int
	Name       string
	// Level is for example "critical" or "warning"; not all values are documented.
	Level string
	// Node is the IPv4 address of the node that raised it.
	Node string
	// Instance names what it is about.
	Instance, Details string
	TimeRaised        time.Time
	Acknowledged      bool
}

// ConnectivityLost says that a node is out of contact with the Management Node.
func (a Alarm) ConnectivityLost() bool { return strings.EqualFold(a.Name, "connectivity_lost") }

// Alarms reads the alarms that are raised now.
func (c *Client) Alarms(ctx context.Context) ([]Alarm, error) {
	type wire struct {
		Identifier   int     `json:"identifier"`
		Name         word    `json:"name"`
		Level        word    `json:"level"`
		Node         word    `json:"node"`
		Instance     word    `json:"instance"`
		Details      word    `json:"details"`
		TimeRaised   instant `json:"time_raised"`
		Acknowledged bool    `json:"acknowledged"`
	}
	rows, err := list[wire](ctx, c, "read the alarms", "status/v1/alarm/")
	if err != nil {
		return nil, err
	}
	alarms := make([]Alarm, 0, len(rows))
	for _, w := range rows {
		alarms = append(alarms, Alarm{w.Identifier, string(w.Name), string(w.Level), string(w.Node), string(w.Instance), string(w.Details),
			w.TimeRaised.Time, w.Acknowledged})
	}
	return alarms, nil
}
