package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is the longest file that is read, in bytes.
const maxFile = 1 << 20

// fileReader collects everything that is wrong with a file instead of stopping at the first fault.
type fileReader struct{ faults []fileFault }

type fileFault struct {
	line int
	text string
}

func (r *fileReader) fault(line int, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	r.faults = append(r.faults, fileFault{line, text})
}

// err joins the faults, one a line as "line 3: waivers[0].clause: …", in the order of the lines.
func (r *fileReader) err() error {
	slices.SortStableFunc(r.faults, func(a, b fileFault) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, f := range r.faults {
		all = append(all, fmt.Errorf("line %d: %s", f.line, f.text))
	}
	return errors.Join(all...)
}

// object is one mapping of a file.
type object struct {
	r      *fileReader
	path   string
	line   int
	values map[string]*yaml.Node
	keys   []*yaml.Node
	asked  []string
}

// readFile parses data, which must hold exactly one mapping, and lets read take its keys.
func readFile(data []byte, read func(*object)) error {
	if len(data) > maxFile {
		return fmt.Errorf("line 1: the file has %d bytes, more than %d", len(data), maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) != 1 {
		return errors.New("line 1: the file is empty")
	} else if err != nil {
		return fmt.Errorf("not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return errors.New("line 1: the file holds more than one document; give one")
	}
	r := &fileReader{}
	r.object(doc.Content[0], "", read)
	return r.err()
}

// object reads one mapping and reports the keys that read does not ask for.
func (r *fileReader) object(n *yaml.Node, path string, read func(*object)) {
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, path, "expected keys and values")
		return
	}
	o := &object{r: r, path: path, line: n.Line, values: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		o.add(n.Content[i], n.Content[i+1])
	}
	read(o)
	for _, k := range o.keys {
		if !slices.Contains(o.asked, k.Value) {
			r.fault(k.Line, o.child(k.Value), "unknown key; known here: %s", strings.Join(o.asked, ", "))
		}
	}
}

func (o *object) add(key, value *yaml.Node) {
	if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
		o.r.fault(key.Line, o.path, "a key must be a plain word")
		return
	}
	if first := o.values[key.Value]; first != nil {
		o.r.fault(key.Line, o.child(key.Value), "given twice, first in line %d", first.Line)
		return
	}
	o.values[key.Value] = value
	o.keys = append(o.keys, key)
}

func (o *object) child(key string) string {
	if o.path == "" {
		return clip(key)
	}
	return o.path + "." + clip(key)
}

func (o *object) take(key string) *yaml.Node {
	o.asked = append(o.asked, key)
	return o.values[key]
}

// need reads a value that must be there.
func need[T any](o *object, key string, parse func(string) (T, error)) T {
	if o.values[key] == nil {
		o.r.fault(o.line, o.child(key), "missing")
	}
	return may(o, key, parse)
}

// may reads a value that may be left out.
func may[T any](o *object, key string, parse func(string) (T, error)) (v T) {
	if n := o.take(key); n != nil {
		v, _ = scalar(o.r, n, o.child(key), parse)
	}
	return v
}

// list reads a list of values that must be there and may not be empty.
func list[T any](o *object, key string, parse func(string) (T, error)) (all []T) {
	nodes := o.nodes(key)
	if len(nodes) == 0 {
		o.r.fault(o.line, o.child(key), "missing: a list of one or more")
	}
	for i, n := range nodes {
		if v, ok := scalar(o.r, n, fmt.Sprintf("%s[%d]", o.child(key), i), parse); ok {
			all = append(all, v)
		}
	}
	return all
}

// objects reads a list of mappings; one that is absent is empty.
func (o *object) objects(key string, read func(*object)) {
	for i, n := range o.nodes(key) {
		o.r.object(n, fmt.Sprintf("%s[%d]", o.child(key), i), read)
	}
}

func (o *object) nodes(key string) []*yaml.Node {
	n := o.take(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.r.fault(n.Line, o.child(key), "expected a list; for none leave the key out")
		return nil
	}
	return n.Content
}

func scalar[T any](r *fileReader, n *yaml.Node, path string, parse func(string) (T, error)) (v T, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		r.fault(n.Line, path, "expected one value")
		return v, false
	}
	v, err := parse(strings.TrimSpace(n.Value))
	if err != nil {
		r.fault(n.Line, path, "%v", err)
	}
	return v, err == nil
}

// version1 reads the key that says which form the file has.
func (o *object) version1() {
	need(o, "version", func(s string) (int, error) {
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

// unique reports a name that was seen before.
func (o *object) unique(seen map[string]bool, key, name string) {
	if seen[name] && name != "" {
		o.r.fault(o.values[key].Line, o.child(key), "%q is given twice", clip(name))
	}
	seen[name] = true
}
