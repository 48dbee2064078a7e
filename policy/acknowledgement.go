package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Acknowledgement is a person's acceptance of a should-finding.
type Acknowledgement struct {
	Rule   string `json:"rule"` // name of the rule, or id of its clause
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// Acknowledge returns a copy in which every failed or unknown should-finding that one of the acknowledgements
// names is Acknowledged. Must-findings and named risks stay as they are, and an acknowledgement without a reason
// or a person counts for nothing.
func (fs Findings) Acknowledge(all []Acknowledgement) Findings {
	out := slices.Clone(fs)
	for i, f := range out {
		if f.Lift() != LiftAcknowledge {
			continue
		}
		for _, a := range all {
			if a.accepts(f) {
				out[i].Status = Acknowledged
				out[i].Detail = fmt.Sprintf("%s; acknowledged by %s: %s", f.Detail, clip(a.By), a.Reason)
				break
			}
		}
	}
	return out
}

func (a Acknowledgement) accepts(f Finding) bool {
	return (a.Rule == f.Rule || a.Rule == f.Clause) && a.Rule != "" && !blank(a.Reason) && !blank(a.By)
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// samePerson compares names as people type them.
func samePerson(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}
