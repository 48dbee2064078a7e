package devopstest

import (
	"net/http"
	"strconv"
	"strings"
)

// location is an entry of the service's description of its API. Clients need every field.
type location struct {
	ID              string `json:"id"`
	Area            string `json:"area"`
	ResourceName    string `json:"resourceName"`
	RouteTemplate   string `json:"routeTemplate"`
	ResourceVersion int    `json:"resourceVersion"`
	MinVersion      string `json:"minVersion"`
	MaxVersion      string `json:"maxVersion"`
	ReleasedVersion string `json:"releasedVersion"`
}

func (s *Server) allLocations() []location {
	return []location{
		{"e81700f7-3be2-46de-8624-2eb35882fcaa", "Location", "ResourceAreas", "_apis/{resource}/{areaId}", 1, "3.2", "7.2", "0.0"},
		{"dbeaf647-6167-421a-bda9-c9327b25e2e6", "build", "Definitions", "{project}/_apis/build/{resource}/{definitionId}", s.opts.DefinitionsVersion, "2.0", "7.2", "7.1"},
		{"0cd358e1-9217-4d94-8269-1c1ee6f93dcf", "build", "Builds", "{project}/_apis/build/{resource}/{buildId}", 7, "2.0", "7.2", "7.1"},
		{"7c116775-52e5-453e-8c5d-914d9762d8c4", "build", "revisions", "{project}/_apis/{area}/definitions/{definitionId}/{resource}", 3, "2.0", "7.2", "7.1"},
		{"8baac422-4c6e-4de5-8532-db96d92acffa", "build", "Timeline", "{project}/_apis/{area}/builds/{buildId}/{resource}/{timelineId}", 3, "2.0", "7.2", "7.1"},
		{"7859261e-d2e9-4a68-b820-a5d84cc5bb3d", "Pipelines", "runs", "{project}/_apis/{area}/{pipelineId}/{resource}/{runId}", 2, "5.1", "7.2", "7.1"},
		{"28e1305e-2afe-47bf-abaf-cbb0e6a91988", "Pipelines", "pipelines", "{project}/_apis/{area}/{pipelineId}", 1, "5.1", "7.2", "7.1"},
	}
}

// locations answers OPTIONS for everything or for one area, whose case clients keep.
func (s *Server) locations(path []string) reply {
	out := []location{}
	for _, l := range s.allLocations() {
		if len(path) == 0 || strings.EqualFold(path[0], l.Area) {
			out = append(out, l)
		}
	}
	return ok(list(out))
}

type resourceArea struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	LocationURL string `json:"locationUrl"`
}

// resourceAreas says, in lower case as the service does, that everything is at the organization.
func (s *Server) resourceAreas(r *http.Request, path []string) reply {
	base := strings.ToLower("https://"+r.Host+"/"+s.opts.Organization) + "/"
	areas := []resourceArea{
		{"965220d5-5bb9-42cf-8d67-9b146df2a5a4", "build", base},
		{"2e0bf237-8973-4ec9-a581-9c3d679d1776", "pipelines", base},
	}
	if len(path) == 0 {
		return ok(list(areas))
	}
	for _, a := range areas {
		if strings.EqualFold(a.ID, path[0]) {
			return ok(a)
		}
	}
	return notFoundPage(r)
}

type collection[T any] struct {
	Count int `json:"count"`
	Value []T `json:"value"`
}

func list[T any](value []T) collection[T] { return collection[T]{len(value), value} }

func atoi(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil
}

const buildNamespace = "33344d9c-fc72-4d6f-aba5-fa317101a7e9"

var permissionBits = map[int]Permission{2048: EditPipeline, 128: QueueBuilds, 512: StopBuilds}

// permissions answers, per token, whether the user holds all the bits. The bits that the double does
// not check are held by everyone.
func (s *Server) permissions(r *http.Request, namespace, bits string) reply {
	n, valid := atoi(bits)
	if namespace != buildNamespace || !valid {
		return refusal(http.StatusNotFound, "InvalidSecurityNamespaceException", "VS800068: The security namespace %s does not exist.", namespace)
	}
	var out []bool
	for token := range strings.SplitSeq(r.URL.Query().Get("tokens"), ",") {
		held := strings.EqualFold(token, s.securityToken())
		for bit, permission := range permissionBits {
			held = held && (n&bit == 0 || s.may(permission))
		}
		out = append(out, held)
	}
	return ok(list(out))
}

func (s *Server) securityToken() string {
	folder := strings.Trim(strings.ReplaceAll(s.opts.Folder, `\`, "/"), "/")
	if folder != "" {
		folder += "/"
	}
	return s.opts.ProjectID + "/" + folder + strconv.Itoa(s.opts.DefinitionID)
}

// SignInPage is a Fault that answers with the sign-in page under a status of success (203).
func SignInPage(method, path string) Fault {
	return Fault{Name: "sign-in page", Kind: Answer, Method: method, Path: path, Status: http.StatusNonAuthoritativeInfo,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: signInPage}
}

// Throttled is a Fault that answers 429 with Retry-After in seconds.
func Throttled(method, path string, seconds int) Fault {
	return Fault{Name: "throttled", Kind: Answer, Method: method, Path: path, Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {strconv.Itoa(seconds)}, "Content-Type": {"text/plain"}},
		Body:   "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'User'."}
}

// Unavailable is a Fault that answers 503 with an HTML page.
func Unavailable(method, path string) Fault {
	return Fault{Name: "unavailable", Kind: Answer, Method: method, Path: path, Status: http.StatusServiceUnavailable,
		Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html><body>Our services aren't available right now</body></html>"}
}

// Forbidden is a Fault that answers 403 as for a missing permission.
func Forbidden(method, path string) Fault {
	return Fault{Name: "forbidden", Kind: Answer, Method: method, Path: path, Status: http.StatusForbidden,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:   `{"$id":"1","message":"TF215106: Access denied. Upgrade Operator needs Edit build pipeline permissions.","typeKey":"AccessDeniedException","errorCode":0,"eventId":3000}`}
}
