package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Version is a version of Pexip Infinity. The zero Version is none.
type Version struct {
	Major, Minor, Patch int
	Build               string // pseudo-version, normalised as by ParseBuild: "83067.0.0"; "" is unknown
}

var (
	versionForm = regexp.MustCompile(`^v?(\d{1,3})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:\s*\(([\d.]+)\))?$`)
	buildForm   = regexp.MustCompile(`^\d{1,9}(?:\.\d{1,9}){0,3}$`)
)

// ParseVersion reads a version as nodes, files and people write it: "38 (81931.0.0)", "39.1.0 (83067.0.0)",
// "v39.1", "36". White space around it is ignored. Anything else is an error: a major of 0, and
// a bare build number too; see [ParseBuild] for those.
func ParseVersion(s string) (Version, error) {
	m := versionForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Version{}, fmt.Errorf("%q is not a version: expected a form like 39.1 or 39.1 (83067.0.0)", clip(s))
	}
	v := Version{Major: number(m[1]), Minor: number(m[2]), Patch: number(m[3])}
	if v.Major == 0 {
		return Version{}, fmt.Errorf("%q is not a version: the major version is 0", clip(s))
	}
	if m[4] == "" {
		return v, nil
	}
	return v.WithBuild(m[4])
}

// ParseBuild reads a build number and returns its normalised form of at least three parts, so that
// "83067" (in a file name) and "83067.0.0" (on a node) are equal. Anything else, or a build of 0, is an error.
func ParseBuild(s string) (normalised string, err error) {
	s = strings.TrimSpace(s)
	if !buildForm.MatchString(s) {
		return "", fmt.Errorf("%q is not a build: expected a form like 83067 or 83067.0.0", clip(s))
	}
	parts := strings.Split(s, ".")
	for i, p := range parts {
		parts[i] = strconv.Itoa(number(p))
	}
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	if len(parts) == 4 && parts[3] == "0" {
		parts = parts[:3]
	}
	if parts[0] == "0" {
		return "", fmt.Errorf("%q is not a build: it begins with 0", clip(s))
	}
	return strings.Join(parts, "."), nil
}

// WithBuild returns v with the given build, for a caller that reads the two from different fields. It fails as
// [ParseBuild] does.
func (v Version) WithBuild(build string) (Version, error) {
	normalised, err := ParseBuild(build)
	if err != nil {
		return Version{}, err
	}
	v.Build = normalised
	return v, nil
}

// String is the form that nodes print: "39.1 (83067.0.0)", or the release alone when the build is unknown.
func (v Version) String() string {
	if v.Build == "" {
		return v.Release()
	}
	return v.Release() + " (" + v.Build + ")"
}

// Release is the public number as Pexip writes it: "36", "39.1", and "39.1.2" should there be a third part.
func (v Version) Release() string {
	switch {
	case v.Patch != 0:
		return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	case v.Minor != 0:
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return strconv.Itoa(v.Major)
}

// Compare orders by release and ignores the build: -1 when v is older than o, +1 when newer, else 0.
func (v Version) Compare(o Version) int {
	return cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch))
}

// SameRelease reports whether the public numbers are equal.
func (v Version) SameRelease(o Version) bool { return v.Compare(o) == 0 }

// SameSoftware reports whether both builds are known and equal. False may thus mean "not known"; see
// BuildsKnown.
func (v Version) SameSoftware(o Version) bool {
	return v.BuildsKnown(o) && v.compareBuild(o) == 0
}

// BuildsKnown reports whether both versions name a well-formed build.
func (v Version) BuildsKnown(o Version) bool {
	_, errV := ParseBuild(v.Build)
	_, errO := ParseBuild(o.Build)
	return errV == nil && errO == nil
}

// MarshalText is String, and empty for the zero Version.
func (v Version) MarshalText() ([]byte, error) {
	if v == (Version{}) {
		return nil, nil
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	parsed, err := ParseVersion(string(text))
	if err == nil {
		*v = parsed
	}
	return err
}

// compareBuild orders two known builds part by part.
func (v Version) compareBuild(o Version) int {
	a, _ := ParseBuild(v.Build)
	b, _ := ParseBuild(o.Build)
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if c := cmp.Compare(number(as[i]), number(bs[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

// number reads digits whose count a pattern has already limited; "" is 0.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// clip keeps foreign text in a message short.
func clip(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
