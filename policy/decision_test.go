package policy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

func request(t testing.TB, e policy.Environment, test, production, target string) policy.Request {
	return policy.Request{Proposal: policy.Proposal{Environment: e, Test: parse(t, test), Production: parse(t, production), Target: parse(t, target)}}
}

func TestOutcome(t *testing.T) {
	ack := policy.Acknowledgement{Rule: policy.RuleMinor, Reason: "agreed", By: "Ana"}
	major := validWaiver(t)
	for _, c := range []struct {
		name                     string
		e                        policy.Environment
		test, production, target string
		change                   func(*policy.Request)
		outcome                  policy.Outcome
		want                     []string
	}{
		{"nothing against it", policy.Test, "39 (82000)", "39 (82000)", "39.1 (83067)", nil, policy.Allowed, nil},
		{"a should", policy.Test, "38", "38", "39.1 (83067)", nil, policy.NeedsConsent, []string{"two-minors-ahead unknown", "full-outage fail"}},
		{"a should, acknowledged", policy.Test, "38", "38", "39.1 (83067)", func(r *policy.Request) { r.Acknowledgements = []policy.Acknowledgement{ack} },
			policy.Allowed, []string{"two-minors-ahead acknowledged", "full-outage fail"}},
		{"a must that may be waived", policy.Test, "38", "36", "39.1 (83067)", nil, policy.NeedsConsent, []string{"one-major-ahead fail", "two-minors-ahead fail", "full-outage fail"}},
		{"waived, the should stays", policy.Test, "38", "36", "39.1 (83067)", func(r *policy.Request) { r.Waivers = []policy.Waiver{major} },
			policy.NeedsConsent, []string{"one-major-ahead waived", "two-minors-ahead fail", "full-outage fail"}},
		{"both lifted", policy.Test, "38", "36", "39.1 (83067)", func(r *policy.Request) {
			r.Waivers, r.Acknowledgements = []policy.Waiver{major}, []policy.Acknowledgement{ack}
		}, policy.Allowed, []string{"one-major-ahead waived", "two-minors-ahead acknowledged", "full-outage fail"}},
		{"a downgrade", policy.Test, "40", "39", "39.1 (83067)", nil, policy.Refused, []string{"no-downgrade fail"}},
		{"unknown is not passed", policy.Test, "", "39", "39.1 (83067)", nil, policy.Refused, []string{"no-downgrade unknown", "no-no-op unknown", "hop-limit unknown"}},
		{"no such environment", "staging", "39", "39", "39.1 (83067)", nil, policy.Refused, []string{"known-environment fail"}},
		{"no target", policy.Test, "39", "39", "", nil, policy.Refused,
			[]string{"one-major-ahead unknown", "two-minors-ahead unknown", "no-downgrade unknown", "no-no-op unknown", "hop-limit unknown"}},
		{"the file's path goes first", policy.Test, "39 (82000)", "39", "39.1 (83067)", func(r *policy.Request) {
			r.Risks.Hops = []policy.Hop{{Target: *parse(t, "39.1"), OldestSource: *parse(t, "39.0.1"), Source: "our notes"}}
		}, policy.Refused, []string{"hop-limit fail"}},
		{"known paths stay", policy.Test, "34", "38.1", "39.1 (83067)", func(r *policy.Request) {
			r.Risks.Hops = []policy.Hop{{Target: *parse(t, "40"), OldestSource: *parse(t, "36")}}
			r.Acknowledgements = []policy.Acknowledgement{ack}
		}, policy.Refused, []string{"two-minors-ahead acknowledged", "hop-limit fail", "full-outage fail"}},
		{"a risk", policy.Test, "38", "38.1", "39.1 (83067)", func(r *policy.Request) {
			r.Risks.Risks = []policy.Risk{risk(t, policy.Must, "Replace them.")}
			r.Acknowledgements = []policy.Acknowledgement{ack}
		}, policy.NeedsConsent, []string{"two-minors-ahead acknowledged", "full-outage fail", "named-risk fail"}},
		{"too little time", policy.Test, "39 (82000)", "39", "39.1 (83067)", func(r *policy.Request) {
			r.Budget = &policy.Budget{Estimate: policy.Effort{Size: 1e9}.Estimate(), Calendar: &policy.Calendar{Deny: []policy.Window{{Hours: hours(t, "07:00", "18:00")}}}}
		}, policy.NeedsConsent, []string{"time-budget fail"}},
		{"never enough time", policy.Test, "39 (82000)", "39", "39.1 (83067)", func(r *policy.Request) {
			r.Budget = &policy.Budget{Estimate: policy.Effort{Size: 1e9}.Estimate(), Calendar: &policy.Calendar{Deny: []policy.Window{{Hours: hours(t, "01:00", "24:00")}}}}
			r.Acknowledgements = []policy.Acknowledgement{{Rule: "RISK-2", Reason: "now", By: "Ana"}}
		}, policy.Refused, []string{"fits-a-window fail", "time-budget acknowledged"}},
	} {
		r := request(t, c.e, c.test, c.production, c.target)
		if c.change != nil {
			c.change(&r)
		}
		d := policy.Decide(r, noon)
		if diff := cmp.Diff(c.want, notPassed(d.Findings)); diff != "" || d.Outcome != c.outcome || len(d.WaiversUsed) != len(r.Waivers) {
			t.Errorf("%s: %s, %v\n%s", c.name, d.Outcome, d.WaiversUsed, diff)
		}
	}
}

func TestProductionKeepsAPromise(t *testing.T) {
	promise := policy.OpenPromise(*parse(t, "39.1 (83067)"), noon, 7*day, 14*day)
	promise.Mitigations = []policy.Mitigation{{Text: "open port 5061"}}
	applied := promise
	applied.Mitigations = []policy.Mitigation{{Text: "open port 5061", AppliedBy: "Ana", AppliedOn: noon}}
	other := policy.OpenPromise(*parse(t, "39"), noon.Add(-60*day), 0, 0)
	for _, c := range []struct {
		name     string
		promises []policy.Promise
		after    time.Duration
		outcome  policy.Outcome
		want     []string
	}{
		{"kept in time", []policy.Promise{applied}, 8 * day, policy.Allowed, []string{"skew fail", "full-outage fail"}},
		{"within the soak time", []policy.Promise{applied}, 6 * day, policy.NeedsConsent, []string{"skew fail", "soak fail", "full-outage fail"}},
		{"overdue, and kept by this upgrade", []policy.Promise{applied}, 60 * day, policy.Allowed, []string{"promise-kept fail", "skew fail", "full-outage fail"}},
		{"an older one too", []policy.Promise{other, applied}, 8 * day, policy.Allowed, []string{"promise-kept fail", "skew fail", "full-outage fail"}},
		{"a mitigation not applied", []policy.Promise{promise}, 8 * day, policy.NeedsConsent, []string{"skew fail", "mitigation-applied unknown", "full-outage fail"}},
		{"the newer promise counts", []policy.Promise{{Target: promise.Target, Opened: noon.Add(-day), Latest: noon.Add(60 * day)}, promise}, 8 * day, policy.NeedsConsent, []string{"skew fail", "mitigation-applied unknown", "full-outage fail"}},
		{"no promise on record", []policy.Promise{}, 8 * day, policy.NeedsConsent, []string{"skew fail", "soak unknown", "full-outage fail"}},
		{"promises are not kept", nil, 8 * day, policy.Allowed, []string{"full-outage fail"}},
	} {
		r := request(t, policy.Production, "39.1 (83067)", "38 (81931)", "39.1 (83067)")
		r.Promises = c.promises
		d := policy.Decide(r, noon.Add(c.after))
		got := notPassed(d.Findings)
		slices.Sort(got)
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" || d.Outcome != c.outcome || d.Promise != nil {
			t.Errorf("%s: %s\n%s", c.name, d.Outcome, diff)
		}
	}
}

func TestOverduePromiseHoldsUpTest(t *testing.T) {
	r := request(t, policy.Test, "39.1 (83067)", "39 (82000)", "39.2 (84000)")
	r.Promises = []policy.Promise{policy.OpenPromise(*parse(t, "39.1"), noon.Add(-60*day), 0, 0)}
	if d := policy.Decide(r, noon); d.Outcome != policy.NeedsConsent || d.Findings.Blocking()[0].Rule != policy.RulePromise {
		t.Errorf("%s", d.Text())
	}
}

func TestUpgradeOfTestOpensAPromise(t *testing.T) {
	r := request(t, policy.Test, "39 (82000)", "39 (82000)", "39.1 (83067)")
	r.Soak, r.PromiseWithin = 7*day, 14*day
	want := policy.OpenPromise(*r.Target, noon, 7*day, 14*day)
	d := policy.Decide(r, noon)
	if d.Promise == nil || !cmp.Equal(*d.Promise, want) || !strings.Contains(d.Text(), "Production follows to 39.1 (83067.0.0) from 2026-11-30T12:00:00Z until 2026-12-14T12:00:00Z") {
		t.Errorf("%v\n%s", d.Promise, d.Text())
	}
	r.Test = parse(t, "40")
	if d := policy.Decide(r, noon); d.Promise != nil {
		t.Error("a refused upgrade opens a promise")
	}
}

func TestDecisionIsPure(t *testing.T) {
	r := request(t, policy.Test, "38", "36", "39.1 (83067)")
	void := validWaiver(t)
	void.ID, void.ApprovedBy = "W-2", "Ana"
	r.Waivers = []policy.Waiver{void, validWaiver(t)}
	r.Risks.Hops = []policy.Hop{{Target: *parse(t, "40"), OldestSource: *parse(t, "36")}}
	first, before := policy.Decide(r, noon), r.Waivers[0].Versions[0]
	for range 20 {
		if diff := cmp.Diff(first, policy.Decide(r, noon.In(newYork(t)))); diff != "" {
			t.Fatal(diff)
		}
	}
	if r.Waivers[0].Versions[0] != before || len(r.Risks.Hops) != 1 {
		t.Error("the request was changed")
	}
}

func TestDecisionAsJSON(t *testing.T) {
	r := request(t, policy.Test, "39 (82000)", "", "39.1 (83067)")
	w := validWaiver(t)
	void := w
	void.ID, void.ApprovedBy, void.Reason = "W-2", "Ana", ""
	r.Waivers = []policy.Waiver{w, void}
	d := policy.Decide(r, noon)
	d.Findings = d.Findings[:1]
	got, err := json.MarshalIndent(d, "", " ")
	want := `{
 "schema": 1,
 "environment": "test",
 "source": "39 (82000.0.0)",
 "target": "39.1 (83067.0.0)",
 "test": "39 (82000.0.0)",
 "production": null,
 "at": "2026-11-23T12:00:00Z",
 "outcome": "needs-consent",
 "waiversUsed": [
  {
   "id": "W-1",
   "clause": "POL-1a",
   "environment": "test",
   "versions": [
    "39.1 (83067.0.0)"
   ],
   "reason": "security fix",
   "requestedBy": "Ana",
   "approvedBy": "Bo",
   "approvedOn": "2026-11-22T12:00:00Z",
   "expires": "2026-11-23T13:00:00Z",
   "amendsGuide": false
  }
 ],
 "waiversRefused": [
  {
   "id": "W-2",
   "reasons": [
    "it lacks a reason",
    "Ana approved it and requested it; another person must approve"
   ]
  }
 ],
 "promise": {
  "target": "39.1 (83067.0.0)",
  "opened": "2026-11-23T12:00:00Z",
  "earliest": "2026-11-23T12:00:00Z",
  "latest": "2026-12-14T12:00:00Z"
 },
 "findings": [
  {
   "clause": "POL-1a",
   "rule": "one-major-ahead",
   "class": "must",
   "status": "waived",
   "detail": "Test 39.1 (83067.0.0), Production unknown; waiver W-1, approved by Bo for Ana: security fix",
   "remedy": "find out both versions and check again",
   "source": "process document, promotion pathway"
  }
 ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestWaiversStandOnPageOne(t *testing.T) {
	r := request(t, policy.Test, "38", "36", "39.1 (83067)")
	used, void := validWaiver(t), validWaiver(t)
	used.Reason, used.AmendsGuide = "security\nfix", true
	void.ID, void.ApprovedBy = "W-2\n", "Ana"
	r.Waivers = []policy.Waiver{used, void}
	text := policy.Decide(r, noon).Text()
	want := `NEEDS-CONSENT: test from 38 to 39.1 (83067.0.0), at 2026-11-23T12:00:00Z
Test runs 38, Production runs 36
waiver used: W-1 of POL-1a, requested by Ana, approved by Bo on 2026-11-22T12:00:00Z, expires 2026-11-23T13:00:00Z, the guide is to be amended: security fix
waiver refused: W-2 : Ana approved it and requested it; another person must approve
`
	if !strings.HasPrefix(text, want) {
		t.Errorf("%s", text)
	}
}

func TestSplit(t *testing.T) {
	d := policy.Decide(request(t, policy.Test, "34", "34", "39.1 (83067)"), noon)
	d.Findings[0].Status = policy.Waived
	never, liftable, advice := d.Findings.Split()
	got := [][]string{notPassed(never), notPassed(liftable), notPassed(advice)}
	want := [][]string{{"hop-limit fail"}, {"two-minors-ahead fail"}, {"full-outage fail"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLift(t *testing.T) {
	for _, c := range []struct {
		f    policy.Finding
		want policy.Lift
	}{
		{policy.Finding{Rule: policy.RuleMajor, Class: policy.Must, Status: policy.Fail}, policy.LiftWaiver},
		{policy.Finding{Rule: policy.RuleMinor, Class: policy.Should, Status: policy.Unknown}, policy.LiftAcknowledge},
		{policy.Finding{Rule: policy.RuleHop, Class: policy.Must, Status: policy.Unknown}, policy.LiftNever},
		{policy.Finding{Rule: "unheard-of", Class: policy.Must, Status: policy.Fail}, policy.LiftNever},
		{policy.Finding{Rule: policy.RuleRisk, Class: policy.Should, Status: policy.Fail}, policy.LiftAccept},
		{policy.Finding{Rule: policy.RuleRisk, Class: policy.Advice, Status: policy.Fail}, policy.LiftNotNeeded},
		{policy.Finding{Rule: policy.RuleHop, Class: policy.Must, Status: policy.Pass}, policy.LiftNotNeeded},
	} {
		if got := c.f.Lift(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.f, got, c.want)
		}
	}
}
