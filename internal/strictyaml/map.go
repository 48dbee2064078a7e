package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Map is one mapping of the document. Reading from an absent one yields defaults and complains of nothing.
type Map struct {
	r      *Reader
	path   string
	line   int
	absent bool
	values map[string]*yaml.Node
	keys   []*yaml.Node
	known  []string // keys that were asked for
}

func (r *Reader) none(path string) *Map { return &Map{r: r, path: path, absent: true} }

func (r *Reader) mapping(n *yaml.Node, path string) *Map {
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, path, "expected keys and values, found %s", kind(n))
		return r.none(path)
	}
	m := &Map{r: r, path: path, line: cmp.Or(r.lines[path], n.Line), values: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		m.add(n.Content[i], n.Content[i+1])
	}
	return m
}

func (m *Map) add(key, value *yaml.Node) {
	if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
		m.r.fault(key.Line, m.path, "a key must be a plain word")
		return
	}
	path := m.Path(key.Value)
	if m.Has(key.Value) {
		m.r.fault(key.Line, path, "given twice, first in line %d", m.r.lines[path])
		return
	}
	m.r.lines[path] = key.Line
	m.values[key.Value] = value
	m.keys = append(m.keys, key)
}

// Absent reports whether the file has no such mapping.
func (m *Map) Absent() bool { return m.absent }

// Keys are those that the file gives, in its order.
func (m *Map) Keys() []string {
	var names []string
	for _, k := range m.keys {
		names = append(names, k.Value)
	}
	return names
}

// Has reports whether the mapping has the key.
func (m *Map) Has(key string) bool { return m.values[key] != nil }

// Path is the path of a key from the top of the document.
func (m *Map) Path(key string) string {
	if m.path == "" {
		return Clip(key)
	}
	return m.path + "." + Clip(key)
}

// Line is the line of a key, 0 when it is not there.
func (m *Map) Line(key string) int { return m.r.lines[m.Path(key)] }

// Dir is where relative paths start.
func (m *Map) Dir() string { return m.r.Dir }

// Faults counts the faults that were found so far in the whole document.
func (m *Map) Faults() int { return len(m.r.problems) }

// Fault reports a fault of the mapping as a whole.
func (m *Map) Fault(format string, args ...any) { m.r.fault(m.line, m.path, format, args...) }

// FaultAt reports a fault of one key, at its line or, when it is not there, at that of the mapping.
func (m *Map) FaultAt(key, format string, args ...any) {
	m.r.fault(cmp.Or(m.Line(key), m.line, 1), m.Path(key), format, args...)
}

// Missing reports a key that is not there, unless its whole section is absent, which is reported already.
func (m *Map) Missing(key, why string) {
	if m.absent {
		return
	}
	text := "missing"
	if why != "" {
		text += ": " + why
	}
	m.r.fault(m.line, m.Path(key), "%s", text)
}

// take returns the value of a key, nil when the key is not there.
func (m *Map) take(key string) *yaml.Node {
	if !slices.Contains(m.known, key) {
		m.known = append(m.known, key)
	}
	return m.values[key]
}

// Section returns the mapping under a key, an absent one when there is none.
func (m *Map) Section(key string) *Map {
	n := m.take(key)
	if n == nil {
		return m.r.none(m.Path(key))
	}
	return m.r.mapping(n, m.Path(key))
}

// NeedSection is Section for one that must be there.
func (m *Map) NeedSection(key, why string) *Map {
	if !m.Has(key) {
		m.Missing(key, why)
	}
	return m.Section(key)
}

// Maps returns the mappings of a list; none when it is not there.
func (m *Map) Maps(key string) []*Map {
	var all []*Map
	nodes, paths := m.items(key)
	for i, n := range nodes {
		all = append(all, m.r.mapping(n, paths[i]))
	}
	return all
}

// NeedMaps is Maps for a list that must be there and may not be empty.
func (m *Map) NeedMaps(key, why string) []*Map {
	all := m.Maps(key)
	if n := m.values[key]; len(all) == 0 && (n == nil || n.Kind == yaml.SequenceNode) {
		m.Missing(key, why)
	}
	return all
}

// items returns the elements of a list with their paths; nothing when there is none.
func (m *Map) items(key string) (nodes []*yaml.Node, paths []string) {
	n := m.take(key)
	if n == nil {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		m.r.fault(n.Line, m.Path(key), "expected a list, found %s", kind(n))
		return nil, nil
	}
	for i, item := range n.Content {
		path := fmt.Sprintf("%s[%d]", m.Path(key), i)
		m.r.lines[path] = item.Line
		paths = append(paths, path)
	}
	return n.Content, paths
}

// Close reports the keys that nobody asked for.
func (m *Map) Close() {
	for _, key := range m.keys {
		if slices.Contains(m.known, key.Value) {
			continue
		}
		known := slices.Sorted(slices.Values(m.known))
		text := "unknown key; known here: " + strings.Join(known, ", ")
		if m.r.Instead != nil {
			if better, ok := m.r.Instead(key.Value); ok {
				text = better
			}
		}
		m.r.fault(key.Line, m.Path(key.Value), "%s", text)
	}
}
