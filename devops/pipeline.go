package devops

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Pipeline says where a pipeline definition is.
type Pipeline struct {
	// OrganizationURL is scheme, host and organization, for example https://dev.azure.com/ExampleOrg.
	OrganizationURL string
	// Project is the name (unescaped) or the GUID of the project.
	Project string
	// DefinitionID is the number in the address of the pipeline.
	DefinitionID int
}

// ParsePipelineURL takes the address of a pipeline as a browser shows it:
// https://dev.azure.com/{organization}/{project}/_build?definitionId=107, also on
// {organization}.visualstudio.com and on a server of one's own, and with _build/definition,
// _build/index or _build/designer?id=. It refuses http, credentials in the address, the address of a
// single build, and anything after the number.
func ParsePipelineURL(address string) (Pipeline, error) {
	p, err := parsePipelineURL(address)
	if err != nil {
		return Pipeline{}, fmt.Errorf("pipeline address: %w", err)
	}
	return p, nil
}

func parsePipelineURL(address string) (Pipeline, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return Pipeline{}, errors.New("is not a URL") // url.Parse's error repeats the address, which may hold a password
	}
	if err := checkBase(u); err != nil {
		return Pipeline{}, err
	}
	segments, err := pathSegments(u)
	if err != nil {
		return Pipeline{}, err
	}
	at := -1
	for i, s := range segments {
		if strings.EqualFold(s, "_build") {
			at = i
		}
	}
	if at < 1 || len(segments) > at+2 {
		return Pipeline{}, errors.New("must look like https://dev.azure.com/{organization}/{project}/_build?definitionId=107")
	}
	organization, project := segments[:at-1], segments[at-1]
	if err := checkOrganization(u, organization); err != nil {
		return Pipeline{}, err
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Pipeline{}, errors.New("has a query that cannot be read")
	}
	id, err := definitionID(segments[at+1:], query)
	if err != nil {
		return Pipeline{}, err
	}
	base := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/" + strings.Join(organization, "/")}
	return Pipeline{OrganizationURL: strings.TrimRight(base.String(), "/"), Project: project, DefinitionID: id}, nil
}

func checkBase(u *url.URL) error {
	switch {
	case u.Scheme != "https":
		return errors.New("must start with https://")
	case u.User != nil:
		return errors.New("must not contain a user name or password")
	case u.Hostname() == "":
		return errors.New("has no host name")
	}
	return nil
}

func checkOrganizationURL(u *url.URL) error {
	if err := checkBase(u); err != nil {
		return err
	}
	segments, err := pathSegments(u)
	if err != nil {
		return err
	}
	return checkOrganization(u, segments)
}

func pathSegments(u *url.URL) ([]string, error) {
	var out []string
	for s := range strings.SplitSeq(u.EscapedPath(), "/") {
		if s == "" {
			continue
		}
		plain, err := url.PathUnescape(s)
		if err != nil {
			return nil, errors.New("has a broken % escape in its path")
		}
		if !isName(plain) {
			return nil, fmt.Errorf("has %q in its path, which is no name", plain)
		}
		out = append(out, plain)
	}
	return out, nil
}

// isName refuses what would lead to another path, and what no name can hold.
func isName(text string) bool {
	odd := func(r rune) bool {
		return unicode.IsControl(r) || r == '/' || r == '\\' || r == unicode.ReplacementChar
	}
	return strings.TrimSpace(text) != "" && text != "." && text != ".." && !strings.ContainsFunc(text, odd)
}

// checkOrganization knows how many path elements name the organization on the service's own hosts.
func checkOrganization(u *url.URL, organization []string) error {
	host := strings.ToLower(u.Hostname())
	switch {
	case host == "dev.azure.com" && len(organization) != 1:
		return errors.New("must name one organization, as in https://dev.azure.com/{organization}")
	case strings.HasSuffix(host, ".visualstudio.com") && len(organization) > 1:
		return errors.New("must name at most a collection, as in https://{organization}.visualstudio.com/DefaultCollection")
	}
	return nil
}

func definitionID(page []string, query url.Values) (int, error) {
	name := "definitionId"
	if len(page) == 1 {
		switch strings.ToLower(page[0]) {
		case "definition", "index":
		case "designer":
			name = "id"
		default:
			return 0, fmt.Errorf("_build/%s is not the page of a pipeline", page[0])
		}
	}
	text := query.Get(name)
	switch {
	case text == "":
		return 0, fmt.Errorf("has no %s", name)
	case len(query[name]) > 1:
		return 0, fmt.Errorf("has more than one %s", name)
	}
	id, err := strconv.Atoi(text)
	if err != nil || id < 1 || strconv.Itoa(id) != text {
		return 0, fmt.Errorf("%s=%q is not a number of a definition", name, text)
	}
	return id, nil
}
