package strictyaml

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Parser reads one value. Its error says what was expected; it quotes the value only where that cannot be a secret.
type Parser[T any] func(*yaml.Node) (T, error)

// Need reads a value that must be there; why says what for.
func Need[T any](m *Map, key, why string, parse Parser[T]) T {
	if !m.Has(key) {
		m.Missing(key, why)
	}
	var none T
	return May(m, key, none, parse)
}

// May reads a value that has a default.
func May[T any](m *Map, key string, fallback T, parse Parser[T]) T {
	n := m.take(key)
	if n == nil {
		return fallback
	}
	v, err := parse(n)
	if err != nil {
		m.r.fault(n.Line, m.Path(key), "%v", err)
		return fallback
	}
	return v
}

// List reads a list of values, each by parse.
func List[T any](m *Map, key string, parse Parser[T]) []T {
	nodes, paths := m.items(key)
	var list []T
	for i, n := range nodes {
		v, err := parse(n)
		if err != nil {
			m.r.fault(n.Line, paths[i], "%v", err)
			continue
		}
		list = append(list, v)
	}
	return list
}

// Scalar is the text of a value with one of the tags of YAML, such as !!str.
func Scalar(n *yaml.Node, expected string, tags ...string) (string, error) {
	if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.ShortTag()) {
		return "", fmt.Errorf("expected %s, found %s", expected, kind(n))
	}
	return n.Value, nil
}

func kind(n *yaml.Node) string {
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

// Clip keeps what comes from the file short in a message.
func Clip(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
