package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// promotionCase states an upgrade and only those outcomes that are not a pass, as "rule status".
type promotionCase struct {
	name                     string
	test, production, target string
	releases                 string
	want                     []string
}

func (c promotionCase) check(t *testing.T, e policy.Environment) {
	t.Helper()
	p := policy.Proposal{Environment: e, Test: parse(t, c.test), Production: parse(t, c.production), Target: parse(t, c.target)}
	for r := range strings.FieldsSeq(c.releases) {
		p.Releases = append(p.Releases, *parse(t, r))
	}
	var got []string
	for _, f := range policy.CheckPromotion(p) {
		if f.Status != policy.Pass {
			got = append(got, f.Rule+" "+string(f.Status))
		}
		if f.Clause == "" || f.Source == "" || f.Detail == "" || (f.Status == policy.Pass) != (f.Remedy == "") {
			t.Errorf("incomplete finding %+v", f)
		}
	}
	if diff := cmp.Diff(c.want, got); diff != "" {
		t.Errorf("not passed (-want +got):\n%s", diff)
	}
}

const noPath = "hop-limit unknown"

func TestPromotionOfTest(t *testing.T) {
	for _, c := range []promotionCase{
		{"the next minor", "39 (82000)", "39 (82000)", "39.1 (83067)", "", nil},
		{"two minors ahead", "39.1", "39", "39.2 (84000)", "", []string{noPath}},
		{"three minors ahead", "39.1", "39", "39.3 (84000)", "", []string{"two-minors-ahead fail", noPath}},
		{"a patch counts as no minor", "39.2", "39", "39.2.5", "", []string{noPath}},
		{"ten is more than two", "39.2", "39", "39.10", "", []string{"two-minors-ahead fail", noPath}},
		{"one major, no list of releases", "38 (81931)", "38 (81931)", "39.1 (83067)", "", []string{"two-minors-ahead unknown", "full-outage fail"}},
		{"one major, two releases later", "38 (81931)", "38 (81931)", "39.1 (83067)", "38 39 39.1", []string{"full-outage fail"}},
		{"the list in any order, with doubles", "38", "38", "39.1 (83067)", "39.1 39 38 39.0 37 40", []string{"full-outage fail"}},
		{"one major, three releases later", "38.1", "38", "39.1 (83067)", "38 38.1 39 39.1", []string{"two-minors-ahead fail", "full-outage fail"}},
		{"the list lacks Production's release", "38.1", "38", "39.1 (83067)", "38.1 39 39.1", []string{"two-minors-ahead unknown", "full-outage fail"}},
		{"the list lacks the target", "38.1", "38", "39.1 (83067)", "38 38.1 39", []string{"two-minors-ahead unknown", "full-outage fail"}},
		{"three minors into the next major need no list", "39", "38", "39.3", "", []string{"two-minors-ahead fail", noPath}},
		{"two majors ahead", "38", "37", "39.1 (83067)", "", []string{"one-major-ahead fail", "two-minors-ahead fail", "full-outage fail"}},
		{"three releases at least into the next major", "39", "38", "39.2", "", []string{"two-minors-ahead fail", noPath}},
		{"one major, two releases at least", "39", "38.4", "39.1 (83067)", "", []string{"two-minors-ahead unknown"}},
		{"five majors ahead", "38", "34", "39.1 (83067)", "", []string{"one-major-ahead fail", "two-minors-ahead fail", "full-outage fail"}},
		{"two majors ahead, counted", "38", "37.1", "39.1 (83067)", "37.1 38 39 39.1", []string{"one-major-ahead fail", "two-minors-ahead fail", "full-outage fail"}},
		{"Test behind Production catches up", "38", "40", "39.1 (83067)", "", []string{"full-outage fail"}},
		{"a downgrade", "39.2", "39", "39.1 (83067)", "", []string{"no-downgrade fail"}},
		{"a downgrade by a major", "40", "39.1", "39.1 (83067)", "", []string{"no-downgrade fail"}},
		{"a lower build of the same release", "39.1 (83068)", "39", "39.1 (83067)", "", []string{"no-downgrade fail"}},
		{"a higher build of the same release", "39.1 (83066)", "39", "39.1 (83067)", "", nil},
		{"a longer build of the same release", "39.1 (83067)", "39", "39.1 (83067.0.0.5)", "", nil},
		{"what already runs", "39.1.0 (83067.0.0)", "39", "39.1 (83067)", "", []string{"no-no-op fail"}},
		{"same release, installed build unknown", "39.1", "39", "39.1 (83067)", "", []string{"no-no-op unknown"}},
		{"same release, target build unknown", "39.1 (83067)", "39", "39.1", "", []string{"no-no-op unknown"}},
		{"one build under two releases", "39 (83067)", "39", "39.1 (83067)", "", []string{"no-no-op unknown"}},
		{"from the oldest direct source", "35", "38", "39.1 (83067)", "38 39 39.1", []string{"full-outage fail"}},
		{"from before the oldest direct source", "34.1", "38", "39.1 (83067)", "38 39 39.1", []string{"hop-limit fail", "full-outage fail"}},
		{"a target with no path on record", "39.1", "39.1", "40", "39.1 40", []string{noPath}},
		{"Test unknown", "", "39", "39.1 (83067)", "", []string{"no-downgrade unknown", "no-no-op unknown", noPath}},
		{"Production unknown", "39", "", "39.1 (83067)", "", []string{"one-major-ahead unknown", "two-minors-ahead unknown"}},
		{"target unknown", "39", "39", "", "", []string{"one-major-ahead unknown", "two-minors-ahead unknown", "no-downgrade unknown", "no-no-op unknown", noPath}},
		{"nothing known", "", "", "", "", []string{"one-major-ahead unknown", "two-minors-ahead unknown", "no-downgrade unknown", "no-no-op unknown", noPath}},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, policy.Test) })
	}
}

func TestPromotionOfProduction(t *testing.T) {
	for _, c := range []promotionCase{
		{"to what Test runs", "39.1 (83067)", "39 (82000)", "39.1.0 (83067.0.0)", "", nil},
		{"across a major", "39.1 (83067)", "38 (81931)", "39.1 (83067)", "", []string{"full-outage fail"}},
		{"to another build than Test's", "39.1 (83066)", "39", "39.1 (83067)", "", []string{"same-build fail"}},
		{"Test's build unknown", "39.1", "39", "39.1 (83067)", "", []string{"same-build unknown"}},
		{"the target's build unknown", "39.1 (83067)", "39", "39.1", "", []string{"same-build unknown"}},
		{"ahead of Test", "39 (82000)", "39", "39.1 (83067)", "", []string{"same-as-test fail"}},
		{"behind Test", "39.2 (84000)", "39", "39.1 (83067)", "", []string{"same-as-test fail"}},
		{"far behind Test", "41", "39", "39.1 (83067)", "", []string{"one-major-ahead fail", "two-minors-ahead unknown", "same-as-test fail"}},
		{"Test's build under another release", "39 (83067)", "39", "39.1 (83067)", "", []string{"same-as-test fail"}},
		{"Test unknown", "", "39", "39.1 (83067)", "", []string{"one-major-ahead unknown", "two-minors-ahead unknown", "same-as-test unknown", "same-build unknown"}},
		{"what already runs", "39.1 (83067)", "39.1 (83067)", "39.1 (83067)", "", []string{"no-no-op fail"}},
		{"a downgrade to Test's version", "39.1 (83067)", "40", "39.1 (83067)", "", []string{"no-downgrade fail"}},
		{"installed unknown", "39.1 (83067)", "", "39.1 (83067)", "", []string{"no-downgrade unknown", "no-no-op unknown", noPath}},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, policy.Production) })
	}
}

func TestUnknownEnvironmentIsRefused(t *testing.T) {
	for _, e := range []policy.Environment{"", "Test", "prod"} {
		fs := policy.CheckPromotion(policy.Proposal{Environment: e, Test: parse(t, "39"), Production: parse(t, "39"), Target: parse(t, "39.1")})
		if len(fs.Blocking()) != 1 {
			t.Errorf("environment %q: %v", e, fs)
		}
	}
}

func TestTeamsOwnPathsReplaceTheKnownOnes(t *testing.T) {
	p := policy.Proposal{Environment: policy.Test, Test: parse(t, "36"), Production: parse(t, "36"), Target: parse(t, "36.1")}
	for _, c := range []struct {
		hops   []policy.Hop
		status policy.Status
		blocks bool
	}{
		{nil, policy.Unknown, false},
		{[]policy.Hop{}, policy.Unknown, false},
		{[]policy.Hop{{Target: *p.Target, OldestSource: *parse(t, "36")}}, policy.Pass, false},
		{[]policy.Hop{{Target: *p.Target, OldestSource: *parse(t, "36.0.1")}}, policy.Fail, true},
	} {
		p.Hops = c.hops
		fs := policy.CheckPromotion(p)
		if f := fs[len(fs)-1]; f.Rule != policy.RuleHop || f.Status != c.status || f.Blocks() != c.blocks {
			t.Errorf("%v: %+v", c.hops, f)
		}
	}
}

func TestFindingsAreTheSameEveryTime(t *testing.T) {
	p := policy.Proposal{Environment: policy.Production, Test: parse(t, "41"), Production: parse(t, "38"), Target: parse(t, "39.3 (85000)")}
	first := policy.CheckPromotion(p)
	for range 20 {
		if diff := cmp.Diff(first, policy.CheckPromotion(p)); diff != "" {
			t.Fatal(diff)
		}
	}
}
