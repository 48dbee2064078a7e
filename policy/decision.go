package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DecisionSchema is the version of a decision's JSON. It grows when a field changes its meaning or goes.
const DecisionSchema = 1

// Outcome is a decision in one word.
type Outcome string

// The outcomes.
const (
	Allowed      Outcome = "allowed"       // nothing blocks
	NeedsConsent Outcome = "needs-consent" // all that blocks may be waived, acknowledged or accepted
	Refused      Outcome = "refused"       // something blocks that nothing lifts
)

// Request is everything a decision depends on, but for the time.
type Request struct {
	Proposal
	Waivers          []Waiver          // see ParseWaivers
	Acknowledgements []Acknowledgement // of should-rules
	Risks            Risks             // see ParseRisks; its paths go before those of the Proposal
	Promises         []Promise         // see ParsePromises; nil: they are not kept, and neither they nor mitigations are judged
	Evidence         *Evidence         // of Test, for an upgrade of Production; nil: not judged
	Budget           *Budget           // nil: time is not judged
	Soak             time.Duration     // how long Test runs a version, verified, before Production follows
	PromiseWithin    time.Duration     // how long after that Production follows; 0: DefaultPromise
}

// Decision is the outcome of all rules for one upgrade at one time. As JSON it is stable; see [DecisionSchema].
type Decision struct {
	Schema         int             `json:"schema"`
	Environment    Environment     `json:"environment"`
	Source         *Version        `json:"source"` // what the environment runs; null: unknown
	Target         *Version        `json:"target"`
	Test           *Version        `json:"test"`
	Production     *Version        `json:"production"`
	At             time.Time       `json:"at"`
	Outcome        Outcome         `json:"outcome"`
	WaiversUsed    []Waiver        `json:"waiversUsed"`
	WaiversRefused []RefusedWaiver `json:"waiversRefused"`
	Promise        *Promise        `json:"promise,omitempty"` // that an upgrade of Test opens
	Findings       Findings        `json:"findings"`
}

// RefusedWaiver is a waiver that counts for nothing, and why.
type RefusedWaiver struct {
	ID      string   `json:"id"`
	Reasons []string `json:"reasons"`
}

// Decide applies every rule to an upgrade and lifts what may be lifted. It never stops at the first finding, reads no
// clock, changes nothing it was given, and gives the same for the same.
func Decide(r Request, now time.Time) Decision {
	_, production, source := r.after()
	d := Decision{Schema: DecisionSchema, Environment: r.Environment, Source: source, Target: r.Target, Test: r.Test, Production: r.Production, At: now.UTC(),
		Findings: r.findings(source, production, now), WaiversUsed: []Waiver{}, WaiversRefused: refusedWaivers(r.Waivers, now)}
	if r.Target != nil {
		var used []Waiver
		d.Findings, used = d.Findings.Waive(r.Waivers, r.Environment, *r.Target, now)
		d.WaiversUsed = append(d.WaiversUsed, used...)
	}
	d.Findings = d.Findings.Acknowledge(r.Acknowledgements)
	d.Outcome = d.Findings.Outcome()
	if r.Environment == Test && r.Target != nil && d.Outcome != Refused {
		p := OpenPromise(*r.Target, d.At, r.Soak, r.PromiseWithin)
		d.Promise = &p
	}
	return d
}

// findings are those of all rules, before anything is lifted.
func (r Request) findings(source, production *Version, now time.Time) Findings {
	p := r.Proposal
	if len(r.Risks.Hops) > 0 {
		p.Hops = slices.Concat(r.Risks.Hops, p.hops())
	}
	fs := append(CheckPromotion(p), CheckRisks(r.Risks, source, r.Target, now)...)
	if r.Promises != nil {
		fs = append(fs, r.promised(production, now)...)
	}
	if r.Environment == Production {
		fs = append(fs, r.tried(now)...)
	}
	if r.Budget != nil {
		fs = append(fs, CheckBudget(*r.Budget, now)...)
	}
	return fs
}

// promised judges the promises of earlier upgrades of Test. The upgrade that keeps one is not held up by its being
// overdue.
func (r Request) promised(after *Version, now time.Time) Findings {
	fs := CheckPromises(r.Promises, r.Test, r.Production, now)
	for i, p := range r.Promises {
		if r.Environment == Production && fs[i].Status == Fail && after != nil && p.KeptBy(*after) {
			fs[i].Class, fs[i].Remedy = Advice, "this upgrade keeps it"
		}
	}
	return fs
}

// tried judges what an upgrade of Production relies on: how long Test has run the target, the mitigations that
// Production needs too, and the record of Test's own upgrade.
func (r Request) tried(now time.Time) Findings {
	p := promiseFor(r.Promises, r.Target)
	fs := r.soaked(p, now)
	if p != nil {
		fs = append(fs, CheckMitigations(p.Mitigations, now)...)
	}
	if r.Evidence != nil {
		fs = append(fs, CheckEvidence(*r.Evidence, r.Proposal)...)
	}
	return fs
}

// soaked judges the soak time by the record of Test's upgrade and by the team's promise. With neither it is unknown,
// if one is wanted.
func (r Request) soaked(p *Promise, now time.Time) (fs Findings) {
	if r.Evidence != nil && r.Evidence.Run != nil {
		fs = append(fs, CheckSoak(r.Evidence.Run.Ended, r.Soak, now))
	}
	if p != nil {
		fs = append(fs, CheckSoak(p.Opened, p.Earliest.Sub(p.Opened), now))
	}
	if fs == nil && (r.Promises != nil || r.Soak > 0) {
		fs = Findings{CheckSoak(time.Time{}, r.Soak, now)}
	}
	return fs
}

// Outcome is refused when something blocks that nothing lifts, allowed when nothing blocks.
func (fs Findings) Outcome() Outcome {
	never, liftable, _ := fs.Split()
	switch {
	case len(never) > 0:
		return Refused
	case len(liftable) > 0:
		return NeedsConsent
	}
	return Allowed
}

func refusedWaivers(all []Waiver, now time.Time) []RefusedWaiver {
	refused := []RefusedWaiver{}
	for _, w := range all {
		if err := w.Check(now); err != nil {
			refused = append(refused, RefusedWaiver{ID: w.ID, Reasons: strings.Split(err.Error(), "\n")})
		}
	}
	return refused
}

// Text is the decision for people: the outcome and the waivers first, then the table of all findings.
func (d Decision) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s from %s to %s, at %s\n", strings.ToUpper(string(d.Outcome)), oneLine(clip(string(d.Environment))), shown(d.Source), shown(d.Target), stamp(d.At))
	fmt.Fprintf(&b, "Test runs %s, Production runs %s\n", shown(d.Test), shown(d.Production))
	for _, w := range d.WaiversUsed {
		fmt.Fprintf(&b, "waiver used: %s\n", oneLine(w.String()))
	}
	for _, w := range d.WaiversRefused {
		fmt.Fprintf(&b, "waiver refused: %s: %s\n", oneLine(clip(w.ID)), oneLine(strings.Join(w.Reasons, "; ")))
	}
	if d.Promise != nil {
		fmt.Fprintf(&b, "promise: once done, Production follows to %s from %s until %s\n", d.Promise.Target, stamp(d.Promise.Earliest), stamp(d.Promise.Latest))
	}
	return b.String() + "\n" + d.Findings.Text()
}
