package upgrade

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// yamlSHA256 reads 64 hexadecimal digits of either case, colons allowed, and returns them in lower case.
func yamlSHA256(n *yaml.Node) (string, error) {
	s, err := strictyaml.Scalar(n, "a SHA-256", "!!str", "!!int", "!!float")
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
	s, err := strictyaml.Scalar(n, `a version such as "39.1"`, "!!str", "!!int", "!!float")
	if err != nil {
		return policy.Version{}, err
	}
	return policy.ParseVersion(s)
}

func yamlBuild(n *yaml.Node) (string, error) {
	s, err := strictyaml.Scalar(n, `a build such as "83067"`, "!!str", "!!int", "!!float")
	if err != nil {
		return "", err
	}
	return policy.ParseBuild(s)
}
