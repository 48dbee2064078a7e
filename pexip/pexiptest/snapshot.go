package pexiptest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// snapshot is a diagnostic snapshot that is being made or stored.
type snapshot struct {
	id      string
	created time.Time
	ready   time.Time
	fault   string
}

// FailNextSnapshot makes the next diagnostic snapshot end with that message instead of a file.
func (s *Server) FailNextSnapshot(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.snapshots = append(s.world.snapshots, &snapshot{fault: message})
}

func (s *Server) createSnapshot(w http.ResponseWriter, r *http.Request, now time.Time) {
	in, ok := fields(w, r)
	if !ok {
		return
	}
	faults := object{}
	for k, v := range in {
		switch v := v.(type) {
		case float64:
			if v < 0 || k != "limit" && k != "end_limit" {
				faults[k] = []string{"This value is not allowed."}
			}
		case bool:
			if k != "request" && k != "include_diagnostic_metrics" {
				faults[k] = []string{"This value is not allowed."}
			}
		default:
			faults[k] = []string{"This value is not allowed."}
		}
	}
	if len(faults) > 0 {
		reply(w, http.StatusBadRequest, object{"snapshot": faults})
		return
	}
	if in["request"] != true { // the command itself answers with the file
		writeFile(w, "snapshot.tgz", snapshotContent("at once"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addSnapshot(now)
	reply(w, http.StatusAccepted, object{"status": "success"})
}

func (w *world) addSnapshot(now time.Time) {
	if n := len(w.snapshots); n == 0 || w.snapshots[n-1].id != "" { // else it is one that is meant to fail
		w.snapshots = append(w.snapshots, &snapshot{})
	}
	made := w.snapshots[len(w.snapshots)-1]
	made.id, made.created, made.ready = uuid.NewString(), now, now.Add(w.opt.SnapshotDuration)
}

func (w *world) snapshotRequests(now time.Time) []object {
	var rows []object
	for _, made := range w.snapshots {
		if made.id == "" {
			continue
		}
		address := uri("status", "snapshot_request", made.id)
		row := object{"state": "running", "message": "", "created_at": stamp(made.created), "updated_at": stamp(made.created), "download_uri": nil, "resource_uri": address}
		switch {
		case now.Before(made.ready):
		case made.fault != "":
			row["state"], row["message"], row["updated_at"] = "failed", made.fault, stamp(made.ready)
		default:
			row["state"], row["download_uri"], row["updated_at"] = "completed", address+"download/", stamp(made.ready)
		}
		rows = append(rows, row)
	}
	return rows
}

func (s *Server) snapshotFile(w http.ResponseWriter, r *http.Request, id string, now time.Time) {
	s.mu.Lock()
	there := slices.ContainsFunc(s.world.snapshots, func(o *snapshot) bool { return o.id == id && o.fault == "" && !now.Before(o.ready) })
	s.mu.Unlock()
	switch {
	case r.Method != http.MethodGet:
		notAllowed(w, []string{http.MethodGet})
	case !there:
		notFound(w)
	default:
		writeFile(w, fmt.Sprintf("diagnostic_snapshot_%s.tgz", id), snapshotContent(id))
	}
}

// snapshotContent is noise that depends on the id only.
func snapshotContent(id string) []byte {
	b := make([]byte, 96<<10)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(id))).Read(b) // never fails
	return b
}

func writeFile(w http.ResponseWriter, name string, content []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment; filename="+name)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = bytes.NewReader(content).WriteTo(w)
}
