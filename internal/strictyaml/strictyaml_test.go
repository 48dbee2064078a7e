package strictyaml_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

func text(n *yaml.Node) (string, error) { return strictyaml.Scalar(n, "text", "!!str") }

func number(n *yaml.Node) (string, error) {
	s, err := strictyaml.Scalar(n, "a number", "!!int")
	if err == nil && s == "13" {
		err = errors.New("is not wanted")
	}
	return s, err
}

// read takes what a small document may hold, and returns it with what is wrong.
func read(data string) (got []string, faults []string) {
	r, top := strictyaml.Document([]byte(data))
	r.Instead = func(key string) (string, bool) { return "never write it here", key == "password" }
	got = append(got, strictyaml.Need(top, "name", "how it is called", text), strictyaml.May(top, "size", "7", number))
	got = append(got, strictyaml.List(top, "days", text)...)
	section := top.NeedSection("node", "where it runs")
	got = append(got, strictyaml.Need(section, "host", "", text))
	section.Close()
	for _, m := range top.NeedMaps("vms", "one at least") {
		got = append(got, strictyaml.Need(m, "name", "", text))
		m.Close()
	}
	top.Close()
	if section.Has("host") && r.Given("node.port") {
		r.FaultAt("node.port.high", "goes too far")
	}
	for _, p := range r.Problems() {
		faults = append(faults, fmt.Sprintf("%d %s: %s", p.Line, p.Path, p.Message))
	}
	return got, faults
}

func TestSound(t *testing.T) {
	got, faults := read("name: a\ndays: [Mon, Tue]\nnode: {host: h}\nvms: [{name: x}, {name: y}]\n")
	if diff := cmp.Diff([]string{"a", "7", "Mon", "Tue", "h", "x", "y"}, got); diff != "" || faults != nil {
		t.Errorf("%s %q", diff, faults)
	}
}

func TestEveryFaultHasItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"nothing":     {"", []string{"1 : the file is empty"}},
		"a comment":   {"# none", []string{"1 : the file is empty"}},
		"a list":      {"- a", []string{"1 : expected keys and values, found a list"}},
		"no YAML":     {"name: 'sec\n  ret: [", []string{"2 : not valid YAML: found unexpected end of stream"}},
		"an asterisk": {"name: a\nsize: *secret", []string{"2 : not valid YAML: a value that begins with * must be quoted"}},
		"all is there": {"name: 1\nname: 2\nsize: 13\ndays: x\npassword: p\nother: q\nnode: no\nvms: {}\n<<: {}\n", []string{"1 name: expected text, found a number",
			"2 name: given twice, first in line 1", "3 size: is not wanted", "4 days: expected a list, found text", "5 password: never write it here",
			"6 other: unknown key; known here: days, name, node, size, vms", "7 node: expected keys and values, found text", "8 vms: expected a list, found keys and values",
			"9 : a key must be a plain word"}},
		"all is missing": {"vms: []", []string{"1 name: missing: how it is called", "1 node: missing: where it runs", "1 vms: missing: one at least"}},
		"in a list": {"name: a\nnode:\n  host: h\n  port: 1\ndays:\n  - Mon\n  - true\nvms:\n  - {}\n  - name:\n  - 3\n---\nx: y", []string{
			"4 node.port: unknown key; known here: host", "4 node.port.high: goes too far", "7 days[1]: expected text, found true or false", "9 vms[0].name: missing",
			"10 vms[1].name: expected text, found nothing; leave the key out instead", "11 vms[2]: expected keys and values, found a number",
			"12 : there is a second document after ---; give one"}},
	} {
		if _, faults := read(c.data); !cmp.Equal(c.want, faults) {
			t.Errorf("%s: %s", name, cmp.Diff(c.want, faults))
		}
	}
}
