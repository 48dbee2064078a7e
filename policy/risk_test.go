package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

func TestRange(t *testing.T) {
	for _, c := range []struct {
		in, shown, inside, outside string
	}{
		{"", "any", "1 39.1 999", ""},
		{"any", "any", "1 39.1", ""},
		{"< 39", "< 39", "38 38.9", "39 39.1"},
		{"<=38", "<=38", "38 37.5", "38.1"},
		{">  39.1", "> 39.1", "39.1.1 40", "39.1 39"},
		{">=39.1", ">=39.1", "39.1 39.2", "39"},
		{"39.1", "39.1", "39.1 39.1.0", "39 39.1.1"},
		{"= 39.1", "= 39.1", "39.1", "39.2"},
		{">=38 < 40", ">=38 < 40", "38 39.9", "37 40"},
	} {
		r, err := policy.ParseRange(c.in)
		if err != nil || r.String() != c.shown {
			t.Errorf("ParseRange(%q) = %q, %v", c.in, r, err)
		}
		for v := range strings.FieldsSeq(c.inside) {
			if !r.Contains(*parse(t, v)) {
				t.Errorf("%q does not hold %s", c.in, v)
			}
		}
		for v := range strings.FieldsSeq(c.outside) {
			if r.Contains(*parse(t, v)) {
				t.Errorf("%q holds %s", c.in, v)
			}
		}
		if text, err := r.MarshalText(); err != nil || string(text) != c.shown {
			t.Errorf("%s, %v", text, err)
		}
	}
	for _, in := range []string{"<", "< >39", "~39", "39.x", "<39>=38", "39 or 40", "39(83067)", "!=39"} {
		if r, err := policy.ParseRange(in); err == nil {
			t.Errorf("ParseRange(%q) = %q, want an error", in, r)
		}
	}
}

// risk is one that concerns upgrades from before 39 to 39 or later.
func risk(t testing.TB, class policy.Class, text string) policy.Risk {
	r := policy.Risk{Name: "certificates", Text: text, Class: class, Source: "notes of 39.1", Date: noon}
	var err error
	if r.From, err = policy.ParseRange("< 39"); err != nil {
		t.Fatal(err)
	}
	if r.To, err = policy.ParseRange(">= 39"); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRiskConcernsSomeUpgrades(t *testing.T) {
	rs := policy.Risks{Risks: []policy.Risk{risk(t, policy.Should, "Replace them.")}}
	for _, c := range []struct {
		source, target string
		want           []string
	}{
		{"38", "39.1", []string{"named-risk fail"}},
		{"39", "39.1", nil},
		{"37", "38", nil},
		{"", "39.1", []string{"named-risk unknown"}},
		{"38", "", []string{"named-risk unknown"}},
		{"", "", []string{"named-risk unknown"}},
		{"39", "", nil},
		{"", "38", nil},
	} {
		fs := policy.CheckRisks(rs, parse(t, c.source), parse(t, c.target), noon)
		if diff := cmp.Diff(c.want, notPassed(fs)); diff != "" {
			t.Errorf("%s → %s: %s", c.source, c.target, diff)
		}
	}
	always := policy.Risks{Risks: []policy.Risk{{Name: "a", Class: policy.Advice}}}
	if fs := policy.CheckRisks(always, nil, parse(t, "39"), noon); len(fs) != 1 || fs[0].Status != policy.Fail || fs[0].Blocks() {
		t.Errorf("advice for all: %v", fs)
	}
	if fs := policy.CheckRisks(always, nil, nil, noon); len(fs) != 1 || fs[0].Status != policy.Fail {
		t.Errorf("a risk of every upgrade, target unknown: %v", fs)
	}
}

func TestAcceptedRisk(t *testing.T) {
	r := risk(t, policy.Must, "Replace  MD5\n certificates.")
	valid := policy.Acceptance{Risk: r.Name, Version: *parse(t, "39.1 (83067)"), TextSHA256: r.Digest(), By: "Ana", Reason: "none is left", On: noon.AddDate(0, 0, -3)}
	with := func(change func(*policy.Acceptance)) policy.Acceptance { a := valid; change(&a); return a }
	old := risk(t, policy.Must, "Replace all certificates.").Digest()
	for _, c := range []struct {
		name string
		a    policy.Acceptance
		want policy.Status
		says string
	}{
		{"valid", valid, policy.Acknowledged, "accepted by Ana on 2026-11-20: none is left"},
		{"upper case", with(func(a *policy.Acceptance) { a.TextSHA256 = strings.ToUpper(a.TextSHA256) }), policy.Acknowledged, "none is left"},
		{"any build", with(func(a *policy.Acceptance) { a.Version.Build = "" }), policy.Acknowledged, "none is left"},
		{"the text has changed", with(func(a *policy.Acceptance) { a.TextSHA256 = old }), policy.Fail,
			fmt.Sprintf("is void: the text has changed since, it was accepted as %.12s… and is %.12s… now", old, r.Digest())},
		{"another build", with(func(a *policy.Acceptance) { a.Version.Build = "83068" }), policy.Fail, "is for 39.1 (83068)"},
		{"another release", with(func(a *policy.Acceptance) { a.Version.Minor = 2 }), policy.Fail, "Replace"},
		{"another risk", with(func(a *policy.Acceptance) { a.Risk = "other" }), policy.Fail, "Replace"},
		{"nobody", with(func(a *policy.Acceptance) { a.By = " " }), policy.Fail, "lacks a person or a reason"},
		{"no reason", with(func(a *policy.Acceptance) { a.Reason = "" }), policy.Fail, "lacks a person or a reason"},
		{"tomorrow", with(func(a *policy.Acceptance) { a.On = noon.Add(1) }), policy.Fail, "is still to come"},
	} {
		fs := policy.CheckRisks(policy.Risks{Risks: []policy.Risk{r}, Acceptances: []policy.Acceptance{c.a}}, parse(t, "38"), parse(t, "39.1 (83067)"), noon)
		if f := fs[0]; len(fs) != 1 || f.Status != c.want || !strings.Contains(f.Detail, c.says) || f.Class != policy.Must || f.Source != "notes of 39.1, read on 2026-11-23" {
			t.Errorf("%s: %+v", c.name, f)
		}
		if c.want == policy.Fail && (fs[0].Lift() != policy.LiftAccept || !strings.Contains(fs[0].Remedy, r.Digest())) {
			t.Errorf("%s: %s, %s", c.name, fs[0].Lift(), fs[0].Remedy)
		}
	}
}

func TestLineBreaksDoNotChangeWhatWasAccepted(t *testing.T) {
	a, b := policy.Risk{Text: "one two\nthree"}, policy.Risk{Text: " one  two three\n"}
	if a.Digest() != b.Digest() || a.Digest() == (policy.Risk{Text: "one two, three"}).Digest() {
		t.Error(a.Digest(), b.Digest())
	}
}

const riskFile = `version: 1
paths:
  - target: 40
    oldest_source: 36
    source: notes of 40
    date: 2026-11-02
risks:
  - name: connector
    text: The Teams Connector needs the very same version.
    to: ">= 39"
    class: should
    source: notes of 39.1
    date: 2026-11-02
acceptances:
  - risk: connector
    version: 40
    text_sha256: DIGEST
    by: Ana
    reason: done the same evening
    on: 2026-11-20
`

func risksYAML() string {
	digest := policy.Risk{Text: "The Teams Connector needs the very same version."}.Digest()
	return strings.Replace(riskFile, "DIGEST", digest, 1)
}

func TestParseRisks(t *testing.T) {
	rs, err := policy.ParseRisks([]byte(risksYAML()))
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Hop{{Target: *parse(t, "40"), OldestSource: *parse(t, "36"), Source: "notes of 40, read on 2026-11-02"}}
	if diff := cmp.Diff(want, rs.Hops); diff != "" {
		t.Error(diff)
	}
	fs := policy.CheckRisks(rs, parse(t, "39.1"), parse(t, "40 (84001)"), noon)
	if len(fs) != 1 || fs[0].Status != policy.Acknowledged {
		t.Errorf("%v", fs)
	}
}

func TestParseRisksRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "class: should", "class: should\n    severity: 1", "line 12: risks[0].severity: unknown key"},
		{"no source", "    source: notes of 40\n", "", "line 3: paths[0].source: missing"},
		{"no date", "    class: should\n    source: notes of 39.1\n    date: 2026-11-02\n", "    class: should\n    source: notes of 39.1\n", "line 8: risks[0].date: missing"},
		{"a class that is none", "class: should", "class: may", `line 11: risks[0].class: "may" is none of must, should, advice`},
		{"a range that is none", `">= 39"`, "later", `line 10: risks[0].to: "later" is not a range`},
		{"a path backwards", "oldest_source: 36", "oldest_source: 41", "paths[0].oldest_source: 41 is newer than the target 40"},
		{"a target that is none", "target: 40", "target: next", `line 3: paths[0].target: "next" is not a version`},
		{"a path twice", "risks:\n", "  - {target: 40.0, oldest_source: 37, source: s, date: 2026-11-02}\nrisks:\n", `line 7: paths[1].target: "40" is given twice`},
		{"a risk twice", "acceptances:", "  - {name: connector, text: t, class: must, source: s, date: 2026-11-02}\nacceptances:", `line 14: risks[1].name: "connector" is given twice`},
		{"accepted, not named", "risk: connector", "risk: connectors", `acceptances[0].risk: no risk is named "connectors"`},
		{"accepted without a digest", "text_sha256: ", "text_sha256: x", "line 17: acceptances[0].text_sha256: is not a SHA-256"},
		{"accepted for all", "version: 40", "version: '*'", "acceptances[0].version: \"*\" is too broad"},
	} {
		text := strings.Replace(risksYAML(), c.old, c.new, 1)
		rs, err := policy.ParseRisks([]byte(text))
		if err == nil || rs.Risks != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}

// FuzzFiles reads risks, promises and change windows: never a panic, and what reads can be judged.
func FuzzFiles(f *testing.F) {
	for _, s := range []string{risksYAML(), promiseFile, calendarFile} {
		f.Add([]byte(s))
	}
	source, target := policy.Version{Major: 38}, policy.Version{Major: 39, Minor: 1}
	f.Fuzz(func(t *testing.T, data []byte) {
		if rs, err := policy.ParseRisks(data); err == nil {
			for _, finding := range policy.CheckRisks(rs, &source, &target, noon) {
				if finding.Status == policy.Pass {
					t.Errorf("a risk passes: %v", finding)
				}
			}
		}
		if all, err := policy.ParsePromises(data); err == nil && len(policy.CheckPromises(all, &target, &source, noon)) != len(all)+1 {
			t.Errorf("%v", all)
		}
		if c, err := policy.ParseCalendar(data); err == nil && len(c.Allow)+len(c.Deny) < 20 {
			if s, ok := c.Next(noon); ok && (!s.End.After(noon) || !s.Start.Before(s.End)) {
				t.Errorf("%s: %v", c, s)
			}
		}
	})
}
