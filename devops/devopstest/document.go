package devopstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// defaultDocument is rich on purpose: a secret, fields no SDK knows, a number beyond 2^53, a plain
// value that looks like a mask, and characters that JSON encoders like to escape.
const defaultDocument = `{
  "options": [],
  "triggers": [
    {"schedules": [
      {"branchFilters": ["+refs/heads/main"], "timeZoneId": "Pacific Standard Time", "startHours": 6, "startMinutes": 30, "daysToBuild": "all", "scheduleJobId": "8f2c0c1e-4d2f-4d7b-9c1c-aa1b9d1f0d11", "scheduleOnlyWithChanges": false},
      {"branchFilters": ["+refs/heads/main"], "timeZoneId": "Pacific Standard Time", "startHours": 21, "startMinutes": 0, "daysToBuild": "all", "scheduleJobId": "8f2c0c1e-4d2f-4d7b-9c1c-aa1b9d1f0d12", "scheduleOnlyWithChanges": false}
    ], "settingsSourceType": 1, "triggerType": "schedule"}
  ],
  "variables": {
    "environment": {"value": "all", "allowOverride": true},
    "looksLikeAMask": {"value": "***"},
    "servicePrincipalKey": {"value": null, "isSecret": true}
  },
  "variableGroups": [{"id": 12, "name": "vbv-start-stop", "type": "Vsts", "description": "<shared> & \"quoted\"", "someNewGroupField": {"kept": true}}],
  "properties": {"bigNumber": 9007199254740993},
  "tags": ["vbv"],
  "jobAuthorizationScope": "project",
  "jobTimeoutInMinutes": 60,
  "jobCancelTimeoutInMinutes": 5,
  "process": {"yamlFilename": "/pipelines/vm-start-stop.yml", "type": 2, "resources": {}},
  "repository": {
    "id": "1b4b6f2e-91f8-4d86-8c8d-5a2f3d1c9e77", "type": "TfsGit", "name": "infrastructure", "url": "https://dev.azure.com/ExampleOrg/_git/infrastructure",
    "defaultBranch": "refs/heads/main", "clean": null, "checkoutSubmodules": false, "properties": {"cleanOptions": "0", "fetchDepth": "1"}
  },
  "queue": {"id": 9, "name": "Azure Pipelines", "pool": {"id": 9, "name": "Azure Pipelines", "isHosted": true}},
  "quality": "definition",
  "drafts": [],
  "aFieldNoSDKKnows": {"nested": [1, 2.50, null, "x"]},
  "type": "build",
  "queueStatus": "enabled"
}`

// serverOwned are fields that a write cannot change.
var serverOwned = []string{"id", "url", "uri", "_links", "revision", "createdDate", "authoredBy", "project", "type", "drafts"}

func (s *Server) seed() {
	s.secrets = map[string]string{"servicePrincipalKey": "stored-secret"}
	doc := clone(s.opts.Document)
	if doc == nil {
		doc = decode([]byte(defaultDocument))
	}
	for key, value := range map[string]any{
		"id": s.opts.DefinitionID, "name": s.opts.Name, "path": s.opts.Folder,
		"url":     fmt.Sprintf("https://dev.azure.com/%s/%s/_apis/build/Definitions/%d?revision=1", s.opts.Organization, s.opts.ProjectID, s.opts.DefinitionID),
		"uri":     fmt.Sprintf("vstfs:///Build/Definition/%d", s.opts.DefinitionID),
		"_links":  map[string]any{"web": map[string]any{"href": fmt.Sprintf("https://dev.azure.com/%s/%s/_build/definition?definitionId=%d", s.opts.Organization, s.opts.ProjectID, s.opts.DefinitionID)}},
		"project": map[string]any{"id": s.opts.ProjectID, "name": s.opts.Project, "state": "wellFormed", "visibility": "private"},
	} {
		doc[key] = value
	}
	_ = normalize(doc) // a value that the service does not have stays as it was given
	s.store(doc, "Platform Team", "add", "")
	s.store(doc, "Platform Team", "update", "nightly stop at 21:00")
	s.store(doc, "Platform Team", "update", "start at 06:30")
}

// decode keeps numbers as they are written.
func decode(raw []byte) map[string]any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var out map[string]any
	if dec.Decode(&out) != nil {
		return nil
	}
	return out
}

func clone(doc map[string]any) map[string]any {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil
	}
	return decode(raw)
}

// normalize puts names in the place of numbers and branches in their full form, as the service does.
func normalize(doc map[string]any) error {
	errs := []error{queueStatuses.fix(doc, "queueStatus"), scopes.fix(doc, "jobAuthorizationScope"), qualities.fix(doc, "quality")}
	triggers, _ := doc["triggers"].([]any)
	for _, t := range triggers {
		trigger, _ := t.(map[string]any)
		errs = append(errs, triggerTypes.fix(trigger, "triggerType"))
		schedules, _ := trigger["schedules"].([]any)
		for _, e := range schedules {
			schedule, _ := e.(map[string]any)
			errs = append(errs, scheduleDays.fix(schedule, "daysToBuild"))
		}
	}
	if repository, isMap := doc["repository"].(map[string]any); isMap {
		if branch, isText := repository["defaultBranch"].(string); isText && branch != "" && !strings.HasPrefix(branch, "refs/") {
			repository["defaultBranch"] = "refs/heads/" + branch
		}
	}
	return errors.Join(errs...)
}

// keepSecrets stores new values of secret variables, keeps the stored ones for null and for no value,
// forgets those of deleted variables, and empties the value in the document.
func keepSecrets(doc map[string]any, stored map[string]string) map[string]string {
	kept := map[string]string{}
	variables, _ := doc["variables"].(map[string]any)
	for name, v := range variables {
		variable, _ := v.(map[string]any)
		if variable["isSecret"] != true {
			continue
		}
		if value, isText := variable["value"].(string); isText {
			kept[name] = value
		} else if old, found := stored[name]; found {
			kept[name] = old
		}
		variable["value"] = nil
	}
	return kept
}

// show is the document as a client sees it.
func (s *Server) show(doc map[string]any) map[string]any {
	out := clone(doc)
	variables, _ := out["variables"].(map[string]any)
	for _, v := range variables {
		if variable, isMap := v.(map[string]any); isMap && variable["isSecret"] == true && s.opts.MaskSecrets {
			variable["value"] = "***"
		}
	}
	if !s.opts.EchoComment {
		delete(out, "comment")
	}
	return out
}
