// Package policy holds the rules of the written upgrade process as pure functions: versions go in,
// findings come out. It does no I/O, reads no clock, and knows no API.
//
// # Versions
//
// A node prints its version as "38 (81931.0.0)": the release, then the build in brackets, which Pexip
// calls the pseudo-version. The same build number names the upgrade file (…_UPGRADE_83067.tar) and the
// cloud image, so a build ties a file to what runs. [ParseVersion] reads every form seen so far. Missing
// parts of a release count as zero: 39.1 and 39.1.0 are the same release. Whether two nodes run the same
// software is decided by the build alone, and only when both are known; see [Version.SameSoftware].
//
// # Findings
//
// Each check returns every [Finding] it has, in a fixed order, passed ones included; none stops at the
// first. A finding cites the clause of the process document it proves or breaks and says what to do.
//
//	must    blocks a run unless it passes or is waived
//	should  blocks a run until somebody acknowledges it with a reason
//	advice  is shown and never blocks
//
// What could not be found out is [Unknown], and unknown never counts as passed: [Finding.Blocks] treats
// it like a failure.
//
//	findings := policy.CheckPromotion(policy.Proposal{
//		Environment: policy.Test, Test: &test, Production: &production, Target: &target,
//	})
//	if blocking := findings.Blocking(); len(blocking) > 0 {
//		fmt.Print(blocking.Text())
//	}
//
// # Getting past a finding
//
// [Findings.Acknowledge] accepts should-findings that a named person has accepted with a reason.
// [Findings.Waive] applies a documented exception to a must-finding: two people, a reason, one environment,
// one target and an expiry. Some rules guard the machines rather than the promotion pathway, such as the
// checksum of the package and the refusal to downgrade; no waiver lifts those ([Finding.Waivable]).
//
// # What is assumed
//
// Crossing a major version, "2 minor versions ahead" cannot be counted from the two numbers. With a list of
// releases ([Proposal.Releases]) each release after Production's counts as one step, a new major included;
// this reading is ours, the stricter one. Without a list the outcome is unknown.
//
// Of Pexip's direct upgrade paths one row is verified ([KnownHops]); any other target yields an advice to read the
// release notes.
package policy
