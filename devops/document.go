package devops

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// document is a definition as the service sent it: every field that is not touched stays byte for
// byte, known to this package or not.
type document map[string]json.RawMessage

// mask is what some answers are said to hold in place of a secret variable's value (unverified).
// Written back it would become the secret.
const mask = "***"

// definition reads the few fields this package decides on.
func (d document) definition() (Definition, bool) {
	var fields struct {
		ID          int         `json:"id"`
		Revision    int         `json:"revision"`
		Name        string      `json:"name"`
		Path        string      `json:"path"`
		QueueStatus QueueStatus `json:"queueStatus"`
		Project     struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"project"`
	}
	raw, err := json.Marshal(d)
	if err != nil || json.Unmarshal(raw, &fields) != nil {
		return Definition{}, false
	}
	status := QueueStatus(strings.ToLower(string(fields.QueueStatus)))
	return Definition{ID: fields.ID, Revision: fields.Revision, Name: fields.Name, Path: fields.Path, QueueStatus: status,
		Project: fields.Project.Name, ProjectID: fields.Project.ID}, fields.Revision > 0 && status != ""
}

// with returns the document to write: another queue status and comment, secrets unmasked to null
// (which keeps them), and without what the service adds to some answers only.
func (d document) with(status QueueStatus, comment string) ([]byte, error) {
	out := maps.Clone(d)
	for _, extra := range []string{"latestBuild", "latestCompletedBuild", "metrics"} {
		delete(out, extra)
	}
	for key, raw := range out {
		unmasked, err := unmask(raw)
		if err != nil {
			return nil, err
		}
		out[key] = unmasked
	}
	var err error
	if out["queueStatus"], err = json.Marshal(status); err != nil {
		return nil, err
	}
	if out["comment"], err = json.Marshal(comment); err != nil {
		return nil, err
	}
	return marshal(out)
}

// marshal leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// unmask leaves the bytes alone unless a secret in them is masked, in whatever spelling.
func unmask(raw json.RawMessage) (json.RawMessage, error) {
	value, err := decodeExact(raw)
	if err != nil || !unmaskIn(value) {
		return raw, err
	}
	return marshal(value)
}

// unmaskIn empties the value of every object that says isSecret and holds the mask.
func unmaskIn(value any) (changed bool) {
	switch v := value.(type) {
	case map[string]any:
		if v["isSecret"] == true && v["value"] == mask {
			v["value"], changed = nil, true
		}
		for _, inner := range v {
			changed = unmaskIn(inner) || changed
		}
	case []any:
		for _, inner := range v {
			changed = unmaskIn(inner) || changed
		}
	}
	return changed
}

// decodeExact keeps large numbers as they are written.
func decodeExact(raw json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// expected are the fields that every write changes, or that the service normalises.
var expected = []string{"queueStatus", "comment", "revision", "createdDate", "url", "_links", "authoredBy",
	"latestBuild", "latestCompletedBuild", "metrics"}

// altered names the other fields in which two documents differ. Only names: values may be secret.
func altered(before, after document) []string {
	var out []string
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(expected, key) && !same(key, before[key], after[key]) {
			out = append(out, key)
		}
	}
	return out
}

func same(key string, a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	left, errLeft := decodeExact(a)
	right, errRight := decodeExact(b)
	if errLeft != nil || errRight != nil {
		return false
	}
	if key == "repository" { // "main" comes back as "refs/heads/main"
		for _, side := range []any{left, right} {
			if repository, ok := side.(map[string]any); ok {
				delete(repository, "defaultBranch")
			}
		}
	}
	unmaskIn(left)
	unmaskIn(right)
	return reflect.DeepEqual(left, right)
}
