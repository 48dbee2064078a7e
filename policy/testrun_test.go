package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

var sum = strings.Repeat("0a", 32)

// tried is a request for Production with a record of Test that proves everything.
func tried(t testing.TB) policy.Request {
	target := parse(t, "39.1 (83067)")
	promise := policy.OpenPromise(*target, noon.Add(-8*day), 7*day, 0)
	return policy.Request{Soak: 7 * day,
		Proposal: policy.Proposal{Environment: policy.Production, Test: target, Production: parse(t, "39 (82000)"), Target: target},
		Evidence: &policy.Evidence{SHA256: strings.ToUpper(sum), Run: &policy.TestRun{Run: "test-0001", Target: *target, SHA256: sum,
			Ended: noon.Add(-8 * day), Verified: []string{"log-in", "call"}, Promise: &promise}}}
}

// POL-4: Production relies on a completed, verified upgrade of Test to the same build from the same file.
func TestEvidence(t *testing.T) {
	lifts := map[string]policy.Lift{}
	for _, c := range []struct {
		name   string
		change func(*policy.Request)
		want   []string
		says   string
	}{
		{"all is well", func(*policy.Request) {}, nil, "run test-0001"},
		{"no record", func(r *policy.Request) { r.Evidence.Run = nil }, []string{"soak unknown", "test-evidence fail"}, "no completed upgrade of Test to 39.1 (83067.0.0) is on record"},
		{"no record, no soak time", func(r *policy.Request) { r.Evidence.Run, r.Soak = nil, 0 }, []string{"test-evidence fail"}, "document an exception"},
		{"unsound", func(r *policy.Request) { r.Evidence.Run, r.Evidence.Fault, r.Soak = nil, "it was changed", 0 }, []string{"test-evidence-sound fail"}, "it was changed"},
		{"a verification left out", func(r *policy.Request) { r.Evidence.Run.Open = []string{"call (waived)"} }, []string{"test-verified fail"}, "not carried out: call (waived)"},
		{"no verification", func(r *policy.Request) { r.Evidence.Run.Verified = nil }, []string{"test-verified fail"}, "verify Test first"},
		{"Test does not answer", func(r *policy.Request) { r.Test = nil }, []string{"one-major-ahead unknown", "two-minors-ahead unknown", "same-as-test unknown", "same-build unknown", "test-still-runs-it fail"}, "Test runs unknown"},
		{"Test runs another build", func(r *policy.Request) { r.Test = parse(t, "39.1 (83068)") }, []string{"same-build fail", "test-still-runs-it fail"}, "upgrade and verify Test again"},
		{"another build was tried", func(r *policy.Request) { r.Evidence.Run.Target = *parse(t, "39.1 (83066)") }, []string{"test-still-runs-it fail", "same-build-as-run fail"}, "take the build that was tried"},
		{"a build is not known", func(r *policy.Request) { r.Evidence.Run.Target.Build = "" }, []string{"test-still-runs-it fail", "same-build-as-run fail"}, ""},
		{"another file", func(r *policy.Request) { r.Evidence.SHA256 = strings.Repeat("0b", 32) }, []string{"same-package fail"}, "use the same file"},
		{"no checksum at all", func(r *policy.Request) { r.Evidence.SHA256, r.Evidence.Run.SHA256 = "", "" }, []string{"same-package fail"}, ""},
		{"no promise", func(r *policy.Request) { r.Evidence.Run.Promise = nil }, []string{"mitigations-known fail"}, "find out what Test needed"},
		{"not long enough", func(r *policy.Request) { r.Evidence.Run.Ended = noon.Add(-6 * day) }, []string{"soak fail"}, "Test was verified at"},
		{"not long enough as promised", func(r *policy.Request) {
			r.Promises = []policy.Promise{policy.OpenPromise(*r.Target, noon.Add(-8*day), 9*day, 0)}
		}, []string{"skew fail", "soak fail"}, "soak time 216h0m0s"},
	} {
		r := tried(t)
		c.change(&r)
		fs := policy.Decide(r, noon).Findings
		if diff := cmp.Diff(c.want, notPassed(fs)); diff != "" || !strings.Contains(fs.Text(), c.says) {
			t.Errorf("%s: %s\n%s", c.name, diff, fs.Text())
		}
		for _, f := range fs.Blocking() {
			lifts[f.Rule] = f.Lift()
		}
	}
	for rule, want := range map[string]policy.Lift{"test-evidence": policy.LiftWaiver, "test-verified": policy.LiftWaiver, "test-evidence-sound": policy.LiftNever,
		"test-still-runs-it": policy.LiftNever, "same-build-as-run": policy.LiftNever, "same-package": policy.LiftNever, "mitigations-known": policy.LiftNever} {
		if lifts[rule] != want {
			t.Errorf("%s: %q", rule, lifts[rule])
		}
	}
}

// POL-0: a waiver stands for the missing record, and is named as used.
func TestEvidenceWaived(t *testing.T) {
	r := tried(t)
	r.Evidence.Run, r.Soak = nil, 0
	r.Waivers = []policy.Waiver{{ID: "W-9", Clause: "POL-4", Rule: policy.RuleTestRun, Environment: policy.Production, Versions: []policy.Version{*r.Target},
		Reason: "Test was upgraded by hand", RequestedBy: "Ana", ApprovedBy: "Bo", ApprovedOn: noon.Add(-day), Expires: noon.Add(time.Hour)}}
	d := policy.Decide(r, noon)
	if diff := cmp.Diff([]string{"test-evidence waived"}, notPassed(d.Findings)); diff != "" || len(d.WaiversUsed) != 1 || d.Outcome != policy.Allowed {
		t.Errorf("%s\n%s", diff, d.Text())
	}
}
