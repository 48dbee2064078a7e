package upgrade

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/policy"
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

// yamlName reads the name of an Azure resource or group.
func yamlName(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err != nil {
		return "", err
	}
	if len(s) > 90 || strings.ContainsFunc(s, func(r rune) bool { return strings.ContainsRune(`/\?#%&<>:"'`, r) || r == ' ' }) {
		return "", fmt.Errorf("%q is not the name of an Azure resource; give the bare name, not its id", yamlClip(s))
	}
	return s, nil
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

// yamlHTTPS reads an address that credentials may travel to. Its errors do not quote the address, which may
// hold a password.
func yamlHTTPS(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", errors.New("not an address; expected https://host")
	case u.User != nil:
		return "", errors.New("an address may not hold a user name or password")
	case u.Scheme != "https":
		return "", errors.New("must begin with https://; anything else is refused")
	case u.Hostname() == "":
		return "", errors.New("the address names no host")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return "", errors.New("an address may not hold a # part")
	}
	return s, nil
}

// yamlHTTPSPlain is yamlHTTPS without a query.
func yamlHTTPSPlain(n *yaml.Node) (string, error) {
	s, err := yamlHTTPS(n)
	if err == nil && strings.Contains(s, "?") {
		return "", errors.New("the address may not hold a ? part")
	}
	return s, err
}

// yamlHost is yamlHTTPS for a host without a path; a final slash is dropped.
func yamlHost(n *yaml.Node) (string, error) {
	s, err := yamlHTTPSPlain(n)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	if err != nil || strings.Trim(u.Path, "/") != "" {
		return "", errors.New("give only https:// and the host, without a path")
	}
	return strings.TrimRight(s, "/"), nil
}

// yamlPath reads the name of a file or folder and makes a relative one start at the configuration's folder.
func (r *yamlReader) yamlPath(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(s, "~"):
		return "", errors.New("~ is not understood here; write the path out, or relative to this file")
	case filepath.IsAbs(s):
		return filepath.Clean(s), nil
	}
	return filepath.Join(r.dir, filepath.FromSlash(s)), nil
}

var yamlVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// yamlEnv reads the name of an environment variable. Somebody may have put the secret itself there, so it is
// not quoted.
func yamlEnv(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err == nil && !yamlVariable.MatchString(s) {
		return "", errors.New("not the name of an environment variable (letters, digits and _); the secret itself does not belong here")
	}
	return s, err
}

var yamlGUIDForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func yamlGUID(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err == nil && !yamlGUIDForm.MatchString(s) {
		return "", fmt.Errorf("%q is not a GUID such as 00000000-0000-0000-0000-000000000000", yamlClip(s))
	}
	return strings.ToLower(s), err
}

// yamlSHA256 reads 64 hexadecimal digits of either case, colons allowed, and returns them in lower case.
func yamlSHA256(n *yaml.Node) (string, error) {
	s, err := yamlScalar(n, "a SHA-256", "!!str", "!!int", "!!float")
	if err != nil {
		return "", err
	}
	digits := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if len(digits) != 64 {
		return "", fmt.Errorf("not a SHA-256: expected 64 hexadecimal digits, found %d characters", len(digits))
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return "", errors.New("not a SHA-256: not all of its 64 characters are hexadecimal digits")
	}
	return digits, nil
}

// yamlRelease reads a version; 39.1 need not be quoted.
func yamlRelease(n *yaml.Node) (policy.Version, error) {
	s, err := yamlScalar(n, `a version such as "39.1"`, "!!str", "!!int", "!!float")
	if err != nil {
		return policy.Version{}, err
	}
	return policy.ParseVersion(s)
}

func yamlBuild(n *yaml.Node) (string, error) {
	s, err := yamlScalar(n, `a build such as "83067"`, "!!str", "!!int", "!!float")
	if err != nil {
		return "", err
	}
	return policy.ParseBuild(s)
}
