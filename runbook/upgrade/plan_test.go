package upgrade_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// hostile is what a server could call something.
const hostile = "x\"]:::human; end\n  a --> b[\x1b[2J#quot;`<script>%% {{y}} | \\ ä"

// samplePlan has a step of each sort, and a group.
func samplePlan(t *testing.T) runbook.Preview {
	t.Helper()
	note := func(fs policy.Findings) map[string]json.RawMessage {
		raw, err := json.Marshal(fs)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]json.RawMessage{"findings": raw}
	}
	refused := policy.Findings{
		{Clause: "SNAP-3", Rule: "same", Class: policy.Must, Status: policy.Fail, Detail: "VM a is no node", Remedy: "correct the list"},
		{Clause: "VER-1", Rule: "fine", Class: policy.Must, Status: policy.Pass, Detail: "nothing to see"}}
	open := policy.Findings{
		{Clause: "SNAP-1", Rule: "own-backup", Class: policy.Advice, Status: policy.Fail, Detail: "advised otherwise"},
		{Clause: "RISK-2", Rule: "budget", Class: policy.Should, Status: policy.Fail, Detail: "too little time"},
		{Clause: "PRE-4", Rule: "awake", Class: policy.Should, Status: policy.Acknowledged, Detail: "not kept awake"}}
	return runbook.Preview{Refused: []string{"check", "unreachable"}, Gates: map[string]*runbook.StepState{
		"check":       {Status: runbook.StepFailed, Error: "SNAP-3 (same): VM a is no node", Notes: note(refused)},
		"unreachable": {Status: runbook.StepFailed, Error: "10.0.0.4 does not answer"},
		"budget":      {Status: runbook.StepDone, Detail: "3 checks, of which: much", Notes: note(open)}},
		Plan: runbook.Plan{Name: "upgrade", Environment: "test", Hash: "0123456789abcdef", Inputs: []byte(`{"target":"39.1"}`), Steps: []runbook.PlannedStep{
			{ID: "check", Phase: "First", Gate: true, Clauses: []string{"SNAP-3"}, Does: "compares", Expected: 5 * time.Second},
			{ID: "unreachable", Phase: "First", Gate: true}, {ID: "budget", Phase: "First", Gate: true},
			{ID: "approve", Phase: "First", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "May it?", SecondPerson: true}},
			{ID: "stop/a", Phase: "Second", Group: "stop", Owes: []string{"power"}, Expected: 2 * time.Minute},
			{ID: "stop/" + hostile, Phase: "Second", Group: "stop", Does: "stops " + hostile, Expected: 3 * time.Minute},
			{ID: "start", Phase: "Second", Effect: runbook.Once, Waivable: true, Expected: time.Hour}},
			Rollback: []runbook.PlannedStep{{ID: "back", Phase: "Rollback", Effect: runbook.Once}}}}
}

func TestPlanView(t *testing.T) {
	v := upgrade.ViewPlan(samplePlan(t))
	if want := []string{"check", "stop/" + hostile, "start"}; !slices.Equal(v.CriticalPath.Steps, want) || v.CriticalPath.ExpectedSeconds != 5+180+3600 {
		t.Errorf("critical path: %+v", v.CriticalPath)
	}
	var ranks []upgrade.Rank
	for _, f := range v.Findings {
		ranks = append(ranks, f.Rank)
	}
	if diff := cmp.Diff([]upgrade.Rank{upgrade.RankRefuses, upgrade.RankAcknowledge, upgrade.RankAccepted, upgrade.RankAdvice}, ranks); diff != "" {
		t.Error(diff)
	}
	if v.Target != "39.1" || len(v.Refused) != 2 || len(v.Phases) != 2 || v.Phases[1].ExpectedSeconds != 3780 || len(v.Rollback) != 1 {
		t.Errorf("%+v", v)
	}
}

func TestPlanText(t *testing.T) {
	var b strings.Builder
	upgrade.ViewPlan(samplePlan(t)).WriteText(&b, 60)
	const want = `upgrade: test to 39.1
plan 0123456789abcdef

REFUSED check
  - SNAP-3 fail (same): VM a is no node
      → correct the list

REFUSED unreachable
  10.0.0.4 does not answer

TO BE ACKNOWLEDGED by a person when the run comes to it
  - RISK-2 fail (budget, budget): too little time

ACCEPTED
  - PRE-4 acknowledged (awake, budget): not kept awake

ADVICE
  - SNAP-1 advice (own-backup, budget): advised otherwise

First
    ...c. check [SNAP-3]                        5 s
          compares
          now: REFUSED, see above
    ...c. unreachable []
          now: REFUSED, see above
    ...c. budget []
          now: 3 checks, see above
    ..H.. approve []
          approval by a second person, not whoever starts
            the run: May it?

Second — about 1 h 3 min
  ┌ side by side
  │ .o... stop/a []                             2 min
  │       to put back: VM running again
`
	if got := b.String(); !strings.HasPrefix(got, want) {
		t.Error(cmp.Diff(want, got[:min(len(want), len(got))]))
	}
	for line := range strings.Lines(b.String()) {
		if utf8.RuneCountInString(line) > 60 || strings.ContainsRune(line, '\x1b') {
			t.Errorf("%q", line)
		}
	}
	for _, want := range []string{"!...w start []", "expected: about 1 h 3 min", "critical path: ", "start 1 h", "Rollback, only if", "!  irreversible"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

// Each line of a chart is one of a few forms, whatever stands in the labels.
func TestPlanMermaid(t *testing.T) {
	var b strings.Builder
	upgrade.ViewPlan(samplePlan(t)).WriteMermaid(&b)
	label := `"[^"\[\]{}()|` + "`" + `\\]*"`
	form := regexp.MustCompile(`^(flowchart TD|%% plan [0-9a-f]+| +subgraph g\d+\[` + label + `\]| +direction (TB|LR)| +end| +s\d+\[` + label +
		`\]:::(irreversible|human|opens|checked|plain)|  [sg]\d+ --> [sg]\d+|  classDef [a-z]+ [a-z#0-9:,-]+)$`)
	for line := range strings.Lines(b.String()) {
		if !form.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("%q", line)
		}
	}
	for _, want := range []string{"  s4 --> g3\n  g3 --> s7\n", "s7[\"<b>start</b>", "]:::irreversible", "s4[\"<b>approve</b><br/><br/>\"]:::human", "#60;script#62;"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	if strings.Count(b.String(), "subgraph") != strings.Count(b.String(), " end\n") {
		t.Errorf("subgraphs are not closed:\n%s", b.String())
	}
}
