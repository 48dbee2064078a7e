package devopstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// queue adds a build as a person does, or says why not.
func (s *Server) queue(b Build) (*Build, reply) {
	switch {
	case !s.may(QueueBuilds):
		return nil, s.denied(QueueBuilds, "queue")
	case len(b.Parameters)+len(b.Variables) > 0 && !s.may(EditQueueConfiguration):
		return nil, s.denied(EditQueueConfiguration, "queue with parameters")
	case s.queueStatus() == "disabled":
		return nil, refusal(http.StatusBadRequest, "DefinitionDisabledException", "Could not queue the build because the pipeline %d is disabled.", s.opts.DefinitionID)
	}
	b.Reason, b.RequestedFor = "manual", s.opts.User
	return s.add(b), reply{}
}

// queueBuild is the older of two ways to run a pipeline: variables are JSON in a string.
func (s *Server) queueBuild(r *http.Request) reply {
	var body struct {
		Definition struct {
			ID int `json:"id"`
		} `json:"definition"`
		SourceBranch       string            `json:"sourceBranch"`
		Parameters         string            `json:"parameters"`
		TemplateParameters map[string]string `json:"templateParameters"`
	}
	if err := readJSON(r, &body); err != nil {
		return badBody(err)
	}
	var variables map[string]string
	if body.Parameters != "" {
		if err := json.Unmarshal([]byte(body.Parameters), &variables); err != nil {
			return badBody(err)
		}
	}
	if body.Definition.ID != s.opts.DefinitionID {
		return definitionNotFound(body.Definition.ID)
	}
	b, refused := s.queue(Build{SourceBranch: body.SourceBranch, Parameters: body.TemplateParameters, Variables: variables})
	if b == nil {
		return refused
	}
	return ok(s.wire(b))
}

// pipelines serves /pipelines, /pipelines/{id}, and the runs below it.
func (s *Server) pipelines(r *http.Request, id string, path []string) reply {
	if id == "" {
		if r.Method != http.MethodGet {
			return wrongMethod(r, "GET", "POST")
		}
		return ok(list([]map[string]any{s.pipeline()}))
	}
	number, _ := atoi(strings.TrimPrefix(id, "/"))
	switch {
	case !strings.HasPrefix(id, "/") || len(path) > 2 || len(path) > 0 && path[0] != "runs":
		return notFoundPage(r)
	case number != s.opts.DefinitionID:
		return refusal(http.StatusNotFound, "PipelineNotFoundException", "Pipeline %d was not found.", number)
	case len(path) == 1 && r.Method == http.MethodPost:
		return s.run(r)
	case len(path) == 1 && r.Method != http.MethodGet:
		return wrongMethod(r, "GET", "POST")
	case r.Method != http.MethodGet:
		return wrongMethod(r, "GET")
	case len(path) == 0:
		return ok(s.pipeline())
	case len(path) == 1:
		return s.listRuns()
	}
	number, _ = atoi(path[1])
	if b := s.find(number); b != nil {
		return ok(s.wireRun(b))
	}
	return buildNotFound(number)
}

func (s *Server) pipeline() map[string]any {
	return map[string]any{"id": s.opts.DefinitionID, "name": s.opts.Name, "revision": s.revision(), "folder": s.opts.Folder,
		"url": fmt.Sprintf("https://dev.azure.com/%s/%s/_apis/pipelines/%d?revision=%d", s.opts.Organization, s.opts.ProjectID, s.opts.DefinitionID, s.revision())}
}

func (s *Server) listRuns() reply {
	runs := []map[string]any{}
	for _, b := range s.builds {
		runs = append([]map[string]any{s.wireRun(b)}, runs...)
	}
	return ok(list(runs))
}

// wireRun is a build as a run, which has no state for waiting and spells canceling with one l.
func (s *Server) wireRun(b *Build) map[string]any {
	out := map[string]any{
		"id": b.ID, "name": b.Number, "state": "inProgress", "createdDate": stamp(b.Queued), "templateParameters": orEmpty(b.Parameters), "pipeline": s.pipeline(),
		"url":    fmt.Sprintf("https://dev.azure.com/%s/%s/_apis/pipelines/%d/runs/%d", s.opts.Organization, s.opts.ProjectID, s.opts.DefinitionID, b.ID),
		"_links": s.wire(b)["_links"],
	}
	switch b.Status {
	case "cancelling":
		out["state"] = "canceling"
	case "completed":
		out["state"], out["result"], out["finishedDate"] = "completed", b.Result, stamp(b.Finished)
	}
	return out
}

// run is the newer way: variables are objects, and stages can be skipped.
func (s *Server) run(r *http.Request) reply {
	var body struct {
		TemplateParameters map[string]string `json:"templateParameters"`
		Variables          map[string]struct {
			Value string `json:"value"`
		} `json:"variables"`
		StagesToSkip []string `json:"stagesToSkip"`
		Resources    struct {
			Repositories map[string]struct {
				RefName string `json:"refName"`
			} `json:"repositories"`
		} `json:"resources"`
	}
	if err := readJSON(r, &body); err != nil {
		return badBody(err)
	}
	variables := map[string]string{}
	for k, v := range body.Variables {
		variables[k] = v.Value
	}
	b, refused := s.queue(Build{Parameters: body.TemplateParameters, Variables: variables, StagesToSkip: body.StagesToSkip,
		SourceBranch: body.Resources.Repositories["self"].RefName})
	if b == nil {
		return refused
	}
	s.runs++
	return ok(s.wireRun(b))
}
