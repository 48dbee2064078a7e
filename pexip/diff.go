package pexip

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Change is one difference between two states.
type Change struct {
	// Path says what changed, for example "settings/session_timeout_enabled",
	// "nodes/conferencing/conf1/version", "alarms/connectivity_lost/10.0.0.5/conf1",
	// "licensing/port_total". What is in a name and not fit for a path is escaped as in an address.
	Path string `json:"path"`
	// Before and After are the values as text, settings as JSON; empty: it was not there.
	Before string `json:"before"`
	After  string `json:"after"`
	// Expected says that an Expectation covers it.
	Expected bool `json:"expected"`
	// Missing says the opposite of a change: a required one did not happen.
	Missing bool `json:"missing,omitempty"`
}

// String is for example "nodes/management/mgr/version: 38 → 39.1 (expected)".
func (c Change) String() string {
	note := ""
	switch {
	case c.Missing:
		note = " (should have changed)"
	case c.Expected:
		note = " (expected)"
	}
	return fmt.Sprintf("%s: %s → %s%s", c.Path, orNone(c.Before), orNone(c.After), note)
}

func orNone(s string) string { return cmp.Or(s, "none") }

// Expectation declares a change that is meant to happen.
type Expectation struct {
	// Path is a pattern for Change.Path, in the syntax of path.Match: "nodes/*/*/version".
	Path string
	// Before and After are the expected values; empty: any. Versions are compared by their meaning,
	// so that "39.1" covers "39.1.0 (83067.0.0)".
	Before, After string
	// Required makes it a finding (Change.Missing) when the value at Path does not become After:
	// a node that stayed on the old version has not changed, and would not be seen otherwise.
	Required bool
}

// ExpectVersion declares that every node but those that run only on demand comes to run version,
// for example "39.1 (83067.0.0)".
func ExpectVersion(version string) Expectation {
	return Expectation{Path: "nodes/*/*/version", After: version, Required: true}
}

// ExpectSetting declares that a global setting goes from one JSON value to another.
func ExpectSetting(name, before, after string) Expectation {
	return Expectation{Path: "settings/" + name, Before: before, After: after}
}

func (e Expectation) at(p string) bool {
	ok, err := path.Match(e.Path, p)
	return ok && err == nil
}

func (e Expectation) covers(c Change) bool {
	return e.at(c.Path) && meets(c.Path, e.Before, c.Before) && meets(c.Path, e.After, c.After)
}

func meets(path, want, is string) bool {
	return want == "" || want == is || strings.HasSuffix(path, "/version") && sameVersion(want, is)
}

// Diff compares two states and marks what expected covers; nil means that nothing changed. It looks
// at settings, nodes, alarms, licences, licence totals and syslog servers. What moves by itself is
// left out: times of contact and of alarms, licences in use. The order is that of the paths. It is
// a pure function, and takes states that were read back from JSON as well. A node or licence that
// came or went is one change.
func Diff(before, after State, expected ...Expectation) []Change {
	was, is := before.facts(), after.facts()
	all := map[string]bool{}
	for p := range was {
		all[p] = true
	}
	for p := range is {
		all[p] = true
	}
	onDemand := after.onDemand()
	var out []Change
	for _, p := range sortedKeys(all) {
		if whole := path.Dir(p); all[whole] && (was[whole] == "" || is[whole] == "") {
			continue // the whole is told already
		}
		c := Change{Path: p, Before: was[p], After: is[p]}
		for _, e := range expected {
			c.Expected = c.Expected || e.covers(c)
			c.Missing = c.Missing || e.Required && e.at(p) && !meets(p, e.After, c.After) && !onDemand[path.Dir(p)]
		}
		c.Expected = c.Expected && !c.Missing
		if c.Before != c.After || c.Missing {
			out = append(out, c)
		}
	}
	return out
}

// facts maps paths to values.
type facts map[string]string

// put adds a value; a second one at the same path gets a number.
func (f facts) put(value string, elements ...string) {
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	p := strings.Join(elements, "/")
	for n, base := 2, p; ; n++ {
		if _, taken := f[p]; !taken {
			break
		}
		p = base + "#" + strconv.Itoa(n)
	}
	f[p] = value
}

func (s State) facts() facts {
	f := facts{}
	for name, value := range s.Settings {
		f.put(string(value), "settings", name)
	}
	for i, n := range s.Nodes {
		n.facts(f, s.nameOf(i))
	}
	for _, a := range s.Alarms {
		f.put(cmp.Or(a.Level, "raised"), "alarms", a.Name, a.Node, a.Instance)
	}
	for _, l := range s.Licences {
		l.facts(f)
	}
	s.Licensing.facts(f)
	for _, server := range s.Syslog.Servers {
		f.put(fmt.Sprintf("%s %q audit=%t support=%t syslog=%t web=%t", server.Transport, server.Description, server.AuditLog, server.SupportLog,
			server.SyslogLog, server.WebLog), "syslog", server.Address, strconv.Itoa(server.Port))
	}
	for _, where := range s.Syslog.Unwired {
		f.put("no server", "syslog", "unwired", where)
	}
	return f
}

// nameOf is the name of node i, with its id where another node of its role has the same.
func (s State) nameOf(i int) string {
	for j, n := range s.Nodes {
		if j != i && n.Role == s.Nodes[i].Role && n.Name == s.Nodes[i].Name {
			return fmt.Sprintf("%s#%d", n.Name, s.Nodes[i].ID)
		}
	}
	return s.Nodes[i].Name
}

// onDemand holds the paths of the nodes that an upgrade need not have reached.
func (s State) onDemand() map[string]bool {
	out := map[string]bool{}
	for i, n := range s.Nodes {
		if n.CloudBursting {
			out[path.Join("nodes", url.PathEscape(string(n.Role)), url.PathEscape(s.nameOf(i)))] = true
		}
	}
	return out
}

// there stands for a whole node or licence.
const there = "there"

func (n Node) facts(f facts, name string) {
	f.put(there, "nodes", string(n.Role), name)
	for key, value := range map[string]string{
		"id": strconv.Itoa(n.ID), "type": n.NodeType, "primary": strconv.FormatBool(n.Primary), "cloud_bursting": strconv.FormatBool(n.CloudBursting),
		"address": n.Address, "secondary_address": n.SecondaryAddress, "static_nat_address": n.StaticNATAddress, "location": n.Location,
		"version": n.Version, "upgrade_status": n.UpgradeStatus, "sync_status": n.SyncStatus, "has_status": strconv.FormatBool(n.HasStatus),
		"maintenance_mode": strconv.FormatBool(n.MaintenanceMode), "maintenance_mode_reason": n.MaintenanceReason,
	} {
		f.put(value, "nodes", string(n.Role), name, key)
	}
}

func (l Licence) facts(f facts) {
	f.put(there, "licences", l.FulfillmentID)
	for key, value := range map[string]string{"product": l.ProductID, "type": l.Type, "features": l.Features, "status": l.Status, "start_date": l.StartDate,
		"expiration_date": l.ExpirationDate, "concurrent": strconv.Itoa(l.Concurrent)} {
		f.put(value, "licences", l.FulfillmentID, key)
	}
}

func (l Licensing) facts(f facts) {
	for key, u := range map[string]Usage{"port": l.Port, "audio": l.Audio, "vmr": l.VMR, "system": l.System, "otj": l.OTJ, "ghm": l.GHM,
		"scheduling": l.Scheduling, "teams": l.Teams, "telehealth": l.Telehealth} {
		f.put(strconv.Itoa(u.Total), "licensing", key+"_total")
	}
	for key, on := range map[string]bool{"customlayouts": l.CustomLayouts, "googletrustedjoin": l.GoogleTrustedJoin, "zoomtrustedjoin": l.ZoomTrustedJoin} {
		f.put(strconv.FormatBool(on), "licensing", key+"_active")
	}
}
