package policy_test

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// A program that takes acknowledgements tells at once that a must-rule takes none.
func ExampleRuleClass() {
	for _, rule := range []string{policy.RuleMinor, policy.RuleSameBuild, "no-such-rule"} {
		class, ok := policy.RuleClass(rule)
		fmt.Println(rule, class, ok)
	}
	// Output:
	// two-minors-ahead should true
	// same-build must true
	// no-such-rule  false
}

// An acceptance is bound to the text that was read, by its digest.
func ExampleCheckRisks() {
	from, err := policy.ParseRange("< 39")
	check(err)
	risk := policy.Risk{Name: "full-outage", Text: "No Conferencing Node works until all are upgraded.", From: from, Class: policy.Must,
		Source: "v39 release notes", Date: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}
	risks := policy.Risks{Risks: []policy.Risk{risk}, Acceptances: []policy.Acceptance{{Risk: risk.Name, Version: *must("39.1"),
		TextSHA256: risk.Digest(), By: "Ana", Reason: "the night is free of calls", On: risk.Date.AddDate(0, 0, 18)}}}
	now := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	for _, f := range policy.CheckRisks(risks, must("38 (81931)"), must("39.1 (83067)"), now) {
		fmt.Println(f.Status, f.Detail)
	}
	// Output: acknowledged full-outage: No Conferencing Node works until all are upgraded.; accepted by Ana on 2026-11-20: the night is free of calls
}

// An upgrade of Test opens a promise; Production keeps it with the same software or a newer release.
func ExampleOpenPromise() {
	opened := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	p := policy.OpenPromise(*must("39.1 (83067)"), opened, 7*24*time.Hour, 0)
	fmt.Println(p.Earliest.Format(time.DateOnly), "until", p.Latest.Format(time.DateOnly))
	fmt.Println(p.KeptBy(*must("39.1 (83011)")), p.KeptBy(*must("39.1 (83067)")), p.KeptBy(*must("40")))
	// Output:
	// 2026-11-09 until 2026-11-30
	// false true true
}

// What Test needed, somebody must state to have applied to Production.
func ExampleCheckMitigations() {
	now := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	for _, f := range policy.CheckMitigations([]policy.Mitigation{
		{Text: "open port 5061", AppliedBy: "Bo", AppliedOn: now.AddDate(0, 0, -3)},
		{Text: "new certificate chain"},
	}, now) {
		fmt.Println(f.Status, f.Detail)
	}
	// Output:
	// pass Bo applied it to Production on 2026-11-23T02:00:00Z: open port 5061
	// unknown nobody states that it was applied to Production: new certificate chain
}

// Production gets the very build and the very file that Test was upgraded with and still runs.
func ExampleCheckEvidence() {
	const tried = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	run := policy.TestRun{Run: "test-0007", Target: *must("39.1 (83067)"), SHA256: tried, Verified: []string{"verify-calls"}, Promise: &policy.Promise{}}
	evidence := policy.Evidence{Run: &run, SHA256: "0" + tried[1:]} // another file than Test got
	proposal := policy.Proposal{Environment: policy.Production, Test: must("39.1 (83067)"), Production: must("38 (81931)"), Target: must("39.1 (83067)")}
	for _, f := range policy.CheckEvidence(evidence, proposal) {
		fmt.Println(f.Status, f.Rule)
	}
	// Output:
	// pass test-evidence
	// pass test-verified
	// pass test-still-runs-it
	// pass same-build-as-run
	// fail same-package
	// pass mitigations-known
}

// A waiver lifts the findings of one rule, for one environment and the versions that it lists.
func ExampleFindings_Waive() {
	approved := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	waiver := policy.Waiver{ID: "W-7", Clause: "POL-1a", Environment: policy.Test, Versions: []policy.Version{*must("39.1")}, Reason: "a fix",
		RequestedBy: "Ana", ApprovedBy: "Bo", ApprovedOn: approved, Expires: approved.AddDate(0, 1, 0)}
	findings := policy.CheckPromotion(policy.Proposal{Environment: policy.Test, Test: must("38 (81931)"), Production: must("37 (80000)"), Target: must("39.1 (83067)")})
	lifted, used := findings.Waive([]policy.Waiver{waiver}, policy.Test, *must("39.1 (83067)"), approved.AddDate(0, 0, 6))
	fmt.Println(used[0])
	fmt.Println(len(findings.Blocking()), "in the way before,", len(lifted.Blocking()), "after:", lifted.Outcome())
	// Output:
	// W-7 of POL-1a, requested by Ana, approved by Bo on 2026-11-20T00:00:00Z, expires 2026-12-20T00:00:00Z, the guide stays: a fix
	// 2 in the way before, 1 after: needs-consent
}
