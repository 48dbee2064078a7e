// Package policy holds the rules of the written upgrade process as pure functions: versions, files and a time go in,
// findings come out. It does no I/O, reads no clock, and knows no API.
//
// # A decision
//
// [Decide] is the one entry point that applies every rule to one upgrade and lifts what may be lifted:
//
//	decision := policy.Decide(policy.Request{
//		Proposal: policy.Proposal{Environment: policy.Test, Test: &test, Production: &production, Target: &target},
//		Waivers:  waivers, Risks: risks, Promises: promises,
//	}, time.Now())
//	fmt.Print(decision.Text())
//	if decision.Outcome != policy.Allowed {
//		os.Exit(3)
//	}
//
// [CheckPromotion], [CheckPackage], [CheckReported], [CheckRisks], [CheckPromises], [CheckSoak], [CheckMitigations],
// [CheckEvidence] and [CheckBudget] each apply one group of the rules. As JSON a [Decision] is stable; see [DecisionSchema].
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
//	must    blocks a run unless it passes or is lifted
//	should  blocks a run until somebody acknowledges it with a reason
//	advice  is shown and never blocks
//
// What could not be found out is [Unknown], and unknown never counts as passed: [Finding.Blocks] treats
// it like a failure. [Findings.Split] parts what did not pass into what nothing lifts, what people may lift, and
// advice.
//
// # Rules
//
// The rules, which [Rules] lists too, with their sources. The process document numbers the clauses POL, UPG, VER and
// RISK; Pexip's part is its page on upgrading the platform and the release notes of v39.1. The class of a named risk is that which the
// team's file gives it.
//
//	CLAUSE  RULE                 CLASS   LIFTED BY          SOURCE
//	POL-1   promise-kept         should  acknowledge/waiver process document, promotion pathway
//	POL-1   skew                 advice  -                  process document, promotion pathway
//	POL-1   soak                 should  acknowledge/waiver process document, promotion pathway
//	POL-1a  one-major-ahead      must    waiver             process document, promotion pathway
//	POL-1b  two-minors-ahead     should  acknowledge/waiver process document, promotion pathway
//	POL-3   mitigation-applied   must    waiver             process document, promotion pathway
//	POL-3   mitigations-known    must    never              process document, promotion pathway
//	POL-4   test-evidence        must    waiver             process document, promotion pathway
//	POL-4   test-evidence-sound  must    never              process document, promotion pathway
//	POL-4   test-still-runs-it   must    never              process document, promotion pathway
//	POL-4   test-verified        must    waiver             process document, promotion pathway
//	POL-5   known-environment    must    never              process document, promotion pathway
//	POL-5   same-as-test         must    waiver             process document, promotion pathway
//	POL-5   same-build           must    never              process document, promotion pathway
//	POL-5   same-build-as-run    must    never              process document, promotion pathway
//	POL-5   same-package         must    never              process document, promotion pathway
//	POL-5a  checksum-given       must    never              process document, promotion pathway
//	POL-5a  checksum-matches     must    never              process document, promotion pathway
//	POL-5a  checksum-well-formed must    never              process document, promotion pathway
//	POL-5a  file-name            advice  -                  file names seen on Pexip's pages; not documented
//	RISK-2  fits-a-window        must    never              process document, risks; Pexip, Upgrading the platform
//	RISK-2  time-budget          should  acknowledge        process document, risks; Pexip, Upgrading the platform
//	UPG-1   checksum-from-pexip  advice  -                  process document, upgrade; Pexip, Upgrading the platform
//	UPG-1   checksum-source      must    never              process document, upgrade; Pexip, Upgrading the platform
//	UPG-5   full-outage          advice  -                  Pexip Infinity v39.1 release notes, upgrading
//	UPG-5   hop-limit            must    never              Pexip Infinity v39.1 release notes, upgrading
//	UPG-5   named-risk           must    accept             the team's list of risks
//	UPG-5   no-downgrade         must    never              process document, upgrade; Pexip, Upgrading the platform
//	UPG-5   no-no-op             must    never              process document, upgrade; Pexip, Upgrading the platform
//	VER-1   reported-version     must    never              process document, verification; Pexip, Upgrading the platform
//
// What protects the machines or proves the package is never lifted: identity, checksum, same build, direct path,
// no downgrade.
//
// # Getting past a finding
//
// [Findings.Acknowledge] accepts should-findings that a named person has accepted with a reason.
//
// [Findings.Waive] applies documented exceptions (POL-0), read by [ParseWaivers] from a file in the team's
// repository: two people, a reason, one clause, one environment, at most [MaxWaiverVersions] targets, and an expiry
// at most [MaxWaiverTime] after the approval. An expired, self-approved or broader one, or one for what is never
// waived, counts for nothing, and [Decision.WaiversRefused] says why. Those used stand at the head of the report.
//
// A named risk is accepted by its name only, for one version and bound to the text that was read; once the text
// changes the [Acceptance] is void. [ParseRisks] reads risks, acceptances and Pexip's direct paths from the team's file.
//
// # Promises
//
// An upgrade of Test opens a [Promise] for Production: not before the soak time is over, and not after the day
// promised. [CheckPromises] reports the ones kept, open and overdue, and how far Test is ahead now. What a breaking
// change needed in Test is part of the promise, as a [Mitigation] that somebody must state to have applied to Production.
//
// # Evidence
//
// An upgrade of Production relies on that of Test: completed, verified, of the same build from the same file, and
// still what Test runs. [CheckEvidence] judges its record, a [TestRun]. Whether the record is sound is for the caller
// to find out; one that is not is never lifted.
//
// # Time
//
// [Effort.Estimate] follows Pexip's roll-out rules. A [Calendar] of allowed and denied windows in a time zone,
// past midnight and across changes of the clocks, says when there is time; [CheckBudget] compares the two.
//
// # What is assumed
//
// Crossing a major version, "2 minor versions ahead" cannot be counted from the two numbers. With a list of
// releases ([Proposal.Releases]) each release after Production's counts as one step, a new major included;
// this reading is ours, the stricter one. Without a list there is only a lower bound, each new major as one step: above
// the limit it fails, else the outcome is unknown and needs an acknowledgement.
//
// Of Pexip's direct upgrade paths one row is verified ([KnownHops]); any other target yields an advice to read the
// release notes, unless the team's file of risks names its path.
//
// What an estimate takes for rates, backups and checks is a guess where nobody measured; the constants say so.
package policy
