package pexiptest

import (
	_ "embed"
	"encoding/json"
	"strings"
)

// schemaJSON holds names and types of the served resources, as a Management Node's schema page of
// about version 40 has them.
//
//go:embed schema.json
var schemaJSON []byte

type resourceSchema struct {
	List   []string          `json:"list"`
	Detail []string          `json:"detail"`
	Fields map[string]string `json:"fields"`
}

// schemas maps "configuration/global" and so on; read once, never changed.
var schemas = func() map[string]resourceSchema {
	var m map[string]resourceSchema
	if err := json.Unmarshal(schemaJSON, &m); err != nil {
		panic("pexiptest: schema.json: " + err.Error()) // our own embedded file
	}
	return m
}()

// Fields lists the field names of a resource, for example "status/alarm", so that tests can hold
// a decoder against them; nil for a resource that is not served.
func Fields(resource string) map[string]string { return schemas[resource].Fields }

// globalDefaults gives every global setting a plausible zero, so that a write that touches more
// than it should can be seen.
func globalDefaults() map[string]any {
	out := map[string]any{}
	for name, kind := range schemas["configuration/global"].Fields {
		switch kind {
		case "boolean":
			out[name] = true
		case "integer":
			out[name] = 1
		case "string":
			out[name] = "configured"
		default:
			out[name] = nil
		}
	}
	out["id"], out["resource_uri"] = 1, root+"configuration/v1/global/1/"
	return out
}

// served says whether a resource is offered under these options, and its schema.
func (s *Server) served(name string) (resourceSchema, bool) {
	r, ok := schemas[name]
	if !ok || s.opt.NoResumableUpload && name == "configuration/upgrade_request" {
		return resourceSchema{}, false
	}
	if s.opt.NoResumableUpload && name == "command/platform/upgrade" {
		r.Fields = map[string]string{"package": r.Fields["package"]}
	}
	return r, true
}

// listing is the answer to GET on an API's root, for example prefix "status/".
func (s *Server) listing(prefix, address string) map[string]any {
	out := map[string]any{}
	for name := range schemas {
		short, ok := strings.CutPrefix(name, prefix)
		if _, offered := s.served(name); !ok || !offered || strings.Contains(short, "/") {
			continue
		}
		out[short] = map[string]string{"list_endpoint": address + short + "/", "schema": address + short + "/schema/"}
	}
	return out
}

func describe(r resourceSchema) map[string]any {
	fields := map[string]any{}
	for name, kind := range r.Fields {
		f := map[string]any{"type": kind, "nullable": true, "blank": false, "readonly": false, "unique": false, "default": "No default provided."}
		if related, ok := strings.CutPrefix(kind, "related:"); ok {
			f["type"], f["related_type"] = "related", related
		}
		if name == "state" {
			f["valid_choices"] = []string{stateUploading, stateUploaded, stateRunning}
		}
		fields[name] = f
	}
	return map[string]any{"allowed_list_http_methods": lower(r.List), "allowed_detail_http_methods": lower(r.Detail),
		"default_format": "application/json", "default_limit": defaultLimit, "fields": fields, "filtering": map[string]any{}}
}

func lower(methods []string) []string {
	out := make([]string, 0, len(methods))
	for _, m := range methods {
		out = append(out, strings.ToLower(m))
	}
	return out
}
