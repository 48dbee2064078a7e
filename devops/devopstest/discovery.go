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
		{"00d9565f-ed9c-4a06-9a50-00e7896ccab4", "Location", "ConnectionData", "_apis/{resource}", 1, "1.0", "7.2", "0.0"},
		{"603fe2ac-9723-48b9-88ad-09305aa6c6e1", "core", "projects", "_apis/{resource}/{*projectId}", 4, "1.0", "7.2", "7.1"},
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
		{"79134c72-4a58-4b42-976c-04e7115f32bf", "core", base},
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

// connectionData says who is asking; clients ask it to try a credential.
func (s *Server) connectionData() reply {
	user := map[string]any{"id": "d3f1c0de-0000-4000-8000-000000000107", "isActive": true, "providerDisplayName": s.opts.User}
	return ok(map[string]any{"authenticatedUser": user, "authorizedUser": user, "deploymentType": "hosted",
		"instanceId": s.opts.ProjectID, "deploymentId": s.opts.ProjectID})
}

func (s *Server) projects(path []string) reply {
	project := map[string]any{"id": s.opts.ProjectID, "name": s.opts.Project, "state": "wellFormed", "visibility": "private", "revision": 1,
		"url": "https://dev.azure.com/" + s.opts.Organization + "/_apis/projects/" + s.opts.ProjectID}
	switch {
	case len(path) == 0:
		return ok(list([]map[string]any{project}))
	case s.isProject(path[0]):
		return ok(project)
	}
	return noProject(path[0])
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
