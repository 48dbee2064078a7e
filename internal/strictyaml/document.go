// Package strictyaml reads YAML that people write by hand. It collects everything that is wrong, each fault with its
// line and key, instead of stopping at the first as a decoder does: unknown keys, keys given twice, missing ones,
// aliases, values of another kind. What reads a section asks for each key by [Need], [May], [List], [Map.Section] or
// [Map.Maps], and then closes it.
package strictyaml

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

// Problem is one fault. It never quotes what may be a secret.
type Problem struct {
	Line    int    // counted from 1
	Path    string // of the key, such as environments.test.pexip.url; "" for the file as a whole
	Message string
}

// Reader is one document and what is wrong with it.
type Reader struct {
	// Instead, unless nil, says what is wrong with a key that nobody asked for, if it knows.
	Instead func(key string) (message string, ok bool)
	// Dir is where relative paths start, for parsers of paths.
	Dir      string
	problems []Problem
	lines    map[string]int // where each key stands, for faults found later
}

// Document parses data, which must hold exactly one mapping. With any other, the mapping is an absent one.
func Document(data []byte) (*Reader, *Map) {
	r := &Reader{lines: map[string]int{}}
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
	linePart     = regexp.MustCompile(`line (\d+): `)
	quotedPart   = regexp.MustCompile("'[^']*'|`[^`]*`")
	unknownAlias = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports what the parser said. It may quote the file, for example a password that begins with *, so
// quotations are dropped.
func (r *Reader) syntax(data []byte, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := unknownAlias.FindStringSubmatch(text); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		r.fault(1+bytes.Count(before, []byte("\n")), "", "not valid YAML: a value that begins with * must be quoted")
		return
	}
	if m := linePart.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = strings.Replace(text, m[0], "", 1)
	}
	r.fault(line, "", "not valid YAML: %s", quotedPart.ReplaceAllString(text, "'…'"))
}

func (r *Reader) fault(line int, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// FaultAt reports a fault that shows only once the whole file is read, at the line of the key, or of the nearest
// section that is there.
func (r *Reader) FaultAt(path, format string, args ...any) {
	r.fault(r.LineOf(path), path, format, args...)
}

// LineOf is the line of a key, or of the nearest section that is there.
func (r *Reader) LineOf(path string) int {
	for p := path; p != ""; {
		if line, ok := r.lines[p]; ok {
			return line
		}
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	return 1
}

// Given reports whether the file has the key.
func (r *Reader) Given(path string) bool { return r.lines[path] > 0 }

// Problems are all faults, each once, in the order of the lines.
func (r *Reader) Problems() []Problem {
	all := slices.Clone(r.problems)
	slices.SortStableFunc(all, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(all)
}
