package pexiptest

import (
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// State is the deployment as a person would want to see it.
type State struct {
	Now       time.Time `json:"now"`
	Reachable bool      `json:"reachable"`
	// Phase of the latest upgrade; empty: none was started.
	Phase                 string        `json:"phase,omitempty"`
	Nodes                 []NodeState   `json:"nodes"`
	SessionTimeoutEnabled bool          `json:"sessionTimeoutEnabled"`
	SessionTimeoutMinutes int           `json:"sessionTimeoutMinutes"`
	Participants          int           `json:"participants"`
	Alarms                []string      `json:"alarms,omitempty"`
	Uploads               []UploadState `json:"uploads,omitempty"`
	Backups               int           `json:"backups"`
	Upgrades              []Started     `json:"upgrades,omitempty"`
}

// NodeState is one node.
type NodeState struct {
	Name            string     `json:"name"`
	Role            pexip.Role `json:"role"`
	Address         string     `json:"address"`
	Version         string     `json:"version"`
	UpgradeStatus   string     `json:"upgradeStatus"`
	MaintenanceMode bool       `json:"maintenanceMode"`
	On              bool       `json:"on"`
	InContact       bool       `json:"inContact"`
	Calls           int        `json:"calls"`
}

// UploadState is one upgrade request.
type UploadState struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Offset int64  `json:"offset"`
	Total  int64  `json:"total"`
	// SHA256 is of the bytes received so far.
	SHA256 string `json:"sha256"`
}

// State takes a snapshot.
func (s *Server) State() State {
	reachable := s.Reachable()
	s.mu.Lock()
	defer s.mu.Unlock()
	now, w := s.Now(), &s.world
	out := State{Now: now.UTC(), Reachable: reachable, Participants: w.calls(), Upgrades: append([]Started(nil), w.started...)}
	out.SessionTimeoutEnabled, _ = w.global["session_timeout_enabled"].(bool)
	out.SessionTimeoutMinutes = minutes(w.global["management_session_timeout"])
	if w.upgrade != nil {
		out.Phase = w.upgrade.phase
	}
	for _, n := range w.nodes {
		out.Nodes = append(out.Nodes, NodeState{n.Name, n.Role, n.Address, n.version, n.status, n.parked, n.on, n.up(now), n.calls})
	}
	for _, a := range w.raised(now) {
		out.Alarms = append(out.Alarms, a.Name+" "+a.Instance)
	}
	for _, u := range w.uploads {
		out.Uploads = append(out.Uploads, UploadState{u.id, u.state, u.offset, u.total, u.hex()})
	}
	for _, b := range w.backups {
		if b.done(now) && b.fault == "" {
			out.Backups++
		}
	}
	return out
}

// minutes reads a number that came from us (int) or over the wire (float64).
func minutes(v any) int {
	if f, ok := v.(float64); ok {
		return int(f)
	}
	n, _ := v.(int)
	return n
}
