package features_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
)

// call is a request that changes something, in the words of the features.
type call struct{ system, what, on string }

func (c call) String() string { return strings.TrimSpace(c.system + ": " + c.what + " " + c.on) }

// systems are the names of the world's parts in the features.
func systems() map[string]string {
	return map[string]string{"pexip test": "Pexip Test", "pexip production": "Pexip Production", "azure": "Azure", "devops": "Azure DevOps"}
}

// callOf tells what a request to a part of the world is, and false for one that only reads.
func callOf(system, method, uri string, body []byte) (call, bool) {
	at, err := url.ParseRequestURI(uri)
	if err != nil || (double.Request{Method: method}).ReadOnly() {
		return call{}, false
	}
	c := call{system: systems()[system]}
	switch {
	case strings.HasPrefix(system, "pexip"):
		c.what = pexipCall(method, at.Path, body)
	case system == "azure":
		c.what, c.on = azureCall(at.Path)
	case system == "devops":
		c.what = devopsCall(method, at.Path, body)
	}
	return c, c.what != ""
}

func pexipCall(method, at string, body []byte) string {
	text := string(body)
	switch last := path.Base(at); {
	case last == "token":
		return ""
	case last == "1" && method == http.MethodPatch:
		return globalChange(body)
	case last == "backup_create":
		return "make a backup"
	case last == "upgrade" && strings.Contains(text, `"request":true`):
		return "announce the package"
	case last == "upgrade":
		return "upload the package and start the upgrade"
	case last == "upload":
		return "send the package"
	case last == "finish" && strings.Contains(text, `"validate_only":true`):
		return "validate the package"
	case last == "finish":
		return "start the upgrade"
	case last == "cancel" || method == http.MethodDelete:
		return "cancel the upload"
	}
	return method + " " + at
}

// globalChange names the setting that is changed, and all of them if there are more.
func globalChange(body []byte) string {
	var change map[string]any
	if json.Unmarshal(body, &change) == nil && len(change) == 1 {
		switch change["session_timeout_enabled"] {
		case false:
			return "switch the session timeout off"
		case true:
			return "switch the session timeout on"
		}
	}
	return "change the settings " + string(body)
}

func azureCall(at string) (what, on string) {
	verbs := map[string]string{"deallocate": "stop", "start": "start", "backup": "back up", "restore": "restore"}
	last := strings.ToLower(path.Base(at))
	if last == "backupvalidateoperation" {
		return "", ""
	}
	if verbs[last] == "" {
		return "POST " + at, ""
	}
	return verbs[last], vmOf(at)
}

// vmOf is the VM's name: of the path of a VM, or of the protected item in a vault.
func vmOf(at string) string {
	parts := strings.Split(strings.ToLower(at), "/")
	for i, part := range parts[:len(parts)-1] {
		switch part {
		case "virtualmachines":
			return parts[i+1]
		case "protecteditems":
			return parts[i+1][strings.LastIndex(parts[i+1], ";")+1:]
		}
	}
	return ""
}

func devopsCall(method, at string, body []byte) string {
	at = strings.ToLower(at)
	switch {
	case method == http.MethodPut && strings.Contains(at, "/definitions/"):
		var definition struct{ QueueStatus string }
		_ = json.Unmarshal(body, &definition) // what cannot be read shows as an unknown change
		verbs := map[string]string{"paused": "pause the pipeline", "enabled": "resume the pipeline", "disabled": "disable the pipeline"}
		return verbs[definition.QueueStatus]
	case method == http.MethodPost && strings.HasSuffix(at, "/runs"):
		return "run the pipeline"
	case method == http.MethodPatch && strings.Contains(at, "/builds/"):
		return "cancel a run"
	}
	return method + " " + at
}

// calls are all that arrived and changes something, in order.
func (w *world) calls() []call {
	var out []call
	for _, q := range w.sim.Requests() {
		if c, ok := callOf(q.System, q.Method, q.URL, q.Body); ok {
			out = append(out, c)
		}
	}
	return out
}

// arranged writes calls as lines. What goes on side by side has no order of its own: neighbours that
// differ only in their object are sorted. Repeats in a row, as of the parts of a package, are one.
func arranged(calls []call) []string {
	var out []string
	for i := 0; i < len(calls); {
		n := i
		var group []string
		for ; n < len(calls) && calls[n].system == calls[i].system && calls[n].what == calls[i].what; n++ {
			group = append(group, calls[n].String())
		}
		slices.Sort(group)
		out = append(out, slices.Compact(group)...)
		i = n
	}
	return out
}

func rows(table *godog.Table) []call {
	var out []call
	for _, row := range table.Rows[1:] {
		c := call{system: row.Cells[0].Value, what: row.Cells[1].Value}
		if len(row.Cells) > 2 {
			c.on = row.Cells[2].Value
		}
		out = append(out, c)
	}
	return out
}

func (w *world) exactly(table *godog.Table) error {
	got, want := arranged(w.calls()), arranged(rows(table))
	if !slices.Equal(got, want) {
		return fmt.Errorf("these calls were made:\n  %s\nwanted:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return nil
}

// among looks for the table's calls in their order, whatever else was called in between.
func (w *world) among(table *godog.Table) error {
	got := arranged(w.calls())
	rest := got
	for _, want := range arranged(rows(table)) {
		at := slices.Index(rest, want)
		if at < 0 {
			return fmt.Errorf("%q is not among these calls, or not in its place:\n  %s", want, strings.Join(got, "\n  "))
		}
		rest = rest[at+1:]
	}
	return nil
}

func (w *world) times(name string) int {
	n := 0
	for _, c := range w.calls() {
		if c.String() == name {
			n++
		}
	}
	return n
}
