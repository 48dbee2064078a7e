package devopstest

import (
	"cmp"
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

// allBuilds lists, queues one, or changes several.
func (s *Server) allBuilds(r *http.Request) reply {
	switch r.Method {
	case http.MethodGet:
		return s.listBuilds(r.URL.Query())
	case http.MethodPost:
		return s.queueBuild(r)
	case http.MethodPatch:
		return s.patchBuilds(r)
	}
	return wrongMethod(r, "GET", "POST", "PATCH")
}

func (s *Server) listBuilds(q url.Values) reply {
	matching := slices.DeleteFunc(slices.Clone(s.builds), func(b *Build) bool { return !s.matches(b, q) })
	sortBuilds(matching, q.Get("queryOrder"))
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

// sortBuilds orders by a time and then by number; without an order the newest comes first.
func sortBuilds(builds []*Build, text string) {
	order := "queueTimeDescending"
	if names, known := queryOrders.parse(text); known {
		order = names[0]
	}
	at := func(b *Build) time.Time { return b.Queued }
	switch {
	case strings.HasPrefix(order, "start"):
		at = func(b *Build) time.Time { return b.Started }
	case strings.HasPrefix(order, "finish"):
		at = func(b *Build) time.Time { return b.Finished }
	}
	slices.SortStableFunc(builds, func(a, b *Build) int { return cmp.Or(at(a).Compare(at(b)), cmp.Compare(a.ID, b.ID)) })
	if strings.HasSuffix(order, "Descending") {
		slices.Reverse(builds)
	}
}

func (s *Server) matches(b *Build, q url.Values) bool {
	from, hasFrom := queryTime(q, "minTime")
	to, hasTo := queryTime(q, "maxTime")
	branch := q.Get("branchName")
	return listed(q.Get("definitions"), s.opts.DefinitionID) && listed(q.Get("buildIds"), b.ID) &&
		buildStatuses.admits(q.Get("statusFilter"), s.status(b)) &&
		buildReasons.admits(q.Get("reasonFilter"), b.Reason) &&
		buildResults.admits(q.Get("resultFilter"), or(b.Result, "none")) &&
		(branch == "" || branch == b.SourceBranch) &&
		(!hasFrom || !b.Queued.Before(from)) && (!hasTo || !b.Queued.After(to))
}

// queryTime takes what the vendor's Go and Node clients make of a time.
func queryTime(q url.Values, key string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, http.TimeFormat} {
		if t, err := time.Parse(form, q.Get(key)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func buildNotFound(id int) reply {
	return refusal(http.StatusNotFound, "BuildNotFoundException", "The requested build %d could not be found.", id)
}

func (s *Server) build(r *http.Request, id int) reply {
	b := s.find(id)
	if b == nil {
		return buildNotFound(id)
	}
	switch r.Method {
	case http.MethodGet:
		return ok(s.wire(b))
	case http.MethodPatch:
		var body struct {
			Status any `json:"status"`
		}
		if err := readJSON(r, &body); err != nil {
			return badBody(err)
		}
		return s.setStatus(b, body.Status)
	case http.MethodDelete:
		return s.denied("Delete builds", "delete")
	}
	return wrongMethod(r, "GET", "PATCH", "DELETE")
}

// patchBuilds stops at the first that is refused.
func (s *Server) patchBuilds(r *http.Request) reply {
	var body []struct {
		ID     int `json:"id"`
		Status any `json:"status"`
	}
	if err := readJSON(r, &body); err != nil {
		return badBody(err)
	}
	changed := []any{}
	for _, asked := range body {
		b := s.find(asked.ID)
		if b == nil {
			return buildNotFound(asked.ID)
		}
		out := s.setStatus(b, asked.Status)
		if out.status != http.StatusOK {
			return out
		}
		changed = append(changed, out.body)
	}
	return ok(list(changed))
}

// setStatus can only cancel: a build that is queued cannot be changed otherwise.
func (s *Server) setStatus(b *Build, status any) reply {
	switch names, _ := buildStatuses.parse(status); {
	case b.RequestedFor != s.opts.User && !s.may(StopBuilds):
		return s.denied(StopBuilds, "stop")
	case b.RequestedFor == s.opts.User && !s.may(QueueBuilds):
		return s.denied(QueueBuilds, "stop")
	case !slices.Equal(names, []string{"cancelling"}):
		return refusal(http.StatusBadRequest, "InvalidBuildException", "The status %v cannot be set.", status)
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
		return buildNotFound(id)
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
