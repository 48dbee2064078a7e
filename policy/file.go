package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// maxFile is the longest file that is read, in bytes.
const maxFile = 1 << 20

// readFile parses data, which must hold exactly one mapping, and lets read take its keys. All faults are joined, one a
// line as "line 3: waivers[0].clause: …", in the order of the lines.
func readFile(data []byte, read func(*strictyaml.Map)) error {
	if len(data) > maxFile {
		return fmt.Errorf("line 1: the file has %d bytes, more than %d", len(data), maxFile)
	}
	r, top := strictyaml.Document(data)
	if !top.Absent() {
		readVersion(top)
		read(top)
		top.Close()
	}
	var faults []error
	for _, p := range r.Problems() {
		path := p.Path
		if path != "" {
			path += ": "
		}
		faults = append(faults, fmt.Errorf("line %d: %s%s", p.Line, path, p.Message))
	}
	return errors.Join(faults...)
}

// readVersion reads the key that says which form the file has.
func readVersion(m *strictyaml.Map) {
	need(m, "version", func(s string) (int, error) {
		v, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", clip(s))
		}
		if v != 1 {
			return 0, errors.New("must be 1")
		}
		return v, nil
	})
}

// need reads a value that must be there.
func need[T any](m *strictyaml.Map, key string, parse func(string) (T, error)) T {
	return strictyaml.Need(m, key, "", plain(parse))
}

// may reads a value that may be left out.
func may[T any](m *strictyaml.Map, key string, parse func(string) (T, error)) (none T) {
	return strictyaml.May(m, key, none, plain(parse))
}

// list reads a list of values that must be there and may not be empty.
func list[T any](m *strictyaml.Map, key string, parse func(string) (T, error)) []T {
	before := m.Faults()
	all := strictyaml.List(m, key, plain(parse))
	if len(all) == 0 && m.Faults() == before {
		m.Missing(key, "a list of one or more")
	}
	return all
}

// each reads a list of mappings; one that is absent is empty.
func each(m *strictyaml.Map, key string, read func(*strictyaml.Map)) {
	for _, item := range m.Maps(key) {
		read(item)
		item.Close()
	}
}

// plain takes numbers, days and truth values for what is written.
func plain[T any](parse func(string) (T, error)) strictyaml.Parser[T] {
	return func(n *yaml.Node) (v T, err error) {
		s, err := strictyaml.Scalar(n, "one value", "!!str", "!!int", "!!float", "!!bool", "!!timestamp")
		if err != nil {
			return v, err
		}
		return parse(strings.TrimSpace(s))
	}
}

// unique reports a name that was seen before.
func unique(m *strictyaml.Map, seen map[string]bool, key, name string) {
	if seen[name] && name != "" {
		m.FaultAt(key, "%q is given twice", clip(name))
	}
	seen[name] = true
}
