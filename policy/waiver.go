package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a waiver may span at most; a wider one is no exception but another rule.
const (
	MaxWaiverTime     = 90 * 24 * time.Hour // from its approval to its expiry
	MaxWaiverVersions = 3
)

// Waiver is a documented exception to the promotion pathway (POL-0): for one clause, one environment and the
// versions that it lists. [ParseWaivers] reads them from the team's file.
type Waiver struct {
	ID          string      `json:"id" yaml:"id"`
	Clause      string      `json:"clause" yaml:"clause"`                 // of the findings it lifts
	Rule        string      `json:"rule,omitempty" yaml:"rule,omitempty"` // needed when several rules of the clause may be waived
	Environment Environment `json:"environment" yaml:"environment"`
	Versions    []Version   `json:"versions" yaml:"versions,flow"` // targets; one without a build means any build of it
	Reason      string      `json:"reason" yaml:"reason"`
	RequestedBy string      `json:"requestedBy" yaml:"requested_by"`
	ApprovedBy  string      `json:"approvedBy" yaml:"approved_by"` // another person
	ApprovedOn  time.Time   `json:"approvedOn" yaml:"approved_on"`
	Expires     time.Time   `json:"expires" yaml:"expires"`
	AmendsGuide bool        `json:"amendsGuide" yaml:"amends_guide"` // the written guide is to be changed as well
}

// String is the waiver in one line.
func (w Waiver) String() string {
	guide := "the guide stays"
	if w.AmendsGuide {
		guide = "the guide is to be amended"
	}
	return fmt.Sprintf("%s of %s, requested by %s, approved by %s on %s, expires %s, %s: %s",
		w.ID, w.Clause, w.RequestedBy, w.ApprovedBy, stamp(w.ApprovedOn), stamp(w.Expires), guide, w.Reason)
}

// Check returns all that makes the waiver void at the given time, joined; nil when it holds.
func (w Waiver) Check(now time.Time) error {
	return errors.Join(slices.Concat(w.checkComplete(), w.checkPeople(), w.checkScope(), w.checkTimes(now))...)
}

func (w Waiver) checkComplete() (faults []error) {
	for _, part := range []struct{ name, value string }{
		{"an id", w.ID}, {"a clause", w.Clause}, {"a reason", w.Reason}, {"a requester", w.RequestedBy}, {"an approver", w.ApprovedBy},
	} {
		if blank(part.value) {
			faults = append(faults, fmt.Errorf("it lacks %s", part.name))
		}
	}
	return faults
}

func (w Waiver) checkPeople() []error {
	if !blank(w.ApprovedBy) && samePerson(w.ApprovedBy, w.RequestedBy) {
		return []error{fmt.Errorf("%s approved it and requested it; another person must approve", clip(w.ApprovedBy))}
	}
	return nil
}

// checkScope refuses what is never waived and what is broader than one exception.
func (w Waiver) checkScope() (faults []error) {
	if w.Environment != Test && w.Environment != Production {
		faults = append(faults, fmt.Errorf("it is too broad: %q is not one environment, test or production", clip(string(w.Environment))))
	}
	if n := len(w.Versions); n == 0 || n > MaxWaiverVersions {
		faults = append(faults, fmt.Errorf("it is too broad: it names %d versions; name 1 to %d", n, MaxWaiverVersions))
	}
	if slices.Contains(w.Versions, Version{}) {
		faults = append(faults, errors.New("it is too broad: one of its versions is none"))
	}
	if err := w.checkRule(); err != nil && !blank(w.Clause) {
		faults = append(faults, err)
	}
	return faults
}

func (w Waiver) checkRule() error {
	names, known := waivableRules(w.Clause)
	switch {
	case !known:
		return fmt.Errorf("no rule guards the clause %q", clip(w.Clause))
	case w.Rule != "" && rules[w.Rule].clause != w.Clause:
		return fmt.Errorf("%q is not a rule of %s", clip(w.Rule), w.Clause)
	case len(names) == 0:
		return fmt.Errorf("%s is never waived: it protects the machines or proves the package", w.Clause)
	case w.Rule != "" && !rules[w.Rule].waivable:
		return fmt.Errorf("%s is never waived: it protects the machines or proves the package", w.Rule)
	case w.Rule == "" && len(names) > 1:
		return fmt.Errorf("it is too broad: %s has several rules; name one: %s", w.Clause, strings.Join(names, " or "))
	}
	return nil
}

func (w Waiver) checkTimes(now time.Time) (faults []error) {
	switch {
	case w.ApprovedOn.IsZero():
		faults = append(faults, errors.New("it does not say when it was approved"))
	case w.ApprovedOn.After(now):
		faults = append(faults, fmt.Errorf("it is approved only on %s", stamp(w.ApprovedOn)))
	}
	switch {
	case w.Expires.IsZero():
		faults = append(faults, errors.New("it is too broad: it never expires"))
	case w.Expires.Sub(w.ApprovedOn) > MaxWaiverTime:
		faults = append(faults, fmt.Errorf("it is too broad: it expires more than %d days after its approval", MaxWaiverTime/(24*time.Hour)))
	}
	if !w.Expires.IsZero() && !w.Expires.After(now) {
		faults = append(faults, fmt.Errorf("it expired at %s", stamp(w.Expires)))
	}
	return faults
}

// covers reports whether the waiver was granted for this finding of an upgrade to the target. A version without a
// build stands for any build of its release.
func (w Waiver) covers(f Finding, e Environment, target Version) bool {
	if w.Clause != f.Clause || w.Rule != "" && w.Rule != f.Rule || w.Environment != e {
		return false
	}
	return slices.ContainsFunc(w.Versions, func(v Version) bool {
		return v.SameRelease(target) && (v.Build == "" || v.SameSoftware(target))
	})
}

// Waive returns a copy in which every blocking finding that a valid waiver covers is Waived: same clause,
// environment and target, not expired, and waivable at all; and the waivers that were used, in their own order.
func (fs Findings) Waive(waivers []Waiver, e Environment, target Version, now time.Time) (out Findings, used []Waiver) {
	out = slices.Clone(fs)
	for _, w := range waivers {
		if w.Check(now) == nil && w.lift(out, e, target) {
			used = append(used, w)
		}
	}
	return out, used
}

func (w Waiver) lift(fs Findings, e Environment, target Version) (used bool) {
	for i, f := range fs {
		if !f.Blocks() || !f.Waivable() || !w.covers(f, e, target) {
			continue
		}
		fs[i].Status = Waived
		fs[i].Detail = fmt.Sprintf("%s; waiver %s, approved by %s for %s: %s", f.Detail, clip(w.ID), clip(w.ApprovedBy), clip(w.RequestedBy), w.Reason)
		used = true
	}
	return used
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
