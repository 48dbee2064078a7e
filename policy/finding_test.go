package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

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
		{"a named risk", policy.Finding{Clause: "UPG-5", Rule: policy.RuleRisk, Class: policy.Should, Status: policy.Fail}, policy.Acknowledgement{Rule: "UPG-5", Reason: "agreed", By: "Ana"}, policy.Fail},
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
