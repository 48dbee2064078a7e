package policy

import (
	"fmt"
	"time"
)

// DefaultPromise is how long after the soak time Production follows: the process document says a few weeks.
const DefaultPromise = 21 * 24 * time.Hour

// Promise is what an upgrade of Test owes: Production follows to the same version (POL-1), not before Test has
// proven to be stable and not after the day that was promised.
type Promise struct {
	Target      Version      `json:"target"`
	Opened      time.Time    `json:"opened"`   // when Test ran the target, verified
	Earliest    time.Time    `json:"earliest"` // the soak time is over
	Latest      time.Time    `json:"latest"`   // Production has followed by then
	Mitigations []Mitigation `json:"mitigations,omitempty"`
}

// OpenPromise is the promise that an upgrade of Test to the target opens: Production follows once the soak time is
// over, and within a time after that; zero or less: [DefaultPromise].
func OpenPromise(target Version, opened time.Time, soak, within time.Duration) Promise {
	if within <= 0 {
		within = DefaultPromise
	}
	earliest := opened.Add(max(soak, 0))
	return Promise{Target: target, Opened: opened, Earliest: earliest, Latest: earliest.Add(within)}
}

// KeptBy reports whether an environment that runs the version has followed: the very software, or a newer release.
func (p Promise) KeptBy(v Version) bool {
	return v.Compare(p.Target) > 0 || v.SameRelease(p.Target) && (p.Target.Build == "" || v.SameSoftware(p.Target))
}

// CheckPromises reports each promise as kept, open or overdue, in the order given, and then the skew: how far Test is
// ahead of Production now, which is advice. A nil version is unknown.
func CheckPromises(promises []Promise, test, production *Version, now time.Time) Findings {
	var fs Findings
	for _, p := range promises {
		fs = append(fs, p.check(production, now))
	}
	return append(fs, checkSkew(promises, test, production))
}

func (p Promise) check(production *Version, now time.Time) Finding {
	detail := fmt.Sprintf("Production runs %s; it is to follow Test to %s from %s until %s", shown(production), p.Target, stamp(p.Earliest), stamp(p.Latest))
	switch {
	case production == nil:
		return found(RulePromise, Unknown, detail, "find out what Production runs and check again")
	case p.KeptBy(*production):
		return found(RulePromise, Pass, detail+": kept", "")
	case now.After(p.Latest):
		late := now.Sub(p.Latest).Hours() / 24
		return found(RulePromise, Fail, fmt.Sprintf("%s: %.0f day(s) overdue", detail, late), "upgrade Production to "+p.Target.String()+", or acknowledge this rule with a reason")
	}
	return found(RulePromise, Pass, detail+": open", "")
}

// checkSkew compares what runs now; what an upgrade would make of it is for CheckPromotion.
func checkSkew(promises []Promise, test, production *Version) Finding {
	detail := pair("Test", test, "Production", production)
	switch {
	case test == nil || production == nil:
		return found(RuleSkew, Unknown, detail, findOut)
	case test.Compare(*production) <= 0:
		return found(RuleSkew, Pass, detail+": Test is not ahead", "")
	}
	detail += fmt.Sprintf(": Test is ahead, %s", distance(*test, *production))
	for _, p := range promises {
		if p.Target.SameRelease(*test) {
			return found(RuleSkew, Fail, fmt.Sprintf("%s, since %s", detail, stamp(p.Opened)), "upgrade Production until "+stamp(p.Latest))
		}
	}
	return found(RuleSkew, Fail, detail+", and no promise for that release is on record", "record when Production is to follow")
}

func distance(test, production Version) string {
	if n := test.Major - production.Major; n > 0 {
		return fmt.Sprintf("by %d major version(s)", n)
	}
	if n := test.Minor - production.Minor; n > 0 {
		return fmt.Sprintf("by %d minor version(s)", n)
	}
	return fmt.Sprintf("by %d patch(es)", test.Patch-production.Patch)
}

// CheckSoak judges whether Test has run the target, verified, for as long as the team wants before Production
// follows. A zero verified time means that no verified run of Test is on record.
func CheckSoak(verified time.Time, soak time.Duration, now time.Time) Finding {
	if verified.IsZero() {
		return found(RuleSoak, Unknown, "no verified upgrade of Test to the target is on record", "finish and verify Test first, or acknowledge this rule beforehand with a reason")
	}
	due := verified.Add(soak)
	detail := fmt.Sprintf("Test was verified at %s, soak time %s", stamp(verified), soak)
	if now.Before(due) {
		return found(RuleSoak, Fail, detail, "wait until "+stamp(due)+", or acknowledge this rule beforehand with a reason")
	}
	return found(RuleSoak, Pass, detail, "")
}

// promiseFor is the newest promise for a target; nil when there is none.
func promiseFor(promises []Promise, target *Version) *Promise {
	var newest *Promise
	for i, p := range promises {
		if target != nil && p.Target.SameRelease(*target) && p.KeptBy(*target) && (newest == nil || p.Opened.After(newest.Opened)) {
			newest = &promises[i]
		}
	}
	return newest
}
