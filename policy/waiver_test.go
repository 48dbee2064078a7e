package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// noon is when the tests take place.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func validWaiver(t testing.TB) policy.Waiver {
	return policy.Waiver{ID: "W-1", Clause: "POL-1a", Environment: policy.Test, Versions: []policy.Version{*parse(t, "39.1 (83067)")}, Reason: "security fix",
		RequestedBy: "Ana", ApprovedBy: "Bo", ApprovedOn: noon.AddDate(0, 0, -1), Expires: noon.Add(time.Hour)}
}

// waiverCases are waivers of an upgrade of Test to 39.1 (83067), two majors ahead, and what is wrong with them.
var waiverCases = []struct {
	name   string
	change func(*policy.Waiver)
	waives bool
	fault  string
}{
	{"valid", func(*policy.Waiver) {}, true, ""},
	{"by rule", func(w *policy.Waiver) { w.Rule = policy.RuleMajor }, true, ""},
	{"any build of the release", func(w *policy.Waiver) { w.Versions[0].Build = "" }, true, ""},
	{"build not normalised", func(w *policy.Waiver) { w.Versions[0].Build = "83067" }, true, ""},
	{"one of three versions", func(w *policy.Waiver) {
		w.Versions = []policy.Version{{Major: 39}, {Major: 39, Minor: 1}, {Major: 39, Minor: 2}}
	}, true, ""},
	{"the longest allowed", func(w *policy.Waiver) { w.Expires = w.ApprovedOn.Add(policy.MaxWaiverTime) }, true, ""},
	{"another build", func(w *policy.Waiver) { w.Versions[0].Build = "83068" }, false, ""},
	{"another target", func(w *policy.Waiver) { w.Versions[0].Minor = 2 }, false, ""},
	{"another environment", func(w *policy.Waiver) { w.Environment = policy.Production }, false, ""},
	{"another clause", func(w *policy.Waiver) { w.Clause = "POL-3" }, false, ""},
	{"no version", func(w *policy.Waiver) { w.Versions = nil }, false, "too broad: it names 0 versions"},
	{"four versions", func(w *policy.Waiver) { w.Versions = make([]policy.Version, 4) }, false, "too broad: it names 4 versions"},
	{"a version that is none", func(w *policy.Waiver) { w.Versions = append(w.Versions, policy.Version{}) }, false, "one of its versions is none"},
	{"no environment", func(w *policy.Waiver) { w.Environment = "" }, false, `too broad: "" is not one environment`},
	{"both environments", func(w *policy.Waiver) { w.Environment = "*" }, false, `too broad: "*" is not one environment`},
	{"several rules", func(w *policy.Waiver) { w.Clause = "POL-1" }, false, "too broad: POL-1 has several rules; name one: promise-kept or soak"},
	{"expired", func(w *policy.Waiver) { w.Expires = noon }, false, "it expired at 2026-11-23T12:00:00Z"},
	{"no expiry", func(w *policy.Waiver) { w.Expires = time.Time{} }, false, "too broad: it never expires"},
	{"too long", func(w *policy.Waiver) { w.Expires = w.ApprovedOn.Add(policy.MaxWaiverTime + 1) }, false, "too broad: it expires more than 90 days after"},
	{"approved in future", func(w *policy.Waiver) { w.ApprovedOn = noon.Add(1) }, false, "it is approved only on"},
	{"approval without a date", func(w *policy.Waiver) { w.ApprovedOn = time.Time{} }, false, "does not say when it was approved"},
	{"own requester", func(w *policy.Waiver) { w.RequestedBy, w.ApprovedBy = "Ana  Li", " ana li " }, false, "another person must approve"},
	{"no approver", func(w *policy.Waiver) { w.ApprovedBy = "" }, false, "it lacks an approver"},
	{"no requester", func(w *policy.Waiver) { w.RequestedBy = "" }, false, "it lacks a requester"},
	{"no reason", func(w *policy.Waiver) { w.Reason = "\t" }, false, "it lacks a reason"},
	{"no id", func(w *policy.Waiver) { w.ID = "" }, false, "it lacks an id"},
	{"no clause", func(w *policy.Waiver) { w.Clause = "" }, false, "it lacks a clause"},
	{"all clauses", func(w *policy.Waiver) { w.Clause = "POL-*" }, false, `no rule guards the clause "POL-*"`},
	{"a clause that is never waived", func(w *policy.Waiver) { w.Clause = "POL-5a" }, false, "POL-5a is never waived"},
	{"a rule that is never waived", func(w *policy.Waiver) { w.Clause, w.Rule = "POL-5", policy.RuleSameBuild }, false, "same-build is never waived"},
	{"a rule of another clause", func(w *policy.Waiver) { w.Rule = policy.RuleMinor }, false, `"two-minors-ahead" is not a rule of POL-1a`},
	{"a rule that is none", func(w *policy.Waiver) { w.Rule = "soon" }, false, `"soon" is not a rule of POL-1a`},
}

func TestWaive(t *testing.T) {
	target := *parse(t, "39.1 (83067)")
	fs := policy.CheckPromotion(policy.Proposal{Environment: policy.Test, Test: parse(t, "38"), Production: parse(t, "36"), Target: &target})
	for _, c := range waiverCases {
		w := validWaiver(t)
		c.change(&w)
		got, used := fs.Waive([]policy.Waiver{w}, policy.Test, target, noon)
		if (got[0].Status == policy.Waived) != c.waives || len(used) == 1 != c.waives || fs[0].Status != policy.Fail {
			t.Errorf("%s: %v, used %v; the findings given: %v", c.name, got[0], used, fs[0])
		}
		err := w.Check(noon)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v, want %q", c.name, err, c.fault)
		}
	}
}

func TestWaiverLiftsOneRuleOfItsClause(t *testing.T) {
	target := *parse(t, "39.1 (83067)")
	w := validWaiver(t)
	w.Clause, w.Rule = "POL-1", policy.RuleSoak
	fs := append(policy.Findings{policy.CheckSoak(time.Time{}, 0, noon)},
		policy.CheckPromises([]policy.Promise{{Target: target}}, &target, parse(t, "39"), noon)...)
	got, used := fs.Waive([]policy.Waiver{w}, policy.Test, target, noon)
	if diff := cmp.Diff([]string{"soak waived", "promise-kept fail", "skew fail"}, notPassed(got)); diff != "" || len(used) != 1 {
		t.Errorf("%s, used %v", diff, used)
	}
}

func TestVoidWaiverSaysAllThatIsWrong(t *testing.T) {
	err := policy.Waiver{RequestedBy: "Ana", ApprovedBy: "Ana"}.Check(noon)
	for _, want := range []string{"an id", "a clause", "a reason", "another person", "one environment", "0 versions", "never expires", "when it was approved"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// Every rule that is not waivable stays as it is, whatever its clause, status and waiver.
func TestSomeRulesAreNeverWaived(t *testing.T) {
	target := *parse(t, "39.1 (83067)")
	for _, r := range policy.Rules() {
		w := validWaiver(t)
		w.Clause, w.Rule = r.Clause, r.Name
		fs := policy.Findings{{Clause: r.Clause, Rule: r.Name, Class: policy.Must, Status: policy.Unknown}}
		got, used := fs.Waive([]policy.Waiver{w}, policy.Test, target, noon)
		if lifted := got[0].Status == policy.Waived; lifted != r.Waivable || len(used) == 1 != r.Waivable || (w.Check(noon) == nil) != r.Waivable {
			t.Errorf("%s: %v, %v", r.Name, got, w.Check(noon))
		}
	}
}

const waiverFile = `version: 1
waivers:
  - id: W-7
    clause: POL-1
    rule: soak
    environment: production
    versions: [39.10, "40 (84001)"]
    reason: "a fix: at once"
    requested_by: Ana
    approved_by: Bo
    approved_on: 2026-11-20
    expires: 2026-12-20
    amends_guide: yes
`

func TestParseWaivers(t *testing.T) {
	got, err := policy.ParseWaivers([]byte(waiverFile))
	want := []policy.Waiver{{ID: "W-7", Clause: "POL-1", Rule: "soak", Environment: policy.Production, Versions: []policy.Version{*parse(t, "39.10"), *parse(t, "40 (84001)")},
		Reason: "a fix: at once", RequestedBy: "Ana", ApprovedBy: "Bo", AmendsGuide: true,
		ApprovedOn: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Expires: time.Date(2026, 12, 21, 0, 0, 0, 0, time.UTC)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := policy.ParseWaivers([]byte("version: 1\n")); got != nil || err != nil {
		t.Errorf("no waivers: %v, %v", got, err)
	}
}

func TestParseWaiversRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "amends_guide: yes", "amends_guide: yes\n    until: later", "line 14: waivers[0].until: unknown key; known here: amends_guide, approved_by,"},
		{"unknown key at the top", "version: 1", "version: 1\nwaiver: none", "line 2: waiver: unknown key; known here: version, waivers"},
		{"missing key", "    expires: 2026-12-20\n", "", "line 3: waivers[0].expires: missing"},
		{"no guide", "    amends_guide: yes\n", "", "line 3: waivers[0].amends_guide: missing"},
		{"empty", "reason: \"a fix: at once\"", "reason: ' '", "line 8: waivers[0].reason: is empty"},
		{"nothing", "reason: \"a fix: at once\"", "reason:", "line 8: waivers[0].reason: expected one value"},
		{"control character", "a fix: at once", `a\u001bfix`, "line 8: waivers[0].reason: holds a control character"},
		{"neither yes nor no", "amends_guide: yes", "amends_guide: perhaps", `line 13: waivers[0].amends_guide: "perhaps" is neither yes nor no`},
		{"wildcard", "39.10,", `"*",`, `line 7: waivers[0].versions[0]: "*" is too broad`},
		{"pattern", "39.10,", `39.x,`, `"39.x" is too broad`},
		{"any version", "39.10,", `any,`, `"any" is too broad`},
		{"no such version", "39.10,", `soon,`, `"soon" is not a version`},
		{"no version", `[39.10, "40 (84001)"]`, `[]`, "line 3: waivers[0].versions: missing: a list of one or more"},
		{"one version", `[39.10, "40 (84001)"]`, `39.10`, "line 7: waivers[0].versions: expected a list"},
		{"a list in a list", `[39.10,`, `[[39.10],`, "line 7: waivers[0].versions[0]: expected one value"},
		{"no day", "2026-12-20", "2026-12-32", `line 12: waivers[0].expires: "2026-12-32" is not a day such as`},
		{"no year", "2026-12-20", "9999-12-20", "the year 9999 is out of the question"},
		{"another version of the file", "version: 1", "version: 2", "line 1: version: must be 1"},
		{"no version of the file", "version: 1\n", "", "line 1: version: missing"},
		{"version of the file is text", "version: 1", "version: one", `line 1: version: "one" is not a whole number`},
		{"a key twice", "clause: POL-1", "clause: POL-1\n    clause: POL-5", "line 5: waivers[0].clause: given twice, first in line 4"},
		{"a merge key", "clause: POL-1", "clause: POL-1\n    <<: {}", "line 5: waivers[0]: a key must be a plain word"},
		{"an alias", "clause: POL-1\n    rule: soak", "clause: &c POL-1\n    rule: *c", "line 5: waivers[0].rule: expected one value"},
		{"not a mapping", "- id: W-7\n", "- W-6\n  - id: W-7\n", "line 3: waivers[0]: expected keys and values"},
		{"not YAML", "version: 1", "version: [", "not valid YAML: "},
		{"two documents", "    amends_guide: yes\n", "    amends_guide: yes\n---\nversion: 1\n", "line 14: there is a second document after ---; give one"},
		{"a duplicate id", waiverFile, waiverFile + strings.SplitN(waiverFile, "waivers:\n", 2)[1], `line 14: waivers[1].id: "W-7" is given twice`},
		{"an empty file", waiverFile, "", "line 1: the file is empty"},
		{"only a comment", waiverFile, "# none\n", "line 1: the file is empty"},
		{"a list", waiverFile, "[]", "line 1: expected keys and values"},
		{"waivers without any", waiverFile, "version: 1\nwaivers:\n", "line 2: waivers: expected a list, found nothing; leave the key out instead"},
		{"too long", waiverFile, strings.Repeat("#", 1<<20+1), "more than 1048576"},
	} {
		text := strings.Replace(waiverFile, c.old, c.new, 1)
		got, err := policy.ParseWaivers([]byte(text))
		if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestParseWaiversReportsEveryFaultInOrder(t *testing.T) {
	text := strings.NewReplacer("id: W-7", "id: ''", "expires: 2026-12-20", "expires: never", "clause: POL-1\n", "claus: POL-1\n").Replace(waiverFile)
	_, err := policy.ParseWaivers([]byte(text))
	want := "line 3: waivers[0].id: is empty\nline 3: waivers[0].clause: missing\nline 4: waivers[0].claus: unknown key"
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "\nline 12: waivers[0].expires:") {
		t.Errorf("%v", err)
	}
}

func FuzzWaivers(f *testing.F) {
	f.Add([]byte(waiverFile))
	f.Add([]byte("version: 1\nwaivers: []\n"))
	f.Add([]byte("version: 1\nwaivers:\n  - {id: *a}\n"))
	f.Add([]byte("{version: 1, waivers: [{id: &a x, reason: \"\\u2028|\\x85\", <<: *a}]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := policy.ParseWaivers(data)
		if err != nil {
			if first != nil {
				t.Errorf("waivers beside an error: %v", first)
			}
			return
		}
		for _, w := range first {
			_ = w.Check(noon)
		}
		written, err := policy.FormatWaivers(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := policy.ParseWaivers(written)
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%s\n%s", diff, written)
		}
	})
}
