package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Acknowledgement is a person's acceptance of a should-finding.
type Acknowledgement struct {
	Rule   string `json:"rule"` // name of the rule, or id of its clause
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// Acknowledge returns a copy in which every failed or unknown should-finding that one of the acknowledgements
// names is Acknowledged. Must-findings stay as they are, and an acknowledgement without a reason or a
// person counts for nothing.
func (fs Findings) Acknowledge(all []Acknowledgement) Findings {
	out := slices.Clone(fs)
	for i, f := range out {
		if f.Class != Should || !f.Blocks() {
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

// Waiver is a documented exception to the promotion pathway (POL-0).
type Waiver struct {
	Clause      string      `json:"clause"` // clause of the findings it lifts
	Reason      string      `json:"reason"`
	RequestedBy string      `json:"requestedBy"`
	ApprovedBy  string      `json:"approvedBy"` // another person
	Environment Environment `json:"environment"`
	Target      Version     `json:"target"` // the upgrade it was granted for
	Expires     time.Time   `json:"expires"`
}

// Check returns all that makes the waiver void at the given time, joined; nil when it holds.
func (w Waiver) Check(now time.Time) error {
	var faults []error
	for name, value := range map[string]string{"a clause": w.Clause, "a reason": w.Reason, "a requester": w.RequestedBy, "an approver": w.ApprovedBy} {
		if blank(value) {
			faults = append(faults, fmt.Errorf("the waiver lacks %s", name))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if !blank(w.ApprovedBy) && strings.EqualFold(strings.TrimSpace(w.ApprovedBy), strings.TrimSpace(w.RequestedBy)) {
		faults = append(faults, errors.New("the waiver was approved by its own requester"))
	}
	if w.Environment != Test && w.Environment != Production || w.Target == (Version{}) {
		faults = append(faults, errors.New("the waiver does not name the environment and the target it is for"))
	}
	if !w.Expires.After(now) {
		faults = append(faults, fmt.Errorf("the waiver expired at %s", w.Expires.UTC().Format(time.RFC3339)))
	}
	return errors.Join(faults...)
}

// covers reports whether the waiver was granted for this upgrade. A waiver without a build holds for any build
// of its release.
func (w Waiver) covers(e Environment, target Version) bool {
	return w.Environment == e && w.Target.SameRelease(target) && (w.Target.Build == "" || w.Target.SameSoftware(target))
}

// Waive returns a copy in which every blocking finding that a valid waiver covers is Waived: same clause,
// environment and target, not expired, and waivable at all.
func (fs Findings) Waive(waivers []Waiver, e Environment, target Version, now time.Time) Findings {
	out := slices.Clone(fs)
	for i, f := range out {
		if !f.Blocks() || !f.Waivable() {
			continue
		}
		for _, w := range waivers {
			if w.Clause == f.Clause && w.covers(e, target) && w.Check(now) == nil {
				out[i].Status = Waived
				out[i].Detail = fmt.Sprintf("%s; waived by %s for %s: %s", f.Detail, clip(w.ApprovedBy), clip(w.RequestedBy), w.Reason)
				break
			}
		}
	}
	return out
}

// CheckSoak judges whether Test has run the target, verified, for as long as the team wants before Production
// follows. A zero verified time means that no verified run of Test is on record.
func CheckSoak(verified time.Time, soak time.Duration, now time.Time) Finding {
	if verified.IsZero() {
		return found(RuleSoak, Unknown, "no verified upgrade of Test to the target is on record", "finish and verify Test first, or acknowledge this rule with a reason")
	}
	due := verified.Add(soak)
	detail := fmt.Sprintf("Test was verified at %s, soak time %s", verified.UTC().Format(time.RFC3339), soak)
	if now.Before(due) {
		return found(RuleSoak, Fail, detail, "wait until "+due.UTC().Format(time.RFC3339)+", or acknowledge this rule with a reason")
	}
	return found(RuleSoak, Pass, detail, "")
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
