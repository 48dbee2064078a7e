package devopstest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody is the largest request body that is read, in bytes.
const maxBody = 8 << 20

// reply is an answer before it is written: nothing is written while the lock is held.
type reply struct {
	status int
	body   any // nil: no body
	header http.Header
	html   string
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

// refusal is the service's error body.
func refusal(status int, typeKey, format string, args ...any) reply {
	return reply{status: status, body: map[string]any{
		"$id": "1", "innerException": nil, "message": fmt.Sprintf(format, args...), "typeKey": typeKey, "errorCode": 0, "eventId": 3000,
		"typeName": "Microsoft.TeamFoundation.Build.WebApi." + typeKey + ", Microsoft.TeamFoundation.Build2.WebApi",
	}}
}

func notFoundPage(r *http.Request) reply {
	return refusal(http.StatusNotFound, "VssResourceNotFoundException", "The requested resource was not found: %s", r.URL.Path)
}

func wrongMethod(r *http.Request, allowed ...string) reply {
	out := refusal(http.StatusMethodNotAllowed, "VssRequestMethodNotAllowed", "The requested resource does not support http method '%s'.", r.Method)
	out.header = http.Header{"Allow": {strings.Join(allowed, ", ")}}
	return out
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.Settle()
	out := s.answer(r)
	s.Settle()
	stampActivity(w.Header())
	if session := r.Header.Get("X-TFS-Session"); session != "" {
		w.Header().Set("X-TFS-Session", session)
	}
	for k, v := range out.header {
		w.Header()[k] = v
	}
	if out.body != nil { // Without it clients take errors for plain text.
		w.Header().Set("Content-Type", "application/json; charset=utf-8; api-version="+negotiated(r))
	}
	w.WriteHeader(out.status)
	if out.body == nil {
		_, _ = io.WriteString(w, out.html)
		return
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // nor does the service escape <, > and &
	_ = enc.Encode(out.body)
}

// answer finds the resource. Paths are case-insensitive, the project is a name or a GUID, and %20 is
// a space.
func (s *Server) answer(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	segments := pathSegments(r.URL)
	if len(segments) == 0 || !strings.EqualFold(segments[0], s.opts.Organization) {
		return notFoundPage(r)
	}
	if !s.authorized(r) {
		return s.reject()
	}
	if out, refused := wrongVersion(r); refused {
		return out
	}
	segments = segments[1:]
	if len(segments) > 0 && strings.EqualFold(segments[0], "_apis") {
		return s.organization(r, lower(segments[1:]))
	}
	if len(segments) < 2 || !strings.EqualFold(segments[1], "_apis") {
		return notFoundPage(r)
	}
	if !s.isProject(segments[0]) {
		return noProject(segments[0])
	}
	return s.project(r, lower(segments[2:]))
}

func noProject(name string) reply {
	return refusal(http.StatusNotFound, "ProjectDoesNotExistWithNameException",
		"VS800075: The project with id 'vstfs:///Classification/TeamProject/%s' does not exist, or you do not have permission to access it.", name)
}

func lower(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.ToLower(s)
	}
	return out
}

func pathSegments(u *url.URL) []string {
	var out []string
	for s := range strings.SplitSeq(u.EscapedPath(), "/") {
		if plain, err := url.PathUnescape(s); err == nil && plain != "" {
			out = append(out, plain)
		}
	}
	return out
}

func (s *Server) isProject(name string) bool {
	return strings.EqualFold(name, s.opts.Project) || strings.EqualFold(name, s.opts.ProjectID)
}

// organization serves what is above projects.
func (s *Server) organization(r *http.Request, path []string) reply {
	switch {
	case r.Method == http.MethodOptions:
		return s.locations(path)
	case r.Method != http.MethodGet:
		return wrongMethod(r, "GET", "OPTIONS")
	case len(path) > 0 && path[0] == "resourceareas":
		return s.resourceAreas(r, path[1:])
	case len(path) == 1 && path[0] == "connectiondata":
		return s.connectionData()
	case len(path) > 0 && len(path) < 3 && path[0] == "projects":
		return s.projects(path[1:])
	case len(path) == 3 && path[0] == "permissions":
		return s.permissions(r, path[1], path[2])
	}
	return notFoundPage(r)
}

// project serves builds, definitions, and the same again as pipelines and runs.
func (s *Server) project(r *http.Request, path []string) reply {
	area, path := strings.Join(path[:min(len(path), 2)], "/"), path[min(len(path), 2):]
	id := 0
	if len(path) > 0 {
		id, _ = atoi(path[0])
	}
	switch n := len(path); {
	case area == "build/definitions" && n == 0:
		return s.definitions(r)
	case area == "build/definitions" && n == 1:
		return s.definition(r, id)
	case area == "build/definitions" && n == 2 && path[1] == "revisions":
		return s.revisions(r, id)
	case area == "build/builds" && n == 0:
		return s.allBuilds(r)
	case area == "build/builds" && n == 1:
		return s.build(r, id)
	case area == "build/builds" && (n == 2 || n == 3) && path[1] == "timeline":
		return s.timeline(r, id)
	case strings.HasPrefix(area, "pipelines"):
		return s.pipelines(r, strings.TrimPrefix(area, "pipelines"), path)
	}
	return notFoundPage(r)
}

func (s *Server) authorized(r *http.Request) bool {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	free := s.opts.PAT == "" && s.opts.Token == ""
	switch strings.ToLower(scheme) {
	case "basic":
		plain, err := base64.StdEncoding.DecodeString(value)
		_, password, found := strings.Cut(string(plain), ":")
		return err == nil && found && password != "" && (free || password == s.opts.PAT)
	case "bearer":
		return value != "" && (free || value == s.opts.Token)
	}
	return false
}

const signInPage = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head><body></body></html>"

func (s *Server) reject() reply {
	switch s.opts.Rejection {
	case "203":
		return reply{status: http.StatusNonAuthoritativeInfo, html: signInPage, header: http.Header{"Content-Type": {htmlText}}}
	case "302":
		return reply{status: http.StatusFound, html: signInPage, header: http.Header{
			"Location": {"https://spsprodcus1.vssps.visualstudio.com/_signin"}, "Content-Type": {htmlText}}}
	}
	return reply{status: http.StatusUnauthorized, header: http.Header{"Www-Authenticate": {challenge}}}
}

const challenge = `Basic realm="https://tfsprodcus1.visualstudio.com/"`

func (s *Server) may(p Permission) bool { return !slices.Contains(s.opts.MissingPermissions, p) }

// denied names the missing permission the way the service does.
func (s *Server) denied(p Permission, action string) reply {
	return refusal(http.StatusForbidden, "AccessDeniedException",
		"TF215106: Access denied. %s needs %s permissions for build pipeline %d:%s in team project %s to perform the action. For more information, contact the Azure DevOps Server administrator. (%s)",
		s.opts.User, p, s.opts.DefinitionID, s.opts.Name, s.opts.Project, action)
}

func readJSON(r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	dec.UseNumber()
	return dec.Decode(into)
}

func badBody(err error) reply {
	return refusal(http.StatusBadRequest, "InvalidRequestException", "The request body could not be read: %v", err)
}
