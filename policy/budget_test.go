package policy_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

func TestEstimate(t *testing.T) {
	const fixed, gb = 20*time.Minute + time.Hour + 30*time.Minute, 1_000_000_000
	for _, c := range []struct {
		effort                policy.Effort
		upload, nodes, rounds time.Duration
	}{
		{policy.Effort{}, 0, 0, 0},
		{policy.Effort{Size: 5 * gb, Nodes: 1}, 400 * time.Second, 3*time.Minute + 40*time.Second, 1},
		{policy.Effort{Size: 5 * gb, Rate: 50e6, Nodes: 10}, 100 * time.Second, 3*time.Minute + 400*time.Second, 1},
		{policy.Effort{Size: 5 * gb, Nodes: 11}, 400 * time.Second, 6*time.Minute + 440*time.Second, 2},
		{policy.Effort{Size: 1}, time.Second, 0, 0},
		{policy.Effort{Size: -1, Rate: -1, Nodes: -1}, 0, 0, 0},
		{policy.Effort{Size: 5 * gb, Rate: math.NaN()}, 400 * time.Second, 0, 0},
		{policy.Effort{Size: math.MaxInt64, Rate: 1e-9}, 100 * day, 0, 0},
	} {
		e := c.effort.Estimate()
		if e.Upload != c.upload || e.Nodes != c.nodes || e.Calls != 0 || e.Total() != fixed+c.upload+c.nodes {
			t.Errorf("%+v: %+v", c.effort, e)
		}
		c.effort.Calls = true
		if got := c.effort.Estimate().Calls; got != c.rounds*time.Hour {
			t.Errorf("%+v: %s for calls", c.effort, got)
		}
	}
	if e := (policy.Effort{Size: math.MaxInt64, Nodes: math.MaxInt}).Estimate(); e.Total() < 100*day {
		t.Errorf("overflow: %s", e)
	}
	want := "about 2:02 h (upload 0:07 h, backup 0:20 h, Management Node 1:00 h, Conferencing Nodes 0:05 h, calls 0:00 h, checks 0:30 h)"
	if got := (policy.Effort{Size: 5 * gb, Nodes: 3}).Estimate().String(); got != want {
		t.Error(got)
	}
}

func TestCheckBudget(t *testing.T) {
	monday := func(from, to string) *policy.Calendar {
		h := hours(t, from, to, time.Monday)
		h.Location = time.UTC
		return &policy.Calendar{Allow: []policy.Window{{Hours: h}}}
	}
	small := policy.Effort{Size: 5e9, Nodes: 2} // two hours, all told
	for _, c := range []struct {
		name     string
		effort   policy.Effort
		calendar *policy.Calendar
		want     []string
		says     string
	}{
		{"no window", small, nil, nil, "no change window is configured"},
		{"no window in the calendar", small, &policy.Calendar{}, nil, "until Mon 2026-11-23 14:01 UTC; no change window is configured"},
		{"within", small, monday("11:00", "15:00"), nil, "open until Mon 2026-11-23 15:00 UTC"},
		{"not before it closes", small, monday("08:00", "13:00"), []string{"time-budget fail"}, "closes before, at Mon 2026-11-23 13:00 UTC"},
		{"closed", small, monday("13:00", "16:00"), []string{"time-budget fail"}, "closed and opens at Mon 2026-11-23 13:00 UTC"},
		{"denied", small, &policy.Calendar{Deny: []policy.Window{{Hours: hours(t, "20:00", "21:00"), Reason: "backups"},
			{Hours: hours(t, "00:00", "24:00"), First: "2026-11-23", Last: "2026-11-24", Reason: "the fair"}}},
			[]string{"time-budget fail"}, "closed (the fair) and opens at Wed 2026-11-25 00:00 EST"},
		{"in no window", small, monday("11:30", "13:00"), []string{"fits-a-window fail", "time-budget fail"}, "the longest change window within a year has 1:30 h"},
		{"no window within a year", small, &policy.Calendar{Allow: []policy.Window{{Hours: hours(t, "01:00", "09:00"), Last: "2020-01-01"}}},
			[]string{"fits-a-window fail", "time-budget fail"}, "no change window opens within a year"},
		{"never before Pexip stops", policy.Effort{Size: 5e9, Nodes: 250, Calls: true}, nil, []string{"fits-a-window fail"}, "Pexip stops it after 24:00 h"},
		{"size unknown, no window", policy.Effort{Nodes: 2}, nil, nil, "no change window is configured"},
		{"size unknown", policy.Effort{Nodes: 2}, monday("11:00", "15:00"), []string{"time-budget unknown"}, "the size of the package is not known"},
		{"size unknown, too long all the same", policy.Effort{Nodes: 2}, monday("11:30", "13:00"), []string{"fits-a-window fail", "time-budget unknown"}, "not known"},
	} {
		fs := policy.CheckBudget(policy.Budget{Estimate: c.effort.Estimate(), Calendar: c.calendar}, noon)
		if diff := cmp.Diff(c.want, notPassed(fs)); diff != "" || !strings.Contains(fs.Text(), c.says) {
			t.Errorf("%s: %s\n%s", c.name, diff, fs.Text())
		}
		for _, f := range fs {
			if f.Rule == policy.RuleFitsWindow && f.Status == policy.Fail && f.Lift() != policy.LiftNever {
				t.Errorf("%s: %s", c.name, f.Lift())
			}
			if f.Rule == policy.RuleTimeBudget && f.Blocks() && f.Lift() != policy.LiftAcknowledge {
				t.Errorf("%s: %s", c.name, f.Lift())
			}
		}
	}
}

func TestBudgetNamesTheNextWindowThatIsLongEnough(t *testing.T) {
	c := policy.Calendar{Allow: []policy.Window{{Hours: hours(t, "05:00", "08:00", time.Monday)}, {Hours: hours(t, "18:00", "19:00")}, {Hours: hours(t, "20:00", "23:00", time.Friday)}}}
	fs := policy.CheckBudget(policy.Budget{Estimate: policy.Effort{Size: 5e9, Nodes: 2}.Estimate(), Calendar: &c}, noon)
	if f := fs[1]; f.Status != policy.Fail || !strings.HasPrefix(f.Remedy, "start at Fri 2026-11-27 20:00 EST, when the window leaves enough time") {
		t.Errorf("%+v", f)
	}
}
