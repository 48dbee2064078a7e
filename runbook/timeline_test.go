package runbook_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// evening is when the runs of these tests begin.
var evening = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)

// said is a record at a time after the evening.
type said struct {
	after time.Duration
	kind  runbook.Kind
	key   string
	data  any
}

// told makes evidence of what is said, of a run with one phase and the steps that are named.
func told(t *testing.T, steps string, list ...said) *runbook.Evidence {
	t.Helper()
	plan := runbook.Plan{Name: "told", Environment: "test"}
	for _, id := range strings.Fields(steps) {
		plan.Steps = append(plan.Steps, runbook.PlannedStep{ID: id, Phase: "All", Effect: runbook.Once})
	}
	list = slices.Insert(list, 0, said{0, runbook.KindStart, "", map[string]any{"plan": plan}})
	e := &runbook.Evidence{Schema: 2, Run: "test-0001"}
	for i, s := range list {
		raw, err := json.Marshal(s.data)
		if err != nil {
			t.Fatal(err)
		}
		e.Records = append(e.Records, runbook.Record{Seq: uint64(i + 1), At: evening.Add(s.after), Actor: "ann", Kind: s.kind, Key: s.key, Try: 1, Data: raw})
	}
	var err error
	if e.State, err = runbook.Fold(e.Run, e.Records); err != nil {
		t.Fatal(err)
	}
	return e
}

var (
	done    = map[string]any{"status": runbook.StepDone}
	failed  = map[string]any{"error": "no"}
	asks    = runbook.Question{Step: "a", Ask: runbook.Ask{Kind: runbook.Attestation}}
	decides = runbook.Question{Step: "a", Ask: runbook.Ask{Kind: runbook.DecisionWanted}, Decisions: []runbook.Decision{runbook.DecideRetry}}
	yes     = runbook.Answer{Actor: "ann", Statement: "yes"}
	again   = runbook.Answer{Actor: "ann", Decision: runbook.DecideRetry}
)

// The timeline tells work from waiting for people, across processes that end, crash and go on.
func TestTimeline(t *testing.T) {
	const h = time.Hour
	for _, tt := range []struct {
		name           string
		list           []said
		bars           []string
		worked, waited string
	}{
		{"plain", []said{{0, runbook.KindIntent, "a", nil}, {h, runbook.KindDone, "a", done}}, []string{"work"}, "1h0m0s", "–"},
		{"asks", []said{{0, runbook.KindIntent, "a", nil}, {h, runbook.KindWait, "a", asks}, {4 * h, runbook.KindAnswer, "a", yes}, {5 * h, runbook.KindDone, "a", done}},
			[]string{"work", "wait", "work"}, "2h0m0s", "3h0m0s"},
		{"asks, its process ends, resumed", []said{{0, runbook.KindIntent, "a", nil}, {h, runbook.KindWait, "a", asks}, {8 * h, runbook.KindTakeover, "", nil}, {9 * h, runbook.KindIntent, "a", nil},
			{10 * h, runbook.KindAnswer, "a", yes}, {10*h + time.Minute, runbook.KindDone, "a", done}}, []string{"work", "wait", "work"}, "1h1m0s", "9h0m0s"},
		{"fails, decided", []said{{0, runbook.KindIntent, "a", nil}, {h, runbook.KindFail, "a", failed}, {h, runbook.KindWait, "a", decides}, {3 * h, runbook.KindAnswer, "a", again},
			{4 * h, runbook.KindIntent, "a", nil}, {6 * h, runbook.KindDone, "a", done}}, []string{"fail", "wait", "work"}, "3h0m0s", "2h0m0s"},
		{"crashes", []said{{0, runbook.KindIntent, "a", nil}, {h, runbook.KindGuard, "a", nil}, {9 * h, runbook.KindTakeover, "", nil}, {10 * h, runbook.KindIntent, "a", nil}, {11 * h, runbook.KindDone, "a", done}},
			[]string{"work", "work"}, "2h0m0s", "–"},
		{"goes on", []said{{0, runbook.KindIntent, "a", nil}, {2 * h, runbook.KindNote, "a", map[string]any{"name": "n", "value": 1}}}, []string{"work"}, "2h0m0s", "–"},
		{"ends while it waits", []said{{0, runbook.KindWait, "a", asks}, {6 * h, runbook.KindEnd, "", map[string]any{"outcome": runbook.Aborted}}}, []string{"wait"}, "0s", "6h0m0s"},
		{"the clock is set back", []said{{h, runbook.KindIntent, "a", nil}, {0, runbook.KindDone, "a", done}}, []string{"work"}, "0s", "–"},
		{"is short in a long run", []said{{0, runbook.KindIntent, "a", nil}, {time.Second, runbook.KindDone, "a", done}, {99 * h, runbook.KindIntent, "c", nil}}, []string{"work"}, "1s", "–"},
	} {
		w := write(t, told(t, "a b c", tt.list...))
		if got := w.bars("a"); !slices.Equal(got, tt.bars) {
			t.Errorf("%s: bars %q, want %q", tt.name, got, tt.bars)
		}
		if row := w.row(t, "a"); row[4] != tt.worked || row[5] != tt.waited {
			t.Errorf("%s: worked %s and waited %s, want %s and %s", tt.name, row[4], row[5], tt.worked, tt.waited)
		}
		if strings.Contains(w.text, `width="0.00%"`) {
			t.Errorf("%s: a bar has no width, and is not drawn", tt.name)
		}
		if w.bars("b") != nil {
			t.Errorf("%s: a step that never began has a bar", tt.name)
		}
	}
}

// Ticks stand at round times in UTC, few enough to be read, from an instant to many days.
func TestTicks(t *testing.T) {
	for length, want := range map[time.Duration][]string{
		0:                       {"22:00:00.000", "2026-03-01", "22:00:00.001"},
		1400 * time.Millisecond: {"22:00:00.000", "2026-03-01", "22:00:00.200", "22:00:01.400"},
		40 * time.Second:        {"22:00:00", "2026-03-01", "22:00:05", "22:00:40"},
		7 * time.Hour:           {"22:00", "2026-03-01", "23:00", "00:00", "2026-03-02", "01:00", "05:00"},
		30 * 24 * time.Hour:     {"00:00", "2026-03-", "00:00", "2026-03-", "00:00", "2026-03-2"},
	} {
		e := told(t, "a", said{0, runbook.KindIntent, "a", nil}, said{length, runbook.KindDone, "a", done})
		e.Records[0].At = evening.In(time.FixedZone("elsewhere", -8*3600))
		w := write(t, e)
		var labels []string
		lines := 0
		for _, n := range w.elements {
			if n.Data == "g" && strings.HasPrefix(attribute(n, "class"), "tick") {
				labels = append(labels, content(n))
			}
			if n.Data == "line" && attribute(n, "class") == "tick" {
				lines++
			}
		}
		wantInOrder(t, strings.Join(labels, ""), want...)
		if lines < 2 || lines > 10 {
			t.Errorf("%s: %d ticks: %q", length, lines, labels)
		}
	}
}
