package devopstest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// revision is one entry of the definition's history with the document as it was.
type revision struct {
	number           int
	by, kind, remark string
	at               time.Time
	doc              map[string]any
}

func (s *Server) revision() int { return len(s.history) }

func (s *Server) queueStatus() string { return s.doc["queueStatus"].(string) }

// store makes doc the newest revision.
func (s *Server) store(doc map[string]any, by, kind, remark string) {
	doc = clone(doc)
	at := s.Now().UTC()
	number := s.revision() + 1
	doc["revision"], doc["createdDate"], doc["comment"] = number, at.Format(time.RFC3339Nano), remark
	doc["authoredBy"] = identity(by)
	if _, isText := doc["queueStatus"].(string); !isText {
		doc["queueStatus"] = "enabled"
	}
	before := ""
	if s.doc != nil {
		before = s.queueStatus()
	}
	s.secrets = keepSecrets(doc, s.secrets)
	s.doc = doc
	s.history = append(s.history, revision{number, by, kind, remark, at, clone(doc)})
	if before != "" && before != s.queueStatus() {
		s.idleSince = s.Now()
	}
}

func identity(name string) map[string]any {
	account := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.org"
	if strings.HasPrefix(name, "Microsoft.") {
		account = name
	}
	return map[string]any{"displayName": name, "uniqueName": account}
}

func definitionNotFound(id int) reply {
	return refusal(http.StatusNotFound, "DefinitionNotFoundException", "Build pipeline %d was not found.", id)
}

func (s *Server) definition(r *http.Request, id int) reply {
	if id != s.opts.DefinitionID {
		return definitionNotFound(id)
	}
	switch r.Method {
	case http.MethodGet:
		return s.getDefinition(r)
	case http.MethodPut:
		return s.putDefinition(r)
	case http.MethodPatch:
		return refusal(http.StatusBadRequest, "ArgumentNullException", "Value cannot be null. Parameter name: deleted")
	case http.MethodDelete:
		return s.denied("Delete build pipeline", "delete")
	}
	return wrongMethod(r, "GET", "PUT", "PATCH", "DELETE")
}

// definitions is the list of the one there is.
func (s *Server) definitions(r *http.Request) reply {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		return s.denied("Create build pipeline", "create")
	default:
		return wrongMethod(r, "GET", "POST")
	}
	q, out := r.URL.Query(), []map[string]any{}
	named, ids := q.Get("name"), q.Get("definitionIds")
	if (named == "" || strings.EqualFold(named, s.opts.Name)) && listed(ids, s.opts.DefinitionID) {
		reference := map[string]any{}
		for _, key := range []string{"id", "name", "path", "url", "uri", "_links", "revision", "createdDate", "authoredBy", "project", "type", "queueStatus", "quality", "drafts"} {
			if value, found := s.doc[key]; found {
				reference[key] = value
			}
		}
		out = append(out, reference)
	}
	return ok(list(out))
}

// listed says whether a comma list of numbers, empty for all, has id.
func listed(ids string, id int) bool {
	return ids == "" || slices.Contains(strings.Split(ids, ","), strconv.Itoa(id))
}

func (s *Server) getDefinition(r *http.Request) reply {
	text := r.URL.Query().Get("revision")
	if text == "" {
		return ok(s.show(s.doc))
	}
	n, valid := atoi(text)
	if !valid || n < 1 || n > s.revision() {
		return definitionNotFound(s.opts.DefinitionID)
	}
	return ok(s.show(s.history[n-1].doc))
}

// putDefinition replaces the document: what is left out is gone or gets its default.
func (s *Server) putDefinition(r *http.Request) reply {
	s.puts++
	if !s.may(EditPipeline) {
		return s.denied(EditPipeline, "edit")
	}
	var doc map[string]any
	if err := readJSON(r, &doc); err != nil {
		return badBody(err)
	}
	if fmt.Sprint(doc["id"]) != fmt.Sprint(s.opts.DefinitionID) {
		return refusal(http.StatusBadRequest, "InvalidDefinitionException", "The pipeline id in the body does not match the one in the address.")
	}
	if fmt.Sprint(doc["revision"]) != fmt.Sprint(s.revision()) {
		return stale(s.opts.StaleRevision, s.opts.DefinitionID)
	}
	if err := normalize(doc); err != nil {
		return refusal(http.StatusBadRequest, "InvalidDefinitionException", "%v", err)
	}
	if doc["jobAuthorizationScope"] == nil {
		doc["jobAuthorizationScope"] = "projectCollection"
	}
	remark, _ := doc["comment"].(string)
	for _, key := range serverOwned {
		delete(doc, key)
		if value, found := s.doc[key]; found {
			doc[key] = value
		}
	}
	for _, key := range []string{"name", "path"} {
		if doc[key] == nil {
			doc[key] = s.doc[key]
		}
	}
	before := s.queueStatus()
	s.store(doc, s.opts.User, "update", remark)
	if before != "enabled" && s.queueStatus() == "enabled" && s.cancelsPaused(r) {
		s.cancelHeld()
	}
	return ok(s.show(s.doc))
}

// cancelsPaused: the parameter exists from 7.2-preview.8 on and is ignored before.
func (s *Server) cancelsPaused(r *http.Request) bool {
	return strings.EqualFold(r.URL.Query().Get("cancelPausedBuilds"), "true") && s.opts.DefinitionsVersion >= 8 && requested(r) == "7.2-preview.8"
}

// stale is the answer to a write from a revision that is not the newest.
func stale(answer string, id int) reply {
	switch answer {
	case "409":
		return refusal(http.StatusConflict, "DefinitionRevisionConflictException", "The pipeline was changed since it was read.")
	case "400":
		return refusal(http.StatusBadRequest, "InvalidDefinitionException", "The revision of the pipeline is not the current one.")
	}
	return definitionNotFound(id)
}

func (s *Server) revisions(r *http.Request, id int) reply {
	if id != s.opts.DefinitionID {
		return definitionNotFound(id)
	}
	if r.Method != http.MethodGet {
		return wrongMethod(r, "GET")
	}
	out := []map[string]any{}
	for _, h := range s.history {
		entry := map[string]any{"revision": h.number, "name": h.doc["name"], "changedBy": identity(h.by), "changedDate": h.at.Format(time.RFC3339Nano),
			"changeType": h.kind, "definitionUrl": s.doc["url"]}
		if h.remark != "" {
			entry["comment"] = h.remark
		}
		out = append(out, entry)
	}
	return ok(list(out))
}

// SetQueueStatus is what a colleague does by hand: enabled, paused or disabled.
func (s *Server) SetQueueStatus(status, by string) {
	s.Edit(by, "", func(doc map[string]any) { doc["queueStatus"] = status })
}

// Edit is a colleague's edit of the definition: change gets the document and may change anything that
// a client could; it makes one revision. A document that the service would refuse is not stored.
func (s *Server) Edit(by, comment string, change func(doc map[string]any)) {
	s.Settle()
	s.mu.Lock()
	doc := clone(s.doc)
	change(doc)
	if normalize(doc) == nil {
		s.store(doc, by, "update", comment)
	}
	s.mu.Unlock()
	s.Settle()
}

// Document is the definition as a client would read it.
func (s *Server) Document() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.show(s.doc)
}

// Secret is the stored value of a secret variable; empty when there is none.
func (s *Server) Secret(variable string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets[variable]
}

// PutCount is how many writes of the definition arrived, refused ones included.
func (s *Server) PutCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}
