package policy

import (
	"cmp"
	"fmt"
	"time"
)

// Mitigation is what a breaking change needs (POL-3). It is recorded with the upgrade of Test, and the upgrade of
// Production requires that somebody states to have applied it there too.
type Mitigation struct {
	Text      string    `json:"text"`               // what was done, or the document that says so
	Document  string    `json:"document,omitempty"` // that describes it: a link, or the name of a file in the evidence of Test
	AppliedBy string    `json:"appliedBy,omitempty"`
	AppliedOn time.Time `json:"appliedOn,omitzero"` // to Production
}

// CheckMitigations judges whether what Test needed was applied to Production, one finding a mitigation. None is
// none to apply.
func CheckMitigations(all []Mitigation, now time.Time) Findings {
	var fs Findings
	for _, m := range all {
		fs = append(fs, m.check(now))
	}
	return fs
}

func (m Mitigation) check(now time.Time) Finding {
	const remedy = "apply it to Production first, and record who did and when"
	switch {
	case blank(m.AppliedBy) || m.AppliedOn.IsZero():
		return found(RuleMitigation, Unknown, fmt.Sprintf("nobody states that it was applied to Production: %s", cmp.Or(m.Text, "a mitigation without a text")), remedy)
	case m.AppliedOn.After(now):
		return found(RuleMitigation, Fail, fmt.Sprintf("%s means to apply it to Production only on %s: %s", clip(m.AppliedBy), stamp(m.AppliedOn), m.Text), remedy)
	}
	return found(RuleMitigation, Pass, fmt.Sprintf("%s applied it to Production on %s: %s", clip(m.AppliedBy), stamp(m.AppliedOn), m.Text), "")
}
