package devopstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) find(id int) *Build {
	for _, b := range s.builds {
		if b.ID == id {
			return b
		}
	}
	return nil
}

// status is what a client sees of a build's state.
func (s *Server) status(b *Build) string {
	if b.Status == "notStarted" && s.queueStatus() != "enabled" {
		return s.opts.HeldStatus
	}
	return b.Status
}

func (s *Server) wire(b *Build) map[string]any {
	base := fmt.Sprintf("https://dev.azure.com/%s/%s", s.opts.Organization, s.opts.ProjectID)
	out := map[string]any{
		"id": b.ID, "buildNumber": b.Number, "status": s.status(b), "reason": b.Reason, "queueTime": stamp(b.Queued), "priority": "normal",
		"definition":   map[string]any{"id": s.opts.DefinitionID, "name": s.opts.Name, "path": s.opts.Folder, "queueStatus": s.queueStatus(), "revision": s.revision(), "type": "build"},
		"project":      map[string]any{"id": s.opts.ProjectID, "name": s.opts.Project},
		"requestedFor": identity(b.RequestedFor), "requestedBy": identity(b.RequestedFor), "sourceBranch": b.SourceBranch,
		"url":                base + "/_apis/build/Builds/" + strconv.Itoa(b.ID),
		"_links":             map[string]any{"web": map[string]any{"href": fmt.Sprintf("%s/_build/results?buildId=%d", base, b.ID)}},
		"templateParameters": orEmpty(b.Parameters),
	}
	if len(b.Variables) > 0 {
		raw, _ := json.Marshal(b.Variables)
		out["parameters"] = string(raw)
	}
	if !b.Started.IsZero() {
		out["startTime"] = stamp(b.Started)
	}
	if b.Status == "completed" {
		out["finishTime"], out["result"] = stamp(b.Finished), b.Result
	}
	return out
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (s *Server) listBuilds(r *http.Request) reply {
	if r.Method != http.MethodGet {
		return wrongMethod(r, "GET")
	}
	q := r.URL.Query()
	matching := slices.DeleteFunc(slices.Clone(s.builds), func(b *Build) bool { return !s.matches(b, q) })
	if !strings.EqualFold(q.Get("queryOrder"), "queueTimeAscending") {
		slices.Reverse(matching)
	}
	if token, valid := atoi(q.Get("continuationToken")); valid {
		at := slices.IndexFunc(matching, func(b *Build) bool { return b.ID == token })
		matching = matching[max(at, 0):]
	}
	size := s.opts.PageSize
	if top, valid := atoi(q.Get("$top")); valid && top > 0 {
		size = min(size, top)
	}
	out := ok(nil)
	if len(matching) > size {
		out.header = http.Header{"X-Ms-Continuationtoken": {strconv.Itoa(matching[size].ID)}}
		matching = matching[:size]
	}
	value := []map[string]any{}
	for _, b := range matching {
		value = append(value, s.wire(b))
	}
	out.body = list(value)
	return out
}

func (s *Server) matches(b *Build, q url.Values) bool {
	if ids := q.Get("definitions"); ids != "" && !slices.Contains(strings.Split(ids, ","), strconv.Itoa(s.opts.DefinitionID)) {
		return false
	}
	if reason := q.Get("reasonFilter"); reason != "" && !strings.EqualFold(reason, b.Reason) && !strings.EqualFold(reason, "all") {
		return false
	}
	if from, err := time.Parse(time.RFC3339Nano, q.Get("minTime")); err == nil && b.Queued.Before(from) {
		return false
	}
	return s.hasStatus(b, q.Get("statusFilter"))
}

// hasStatus takes names with commas, or the vendor's flags as one number.
func (s *Server) hasStatus(b *Build, filter string) bool {
	if filter == "" || strings.EqualFold(filter, "all") {
		return true
	}
	if flags, valid := atoi(filter); valid {
		for number, name := range buildStatuses {
			if bit, _ := atoi(number); bit != 47 && flags&bit != 0 && name == s.status(b) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(strings.Split(filter, ","), func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), s.status(b)) })
}

func (s *Server) build(r *http.Request, id int) reply {
	b := s.find(id)
	if b == nil {
		return refusal(http.StatusNotFound, "BuildNotFoundException", "The requested build %d could not be found.", id)
	}
	switch r.Method {
	case http.MethodGet:
		return ok(s.wire(b))
	case http.MethodPatch:
		return s.patchBuild(r, b)
	}
	return wrongMethod(r, "GET", "PATCH", "DELETE")
}

func (s *Server) patchBuild(r *http.Request, b *Build) reply {
	var body struct {
		Status any `json:"status"`
	}
	if err := readJSON(r, &body); err != nil {
		return badBody(err)
	}
	switch status, _ := enum(buildStatuses, body.Status); {
	case b.RequestedFor != s.opts.User && !s.may(StopBuilds):
		return s.denied(StopBuilds, "stop")
	case b.RequestedFor == s.opts.User && !s.may(QueueBuilds):
		return s.denied(QueueBuilds, "stop")
	case status != "cancelling":
		return refusal(http.StatusBadRequest, "InvalidBuildException", "The status %v cannot be set.", body.Status)
	case b.Status == "completed":
		return refusal(http.StatusBadRequest, "BuildStatusInvalidChangeException", "The build %d is completed; its status cannot be changed.", b.ID)
	}
	s.cancel(b)
	return ok(s.wire(b))
}

// stages of every run; a start and a stop side would be decided by parameters.
var stages = []string{"Prepare", "Execute"}

// timeline is empty, 204, for a build that has not started (unverified).
func (s *Server) timeline(r *http.Request, id int) reply {
	b := s.find(id)
	switch {
	case r.Method != http.MethodGet:
		return wrongMethod(r, "GET")
	case b == nil:
		return refusal(http.StatusNotFound, "BuildNotFoundException", "The requested build %d could not be found.", id)
	case b.Started.IsZero():
		return reply{status: http.StatusNoContent}
	}
	records := []map[string]any{}
	for i, name := range stages {
		record := map[string]any{"id": fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", b.ID, i), "type": "Stage", "identifier": name, "refName": name,
			"name": name, "order": i + 1, "attempt": 1, "parentId": nil, "state": "inProgress", "result": nil}
		switch {
		case slices.Contains(b.StagesToSkip, name):
			record["state"], record["result"] = "completed", "skipped"
		case b.Status == "completed":
			record["state"], record["result"] = "completed", b.Result
		}
		records = append(records, record)
	}
	return ok(map[string]any{"id": fmt.Sprintf("00000000-0000-4000-8000-%012d", b.ID), "records": records, "changeId": 1})
}

// run queues a build as a person does.
func (s *Server) run(r *http.Request, id int) reply {
	if id != s.opts.DefinitionID {
		return refusal(http.StatusNotFound, "PipelineNotFoundException", "Pipeline %d was not found.", id)
	}
	if r.Method != http.MethodPost {
		return wrongMethod(r, "GET", "POST")
	}
	if !s.may(QueueBuilds) {
		return s.denied(QueueBuilds, "queue")
	}
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
	if s.queueStatus() == "disabled" {
		return refusal(http.StatusBadRequest, "DefinitionDisabledException", "Could not queue the build because the pipeline %d is disabled.", id)
	}
	variables := map[string]string{}
	for k, v := range body.Variables {
		variables[k] = v.Value
	}
	s.runs++
	b := s.add(Build{Reason: "manual", RequestedFor: s.opts.User, Parameters: body.TemplateParameters, Variables: variables,
		StagesToSkip: body.StagesToSkip, SourceBranch: body.Resources.Repositories["self"].RefName})
	return ok(map[string]any{
		"id": b.ID, "name": b.Number, "state": "inProgress", "createdDate": stamp(b.Queued), "templateParameters": orEmpty(b.Parameters),
		"pipeline": map[string]any{"id": s.opts.DefinitionID, "name": s.opts.Name, "revision": s.revision(), "folder": s.opts.Folder},
		"url":      fmt.Sprintf("https://dev.azure.com/%s/%s/_apis/pipelines/%d/runs/%d", s.opts.Organization, s.opts.ProjectID, s.opts.DefinitionID, b.ID),
		"_links":   s.wire(b)["_links"],
	})
}
