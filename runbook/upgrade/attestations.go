package upgrade

import (
	"fmt"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	stepBreakingChanges = "attest-breaking-changes"
	stepProductionDate  = "record-production-date"
	stepCall            = "attest-bcsc-call"
)

// The entries of the forms that are read again.
const (
	entryExpected   = "expected"
	entryMitigation = "mitigation"
	entryDocument   = "document"
	entryTime       = "time"
)

// attest makes a step in which a person states that clauses are met.
func attest(id, phase, title string, clauses []string, fields ...runbook.Field) runbook.Step {
	var text []string
	for _, c := range clauses {
		text = append(text, ClauseText(c))
	}
	return runbook.Step{ID: id, Phase: phase, Title: title, Clauses: clauses, Does: "a person states it",
		Ask: &runbook.Ask{Kind: runbook.Attestation, Text: strings.Join(text, " "), Fields: fields}}
}

func attestReleaseNotes() runbook.Step {
	return attest("attest-release-notes", phasePromotion, "Release notes reviewed", []string{"POL-2"},
		runbook.Field{Name: "link", Text: "link to the release notes that were read", Required: true, Link: true},
		runbook.Field{Name: "reviewer", Text: "who read them", Required: true},
		runbook.Field{Name: "read-on", Text: "when they were read", Required: true, Date: true, Past: true})
}

func attestVendorSession() runbook.Step {
	const when = "attended=yes"
	return attest("attest-vendor-session", phasePromotion, "Vendor's introduction attended", []string{"POL-2a"},
		runbook.Field{Name: "attended", Text: "was it attended", Required: true, OneOf: []string{"yes", "no", "none offered"}},
		runbook.Field{Name: "by", Text: "who attended it", Required: true, When: when},
		runbook.Field{Name: "held-on", Text: "when it was held", Required: true, Date: true, Past: true, When: when})
}

func attestBreakingChanges() runbook.Step {
	const when = entryExpected + "=yes"
	return attest(stepBreakingChanges, phasePromotion, "Breaking changes mitigated", []string{"POL-3"},
		runbook.Field{Name: entryExpected, Text: "is a breaking change expected", Required: true, OneOf: []string{"no", "yes"}},
		runbook.Field{Name: entryMitigation, Text: "what mitigates it", Required: true, When: when,
			Help: "what was changed before this upgrade, in words that say what is to be changed for Production too"},
		runbook.Field{Name: entryDocument, Text: "document that describes it", Link: true, File: true, When: when})
}

// attestMitigations ask, for Production, whether what Test needed was applied there too.
func (p *Process) attestMitigations() []runbook.Step {
	if p.test == nil || p.test.Promise == nil {
		return nil
	}
	var steps []runbook.Step
	for i, m := range p.test.Promise.Mitigations {
		s := attest(fmt.Sprintf("attest-mitigation-%d", i+1), phasePromotion, "Apply Test's mitigation to Production: "+m.Text, []string{"POL-3"},
			runbook.Field{Name: "applied", Text: "was it applied to Production", Required: true, OneOf: []string{"yes"}},
			runbook.Field{Name: entryDocument, Text: "document that shows it", Link: true, File: true})
		if m.Document != "" {
			s.Ask.Text += fmt.Sprintf("\nTest's document (run %s): %s", p.test.Run, m.Document)
		}
		steps = append(steps, s)
	}
	return steps
}

// mitigations are what a person said that breaking changes need (POL-3). They stand in the promise for Production. If
// nobody said it, that is itself something to find out before Production follows.
func mitigations(sc *runbook.StepContext) []policy.Mitigation {
	var a runbook.Answer
	if err := sc.Load(stepBreakingChanges, &a); err != nil {
		sc.Deviate("nobody said what breaking changes need: " + err.Error())
		return []policy.Mitigation{{Text: "not on record; find out what Test needed"}}
	}
	text := a.Values[entryMitigation]
	if text == "" || strings.EqualFold(text, "none") { // "none" is of a form without entryExpected
		return nil
	}
	return []policy.Mitigation{{Text: text, Document: a.Values[entryDocument]}}
}

func attestProductionDate() runbook.Step {
	return attest(stepProductionDate, phasePromotion, "Date of the Production upgrade", []string{"POL-1"},
		runbook.Field{Name: "date", Text: "until when Production is to follow", Required: true, Date: true})
}

// attestEndpoints stands for the checks of an environment that has none configured.
func attestEndpoints() *runbook.Ask {
	return attest("", "", "", []string{"POL-4", "VER-2"},
		runbook.Field{Name: "result", Text: "result of the collection", Required: true, OneOf: []string{"all passed"}},
		runbook.Field{Name: "run-by", Text: "who ran it", Required: true},
		runbook.Field{Name: "report", Text: "its report", Link: true, File: true}).Ask
}

// attestCall asks for the call of the app, and holds the answer against what the platform saw.
func (p *Process) attestCall() runbook.Step {
	s := attest(stepCall, phaseVerification, "Call from the BC Services Card app", []string{"VER-3", "POL-4a"},
		runbook.Field{Name: "build", Text: "build of the app", Required: true, OneOf: []string{"Dev", "QA"}},
		runbook.Field{Name: entryTime, Text: "when the call was made", Required: true, Time: true, Past: true},
		runbook.Field{Name: "taken-by", Text: "who took it in Genesys", Required: true})
	s.Does, s.Waivable = "a person makes and takes a call; the Management Node is asked whether it was seen", true
	s.Apply = func(sc *runbook.StepContext) error { return p.checkCall(sc, *s.Ask) }
	return s
}
