package pexiptest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
	"unicode/utf8"
)

// backup is a backup that is being made or stored.
type backup struct {
	id       int
	filename string
	created  time.Time
	ready    time.Time
	version  string
	fault    string
	content  []byte
}

// FailNextBackup makes the next backup end with that message instead of a file.
func (s *Server) FailNextBackup(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.backups = append(s.world.backups, &backup{fault: message})
}

func (s *Server) createBackup(w http.ResponseWriter, r *http.Request, now time.Time) {
	in, ok := fields(w, r)
	if !ok {
		return
	}
	phrase, _ := in["passphrase"].(string)
	if n := utf8.RuneCountInString(phrase); n < 1 || n > 1000 {
		reply(w, http.StatusBadRequest, object{"backup_create": object{"passphrase": []string{"Ensure this value has between 1 and 1000 characters."}}})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addBackup(now)
	reply(w, http.StatusAccepted, object{"status": "success"})
}

func (w *world) addBackup(now time.Time) {
	b := &backup{}
	if n := len(w.backups); n > 0 && w.backups[n-1].filename == "" { // one that is meant to fail
		b = w.backups[n-1]
	} else {
		w.backups = append(w.backups, b)
	}
	b.id, b.created, b.ready = len(w.backups), now, now.Add(w.opt.BackupDuration)
	b.version = w.manager().version
	b.filename = fmt.Sprintf("pexip_backup_%d_%s.tar.pexbak", b.id, now.UTC().Format("20060102150405"))
	noise := rand.NewChaCha8(sha256.Sum256([]byte(b.filename)))
	b.content = make([]byte, 64<<10)
	_, _ = noise.Read(b.content) // never fails
}

func (b *backup) done(now time.Time) bool { return b.filename != "" && !now.Before(b.ready) }

func (w *world) backupRequests(now time.Time) []object {
	var rows []object
	for _, b := range w.backups {
		if b.filename == "" {
			continue
		}
		row := object{"state": "running", "message": "", "created_at": stamp(b.created), "updated_at": stamp(b.created), "download_uri": nil,
			"resource_uri": uri("status", "backup_request", b.id)}
		switch {
		case b.done(now) && b.fault != "":
			row["state"], row["message"], row["updated_at"] = "failed", b.fault, stamp(b.ready)
		case b.done(now):
			row["state"], row["download_uri"], row["updated_at"] = "completed", uri("configuration", "system_backup", b.filename), stamp(b.ready)
		}
		rows = append(rows, row)
	}
	return rows
}

func (w *world) systemBackups(now time.Time) []object {
	var rows []object
	for _, b := range w.backups {
		if !b.done(now) || b.fault != "" {
			continue
		}
		sum := sha256.Sum256(b.content)
		v := info(b.version)
		rows = append(rows, object{"filename": b.filename, "date": stamp(b.created), "version": v.Version, "build": v.PseudoVersion, "type": "manual",
			"size": len(b.content), "sha256sum": hex.EncodeToString(sum[:]), "resource_uri": uri("configuration", "system_backup", b.filename)})
	}
	return rows
}

func (s *Server) backupFile(w http.ResponseWriter, r *http.Request, filename string, now time.Time) {
	if r.Method != http.MethodGet {
		notAllowed(w, []string{http.MethodGet})
		return
	}
	s.mu.Lock()
	var content []byte
	for _, b := range s.world.backups {
		if b.filename == filename && b.done(now) && b.fault == "" {
			content = bytes.Clone(b.content)
		}
	}
	s.mu.Unlock()
	if content == nil {
		notFound(w)
		return
	}
	writeFile(w, filename, content)
}
