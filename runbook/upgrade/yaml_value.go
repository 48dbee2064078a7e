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

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// yamlText reads one line of text that is not empty. A number must be quoted to be text.
func yamlText(n *yaml.Node) (string, error) {
	s, err := strictyaml.Scalar(n, "text (quote a number to make it text)", "!!str")
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
	return strictyaml.Scalar(n, "one value", "!!str", "!!int", "!!float", "!!bool")
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
	s, err := strictyaml.Scalar(n, "true or false", "!!bool")
	return strings.EqualFold(s, "true"), err
}

func yamlInt(least, most int) strictyaml.Parser[int] {
	return func(n *yaml.Node) (int, error) {
		s, err := strictyaml.Scalar(n, "a whole number", "!!int")
		if err != nil {
			return 0, err
		}
		v, err := strconv.Atoi(s)
		if v != least && least == most {
			return 0, fmt.Errorf("must be %d", least)
		}
		if err != nil || v < least || v > most {
			return 0, fmt.Errorf("%s is not a whole number from %d to %d", strictyaml.Clip(s), least, most)
		}
		return v, nil
	}
}

// yamlDuration reads a duration as Go writes it.
func yamlDuration(least time.Duration) strictyaml.Parser[time.Duration] {
	return func(n *yaml.Node) (time.Duration, error) {
		s, err := strictyaml.Scalar(n, "a duration such as 90s, 30m or 1h30m", "!!str")
		if err != nil {
			return 0, err
		}
		d, err := time.ParseDuration(strings.TrimSpace(s))
		switch {
		case err != nil:
			return 0, fmt.Errorf("%q is not a duration such as 90s, 30m or 1h30m (a week is 168h)", strictyaml.Clip(s))
		case d < 0:
			return 0, fmt.Errorf("%s is negative", d)
		case d < least:
			return 0, fmt.Errorf("%s is less than %s", d, least)
		}
		return d, nil
	}
}

// yamlOneOf reads one of a few words.
func yamlOneOf[T ~string](words ...T) strictyaml.Parser[T] {
	return func(n *yaml.Node) (T, error) {
		s, err := yamlText(n)
		if err != nil {
			return "", err
		}
		if !slices.Contains(words, T(s)) {
			return "", fmt.Errorf("%q is none of %s", strictyaml.Clip(s), yamlWords(words))
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
func yamlSize(least, most int64) strictyaml.Parser[int64] {
	return func(n *yaml.Node) (int64, error) {
		s, err := strictyaml.Scalar(n, "a size such as 16MiB", "!!str")
		if err != nil {
			return 0, err
		}
		m := yamlSizeForm.FindStringSubmatch(strings.TrimSpace(s))
		if m == nil {
			return 0, fmt.Errorf("%q is not a size such as 512KiB, 16MiB or 1GiB", strictyaml.Clip(s))
		}
		size, _ := strconv.ParseInt(m[1], 10, 64) // the pattern allows nine digits
		size <<= map[string]int{"KiB": 10, "MiB": 20, "GiB": 30}[m[2]]
		if size < least || size > most {
			return 0, fmt.Errorf("%s is not between %d KiB and %d MiB", m[0], least>>10, most>>20)
		}
		return size, nil
	}
}
