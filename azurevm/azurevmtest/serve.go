package azurevmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
)

// object is a JSON object.
type object = map[string]any

// call is a request that is being answered, with the state locked.
type call struct {
	r      *http.Request
	now    time.Time
	base   string   // https://host
	args   []string // what the stars of the route's pattern stand for
	body   []byte
	id     string // the resource id that the path names
	parsed url.Values
}

// answer is what is sent after the state is unlocked.
type answer struct {
	status int
	header http.Header
	body   any
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

// refuse is an error in Azure's form.
func refuse(status int, code, format string, args ...any) answer {
	return answer{status: status, header: http.Header{"X-Ms-Error-Code": {code}},
		body: object{"error": object{"code": code, "message": fmt.Sprintf(format, args...)}}}
}

// route is one operation of the API.
type route struct {
	method string
	// pattern is a lower-case path below the subscription; a star stands for one element.
	pattern string
	// action is the permission that is needed, empty for what is served by any.
	action string
	serve  func(s *Server, c *call) answer
}

const (
	pathGroup = "resourcegroups/*/providers/microsoft.compute/"
	pathVM    = "resourcegroups/*/providers/microsoft.compute/virtualmachines/*"
	pathVault = "resourcegroups/*/providers/microsoft.recoveryservices/vaults/*"
	pathItem  = pathVault + "/backupfabrics/azure/protectioncontainers/*/protecteditems/*"

	computeAction  = "Microsoft.Compute/virtualMachines/"
	diskAction     = "Microsoft.Compute/disks/"
	snapshotAction = "Microsoft.Compute/snapshots/"
	vaultAction    = "Microsoft.RecoveryServices/Vaults/"
	itemAction     = vaultAction + "backupFabrics/protectionContainers/protectedItems/"
)

var routes = []route{
	{"GET", "providers/microsoft.compute/virtualmachines", computeAction + "read", (*Server).listVMs},
	{"GET", "resourcegroups/*/providers/microsoft.compute/virtualmachines", computeAction + "read", (*Server).listVMs},
	{"GET", pathVM, computeAction + "read", (*Server).getVM},
	{"PUT", pathVM, computeAction + "write", (*Server).changeVM},
	{"PATCH", pathVM, computeAction + "write", (*Server).changeVM},
	{"GET", pathVM + "/instanceview", computeAction + "instanceView/read", (*Server).getInstanceView},
	{"POST", pathVM + "/deallocate", computeAction + "deallocate/action", (*Server).switchVM},
	{"POST", pathVM + "/poweroff", computeAction + "powerOff/action", (*Server).switchVM},
	{"POST", pathVM + "/start", computeAction + "start/action", (*Server).switchVM},
	{"GET", "providers/microsoft.compute/locations/*/operations/*", "Microsoft.Compute/locations/operations/read", (*Server).getOperation},
	{"GET", "providers/microsoft.compute/locations/*/diskoperations/*", "Microsoft.Compute/locations/diskOperations/read", (*Server).getOperation},
	{"GET", "providers/microsoft.compute/disks", diskAction + "read", (*Server).listDisks},
	{"GET", pathGroup + "disks", diskAction + "read", (*Server).listDisks},
	{"GET", pathGroup + "disks/*", diskAction + "read", (*Server).getDisk},
	{"PUT", pathGroup + "disks/*", diskAction + "write", (*Server).putDisk},
	{"PATCH", pathGroup + "disks/*", diskAction + "write", (*Server).patchDisk},
	{"DELETE", pathGroup + "disks/*", diskAction + "delete", (*Server).deleteDisk},
	{"GET", "providers/microsoft.compute/snapshots", snapshotAction + "read", (*Server).listDisks},
	{"GET", pathGroup + "snapshots", snapshotAction + "read", (*Server).listDisks},
	{"GET", pathGroup + "snapshots/*", snapshotAction + "read", (*Server).getDisk},
	{"PUT", pathGroup + "snapshots/*", snapshotAction + "write", (*Server).putDisk},
	{"PATCH", pathGroup + "snapshots/*", snapshotAction + "write", (*Server).patchDisk},
	{"DELETE", pathGroup + "snapshots/*", snapshotAction + "delete", (*Server).deleteDisk},
	{"POST", "providers/microsoft.recoveryservices/locations/*/backupstatus", "Microsoft.RecoveryServices/locations/backupStatus/action", (*Server).backupStatus},
	{"GET", "resourcegroups/*/providers/microsoft.network/networkinterfaces/*", "Microsoft.Network/networkInterfaces/read", (*Server).getInterface},
	{"GET", pathVault + "/backupprotecteditems", vaultAction + "backupProtectedItems/read", (*Server).listItems},
	{"POST", pathItem + "/backup", itemAction + "backup/action", (*Server).backUp},
	{"GET", pathItem, itemAction + "read", (*Server).getItem},
	{"GET", pathItem + "/operationsstatus/*", itemAction + "operationsStatus/read", (*Server).getBackupOperation},
	{"GET", pathItem + "/operationresults/*", itemAction + "operationResults/read", (*Server).getOperationResult},
	{"GET", pathVault + "/backupoperations/*", vaultAction + "backupOperations/read", (*Server).getBackupOperation},
	{"GET", pathVault + "/backupjobs", vaultAction + "backupJobs/read", (*Server).listJobs},
	{"GET", pathVault + "/backupjobs/*", vaultAction + "backupJobs/read", (*Server).getJob},
	{"GET", pathItem + "/recoverypoints", itemAction + "recoveryPoints/read", (*Server).listPoints},
	{"GET", pathItem + "/recoverypoints/*", itemAction + "recoveryPoints/read", (*Server).getPoint},
	{"POST", pathItem + "/recoverypoints/*/restore", itemAction + "recoveryPoints/restore/action", (*Server).restore},
	{"POST", pathVault + "/backupvalidateoperation", vaultAction + "backupValidateOperation/action", (*Server).validate},
}

var (
	versionForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\d(-preview)?$`)
	scopedSuffix = regexp.MustCompile(`(?i)^(.*)/providers/microsoft\.authorization/(permissions|locks)$`)
)

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var a answer
	var id int
	s.locked(func(now time.Time) {
		c := &call{r: r, now: now, base: "https://" + r.Host, body: body, parsed: r.URL.Query()}
		a = s.answer(c)
		s.answered++
		id = s.answered
	})
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Ms-Request-Id", fmt.Sprintf("00000000-0000-4000-b000-%012d", id))
	w.Header().Set("X-Ms-Correlation-Request-Id", fmt.Sprintf("00000000-0000-4000-c000-%012d", id))
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if pause, slow := s.slowness(r); slow {
		w = &slowWriter{ResponseWriter: w, r: r, pause: pause}
	}
	double.WriteJSON(w, a.status, "application/json; charset=utf-8", a.body)
}

// answer checks in the order in which the real service does: who, how, what, whether.
func (s *Server) answer(c *call) answer {
	if a, refused := s.authenticate(c); refused {
		return a
	}
	path := strings.Trim(c.r.URL.Path, "/")
	elements := strings.Split(path, "/")
	if len(elements) < 2 || !strings.EqualFold(elements[0], "subscriptions") {
		return refuse(http.StatusNotFound, "InvalidResourceType", "The path '%s' is not one of a subscription.", path)
	}
	if !strings.EqualFold(elements[1], s.options.SubscriptionID) {
		return refuse(http.StatusNotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", elements[1])
	}
	if v := c.parsed.Get("api-version"); !versionForm.MatchString(v) {
		return refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests; '%s' is none.", v)
	}
	c.id = "/" + path
	if m := scopedSuffix.FindStringSubmatch(c.id); m != nil {
		return s.authorization(c, m[1], strings.ToLower(m[2]))
	}
	return s.dispatch(c, elements[2:])
}

func (s *Server) authenticate(c *call) (answer, bool) {
	token, bearer := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !bearer || token == "":
		return refuse(http.StatusUnauthorized, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."), true
	case s.options.Token != "" && token != s.options.Token:
		return refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "The access token is invalid."), true
	}
	return answer{}, false
}

func (s *Server) dispatch(c *call, elements []string) answer {
	known := false
	for _, r := range routes {
		args, matches := match(r.pattern, elements)
		if !matches {
			continue
		}
		known = true
		if r.method != c.r.Method {
			continue
		}
		c.args = args
		if a, refused := s.forbids(c, r); refused {
			return a
		}
		return r.serve(s, c)
	}
	if known {
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The resource does not support the method %s.", c.r.Method)
	}
	return refuse(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found for '%s' and api version '%s'.", c.id, c.parsed.Get("api-version"))
}

func match(pattern string, elements []string) ([]string, bool) {
	want := strings.Split(pattern, "/")
	if len(want) != len(elements) {
		return nil, false
	}
	var args []string
	for i, w := range want {
		if w == "*" {
			args = append(args, elements[i])
		} else if !strings.EqualFold(w, elements[i]) {
			return nil, false
		}
	}
	return args, true
}

// arg is what the n-th star stands for.
func (c *call) arg(n int) string { return c.args[n] }

// decode reads the body; the answer is for the client when it cannot.
func (c *call) decode(v any) (answer, bool) {
	if err := json.Unmarshal(c.body, v); err != nil {
		return refuse(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid: %v.", err), false
	}
	return answer{}, true
}

// page answers with a listing, or the part of it that a link asked for.
func (s *Server) page(c *call, values []any) answer {
	from, _ := strconv.Atoi(c.parsed.Get("$skipToken"))
	from = min(max(from, 0), len(values))
	to := len(values)
	body := object{}
	if n := s.options.PageSize; n > 0 && from+n < to {
		to = from + n
		q := c.parsed
		q.Set("$skipToken", strconv.Itoa(to))
		body["nextLink"] = c.base + c.r.URL.EscapedPath() + "?" + q.Encode()
	}
	part := values[from:to]
	if part == nil {
		part = []any{}
	}
	body["value"] = part
	return ok(body)
}

// polling are the headers that lead to an operation; the real links carry a signature too.
func (s *Server) polling(c *call, async, result string) http.Header {
	const signed = "?p=azurevmtest&t=0&c=certificate&s=signature-of-the-double&api-version="
	version := c.parsed.Get("api-version")
	h := http.Header{"Azure-Asyncoperation": {c.base + async + signed + version}, "Location": {c.base + result + signed + version}}
	s.retryAfter(h)
	return h
}

func (s *Server) retryAfter(h http.Header) {
	h.Set("Retry-After", strconv.Itoa(int(s.options.RetryAfter/time.Second)))
}
