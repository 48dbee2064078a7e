package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Range is a set of releases: all that every one of its comparisons allows. The zero Range holds all releases.
type Range struct {
	text  string
	parts []comparison
}

type comparison struct {
	operator string
	version  Version
}

// operators, the longer ones first.
var operators = []string{"<=", ">=", "<", ">", "="}

// ParseRange reads comparisons with a release, separated by blanks, that must all hold: "< 39", ">=38 <40",
// "= 39.1" or "39.1". Missing parts of a release count as zero, so "<= 38" does not hold 38.1. "" and "any" hold every release.
func ParseRange(s string) (Range, error) {
	r := Range{text: strings.Join(strings.Fields(s), " ")}
	if r.text == "" || strings.EqualFold(r.text, "any") {
		return Range{}, nil
	}
	for rest := r.text; rest != ""; {
		var c comparison
		var err error
		if c, rest, err = parseComparison(rest); err != nil {
			return Range{}, fmt.Errorf("%q is not a range of releases such as \"< 39\" or \">=38 <40\"", clip(s))
		}
		r.parts = append(r.parts, c)
	}
	return r, nil
}

func parseComparison(s string) (c comparison, rest string, err error) {
	c.operator = "="
	for _, o := range operators {
		if after, ok := strings.CutPrefix(s, o); ok {
			c.operator, s = o, strings.TrimSpace(after)
			break
		}
	}
	release, rest, _ := strings.Cut(s, " ")
	c.version, err = ParseVersion(release)
	if c.version.Build != "" {
		err = errors.New("a range is of releases")
	}
	return c, rest, err
}

// Contains reports whether a version's release lies in the range. The build does not matter.
func (r Range) Contains(v Version) bool {
	for _, c := range r.parts {
		if !c.holds(v.Compare(c.version)) {
			return false
		}
	}
	return true
}

func (c comparison) holds(order int) bool {
	switch c.operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

// All reports whether the range holds every release.
func (r Range) All() bool { return len(r.parts) == 0 }

// String is the range as it was written, "any" when it holds all.
func (r Range) String() string {
	if r.All() {
		return "any"
	}
	return r.text
}

// MarshalText is String.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// contains3 is Contains for a version that may be unknown: then it is known only when the range holds all.
func (r Range) contains3(v *Version) (in, known bool) {
	if v == nil {
		return r.All(), r.All()
	}
	return r.Contains(*v), true
}
