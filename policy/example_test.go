package policy_test

import (
	"fmt"

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
