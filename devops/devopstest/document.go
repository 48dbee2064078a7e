package devopstest

import (
	"bytes"
	"encoding/json"
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

// enums are the vendor's numbers for the enumerations that clients may send as such.
var enums = map[string]map[string]string{
	"queueStatus":           {"0": "enabled", "1": "paused", "2": "disabled"},
	"jobAuthorizationScope": {"1": "projectCollection", "2": "project"},
	"quality":               {"1": "definition", "2": "draft"},
	"triggerType": {"1": "none", "2": "continuousIntegration", "4": "batchedContinuousIntegration", "8": "schedule", "16": "gatedCheckIn",
		"32": "batchedGatedCheckIn", "64": "pullRequest", "128": "buildCompletion", "255": "all"},
	"daysToBuild": {"0": "none", "127": "all"},
}

var buildStatuses = map[string]string{"0": "none", "1": "inProgress", "2": "completed", "4": "cancelling", "8": "postponed", "32": "notStarted", "47": "all"}

// enum accepts a number or a name in any case.
func enum(names map[string]string, value any) (string, bool) {
	text := fmt.Sprint(value)
	if name, found := names[text]; found {
		return name, true
	}
	for _, name := range names {
		if strings.EqualFold(name, text) {
			return name, true
		}
	}
	return text, false
}

// normalize puts names in the place of numbers, as the service does in its answers.
func normalize(doc map[string]any) error {
	for _, key := range []string{"queueStatus", "jobAuthorizationScope", "quality"} {
		if value, found := doc[key]; found {
			name, known := enum(enums[key], value)
			if !known {
				return fmt.Errorf("%v is not a valid %s", value, key)
			}
			doc[key] = name
		}
	}
	triggers, _ := doc["triggers"].([]any)
	for _, t := range triggers {
		trigger, _ := t.(map[string]any)
		if value, found := trigger["triggerType"]; found {
			trigger["triggerType"], _ = enum(enums["triggerType"], value)
		}
		schedules, _ := trigger["schedules"].([]any)
		for _, e := range schedules {
			if schedule, isMap := e.(map[string]any); isMap && schedule["daysToBuild"] != nil {
				schedule["daysToBuild"], _ = enum(enums["daysToBuild"], schedule["daysToBuild"])
			}
		}
	}
	if repository, isMap := doc["repository"].(map[string]any); isMap {
		if branch, isText := repository["defaultBranch"].(string); isText && branch != "" && !strings.HasPrefix(branch, "refs/") {
			repository["defaultBranch"] = "refs/heads/" + branch
		}
	}
	return nil
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
