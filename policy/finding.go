package policy

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Class says how much a rule weighs.
type Class string

// The classes. Must and Should are the document's own words; Advice is what a vendor recommends beyond it.
const (
	Must   Class = "must"
	Should Class = "should"
	Advice Class = "advice"
)

// Status is the outcome of a rule.
type Status string

// The outcomes. Waived and Acknowledged are set by [Findings.Waive] and [Findings.Acknowledge] only.
const (
	Pass         Status = "pass"
	Fail         Status = "fail"
	Unknown      Status = "unknown"
	Waived       Status = "waived"
	Acknowledged Status = "acknowledged"
)

// Finding is what one rule found.
type Finding struct {
	Clause string `json:"clause"` // of the process document, such as POL-1a
	Rule   string `json:"rule"`   // one of the Rule constants
	Class  Class  `json:"class"`
	Status Status `json:"status"`
	Detail string `json:"detail"`           // what was compared with what
	Remedy string `json:"remedy,omitempty"` // what to do; empty when passed
	Source string `json:"source"`           // where the rule is written
}

// Blocks reports whether a run may not go past the finding: a must or should that failed or is unknown.
// A status or class this package does not know blocks too.
func (f Finding) Blocks() bool {
	switch f.Status {
	case Pass, Waived, Acknowledged:
		return false
	}
	return f.Class != Advice
}

// Waivable reports whether a documented exception (POL-0) may lift the finding. Exceptions are for the promotion
// pathway; what protects the machines or proves the package is never lifted.
func (f Finding) Waivable() bool { return rules[f.Rule].waivable }

// Lift says what gets a blocking finding out of the way without changing the facts.
type Lift string

// The ways past a finding.
const (
	LiftNever       Lift = "never"       // it protects the machines or proves the package
	LiftWaiver      Lift = "waiver"      // a documented exception; see [Waiver]
	LiftAcknowledge Lift = "acknowledge" // a named person's reason; see [Acknowledgement]
	LiftAccept      Lift = "accept"      // a risk accepted by its name; see [Acceptance]
	LiftNotNeeded   Lift = ""            // it does not block
)

// Lift says how the finding may be lifted. A should-rule that is waivable may be waived as well as acknowledged.
func (f Finding) Lift() Lift {
	switch {
	case !f.Blocks():
		return LiftNotNeeded
	case f.Rule == RuleRisk:
		return LiftAccept
	case f.Class == Should:
		return LiftAcknowledge
	case f.Waivable():
		return LiftWaiver
	}
	return LiftNever
}

// Findings are the outcomes of several rules in a fixed order.
type Findings []Finding

// Split parts the findings that did not pass, in order: those that nothing lifts, those that people may lift, and
// advice. What passed, was waived or acknowledged is in none of the three.
func (fs Findings) Split() (never, liftable, advice Findings) {
	for _, f := range fs {
		switch lift := f.Lift(); {
		case lift == LiftNever:
			never = append(never, f)
		case lift != LiftNotNeeded:
			liftable = append(liftable, f)
		case f.Class == Advice && (f.Status == Fail || f.Status == Unknown):
			advice = append(advice, f)
		}
	}
	return never, liftable, advice
}

// Blocking returns those that block, in order; nil when none does.
func (fs Findings) Blocking() Findings {
	var blocking Findings
	for _, f := range fs {
		if f.Blocks() {
			blocking = append(blocking, f)
		}
	}
	return blocking
}

// Text is an aligned table for people, one line a finding, with a remedy below each that is still open.
// What cannot be printed becomes a space.
func (fs Findings) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATUS\tCLASS\tCLAUSE\tRULE\tDETAIL")
	for _, f := range fs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Status, f.Class, f.Clause, f.Rule, oneLine(f.Detail))
		if f.Remedy != "" && (f.Blocks() || f.Class == Advice) {
			fmt.Fprintf(w, "\t\t\t\t→ %s\n", oneLine(f.Remedy))
		}
	}
	w.Flush() // a strings.Builder takes every write
	return b.String()
}

// oneLine keeps what a server said from breaking the table.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}
