package upgrade

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A yamlParser reads one value. Its error says what was expected; it quotes the value only where that cannot
// be a secret.
type yamlParser[T any] func(*yaml.Node) (T, error)

// yamlNeed reads a value that must be there.
func yamlNeed[T any](m *yamlMap, key, why string, parse yamlParser[T]) T {
	if m.take(key) == nil {
		m.missing(key, why)
	}
	var none T
	return yamlMay(m, key, none, parse)
}

// yamlMay reads a value that has a default.
func yamlMay[T any](m *yamlMap, key string, fallback T, parse yamlParser[T]) T {
	n := m.take(key)
	if n == nil {
		return fallback
	}
	v, err := parse(n)
	if err != nil {
		m.r.fault(n.Line, m.child(key), "%v", err)
		return fallback
	}
	return v
}

// yamlList reads a list of values, each by parse.
func yamlList[T any](m *yamlMap, key string, parse yamlParser[T]) []T {
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

func yamlScalar(n *yaml.Node, expected string, tags ...string) (string, error) {
	if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.ShortTag()) {
		return "", fmt.Errorf("expected %s, found %s", expected, yamlKind(n))
	}
	return n.Value, nil
}

// yamlText reads one line of text that is not empty. A number must be quoted to be text.
func yamlText(n *yaml.Node) (string, error) {
	s, err := yamlScalar(n, "text (quote a number to make it text)", "!!str")
	switch {
	case err != nil:
		return "", err
	case strings.TrimSpace(s) == "":
		return "", errors.New("is empty")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("holds a line break or another control character")
	}
	return strings.TrimSpace(s), nil
}

// yamlAnyText takes a number or a truth value for what is written.
func yamlAnyText(n *yaml.Node) (string, error) {
	return yamlScalar(n, "one value", "!!str", "!!int", "!!float", "!!bool")
}

// yamlSomeText is yamlAnyText for what may not be empty.
func yamlSomeText(n *yaml.Node) (string, error) {
	s, err := yamlAnyText(n)
	if err == nil && s == "" {
		return "", errors.New("is empty")
	}
	return s, err
}

func yamlBool(n *yaml.Node) (bool, error) {
	s, err := yamlScalar(n, "true or false", "!!bool")
	return strings.EqualFold(s, "true"), err
}

func yamlInt(least, most int) yamlParser[int] {
	return func(n *yaml.Node) (int, error) {
		s, err := yamlScalar(n, "a whole number", "!!int")
		if err != nil {
			return 0, err
		}
		v, err := strconv.Atoi(s)
		if v != least && least == most {
			return 0, fmt.Errorf("must be %d", least)
		}
		if err != nil || v < least || v > most {
			return 0, fmt.Errorf("%s is not a whole number from %d to %d", yamlClip(s), least, most)
		}
		return v, nil
	}
}

// yamlDuration reads a duration as Go writes it.
func yamlDuration(least time.Duration) yamlParser[time.Duration] {
	return func(n *yaml.Node) (time.Duration, error) {
		s, err := yamlScalar(n, "a duration such as 90s, 30m or 1h30m", "!!str")
		if err != nil {
			return 0, err
		}
		d, err := time.ParseDuration(strings.TrimSpace(s))
		switch {
		case err != nil:
			return 0, fmt.Errorf("%q is not a duration such as 90s, 30m or 1h30m (a week is 168h)", yamlClip(s))
		case d < 0:
			return 0, fmt.Errorf("%s is negative", d)
		case d < least:
			return 0, fmt.Errorf("%s is less than %s", d, least)
		}
		return d, nil
	}
}

// yamlOneOf reads one of a few words.
func yamlOneOf[T ~string](words ...T) yamlParser[T] {
	return func(n *yaml.Node) (T, error) {
		s, err := yamlText(n)
		if err != nil {
			return "", err
		}
		if !slices.Contains(words, T(s)) {
			return "", fmt.Errorf("%q is none of %s", yamlClip(s), yamlWords(words))
		}
		return T(s), nil
	}
}

func yamlWords[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

var yamlSizeForm = regexp.MustCompile(`^(\d{1,9})\s*(KiB|MiB|GiB)$`)

// yamlSize reads a number of bytes with a binary unit.
func yamlSize(least, most int64) yamlParser[int64] {
	return func(n *yaml.Node) (int64, error) {
		s, err := yamlScalar(n, "a size such as 16MiB", "!!str")
		if err != nil {
			return 0, err
		}
		m := yamlSizeForm.FindStringSubmatch(strings.TrimSpace(s))
		if m == nil {
			return 0, fmt.Errorf("%q is not a size such as 512KiB, 16MiB or 1GiB", yamlClip(s))
		}
		size, _ := strconv.ParseInt(m[1], 10, 64) // the pattern allows nine digits
		size <<= map[string]int{"KiB": 10, "MiB": 20, "GiB": 30}[m[2]]
		if size < least || size > most {
			return 0, fmt.Errorf("%s is not between %d KiB and %d MiB", m[0], least>>10, most>>20)
		}
		return size, nil
	}
}
