package policy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

func TestWhatBlocks(t *testing.T) {
	all := []policy.Status{policy.Pass, policy.Fail, policy.Unknown, policy.Waived, policy.Acknowledged, "", "later"}
	for class, blocking := range map[policy.Class][]policy.Status{
		policy.Must:   {policy.Fail, policy.Unknown, "", "later"},
		policy.Should: {policy.Fail, policy.Unknown, "", "later"},
		policy.Advice: nil,
		"":            {policy.Fail, policy.Unknown, "", "later"},
	} {
		var got []policy.Status
		for _, s := range all {
			if (policy.Finding{Class: class, Status: s}).Blocks() {
				got = append(got, s)
			}
		}
		if diff := cmp.Diff(blocking, got); diff != "" {
			t.Errorf("%q: %s", class, diff)
		}
	}
}

func TestBlockingKeepsTheOrder(t *testing.T) {
	fs := policy.Findings{{Rule: "a", Class: policy.Must, Status: policy.Fail}, {Rule: "b", Status: policy.Pass}, {Rule: "c", Class: policy.Should, Status: policy.Unknown}}
	got := fs.Blocking()
	if len(got) != 2 || got[0].Rule != "a" || got[1].Rule != "c" {
		t.Errorf("%v", got)
	}
	if (policy.Findings{fs[1]}).Blocking() != nil {
		t.Error("a passed finding blocks")
	}
}

func TestTextCannotBeBrokenByWhatServersSay(t *testing.T) {
	fs := policy.CheckReported(*parse(t, "39.1 (83067)"), []policy.NodeVersion{{Node: "a\tb\nPASS", Version: "39\n1"}})
	fs[0].Detail += "\x1b[2J\r\n\tmore"
	text := fs.Text()
	if lines := strings.Count(text, "\n"); lines != 3 || strings.ContainsAny(text, "\x1b\r\t") {
		t.Errorf("%d lines:\n%q", lines, text)
	}
}

func TestFindingAsJSON(t *testing.T) {
	text, err := json.Marshal(policy.Finding{Clause: "POL-5", Rule: "r", Class: policy.Must, Status: policy.Fail, Detail: "d", Remedy: "m", Source: "s"})
	want := `{"clause":"POL-5","rule":"r","class":"must","status":"fail","detail":"d","remedy":"m","source":"s"}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAcknowledge(t *testing.T) {
	should := policy.Finding{Clause: "POL-1b", Rule: policy.RuleMinor, Class: policy.Should, Status: policy.Unknown, Detail: "three"}
	for _, c := range []struct {
		name    string
		finding policy.Finding
		by      policy.Acknowledgement
		want    policy.Status
	}{
		{"by rule", should, policy.Acknowledgement{Rule: policy.RuleMinor, Reason: "agreed", By: "Ana"}, policy.Acknowledged},
		{"by clause", should, policy.Acknowledgement{Rule: "POL-1b", Reason: "agreed", By: "Ana"}, policy.Acknowledged},
		{"another rule", should, policy.Acknowledgement{Rule: policy.RuleMajor, Reason: "agreed", By: "Ana"}, policy.Unknown},
		{"no reason", should, policy.Acknowledgement{Rule: policy.RuleMinor, Reason: " ", By: "Ana"}, policy.Unknown},
		{"nobody", should, policy.Acknowledgement{Rule: policy.RuleMinor, Reason: "agreed"}, policy.Unknown},
		{"no rule", policy.Finding{Class: policy.Should, Status: policy.Fail}, policy.Acknowledgement{Reason: "agreed", By: "Ana"}, policy.Fail},
		{"a must", policy.Finding{Rule: "x", Class: policy.Must, Status: policy.Fail}, policy.Acknowledgement{Rule: "x", Reason: "agreed", By: "Ana"}, policy.Fail},
		{"a pass", policy.Finding{Rule: "x", Class: policy.Should, Status: policy.Pass}, policy.Acknowledgement{Rule: "x", Reason: "agreed", By: "Ana"}, policy.Pass},
	} {
		before := policy.Findings{c.finding}
		after := before.Acknowledge([]policy.Acknowledgement{c.by})
		if after[0].Status != c.want || before[0] != c.finding {
			t.Errorf("%s: %v, want %s; given findings %v", c.name, after[0], c.want, before[0])
		}
		if c.want == policy.Acknowledged && after[0].Detail != "three; acknowledged by Ana: agreed" {
			t.Errorf("%s: %q", c.name, after[0].Detail)
		}
	}
}

func TestWaive(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	target := *parse(t, "39.1 (83067)")
	valid := policy.Waiver{Clause: "POL-1a", Reason: "security fix", RequestedBy: "Ana", ApprovedBy: "Bo", Environment: policy.Test, Target: target, Expires: now.Add(time.Hour)}
	with := func(change func(*policy.Waiver)) policy.Waiver { w := valid; change(&w); return w }
	for _, c := range []struct {
		name   string
		waiver policy.Waiver
		want   policy.Status
	}{
		{"valid", valid, policy.Waived},
		{"any build of the release", with(func(w *policy.Waiver) { w.Target.Build = "" }), policy.Waived},
		{"build not normalised", with(func(w *policy.Waiver) { w.Target.Build = "83067" }), policy.Waived},
		{"another build", with(func(w *policy.Waiver) { w.Target.Build = "83068" }), policy.Fail},
		{"another target", with(func(w *policy.Waiver) { w.Target.Minor = 2 }), policy.Fail},
		{"no target", with(func(w *policy.Waiver) { w.Target = policy.Version{} }), policy.Fail},
		{"another environment", with(func(w *policy.Waiver) { w.Environment = policy.Production }), policy.Fail},
		{"another clause", with(func(w *policy.Waiver) { w.Clause = "POL-1b" }), policy.Fail},
		{"expired", with(func(w *policy.Waiver) { w.Expires = now }), policy.Fail},
		{"no expiry", with(func(w *policy.Waiver) { w.Expires = time.Time{} }), policy.Fail},
		{"own requester", with(func(w *policy.Waiver) { w.ApprovedBy = " ana" }), policy.Fail},
		{"no approver", with(func(w *policy.Waiver) { w.ApprovedBy = "" }), policy.Fail},
		{"no requester", with(func(w *policy.Waiver) { w.RequestedBy = "" }), policy.Fail},
		{"no reason", with(func(w *policy.Waiver) { w.Reason = "\t" }), policy.Fail},
	} {
		fs := policy.CheckPromotion(policy.Proposal{Environment: policy.Test, Test: parse(t, "38"), Production: parse(t, "36"), Target: &target})
		got := fs.Waive([]policy.Waiver{c.waiver}, policy.Test, target, now)
		if got[0].Status != c.want || fs[0].Status != policy.Fail {
			t.Errorf("%s: %v, want %s", c.name, got[0], c.want)
		}
	}
}

func TestVoidWaiverSaysAllThatIsWrong(t *testing.T) {
	err := policy.Waiver{RequestedBy: "Ana", ApprovedBy: "Ana"}.Check(time.Now())
	for _, want := range []string{"a clause", "a reason", "its own requester", "environment and the target", "expired"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestSomeRulesAreNeverWaived(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	target := *parse(t, "38")
	fs := policy.CheckPromotion(policy.Proposal{Environment: policy.Test, Test: parse(t, "39"), Production: parse(t, "39"), Target: &target})
	fs = append(fs, policy.CheckPackage(policy.PackageFacts{})...)
	var waivers []policy.Waiver
	for _, clause := range []string{"UPG-1", "UPG-5", "POL-5a"} {
		waivers = append(waivers, policy.Waiver{Clause: clause, Reason: "r", RequestedBy: "Ana", ApprovedBy: "Bo", Environment: policy.Test, Target: target, Expires: now.Add(time.Hour)})
	}
	if diff := cmp.Diff(fs, fs.Waive(waivers, policy.Test, target, now)); diff != "" {
		t.Error(diff)
	}
}

func TestSoak(t *testing.T) {
	verified := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		verified, now time.Time
		want          policy.Status
	}{
		{verified, verified.Add(72 * time.Hour), policy.Pass},
		{verified, verified.Add(71 * time.Hour), policy.Fail},
		{time.Time{}, verified, policy.Unknown},
	} {
		if f := policy.CheckSoak(c.verified, 72*time.Hour, c.now); f.Status != c.want || f.Blocks() != (c.want != policy.Pass) {
			t.Errorf("%+v, want %s", f, c.want)
		}
	}
}

func TestRuleClass(t *testing.T) {
	if c, ok := policy.RuleClass(policy.RuleMinor); !ok || c != policy.Should {
		t.Errorf("%s, %v", c, ok)
	}
	if _, ok := policy.RuleClass("nonsense"); ok {
		t.Error("nonsense is a rule")
	}
}
