package policy

import (
	"cmp"
	"maps"
	"slices"
)

// Names of the rules, as they stand in findings, acknowledgements and waivers.
const (
	RuleEnvironment        = "known-environment"
	RuleMajor              = "one-major-ahead"
	RuleMinor              = "two-minors-ahead"
	RuleSameAsTest         = "same-as-test"
	RuleSameBuild          = "same-build"
	RuleNoDowngrade        = "no-downgrade"
	RuleNoNoOp             = "no-no-op"
	RuleHop                = "hop-limit"
	RuleOutage             = "full-outage"
	RuleRisk               = "named-risk"
	RuleChecksumGiven      = "checksum-given"
	RuleChecksumForm       = "checksum-well-formed"
	RuleChecksumMatches    = "checksum-matches"
	RuleChecksumSource     = "checksum-source"
	RuleChecksumFromPage   = "checksum-from-pexip"
	RuleFileName           = "file-name"
	RuleReported           = "reported-version"
	RuleSoak               = "soak"
	RulePromise            = "promise-kept"
	RuleSkew               = "skew"
	RuleMitigation         = "mitigation-applied"
	RuleTestRun            = "test-evidence"
	RuleTestRunSound       = "test-evidence-sound"
	RuleTestRunVerified    = "test-verified"
	RuleTestRunCurrent     = "test-still-runs-it"
	RuleTestRunBuild       = "same-build-as-run"
	RuleTestRunPackage     = "same-package"
	RuleTestRunMitigations = "mitigations-known"
	RuleTimeBudget         = "time-budget"
	RuleFitsWindow         = "fits-a-window"
)

const (
	fromDocument = "process document, promotion pathway"
	fromNotes    = "Pexip Infinity v39.1 release notes, upgrading"
	fromUpgrade  = "process document, upgrade; Pexip, Upgrading the platform"
	fromVerify   = "process document, verification; Pexip, Upgrading the platform"
	fromRisks    = "process document, risks; Pexip, Upgrading the platform"
)

// Rule is what is fixed about a rule: the clause it guards, its weight, whether a waiver may lift it, and where
// it is written.
type Rule struct {
	Name     string `json:"name"`
	Clause   string `json:"clause"`
	Class    Class  `json:"class"`
	Waivable bool   `json:"waivable"`
	Source   string `json:"source"`
}

type rule struct {
	clause   string
	class    Class
	source   string
	waivable bool
}

var rules = map[string]rule{
	RuleEnvironment:        {"POL-5", Must, fromDocument, false},
	RuleMajor:              {"POL-1a", Must, fromDocument, true},
	RuleMinor:              {"POL-1b", Should, fromDocument, true},
	RuleSameAsTest:         {"POL-5", Must, fromDocument, true},
	RuleSameBuild:          {"POL-5", Must, fromDocument, false},
	RuleNoDowngrade:        {"UPG-5", Must, fromUpgrade, false},
	RuleNoNoOp:             {"UPG-5", Must, fromUpgrade, false},
	RuleHop:                {"UPG-5", Must, fromNotes, false},
	RuleOutage:             {"UPG-5", Advice, fromNotes, false},
	RuleRisk:               {"UPG-5", Must, "the team's list of risks", false},
	RuleChecksumGiven:      {"POL-5a", Must, fromDocument, false},
	RuleChecksumForm:       {"POL-5a", Must, fromDocument, false},
	RuleChecksumMatches:    {"POL-5a", Must, fromDocument, false},
	RuleChecksumSource:     {"UPG-1", Must, fromUpgrade, false},
	RuleChecksumFromPage:   {"UPG-1", Advice, fromUpgrade, false},
	RuleFileName:           {"POL-5a", Advice, "file names seen on Pexip's pages; not documented", false},
	RuleReported:           {"VER-1", Must, fromVerify, false},
	RuleSoak:               {"POL-1", Should, fromDocument, true},
	RulePromise:            {"POL-1", Should, fromDocument, true},
	RuleSkew:               {"POL-1", Advice, fromDocument, false},
	RuleMitigation:         {"POL-3", Must, fromDocument, true},
	RuleTestRun:            {"POL-4", Must, fromDocument, true},
	RuleTestRunSound:       {"POL-4", Must, fromDocument, false},
	RuleTestRunVerified:    {"POL-4", Must, fromDocument, true},
	RuleTestRunCurrent:     {"POL-4", Must, fromDocument, false},
	RuleTestRunBuild:       {"POL-5", Must, fromDocument, false},
	RuleTestRunPackage:     {"POL-5", Must, fromDocument, false},
	RuleTestRunMitigations: {"POL-3", Must, fromDocument, false},
	RuleTimeBudget:         {"RISK-2", Should, fromRisks, false},
	RuleFitsWindow:         {"RISK-2", Must, fromRisks, false},
}

// Rules are the rules of this package by clause and name. The class of [RuleRisk] is that of each risk.
func Rules() []Rule {
	var all []Rule
	for name, r := range maps.All(rules) {
		all = append(all, Rule{Name: name, Clause: r.clause, Class: r.class, Waivable: r.waivable, Source: r.source})
	}
	slices.SortFunc(all, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Clause, b.Clause), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// RuleClass returns the class of a rule of this package by name, and false when there is no such rule.
func RuleClass(name string) (Class, bool) {
	r, ok := rules[name]
	return r.class, ok
}

// waivableRules are the names of the rules of a clause that a waiver may lift, sorted.
func waivableRules(clause string) (names []string, known bool) {
	for _, r := range Rules() {
		if r.Clause != clause {
			continue
		}
		known = true
		if r.Waivable {
			names = append(names, r.Name)
		}
	}
	return names, known
}

// found makes the finding of a rule. A rule may yield Advice where its class would block; see direct paths.
func found(name string, status Status, detail, remedy string) Finding {
	r := rules[name]
	if status == Pass {
		remedy = ""
	}
	return Finding{Clause: r.clause, Rule: name, Class: r.class, Status: status, Detail: detail, Remedy: remedy, Source: r.source}
}
