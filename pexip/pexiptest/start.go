package pexiptest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// Started is an upgrade that took effect.
type Started struct {
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	SHA256 string    `json:"sha256"`
	// Via is "finish" or "one-shot".
	Via string `json:"via"`
}

// finish validates a package and, unless told to do only that, starts the upgrade.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, u *upload, now time.Time) {
	in, ok := fields(w, r)
	if !ok {
		return
	}
	only, ok := in["validate_only"].(bool)
	if _, given := in["validate_only"]; given && !ok {
		reply(w, http.StatusBadRequest, object{"finish": object{"validate_only": []string{"This field must be true or false."}}})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.offset != u.total {
		refuse(w, "the upload is not complete: %d of %d bytes", u.offset, u.total)
		return
	}
	v, err := s.world.acceptable(u.header)
	if err != nil {
		refuse(w, "%s", err)
		return
	}
	u.upgrade = &v
	if only {
		answer := okay(u, now)
		answer["next_url"] = "/admin/platform/upgrade/" + u.id + "/confirm/"
		reply(w, http.StatusOK, answer)
		return
	}
	if err := s.world.start(v, u.hex(), "finish", now); err != nil {
		refuse(w, "%s", err)
		return
	}
	u.state = stateRunning
	answer := okay(u, now)
	answer["next_url"] = "/admin/platform/upgrade_status/"
	reply(w, http.StatusOK, answer)
}

// acceptable says what is in a package, or why it is refused.
func (w *world) acceptable(header []byte) (pexip.VersionInfo, error) {
	v, err := contained(header)
	if err != nil {
		return v, err
	}
	if current := info(w.manager().version); w.opt.RefuseOlder && older(v.Version, current.Version) {
		return v, fmt.Errorf("version %s is older than the installed %s", v.Version, current.Version)
	}
	return v, nil
}

// start begins an upgrade; one at a time.
func (w *world) start(v pexip.VersionInfo, sum, via string, now time.Time) error {
	w.tries++
	if w.busy() {
		return errors.New("an upgrade is in progress")
	}
	w.started = append(w.started, Started{At: now.UTC(), From: w.manager().version, To: text(v), SHA256: sum, Via: via})
	w.begin(v, now)
	return nil
}

// oneShot takes a whole package as a form with one file; a body that breaks off has no effect.
func (s *Server) oneShot(w http.ResponseWriter, r *http.Request) {
	form, err := r.MultipartReader()
	if err != nil {
		refuse(w, "%s", err)
		return
	}
	var p piece
	if err := p.open(form, "package"); err != nil {
		refuse(w, "%s", err)
		return
	}
	in := newReceived()
	if _, err := io.CopyBuffer(&in, p.bytes, make([]byte, 256<<10)); err != nil {
		refuse(w, "the package broke off: %s", err)
		return
	}
	if err := p.end(); err != nil {
		refuse(w, "%s", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.world.acceptable(in.header)
	if err == nil {
		err = s.world.start(v, in.hex(), "one-shot", s.Now())
	}
	if err != nil {
		refuse(w, "%s", err)
		return
	}
	reply(w, http.StatusAccepted, object{"status": "success", "data": object{"upgrade": v}})
}

// StartCount is how many upgrades took effect.
func (s *Server) StartCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.world.started)
}

// StartAttempts is how often a start was asked for with a good package, including those refused
// because an upgrade was in progress.
func (s *Server) StartAttempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.tries
}
