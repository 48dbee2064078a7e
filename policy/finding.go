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

// Findings are the outcomes of several rules in a fixed order.
type Findings []Finding

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

// Text is an aligned table for people, one line a finding, with a remedy below each that did not pass.
// What cannot be printed becomes a space.
func (fs Findings) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATUS\tCLASS\tCLAUSE\tRULE\tDETAIL")
	for _, f := range fs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Status, f.Class, f.Clause, f.Rule, oneLine(f.Detail))
		if f.Remedy != "" && f.Status != Pass {
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
