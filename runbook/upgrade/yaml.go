package upgrade

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlReader walks a YAML document and collects everything that is wrong with it, instead of stopping at the
// first fault as a decoder does.
type yamlReader struct {
	dir      string // relative paths start here
	problems []Problem
	lines    map[string]int // where each key stands, for faults found later
}

// yamlMap is one mapping of the document. Reading from an absent one yields defaults and complains of nothing.
type yamlMap struct {
	r      *yamlReader
	path   string
	line   int
	absent bool
	values map[string]*yaml.Node
	keys   []*yaml.Node
	known  []string // keys that were asked for
}

// yamlDocument parses data, which must hold exactly one mapping.
func yamlDocument(data []byte, dir string) (*yamlReader, *yamlMap) {
	r := &yamlReader{dir: dir, lines: map[string]int{}}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.fault(1, "", "the file is empty")
		return r, r.none("")
	case err != nil:
		r.syntax(data, err)
		return r, r.none("")
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.fault(second.Line, "", "there is a second document after ---; give one")
	case !errors.Is(err, io.EOF):
		r.syntax(data, err)
	}
	if len(doc.Content) != 1 {
		r.fault(1, "", "the file is empty")
		return r, r.none("")
	}
	return r, r.mapping(doc.Content[0], "")
}

var (
	yamlLine   = regexp.MustCompile(`line (\d+): `)
	yamlQuoted = regexp.MustCompile("'[^']*'|`[^`]*`")
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports what the parser said. It may quote the file, for example a password that begins with *, so
// quotations are dropped.
func (r *yamlReader) syntax(data []byte, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlAnchor.FindStringSubmatch(text); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		r.fault(1+bytes.Count(before, []byte("\n")), "", "not valid YAML: a value that begins with * must be quoted")
		return
	}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = strings.Replace(text, m[0], "", 1)
	}
	r.fault(line, "", "not valid YAML: %s", yamlQuoted.ReplaceAllString(text, "'…'"))
}

func (r *yamlReader) fault(line int, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// faultAt reports a fault that shows only once the whole file is read, at the line of the key, or of the
// nearest section that is there.
func (r *yamlReader) faultAt(path, format string, args ...any) {
	r.fault(r.lineOf(path), path, format, args...)
}

func (r *yamlReader) lineOf(path string) int {
	for p := path; p != ""; {
		if line, ok := r.lines[p]; ok {
			return line
		}
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	return 1
}

func (r *yamlReader) none(path string) *yamlMap { return &yamlMap{r: r, path: path, absent: true} }

func (r *yamlReader) mapping(n *yaml.Node, path string) *yamlMap {
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, path, "expected keys and values, found %s", yamlKind(n))
		return r.none(path)
	}
	m := &yamlMap{r: r, path: path, line: cmp.Or(r.lines[path], n.Line), values: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		m.add(n.Content[i], n.Content[i+1])
	}
	return m
}

func (m *yamlMap) add(key, value *yaml.Node) {
	if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
		m.r.fault(key.Line, m.path, "a key must be a plain word")
		return
	}
	path := m.child(key.Value)
	if m.values[key.Value] != nil {
		m.r.fault(key.Line, path, "given twice, first in line %d", m.r.lines[path])
		return
	}
	m.r.lines[path] = key.Line
	m.values[key.Value] = value
	m.keys = append(m.keys, key)
}

func (m *yamlMap) child(key string) string {
	if m.path == "" {
		return yamlClip(key)
	}
	return m.path + "." + yamlClip(key)
}

// take returns the value of a key, nil when the key is not there.
func (m *yamlMap) take(key string) *yaml.Node {
	if !slices.Contains(m.known, key) {
		m.known = append(m.known, key)
	}
	return m.values[key]
}

func (m *yamlMap) has(key string) bool { return m.values[key] != nil }

// missing reports a key that is not there, unless its whole section is absent, which is reported already.
func (m *yamlMap) missing(key, why string) {
	if !m.absent {
		m.r.fault(m.line, m.child(key), "missing: %s", why)
	}
}

// section returns the mapping under a key, an absent one when there is none.
func (m *yamlMap) section(key string) *yamlMap {
	n := m.take(key)
	if n == nil {
		return m.r.none(m.child(key))
	}
	return m.r.mapping(n, m.child(key))
}

// needSection is section for one that must be there.
func (m *yamlMap) needSection(key, why string) *yamlMap {
	if m.take(key) == nil {
		m.missing(key, why)
	}
	return m.section(key)
}

// items returns the elements of a list with their paths; nothing when there is none.
func (m *yamlMap) items(key string) (nodes []*yaml.Node, paths []string) {
	n := m.take(key)
	if n == nil {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		m.r.fault(n.Line, m.child(key), "expected a list, found %s", yamlKind(n))
		return nil, nil
	}
	for i, item := range n.Content {
		path := fmt.Sprintf("%s[%d]", m.child(key), i)
		m.r.lines[path] = item.Line
		paths = append(paths, path)
	}
	return n.Content, paths
}

// close reports the keys that nobody asked for.
func (m *yamlMap) close() {
	for _, key := range m.keys {
		if slices.Contains(m.known, key.Value) {
			continue
		}
		if instead, ok := yamlSecretKey(key.Value); ok {
			m.r.fault(key.Line, m.child(key.Value), "secrets are never written in this file; use %s", instead)
			continue
		}
		known := slices.Sorted(slices.Values(m.known))
		m.r.fault(key.Line, m.child(key.Value), "unknown key; known here: %s", strings.Join(known, ", "))
	}
}

// yamlSecretKey says what to write instead of a key that would hold a secret.
func yamlSecretKey(key string) (instead string, ok bool) {
	switch strings.ToLower(key) {
	case "password", "passwd":
		return "password_file or password_env", true
	case "pat":
		return "pat_file or pat_env", true
	case "token", "access_token", "bearer":
		return "token_file (azure, with credential: token_file), or pat_file or pat_env (devops)", true
	case "passphrase", "backup_passphrase":
		return "backup_passphrase_file or backup_passphrase_env", true
	case "key", "private_key":
		return "private_key_file or private_key_env", true
	case "secret", "client_secret", "api_key", "apikey":
		return "a key that ends in _file or _env", true
	}
	return "", false
}

func yamlKind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias, which this file may not use"
	case n.ShortTag() == "!!null":
		return "nothing; leave the key out instead"
	case n.ShortTag() == "!!int", n.ShortTag() == "!!float":
		return "a number"
	case n.ShortTag() == "!!bool":
		return "true or false"
	}
	return "text"
}

// yamlClip keeps what comes from the file short in a message.
func yamlClip(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
