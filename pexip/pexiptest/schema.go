package pexiptest

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// schemaJSON holds paths, methods, field names and types as a Management Node's schema page of about
// version 40 has them; more resources than the double serves. (A resource without methods is one
// for which that page lists none.)
//
//go:embed schema.json
var schemaJSON []byte

// offered are the resources that the double serves. The actions of an upgrade request, and the
// token endpoint, come on top.
var offered = []string{
	"command/platform/upgrade", "command/platform/backup_create", "command/platform/snapshot",
	"configuration/upgrade", "configuration/upgrade_request", "configuration/global", "configuration/management_vm", "configuration/worker_vm",
	"configuration/system_location", "configuration/syslog_server", "configuration/system_backup", "configuration/licence",
	"configuration/role", "configuration/permission", "configuration/oauth2_client",
	"status/management_vm", "status/worker_vm", "status/alarm", "status/backup_request", "status/snapshot_request", "status/licensing",
	"status/conference", "status/participant", "history/participant",
}

// Resources lists what the double serves, for example "status/alarm", and with all what else the
// vendor's schema page names.
func Resources(all bool) []string {
	if all {
		return slices.Sorted(maps.Keys(schemas))
	}
	return slices.Clone(offered)
}

// Methods lists the methods that the vendor's schema page names for a resource's list and for one
// of its objects; nil for a resource that is not there.
func Methods(resource string) (list, detail []string) {
	return slices.Clone(schemas[resource].List), slices.Clone(schemas[resource].Detail)
}

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

// Fields lists the names and types of a resource's fields, for example of "status/alarm", so that
// tests can hold a client against them; nil for a resource that is not in the vendor's schema page.
func Fields(resource string) map[string]string { return maps.Clone(schemas[resource].Fields) }

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
	if !ok || !slices.Contains(offered, name) || s.opt.NoResumableUpload && name == "configuration/upgrade_request" {
		return resourceSchema{}, false
	}
	if s.opt.NoResumableUpload && (name == "command/platform/upgrade" || name == "configuration/upgrade") {
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
	fields, filtering := map[string]any{}, map[string]any{}
	for name, kind := range r.Fields {
		f := map[string]any{"type": kind, "nullable": true, "blank": false, "readonly": false, "unique": false, "default": "No default provided."}
		if related, ok := strings.CutPrefix(kind, "related:"); ok {
			f["type"], f["related_type"] = "related", related
		}
		if name == "state" {
			f["valid_choices"] = []string{stateUploading, stateUploaded, stateRunning}
		}
		fields[name], filtering[name] = f, slices.Sorted(maps.Keys(operators))
	}
	return map[string]any{"allowed_list_http_methods": lower(r.List), "allowed_detail_http_methods": lower(r.Detail),
		"default_format": "application/json", "default_limit": defaultLimit, "fields": fields, "filtering": filtering}
}

func lower(methods []string) []string {
	out := make([]string, 0, len(methods))
	for _, m := range methods {
		out = append(out, strings.ToLower(m))
	}
	return out
}
