package policy

// Names of the rules, as they stand in findings, acknowledgements and waivers.
const (
	RuleEnvironment      = "known-environment"
	RuleMajor            = "one-major-ahead"
	RuleMinor            = "two-minors-ahead"
	RuleSameAsTest       = "same-as-test"
	RuleNoDowngrade      = "no-downgrade"
	RuleNoNoOp           = "no-no-op"
	RuleHop              = "hop-limit"
	RuleOutage           = "full-outage"
	RuleChecksumGiven    = "checksum-given"
	RuleChecksumForm     = "checksum-well-formed"
	RuleChecksumMatches  = "checksum-matches"
	RuleChecksumSource   = "checksum-source"
	RuleChecksumFromPage = "checksum-from-pexip"
	RuleFileName         = "file-name"
	RuleReported         = "reported-version"
	RuleSoak             = "soak"
)

const (
	fromDocument = "process document, promotion pathway"
	fromNotes    = "Pexip Infinity v39.1 release notes, upgrading"
	fromUpgrade  = "process document, upgrade; Pexip, Upgrading the platform"
	fromVerify   = "process document, verification; Pexip, Upgrading the platform"
)

type rule struct {
	clause   string
	class    Class
	source   string
	waivable bool
}

var rules = map[string]rule{
	RuleEnvironment:      {"POL-5", Must, fromDocument, false},
	RuleMajor:            {"POL-1a", Must, fromDocument, true},
	RuleMinor:            {"POL-1b", Should, fromDocument, true},
	RuleSameAsTest:       {"POL-5", Must, fromDocument, true},
	RuleNoDowngrade:      {"UPG-5", Must, fromUpgrade, false},
	RuleNoNoOp:           {"UPG-5", Must, fromUpgrade, false},
	RuleHop:              {"UPG-5", Must, fromNotes, false},
	RuleOutage:           {"UPG-5", Advice, fromNotes, false},
	RuleChecksumGiven:    {"POL-5a", Must, fromDocument, false},
	RuleChecksumForm:     {"POL-5a", Must, fromDocument, false},
	RuleChecksumMatches:  {"POL-5a", Must, fromDocument, false},
	RuleChecksumSource:   {"UPG-1", Must, fromUpgrade, false},
	RuleChecksumFromPage: {"UPG-1", Advice, fromUpgrade, false},
	RuleFileName:         {"POL-5a", Advice, "file names seen on Pexip's pages; not documented", false},
	RuleReported:         {"VER-1", Must, fromVerify, false},
	RuleSoak:             {"POL-1", Should, fromDocument, true},
}

// RuleClass returns the class of a rule of this package by name, and false when there is no such rule.
func RuleClass(name string) (Class, bool) {
	r, ok := rules[name]
	return r.class, ok
}

// found makes the finding of a rule. A rule may yield Advice where its class would block; see direct paths.
func found(name string, status Status, detail, remedy string) Finding {
	r := rules[name]
	if status == Pass {
		remedy = ""
	}
	return Finding{Clause: r.clause, Rule: name, Class: r.class, Status: status, Detail: detail, Remedy: remedy, Source: r.source}
}
