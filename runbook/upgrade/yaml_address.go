package upgrade

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

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

// yamlName reads the name of an Azure resource or group.
func yamlName(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err != nil {
		return "", err
	}
	if len(s) > 90 || strings.ContainsFunc(s, func(r rune) bool { return strings.ContainsRune(`/\?#%&<>:"'`, r) || r == ' ' }) {
		return "", fmt.Errorf("%q is not the name of an Azure resource; give the bare name, not its id", strictyaml.Clip(s))
	}
	return s, nil
}

var yamlGUIDForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func yamlGUID(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err == nil && !yamlGUIDForm.MatchString(s) {
		return "", fmt.Errorf("%q is not a GUID such as 00000000-0000-0000-0000-000000000000", strictyaml.Clip(s))
	}
	return strings.ToLower(s), err
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

// yamlPath reads the name of a file or folder and makes a relative one start at the configuration's folder.
func yamlPath(m *strictyaml.Map) strictyaml.Parser[string] {
	return func(n *yaml.Node) (string, error) {
		s, err := yamlText(n)
		switch {
		case err != nil:
			return "", err
		case strings.HasPrefix(s, "~"):
			return "", errors.New("~ is not understood here; write the path out, or relative to this file")
		case filepath.IsAbs(s):
			return filepath.Clean(s), nil
		}
		return filepath.Join(m.Dir(), filepath.FromSlash(s)), nil
	}
}
