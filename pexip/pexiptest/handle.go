package pexiptest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
	"github.com/verify-by-video/pexip-upgrade/pexip"
)

const (
	root         = "/api/admin/"
	jsonType     = "application/json"
	defaultLimit = 20
)

// object is a resource as JSON.
type object = map[string]any

func reply(w http.ResponseWriter, status int, v any) { double.WriteJSON(w, status, jsonType, v) }

// refuse answers 400 in the form of a bad request.
func refuse(w http.ResponseWriter, format string, a ...any) {
	reply(w, http.StatusBadRequest, object{"error": fmt.Sprintf(format, a...)})
}

func notFound(w http.ResponseWriter) {
	reply(w, http.StatusNotFound, object{"error_message": "Sorry, this request could not be processed. Please try again later."})
}

func notAllowed(w http.ResponseWriter, allowed []string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	w.WriteHeader(http.StatusMethodNotAllowed)
}

// answer answers one request: state of the web server, login, role, then the resource.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	now := s.Now()
	s.world.advance(now)
	starting := s.world.startingUp(now)
	s.mu.Unlock()
	switch {
	case starting == http.StatusBadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(starting)
		_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
	case starting != 0:
		w.WriteHeader(starting)
	case r.URL.Path == "/oauth/token/":
		s.token(w, r)
	case !strings.HasPrefix(r.URL.Path, root) || !strings.HasSuffix(r.URL.Path, "/"):
		notFound(w)
	case !s.authorized(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="Pexip Infinity"`)
		w.WriteHeader(http.StatusUnauthorized)
	case s.forbidden(r):
		reply(w, http.StatusForbidden, object{"error": "You do not have permission to do that."})
	default:
		s.route(w, r, now)
	}
}

// forbidden: a read-only role may read, make backups and take diagnostic snapshots.
func (s *Server) forbidden(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.role.readOnly && r.Method != http.MethodGet && r.Method != http.MethodHead && !strings.HasSuffix(r.URL.Path, "/backup_create/") && !strings.HasSuffix(r.URL.Path, "/platform/snapshot/")
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, now time.Time) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, root), "/"), "/")
	if len(parts) < 2 || parts[1] != "v1" {
		notFound(w)
		return
	}
	api, rest := parts[0]+"/", parts[2:]
	if api == "command/" && len(rest) > 0 { // command/v1/platform/<action>/
		api, rest = "command/"+rest[0]+"/", rest[1:]
	}
	if len(rest) == 0 {
		s.root(w, r, api)
		return
	}
	name := api + rest[0]
	schema, ok := s.served(name)
	switch {
	case !ok:
		notFound(w)
	case len(rest) == 2 && rest[1] == "schema":
		reply(w, http.StatusOK, describe(schema))
	case api == "command/platform/", name == "configuration/upgrade":
		s.command(w, r, rest, now)
	case rest[0] == "upgrade_request" && len(rest) >= 2:
		s.upgradeRequest(w, r, rest[1:], now)
	case name == "configuration/global" && len(rest) == 2 && rest[1] == "1" && r.Method == http.MethodPatch:
		s.patchGlobal(w, r)
	case name == "configuration/worker_vm" && len(rest) == 2 && r.Method == http.MethodPatch:
		s.patchWorker(w, r, rest[1])
	case name == "configuration/system_backup" && len(rest) == 2:
		s.backupFile(w, r, rest[1], now)
	case name == "status/snapshot_request" && len(rest) == 3 && rest[2] == "download":
		s.snapshotFile(w, r, rest[1], now)
	default:
		s.resource(w, r, name, rest[1:], now)
	}
}

func (s *Server) root(w http.ResponseWriter, r *http.Request, api string) {
	entries := s.listing(api, r.URL.Path)
	switch {
	case len(entries) == 0:
		notFound(w)
	case r.Method != http.MethodGet:
		notAllowed(w, []string{http.MethodGet})
	default:
		reply(w, http.StatusOK, entries)
	}
}

func (s *Server) command(w http.ResponseWriter, r *http.Request, rest []string, now time.Time) {
	switch {
	case len(rest) != 1:
		notFound(w)
	case r.Method != http.MethodPost:
		notAllowed(w, []string{http.MethodPost})
	case rest[0] == "backup_create":
		s.createBackup(w, r, now)
	case rest[0] == "snapshot":
		s.createSnapshot(w, r, now)
	default:
		s.platformUpgrade(w, r, now)
	}
}

// resource answers GET on a list or one of its objects.
func (s *Server) resource(w http.ResponseWriter, r *http.Request, name string, rest []string, now time.Time) {
	if r.Method != http.MethodGet {
		notAllowed(w, []string{http.MethodGet})
		return
	}
	s.mu.Lock()
	objects := s.world.view(name, now, s.ClientID())
	s.mu.Unlock()
	switch len(rest) {
	case 0:
		s.list(w, r, objects, schemas[name].Fields)
	case 1:
		i := slices.IndexFunc(objects, func(o object) bool {
			return strings.HasSuffix(fmt.Sprint(o["resource_uri"]), "/"+rest[0]+"/")
		})
		if i < 0 {
			notFound(w)
			return
		}
		reply(w, http.StatusOK, objects[i])
	default:
		notFound(w)
	}
}

// list applies filters, order, limit and offset.
func (s *Server) list(w http.ResponseWriter, r *http.Request, objects []object, known map[string]string) {
	q := r.URL.Query()
	limit, limitErr := number(q, "limit", defaultLimit)
	offset, offsetErr := number(q, "offset", 0)
	if limitErr != nil || offsetErr != nil {
		refuse(w, "Invalid limit or offset provided. Please provide a positive integer.")
		return
	}
	if limit == 0 || limit > s.opt.MaxLimit {
		limit = s.opt.MaxLimit
	}
	objects, err := filtered(objects, q, known)
	if err == nil && q.Has("order_by") {
		err = ordered(objects, q.Get("order_by"), known)
	}
	if err != nil {
		refuse(w, "%s", err)
		return
	}
	total := len(objects)
	page := objects[min(offset, total):min(offset+limit, total)]
	var next, previous any
	if offset+limit < total {
		next = turnTo(r.URL, limit, offset+limit)
	}
	if offset > 0 {
		previous = turnTo(r.URL, limit, max(0, offset-limit))
	}
	if page == nil {
		page = []object{}
	}
	reply(w, http.StatusOK, object{"meta": object{"limit": limit, "offset": offset, "total_count": total, "next": next, "previous": previous}, "objects": page})
}

func number(q url.Values, key string, otherwise int) (int, error) {
	if !q.Has(key) {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(q.Get(key), 10, 31)
	return int(n), err
}

// turnTo is the host-relative address of another page.
func turnTo(u *url.URL, limit, offset int) string {
	q := u.Query()
	q.Set("limit", strconv.Itoa(limit))
	q.Set("offset", strconv.Itoa(offset))
	return u.Path + "?" + q.Encode()
}

// fields decodes a JSON or form body into plain values. It answers and returns false if it cannot.
func fields(w http.ResponseWriter, r *http.Request) (object, bool) {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	out := object{}
	switch media {
	case jsonType:
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&out); err != nil {
			refuse(w, "the body is not a JSON object")
			return nil, false
		}
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			refuse(w, "the form cannot be read")
			return nil, false
		}
		for k := range r.PostForm {
			out[k] = formValue(r.PostForm.Get(k))
		}
	default:
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return nil, false
	}
	return out, true
}

func formValue(s string) any {
	switch strings.ToLower(s) {
	case "true":
		return true
	case "false":
		return false
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	return s
}

// patchGlobal changes the named settings only.
func (s *Server) patchGlobal(w http.ResponseWriter, r *http.Request) {
	in, ok := fields(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := object{}
	for k, v := range in {
		if _, known := s.world.global[k]; !known {
			faults[k] = []string{"This field is not known."}
		} else if _, isBool := v.(bool); k == "session_timeout_enabled" && !isBool {
			faults[k] = []string{"This field must be true or false."}
		} else if minutes, _ := v.(float64); k == "management_session_timeout" && (minutes < 5 || minutes > 1440) {
			faults[k] = []string{"Ensure this value is between 5 and 1440."}
		}
	}
	if len(faults) > 0 {
		reply(w, http.StatusBadRequest, object{"global": faults})
		return
	}
	for k, v := range in {
		s.world.global[k] = v
	}
	w.WriteHeader(http.StatusAccepted)
}

// patchWorker changes the maintenance mode of one Conferencing Node; the double takes no other key.
func (s *Server) patchWorker(w http.ResponseWriter, r *http.Request, id string) {
	in, ok := fields(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	nodes := s.world.byRole(pexip.Conferencing)
	i := slices.IndexFunc(nodes, func(n *node) bool { return strconv.Itoa(n.id) == id })
	if i < 0 {
		notFound(w)
		return
	}
	n, faults := nodes[i], object{}
	mode, reason := n.parked, n.reason
	for k, v := range in {
		var fits bool
		switch k {
		case "maintenance_mode":
			mode, fits = v.(bool)
		case "maintenance_mode_reason":
			reason, fits = v.(string)
			fits = fits && utf8.RuneCountInString(reason) <= 250
		}
		if !fits {
			faults[k] = []string{"This value is not allowed."}
		}
	}
	if len(faults) > 0 {
		reply(w, http.StatusBadRequest, object{"worker_vm": faults})
		return
	}
	n.parked, n.reason = mode, reason
	w.WriteHeader(http.StatusAccepted)
}
