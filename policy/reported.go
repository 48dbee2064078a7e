package policy

import "fmt"

// NodeVersion is what one node says it runs.
type NodeVersion struct {
	Node    string // its name
	Version string // raw, as reported; "" when it reports none
}

// CheckReported judges whether every node runs the expected release and build, one finding a node in the
// order given. No node at all is unknown, not passed.
func CheckReported(expected Version, reported []NodeVersion) Findings {
	if len(reported) == 0 {
		return Findings{found(RuleReported, Unknown, "no node reports a version", "make sure that the Management Node answers, then check again")}
	}
	fs := make(Findings, len(reported))
	for i, n := range reported {
		fs[i] = checkNode(expected, n)
	}
	return fs
}

func checkNode(expected Version, n NodeVersion) Finding {
	const wait = "wait until its upgrade is over; if it stays so for an hour, contact Pexip support and do not reboot it"
	name := fmt.Sprintf("%q", clip(n.Node))
	if n.Version == "" {
		return found(RuleReported, Unknown, name+" reports no version", "make sure that it is running and in contact with the Management Node")
	}
	v, err := ParseVersion(n.Version)
	if err != nil {
		return found(RuleReported, Unknown, name+" reports "+err.Error(), "read its version in the Management Node's web interface")
	}
	detail := fmt.Sprintf("%s reports %s, expected %s", name, v, expected)
	switch {
	case !v.SameRelease(expected):
		return found(RuleReported, Fail, detail, wait)
	case !v.BuildsKnown(expected):
		return found(RuleReported, Unknown, detail+": a build is not known", "find out the build: the release alone does not prove the same software")
	case !v.SameSoftware(expected):
		return found(RuleReported, Fail, detail, wait)
	}
	return found(RuleReported, Pass, detail, "")
}
