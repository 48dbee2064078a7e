package policy_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

func ExampleCheckPromotion() {
	installed, _ := policy.ParseVersion("38 (81931.0.0)")
	target, _ := policy.ParseVersion("39.1 (83067)")
	findings := policy.CheckPromotion(policy.Proposal{
		Environment: policy.Test,
		Test:        &installed,
		Production:  &installed,
		Target:      &target,
	})
	for _, f := range findings.Blocking() {
		fmt.Println(f.Clause, f.Rule, f.Status)
	}
	acknowledged := findings.Acknowledge([]policy.Acknowledgement{
		{Rule: policy.RuleMinor, Reason: "39 and 39.1 are the only releases since", By: "A. Operator"},
	})
	fmt.Println("blocking once acknowledged:", len(acknowledged.Blocking()))
	// Output:
	// POL-1b two-minors-ahead unknown
	// blocking once acknowledged: 0
}

func ExampleFindings_Text() {
	expected, _ := policy.ParseVersion("39.1 (83067)")
	fmt.Print(policy.CheckReported(expected, []policy.NodeVersion{
		{Node: "mgr", Version: "39.1 (83067.0.0)"},
		{Node: "conf", Version: ""},
	}).Text())
	// Output:
	// STATUS   CLASS  CLAUSE  RULE              DETAIL
	// pass     must   VER-1   reported-version  "mgr" reports 39.1 (83067.0.0), expected 39.1 (83067.0.0)
	// unknown  must   VER-1   reported-version  "conf" reports no version
	//                                           → make sure that it is running and in contact with the Management Node
}

// must is for the examples, whose versions are good.
func must(s string) *policy.Version {
	v, err := policy.ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return &v
}

func ExampleDecide() {
	waivers, err := policy.ParseWaivers([]byte(`
version: 1
waivers:
  - id: W-7
    clause: POL-1a
    environment: test
    versions: [39.1]
    reason: 39.1 mends the fault that calls from the app are dropped
    requested_by: Ana
    approved_by: Bo
    approved_on: 2026-11-20
    expires: 2026-12-20
    amends_guide: no
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	decision := policy.Decide(policy.Request{
		Proposal: policy.Proposal{Environment: policy.Test, Test: must("38 (81931)"), Production: must("37 (80000)"), Target: must("39.1 (83067)")},
		Waivers:  waivers,
	}, time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC))
	page, _, _ := strings.Cut(decision.Text(), "\n\n")
	fmt.Println(page)
	for _, f := range decision.Findings.Blocking() {
		fmt.Println("in the way:", f.Clause, f.Rule, "- to lift it:", f.Lift())
	}
	// Output:
	// NEEDS-CONSENT: test from 38 (81931.0.0) to 39.1 (83067.0.0), at 2026-11-26T02:00:00Z
	// Test runs 38 (81931.0.0), Production runs 37 (80000.0.0)
	// waiver used: W-7 of POL-1a, requested by Ana, approved by Bo on 2026-11-20T00:00:00Z, expires 2026-12-21T00:00:00Z, the guide stays: 39.1 mends the fault that calls from the app are dropped
	// promise: once done, Production follows to 39.1 (83067.0.0) from 2026-11-26T02:00:00Z until 2026-12-17T02:00:00Z
	// in the way: POL-1b two-minors-ahead - to lift it: acknowledge
}

func ExampleParseWaivers() {
	_, err := policy.ParseWaivers([]byte("version: 1\nwaivers:\n  - id: W-7\n    clauses: [POL-1a]\n    versions: ['*']\n"))
	text, _, _ := strings.Cut(err.Error(), "\nline 3: waivers[0].reason")
	fmt.Println(text)
	// Output:
	// line 3: waivers[0].clause: missing
	// line 3: waivers[0].environment: missing
}

func ExampleWaiver_Check() {
	approved := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	w := policy.Waiver{ID: "W-8", Clause: "POL-5a", Environment: policy.Test, Versions: []policy.Version{*must("39.1")}, Reason: "the page is down",
		RequestedBy: "Ana", ApprovedBy: "ana", ApprovedOn: approved, Expires: approved.AddDate(1, 0, 0)}
	fmt.Println(w.Check(approved.AddDate(0, 0, 1)))
	// Output:
	// ana approved it and requested it; another person must approve
	// POL-5a is never waived: it protects the machines or proves the package
	// it is too broad: it expires more than 90 days after its approval
}

func ExampleFormatWaivers() {
	text, err := policy.FormatWaivers([]policy.Waiver{{ID: "W-7", Clause: "POL-1a", Environment: policy.Test, Versions: []policy.Version{*must("39.1 (83067)")},
		Reason: "a fix", RequestedBy: "Ana", ApprovedBy: "Bo", ApprovedOn: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Expires: time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC)}})
	fmt.Print(string(text), err)
	// Output:
	// version: 1
	// waivers:
	//     - id: W-7
	//       clause: POL-1a
	//       environment: test
	//       versions: [39.1 (83067.0.0)]
	//       reason: a fix
	//       requested_by: Ana
	//       approved_by: Bo
	//       approved_on: 2026-11-20T00:00:00Z
	//       expires: 2026-12-20T00:00:00Z
	//       amends_guide: false
	// <nil>
}

func ExampleParseRisks() {
	risks, err := policy.ParseRisks([]byte(`
version: 1
risks:
  - name: teams-connector
    text: The Teams Connector must be upgraded to the very same version.
    to: ">= 39"
    class: should
    source: Pexip Infinity v39.1 release notes
    date: 2026-11-02
acceptances:
  - risk: teams-connector
    version: 39.1
    text_sha256: 0000000000000000000000000000000000000000000000000000000000000000
    by: Ana
    reason: its upgrade is planned for the same evening
    on: 2026-11-20
`))
	fmt.Println(err)
	for _, f := range policy.CheckRisks(risks, must("39"), must("39.1 (83067)"), time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)) {
		fmt.Println(f.Status, f.Detail)
	}
	// Output:
	// <nil>
	// fail teams-connector: The Teams Connector must be upgraded to the very same version.; the acceptance by Ana of 2026-11-20 is void: the text has changed since, it was accepted as 000000000000… and is 3a05e06a9359… now
}

func ExampleParseRange() {
	r, err := policy.ParseRange(">=38 <40")
	fmt.Println(r.Contains(*must("39.1 (83067)")), r.Contains(*must("40")), err)
	// Output: true false <nil>
}

func ExampleCheckPromises() {
	opened := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	promise := policy.OpenPromise(*must("39.1 (83067)"), opened, 7*24*time.Hour, 14*24*time.Hour)
	for _, f := range policy.CheckPromises([]policy.Promise{promise}, must("39.1 (83067)"), must("39 (82000)"), opened.AddDate(0, 0, 24)) {
		fmt.Printf("%s %s: %s\n", f.Status, f.Rule, f.Detail)
	}
	// Output:
	// fail promise-kept: Production runs 39 (82000.0.0); it is to follow Test to 39.1 (83067.0.0) from 2026-11-08T00:00:00Z until 2026-11-22T00:00:00Z: 3 day(s) overdue
	// fail skew: Test 39.1 (83067.0.0), Production 39 (82000.0.0): Test is ahead, by 1 minor version(s), since 2026-11-01T00:00:00Z
}

func ExampleParsePromises() {
	promises, err := policy.ParsePromises([]byte("version: 1\npromises:\n  - {target: 39.1 (83067), opened: 2026-11-02, earliest: 2026-11-09, latest: 2026-11-30, mitigations: [{text: open port 5061}]}\n"))
	fmt.Println(err)
	for _, f := range policy.CheckMitigations(promises[0].Mitigations, time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)) {
		fmt.Println(f.Clause, f.Status, f.Detail)
	}
	// Output:
	// <nil>
	// POL-3 unknown nobody states that it was applied to Production: open port 5061
}

func ExampleCheckSoak() {
	verified := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	f := policy.CheckSoak(verified, 7*24*time.Hour, verified.AddDate(0, 0, 6))
	fmt.Println(f.Status, f.Remedy)
	// Output: fail wait until 2026-11-27T00:00:00Z, or acknowledge this rule beforehand with a reason
}

func ExampleParseCalendar() {
	calendar, err := policy.ParseCalendar([]byte(`
version: 1
time_zone: America/New_York
allow:
  - {days: [Mon, Tue, Wed, Thu], from: 18:00, to: 02:00}
deny:
  - {from: 00:00, to: 24:00, first: 2026-12-15, last: 2027-01-04, reason: year end}
`))
	next, ok := calendar.Next(time.Date(2026, 12, 12, 0, 0, 0, 0, time.UTC))
	fmt.Println(err, ok, next.Start, next.Length())
	next, _ = calendar.Next(next.End)
	fmt.Println(next.Start, next.Length())
	// Output:
	// <nil> true 2026-12-14 18:00:00 -0500 EST 6h0m0s
	// 2027-01-05 00:00:00 -0500 EST 2h0m0s
}

func ExampleCheckBudget() {
	night := policy.Window{Hours: policy.Hours{From: 18 * 60, To: 24 * 60, Days: []time.Weekday{time.Monday}, TimeZone: "UTC"}}
	budget := policy.Budget{Estimate: policy.Effort{Size: 5_000_000_000, Nodes: 12}.Estimate(), Calendar: &policy.Calendar{Allow: []policy.Window{night}}}
	for _, f := range policy.CheckBudget(budget, time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC)) {
		fmt.Printf("%s %s: %s\n", f.Status, f.Rule, f.Detail)
	}
	// Output:
	// pass fits-a-window: about 2:11 h (upload 0:07 h, backup 0:20 h, Management Node 1:00 h, Conferencing Nodes 0:14 h, calls 0:00 h, checks 0:30 h); the longest change window within a year has 6:00 h
	// fail time-budget: about 2:11 h, until Tue 2026-11-24 01:10 UTC; the change window closes before, at Tue 2026-11-24 00:00 UTC
}

func ExampleCheckPackage() {
	fs := policy.CheckPackage(policy.PackageFacts{PublishedSHA256: "12ab", ChecksumSource: "https://www.pexip.com/help-center/platform-download"})
	for _, f := range fs.Blocking() {
		fmt.Println(f.Status, f.Rule, f.Detail)
	}
	// Output:
	// fail checksum-well-formed "12ab" is not a SHA-256
	// unknown checksum-matches there is no valid checksum to compare with
}

func ExampleFindings_Split() {
	never, liftable, advice := policy.CheckPromotion(policy.Proposal{Environment: policy.Test, Test: must("34"), Production: must("34"), Target: must("39.1 (83067)")}).Split()
	fmt.Println("nothing lifts:", never[0].Rule)
	fmt.Println("people may lift:", liftable[0].Rule, liftable[1].Rule)
	fmt.Println("to consider:", advice[0].Rule)
	// Output:
	// nothing lifts: hop-limit
	// people may lift: one-major-ahead two-minors-ahead
	// to consider: full-outage
}

func ExampleRules() {
	for _, r := range policy.Rules() {
		if r.Waivable {
			fmt.Println(r.Clause, r.Name)
		}
	}
	// Output:
	// POL-1 promise-kept
	// POL-1 soak
	// POL-1a one-major-ahead
	// POL-1b two-minors-ahead
	// POL-3 mitigation-applied
	// POL-4 test-evidence
	// POL-4 test-verified
	// POL-5 same-as-test
}
