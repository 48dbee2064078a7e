package policy

import (
	"fmt"
	"strings"
	"time"
)

// TestRun is what the record of an upgrade of Test says.
type TestRun struct {
	Run      string    // its name
	Target   Version   // what it led to
	SHA256   string    // of the package that it installed
	Ended    time.Time // when it was completed
	Verified []string  // verifications that were carried out
	Open     []string  // and those that were not, waived ones included
	Promise  *Promise  // what it left for Production; nil: not on record
}

// Evidence is what an upgrade of Production relies on (POL-4): the record of that of Test.
type Evidence struct {
	Run    *TestRun // nil: none is on record
	Fault  string   // why the record proves nothing, for example that it was changed; "": it is sound
	SHA256 string   // of the package for Production
}

// CheckEvidence judges whether Test was upgraded to the very target of Production with the very package, was verified
// and still runs it. That there is no record at all, or that a verification was left out, may be waived; a record that
// is unsound or of something else is refused.
func CheckEvidence(e Evidence, p Proposal) Findings {
	switch {
	case e.Fault != "":
		return Findings{found(RuleTestRunSound, Fail, e.Fault, "find the evidence of the newest upgrade of Test, as it was saved, or upgrade Test again")}
	case e.Run == nil:
		return Findings{found(RuleTestRun, Fail, "no completed upgrade of Test to "+shown(p.Target)+" is on record",
			"upgrade and verify Test first, name the evidence of its upgrade, or document an exception to this rule in the file of waivers")}
	}
	return append(Findings{found(RuleTestRun, Pass, "run "+e.Run.Run, "")}, e.Run.check(p, e.SHA256)...)
}

func (t TestRun) check(p Proposal, sha256 string) Findings {
	return Findings{
		t.checkVerified(),
		met(RuleTestRunCurrent, p.Test != nil && t.Target.SameSoftware(*p.Test), fmt.Sprintf("Test run %s led to %s; Test runs %s", t.Run, t.Target, shown(p.Test)),
			"upgrade and verify Test again"),
		met(RuleTestRunBuild, p.Target != nil && t.Target.SameSoftware(*p.Target), fmt.Sprintf("Test run %s led to %s, this one to %s", t.Run, t.Target, shown(p.Target)),
			"take the build that was tried in Test"),
		met(RuleTestRunPackage, isSHA256(t.SHA256) && strings.EqualFold(t.SHA256, sha256), fmt.Sprintf("Test was upgraded with the file %.12s…, this one is %.12s…", t.SHA256, sha256),
			"use the same file"),
		met(RuleTestRunMitigations, t.Promise != nil, fmt.Sprintf("Test run %s says what breaking changes needed", t.Run), "find out what Test needed"),
	}
}

func (t TestRun) checkVerified() Finding {
	detail := fmt.Sprintf("Test run %s was verified by %s", t.Run, strings.Join(t.Verified, ", "))
	if len(t.Open) > 0 {
		detail += "; not carried out: " + strings.Join(t.Open, ", ")
	}
	return met(RuleTestRunVerified, len(t.Verified) > 0 && len(t.Open) == 0, detail, "verify Test first, or document an exception to this rule in the file of waivers")
}

// met is found for what is known: it passes or fails.
func met(rule string, ok bool, detail, remedy string) Finding {
	if !ok {
		return found(rule, Fail, detail, remedy)
	}
	return found(rule, Pass, detail, "")
}
