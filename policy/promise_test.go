package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

const day = 24 * time.Hour

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

func TestOpenPromise(t *testing.T) {
	target := *parse(t, "39.1 (83067)")
	for _, c := range []struct{ soak, within, earliest, latest time.Duration }{
		{0, 0, 0, 21 * day},
		{7 * day, 14 * day, 7 * day, 21 * day},
		{-day, -day, 0, 21 * day},
	} {
		want := policy.Promise{Target: target, Opened: noon, Earliest: noon.Add(c.earliest), Latest: noon.Add(c.latest)}
		if diff := cmp.Diff(want, policy.OpenPromise(target, noon, c.soak, c.within)); diff != "" {
			t.Errorf("%+v: %s", c, diff)
		}
	}
}

func TestCheckPromises(t *testing.T) {
	promise := policy.OpenPromise(*parse(t, "39.1 (83067)"), noon, 7*day, 14*day)
	for _, c := range []struct {
		name, test, production string
		after                  time.Duration
		want                   []string
		says                   string
	}{
		{"open", "39.1 (83067)", "39", day, []string{"promise-kept pass", "skew fail"}, "open"},
		{"on the last day", "39.1 (83067)", "39", 21 * day, []string{"promise-kept pass", "skew fail"}, "open"},
		{"overdue", "39.1 (83067)", "39", 26 * day, []string{"promise-kept fail", "skew fail"}, "5 day(s) overdue"},
		{"kept", "39.1 (83067)", "39.1 (83067)", 26 * day, []string{"promise-kept pass", "skew pass"}, "kept"},
		{"kept by a newer release", "39.1 (83067)", "39.2 (84000)", 26 * day, []string{"promise-kept pass", "skew pass"}, "kept"},
		{"another build does not keep it", "39.1 (83067)", "39.1 (83066)", 26 * day, []string{"promise-kept fail", "skew pass"}, "overdue"},
		{"Production unknown", "39.1 (83067)", "", day, []string{"promise-kept unknown", "skew unknown"}, "Production runs unknown"},
		{"Test unknown", "", "39", day, []string{"promise-kept pass", "skew unknown"}, "open"},
	} {
		fs := policy.CheckPromises([]policy.Promise{promise}, parse(t, c.test), parse(t, c.production), noon.Add(c.after))
		var got []string
		for _, f := range fs {
			got = append(got, f.Rule+" "+string(f.Status))
		}
		if diff := cmp.Diff(c.want, got); diff != "" || !strings.Contains(fs[0].Detail, c.says) || fs[1].Blocks() {
			t.Errorf("%s: %s\n%s", c.name, diff, fs.Text())
		}
	}
}

func TestSkew(t *testing.T) {
	promised := []policy.Promise{policy.OpenPromise(*parse(t, "39.1"), noon, 0, 14*day)}
	for _, c := range []struct{ test, production, says, remedy string }{
		{"39.1 (83067)", "38", "by 1 major version(s), since 2026-11-23T12:00:00Z", "until 2026-12-07T12:00:00Z"},
		{"39.1", "39", "by 1 minor version(s), since", "until"},
		{"39.1.2", "39.1", "by 2 patch(es), and no promise for that release is on record", "record when"},
		{"41", "38", "by 3 major version(s), and no promise", "record when"},
	} {
		fs := policy.CheckPromises(promised, parse(t, c.test), parse(t, c.production), noon)
		if f := fs[1]; f.Status != policy.Fail || f.Class != policy.Advice || !strings.Contains(f.Detail, c.says) || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%s and %s: %+v", c.test, c.production, f)
		}
	}
}

func TestCheckMitigations(t *testing.T) {
	for _, c := range []struct {
		m    policy.Mitigation
		want policy.Status
	}{
		{policy.Mitigation{Text: "open port 5061", AppliedBy: "Ana", AppliedOn: noon}, policy.Pass},
		{policy.Mitigation{Text: "open port 5061", AppliedBy: "Ana", AppliedOn: noon.Add(1)}, policy.Fail},
		{policy.Mitigation{Text: "open port 5061", AppliedOn: noon}, policy.Unknown},
		{policy.Mitigation{Text: "open port 5061", AppliedBy: "Ana"}, policy.Unknown},
		{policy.Mitigation{}, policy.Unknown},
	} {
		fs := policy.CheckMitigations([]policy.Mitigation{c.m}, noon)
		if len(fs) != 1 || fs[0].Status != c.want || fs[0].Clause != "POL-3" || !strings.Contains(fs[0].Detail, c.m.Text) || fs[0].Blocks() == (c.want == policy.Pass) {
			t.Errorf("%+v: %+v", c.m, fs)
		}
	}
	if fs := policy.CheckMitigations(nil, noon); len(fs) != 0 {
		t.Errorf("%v", fs)
	}
}

const promiseFile = `version: 1
promises:
  - target: 39.1 (83067)
    opened: 2026-11-02T13:40:00-08:00
    earliest: 2026-11-09
    latest: 2026-11-30
    mitigations:
      - text: open port 5061
        applied_by: Ana
        applied_on: 2026-11-20
      - text: replace the certificate
`

func TestParsePromises(t *testing.T) {
	got, err := policy.ParsePromises([]byte(promiseFile))
	date := func(m time.Month, d, hour, minute int) time.Time {
		return time.Date(2026, m, d, hour, minute, 0, 0, time.UTC)
	}
	want := []policy.Promise{{Target: *parse(t, "39.1 (83067)"), Opened: date(11, 2, 21, 40), Earliest: date(11, 9, 0, 0), Latest: date(12, 1, 0, 0),
		Mitigations: []policy.Mitigation{{Text: "open port 5061", AppliedBy: "Ana", AppliedOn: date(11, 20, 0, 0)}, {Text: "replace the certificate"}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := policy.ParsePromises([]byte("version: 1")); got == nil || err != nil {
		t.Errorf("an empty file counts as none: %v, %v", got, err)
	}
}

func TestParsePromisesRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "    latest", "    late: 1\n    latest", "line 6: promises[0].late: unknown key"},
		{"no target", "target: 39.1 (83067)", "opened: 2026-11-02", "promises[0].target: missing"},
		{"ends before it begins", "latest: 2026-11-30", "latest: 2026-11-05", "promises[0].latest: it ends before it begins"},
		{"begins before Test", "earliest: 2026-11-09", "earliest: 2026-11-01", "promises[0].earliest: it begins before Test was upgraded"},
		{"applied by nobody", "        applied_by: Ana\n", "", "promises[0].mitigations[0]: applied_by and applied_on belong together"},
		{"a target twice", "    mitigations:\n      - text: open port 5061\n        applied_by: Ana\n        applied_on: 2026-11-20\n      - text: replace the certificate\n",
			"  - {target: 39.1.0 (83067.0.0), opened: 2026-11-02, earliest: 2026-11-02, latest: 2026-11-02}\n", `line 7: promises[1].target: "39.1 (83067.0.0)" is given twice`},
	} {
		text := strings.Replace(promiseFile, c.old, c.new, 1)
		if got, err := policy.ParsePromises([]byte(text)); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}
