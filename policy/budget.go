package policy

import (
	"fmt"
	"time"
)

// Budget is an estimate and when changes are allowed.
type Budget struct {
	Estimate Estimate
	Calendar *Calendar // nil or without a window: at any time
}

// CheckBudget judges whether an upgrade that starts now finishes while changes are allowed. What does not finish in
// this window needs an acknowledgement; what finishes in no window within a year, or not before Pexip's own process
// stops, is refused. An estimate without an upload is one of a package of unknown size: whether it finishes in a window
// is unknown.
func CheckBudget(b Budget, now time.Time) Findings {
	fits, current := b.checkFits(now), b.checkNow(now)
	if current.Status == Unknown && fits.Status == Pass {
		return Findings{current} // without the upload it fits; that proves nothing
	}
	return Findings{fits, current}
}

func (b Budget) anyTime() bool {
	return b.Calendar == nil || len(b.Calendar.Allow) == 0 && len(b.Calendar.Deny) == 0
}

func (b Budget) checkFits(now time.Time) Finding {
	e := b.Estimate
	if e.RollOut() > RollOutLimit {
		return found(RuleFitsWindow, Fail, fmt.Sprintf("%s: the roll-out alone takes %s, and Pexip stops it after %s", e, short(e.RollOut()), short(RollOutLimit)),
			"empty the nodes of calls beforehand, or upgrade fewer nodes at a time")
	}
	if b.anyTime() {
		return found(RuleFitsWindow, Pass, e.String()+"; no change window is configured", "")
	}
	longest := short(b.Calendar.Longest(now).Length())
	if _, ok := b.Calendar.NextFor(now, e.Total()); !ok {
		return found(RuleFitsWindow, Fail, fmt.Sprintf("%s; the longest change window within a year has %s (%s)", e, longest, b.Calendar),
			"allow a longer change window, or a faster upload")
	}
	return found(RuleFitsWindow, Pass, fmt.Sprintf("%s; the longest change window within a year has %s", e, longest), "")
}

func (b Budget) checkNow(now time.Time) Finding {
	end := now.Add(b.Estimate.Total())
	detail := fmt.Sprintf("about %s, until %s", short(b.Estimate.Total()), b.show(end))
	if b.anyTime() {
		return found(RuleTimeBudget, Pass, detail+"; no change window is configured", "")
	}
	if b.Estimate.Upload <= 0 {
		return found(RuleTimeBudget, Unknown, detail+"; the size of the package is not known", "give the size of the package, or acknowledge this rule with a reason")
	}
	open, ok := b.Calendar.Next(now)
	if ok && !open.Start.After(now) && !end.After(open.End) {
		return found(RuleTimeBudget, Pass, fmt.Sprintf("%s; the change window is open until %s", detail, b.show(open.End)), "")
	}
	return found(RuleTimeBudget, Fail, fmt.Sprintf("%s; %s", detail, b.opens(open, ok, now)), b.remedy(now))
}

func (b Budget) opens(open Span, ok bool, now time.Time) string {
	switch {
	case !ok:
		return "no change window opens within a year"
	case open.Start.After(now):
		return "the change window is closed" + b.Calendar.denial(now) + " and opens at " + b.show(open.Start)
	}
	return "the change window closes before, at " + b.show(open.End)
}

func (b Budget) remedy(now time.Time) string {
	if s, ok := b.Calendar.NextFor(now, b.Estimate.Total()); ok {
		return fmt.Sprintf("start at %s, when the window leaves enough time, or acknowledge this rule with a reason", b.show(s.Start))
	}
	return "allow a longer change window, or acknowledge this rule with a reason"
}

// show is a time as the clocks of the change window show it.
func (b Budget) show(t time.Time) string {
	zone := time.UTC
	if b.Calendar != nil {
		zone = b.Calendar.zone()
	}
	return t.In(zone).Format("Mon 2006-01-02 15:04 MST")
}
