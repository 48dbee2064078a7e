package pexip

import (
	"regexp"
	"strconv"
)

// versionText is "39", "v39.1", "39.1.0 (83067.0.0)": whether current releases print two or three
// numbers is not verified, so missing ones count as 0.
var versionText = regexp.MustCompile(`^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\s*\(([\d.]+)\))?$`)

// sameVersion says whether two version texts mean the same: by the build in parentheses, where both
// have one, else by the numbers. Texts of another form are the same only when they are equal.
func sameVersion(a, b string) bool {
	x, y := versionText.FindStringSubmatch(a), versionText.FindStringSubmatch(b)
	if x == nil || y == nil {
		return a == b
	}
	if x[4] != "" && y[4] != "" {
		return x[4] == y[4]
	}
	for i := 1; i <= 3; i++ {
		m, _ := strconv.Atoi(x[i]) // digits or nothing
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return false
		}
	}
	return true
}
