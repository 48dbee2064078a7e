package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// parse reads a version that the test knows to be good; "" is nil, a version nobody could find out.
func parse(t testing.TB, s string) *policy.Version {
	t.Helper()
	if s == "" {
		return nil
	}
	v, err := policy.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestParseVersion(t *testing.T) {
	for in, want := range map[string]policy.Version{
		"38 (81931.0.0)":       {Major: 38, Build: "81931.0.0"},
		"24 (55691.0.0)":       {Major: 24, Build: "55691.0.0"},
		"v39.1":                {Major: 39, Minor: 1},
		"39.1.0 (83067.0.0)":   {Major: 39, Minor: 1, Build: "83067.0.0"},
		"39.1(83067)":          {Major: 39, Minor: 1, Build: "83067.0.0"},
		"36":                   {Major: 36},
		"25.4":                 {Major: 25, Minor: 4},
		"39.10":                {Major: 39, Minor: 10},
		"39.1.2":               {Major: 39, Minor: 1, Patch: 2},
		"  36.1\n":             {Major: 36, Minor: 1},
		"30.0.0 (27.4.1.1234)": {Major: 30, Build: "27.4.1.1234"},
		"038":                  {Major: 38},
	} {
		got, err := policy.ParseVersion(in)
		if err != nil || got != want {
			t.Errorf("ParseVersion(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseVersionRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "v", "V39", "version 39", "39.", ".39", "39..1", "39.1.2.3", "-39", "+39", "39,1", "39.x",
		"0", "0.1", "83067", "83067.0.0.0", "9999999", "39 ()", "39 (.)", "39 (1..2)", "39 (a)", "39 (83067.0.0", "39 83067.0.0)",
		"39 (1.2.3.4.5)", "39 (0.0.0)", "39 (9999999999)", "39\n1", "٣٩", "39.1 (83067.0.0) beta", "<html>",
	} {
		if v, err := policy.ParseVersion(in); err == nil {
			t.Errorf("ParseVersion(%q) = %v, want an error", in, v)
		} else if v != (policy.Version{}) {
			t.Errorf("ParseVersion(%q) gave %v beside its error", in, v)
		}
	}
}

func TestParseBuild(t *testing.T) {
	for in, want := range map[string]string{
		"83067": "83067.0.0", "83067.0": "83067.0.0", "83067.0.0": "83067.0.0", "83067.0.0.0": "83067.0.0",
		" 83067 ": "83067.0.0", "083067": "83067.0.0", "27.4.1.1234": "27.4.1.1234",
	} {
		if got, err := policy.ParseBuild(in); err != nil || got != want {
			t.Errorf("ParseBuild(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", ".", "0", "83067.", "v83067", "83067-0-0", "1.2.3.4.5", "12345678901"} {
		if got, err := policy.ParseBuild(in); err == nil {
			t.Errorf("ParseBuild(%q) = %q, want an error", in, got)
		}
	}
}

func TestVersionIsPrintedAsNodesPrintIt(t *testing.T) {
	for in, want := range map[string]string{
		"38":                 "38",
		"38.0.0":             "38",
		"v39.1":              "39.1",
		"39.0.2":             "39.0.2",
		"39.1.0 (83067.0.0)": "39.1 (83067.0.0)",
	} {
		if got := parse(t, in).String(); got != want {
			t.Errorf("%q is printed as %q, want %q", in, got, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b                      string
		order                     int
		sameRelease, sameSoftware bool
	}{
		{"39.1", "39.1.0", 0, true, false},
		{"39.1 (83067)", "39.1.0 (83067.0.0)", 0, true, true},
		{"39.1 (83067)", "39.1 (83068)", 0, true, false},
		{"39.1 (83067)", "39.1", 0, true, false},
		{"39.2", "39.10", -1, false, false},
		{"38.9", "39", -1, false, false},
		{"39.0.1", "39", 1, false, false},
		{"39 (83067)", "39.1 (83067)", -1, false, true},
	} {
		a, b := *parse(t, c.a), *parse(t, c.b)
		if a.Compare(b) != c.order || b.Compare(a) != -c.order {
			t.Errorf("Compare(%s, %s) = %d and back %d, want %d", a, b, a.Compare(b), b.Compare(a), c.order)
		}
		if a.SameRelease(b) != c.sameRelease || a.SameSoftware(b) != c.sameSoftware || b.SameSoftware(a) != c.sameSoftware {
			t.Errorf("%s and %s: same release %v, same software %v", a, b, a.SameRelease(b), a.SameSoftware(b))
		}
	}
}

func TestBuildGivenByHandNeedNotBeNormalised(t *testing.T) {
	byHand := policy.Version{Major: 39, Minor: 1, Build: "83067"}
	if !byHand.SameSoftware(*parse(t, "39.1 (83067.0.0)")) {
		t.Error("83067 and 83067.0.0 differ")
	}
	if (policy.Version{Build: "?"}).SameSoftware(policy.Version{Build: "?"}) {
		t.Error("two unreadable builds count as the same software")
	}
	if _, err := byHand.WithBuild("x"); err == nil {
		t.Error("a bad build was accepted")
	}
}

func TestVersionSurvivesJSON(t *testing.T) {
	in := []policy.Version{*parse(t, "39.1 (83067)"), {}, *parse(t, "36")}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `["39.1 (83067.0.0)","","36"]` {
		t.Fatalf("%s, %v", text, err)
	}
	var out []policy.Version
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`["soon"]`), &out); err == nil {
		t.Error("a word was read as a version")
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"38 (81931.0.0)", "v39.1", "36", "39.1.0 (83067)", "0", "39 (", "999.999999.999999 (1.2.3.4)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := policy.ParseVersion(s)
		if err != nil {
			return
		}
		again, err := policy.ParseVersion(v.String())
		if err != nil || again != v {
			t.Errorf("%q reads as %+v, printed and read again as %+v, %v", s, v, again, err)
		}
		if v.Compare(again) != 0 || v.Build != "" && !v.SameSoftware(again) {
			t.Errorf("%v is not equal to itself", v)
		}
	})
}
