package pexiptest

import (
	"fmt"
	"slices"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// change lets the past happen, then f, then what follows from f at once.
func (s *Server) change(f func(*world) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	s.world.advance(now)
	err := f(&s.world)
	s.world.advance(now)
	return err
}

// SetPower switches the node with that address on or off, as its VM would be. Off: the Management
// Node drops connections, a Conferencing Node loses contact and an alarm is raised. On: that ends
// after Options.BootDuration. It returns an error for an address that no node has.
func (s *Server) SetPower(address string, on bool) error {
	return s.change(func(w *world) error {
		now := s.Now()
		for _, n := range w.nodes {
			if n.Address != address {
				continue
			}
			if n.on == on {
				return nil
			}
			if n.up(now) {
				n.seen = now
			}
			n.on, n.bootedAt = on, now.Add(w.opt.BootDuration)
			if !on {
				n.calls = 0
			}
			return nil
		}
		return fmt.Errorf("no node has address %q", address)
	})
}

// SetVersion sets what a node reports; name "" means all nodes.
func (s *Server) SetVersion(name, version string) error {
	return s.change(func(w *world) error {
		found := false
		for _, n := range w.nodes {
			if name == "" || n.Name == name {
				n.version, found = version, true
			}
		}
		if !found {
			return fmt.Errorf("no node is called %q", name)
		}
		return nil
	})
}

// SetParticipants puts n participants on the first Conferencing Node and none on the others.
func (s *Server) SetParticipants(n int) error {
	return s.change(func(w *world) error {
		nodes := w.byRole(pexip.Conferencing)
		if len(nodes) == 0 {
			return fmt.Errorf("there is no conferencing node")
		}
		for _, other := range nodes {
			other.calls = 0
		}
		nodes[0].calls = n
		return nil
	})
}

// SetCalls puts n participants on the node of that name.
func (s *Server) SetCalls(name string, n int) error {
	return s.change(func(w *world) error {
		i := slices.IndexFunc(w.nodes, func(o *node) bool { return o.Name == name })
		if i < 0 {
			return fmt.Errorf("no node is called %q", name)
		}
		w.nodes[i].calls = n
		return nil
	})
}

// AddAlarm raises an alarm until ClearAlarms; the zero TimeRaised means now.
func (s *Server) AddAlarm(a pexip.Alarm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.TimeRaised.IsZero() {
		a.TimeRaised = s.Now()
	}
	s.world.alarms = append(s.world.alarms, a)
}

// ClearAlarms lowers the alarms that AddAlarm raised.
func (s *Server) ClearAlarms() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.alarms = nil
}

// SetSessionTimeout sets the web interface's session timeout, as a person there would.
func (s *Server) SetSessionTimeout(enabled bool, minutes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.global["session_timeout_enabled"], s.world.global["management_session_timeout"] = enabled, minutes
}

// RemoveSyslog takes the syslog server away from "management node NAME" or "location NAME"; ""
// deletes the server itself.
func (s *Server) RemoveSyslog(where string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if where == "" {
		s.world.servers = false
		return nil
	}
	if !s.world.syslog[where] {
		return fmt.Errorf("%q does not refer to the syslog server", where)
	}
	delete(s.world.syslog, where)
	return nil
}

// ReadOnlyRole gives the caller's role no (or again every) permission to write: all but reads and
// the making of backups is answered with 403.
func (s *Server) ReadOnlyRole(readOnly bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.role = roleState{name: "Read-write", permissions: allPermissions()}
	if readOnly {
		s.world.role = roleState{name: "Read-only", permissions: []int{1, 2, 3, 5}, readOnly: true}
	}
}

// SetRole names the caller's role and gives it the first n of the node's permissions. What may be
// written is not changed by it.
func (s *Server) SetRole(name string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := allPermissions()
	s.world.role.name, s.world.role.permissions = name, all[:min(max(n, 0), len(all))]
}

// RewindUpload makes the node forget the latest bytes of an upload, down to the last chunk that
// began at or before offset.
func (s *Server) RewindUpload(id string, offset int64) error {
	return s.change(func(w *world) error {
		u := w.upload(id)
		if u == nil {
			return fmt.Errorf("no upgrade request %q", id)
		}
		for i := len(u.marks) - 1; i >= 0; i-- {
			if u.marks[i].offset <= offset {
				u.received, u.marks, u.state = u.marks[i], u.marks[:i], stateUploading
				return nil
			}
		}
		return fmt.Errorf("upgrade request %q has no chunk at or before byte %d", id, offset)
	})
}
