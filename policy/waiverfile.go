package policy

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// ParseWaivers reads the team's file of waivers. It is strict: unknown keys, missing ones, duplicate ids and values
// that do not read are all reported, each with its line, and then no waiver counts. It does not judge; a waiver that
// reads may still be void, see [Waiver.Check]. A day without a time is meant as a whole, in UTC.
//
//	version: 1
//	waivers:
//	  - id: W-7
//	    clause: POL-1a
//	    environment: test
//	    versions: ["40 (84001)"]
//	    reason: 40 mends the fault that calls from the app are dropped
//	    requested_by: Ana
//	    approved_by: Bo
//	    approved_on: 2026-11-20
//	    expires: 2026-12-20
//	    amends_guide: no
//
// A further key, rule, is needed for a clause with several rules that may be waived.
func ParseWaivers(data []byte) ([]Waiver, error) {
	var all []Waiver
	ids := map[string]bool{}
	err := readFile(data, func(m *strictyaml.Map) {
		each(m, "waivers", func(m *strictyaml.Map) {
			w := readWaiver(m)
			unique(m, ids, "id", w.ID)
			all = append(all, w)
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func readWaiver(m *strictyaml.Map) Waiver {
	return Waiver{
		ID:          need(m, "id", parseText),
		Clause:      need(m, "clause", parseText),
		Rule:        may(m, "rule", parseText),
		Environment: Environment(need(m, "environment", parseText)),
		Versions:    list(m, "versions", parseNamedVersion),
		Reason:      need(m, "reason", parseText),
		RequestedBy: need(m, "requested_by", parseText),
		ApprovedBy:  need(m, "approved_by", parseText),
		ApprovedOn:  need(m, "approved_on", parseStart),
		Expires:     need(m, "expires", parseEnd),
		AmendsGuide: need(m, "amends_guide", parseBool),
	}
}

// parseNamedVersion reads one version where somebody might write a pattern.
func parseNamedVersion(s string) (Version, error) {
	word := strings.ToLower(s)
	if strings.ContainsAny(word, "*<>") || strings.HasSuffix(word, ".x") || word == "any" || word == "all" {
		return Version{}, fmt.Errorf("%q is too broad: name each version", clip(s))
	}
	return ParseVersion(s)
}

// FormatWaivers writes a file that [ParseWaivers] reads as the same waivers.
func FormatWaivers(all []Waiver) ([]byte, error) {
	return yaml.Marshal(struct {
		Version int      `yaml:"version"`
		Waivers []Waiver `yaml:"waivers,omitempty"`
	}{1, all})
}
