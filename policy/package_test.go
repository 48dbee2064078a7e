package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

const page = "https://www.pexip.com/help-center/platform-download"

func TestCheckPackage(t *testing.T) {
	sum, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	good := policy.PackageFacts{SHA256: sum, PublishedSHA256: sum, ChecksumSource: page, Target: parse(t, "39.1 (83067)"), NameVersion: "39.1", NameBuild: "83067"}
	with := func(change func(*policy.PackageFacts)) policy.PackageFacts { p := good; change(&p); return p }
	for _, c := range []struct {
		name  string
		facts policy.PackageFacts
		want  []string
	}{
		{"all in order", good, nil},
		{"either case, white space", with(func(p *policy.PackageFacts) { p.PublishedSHA256 = " " + strings.ToUpper(sum) + "\n" }), nil},
		{"no checksum", with(func(p *policy.PackageFacts) { p.PublishedSHA256 = " " }), []string{"checksum-given fail", "checksum-well-formed unknown", "checksum-matches unknown"}},
		{"too short", with(func(p *policy.PackageFacts) { p.PublishedSHA256 = sum[1:] }), []string{"checksum-well-formed fail", "checksum-matches unknown"}},
		{"too long", with(func(p *policy.PackageFacts) { p.PublishedSHA256 = sum + "ab" }), []string{"checksum-well-formed fail", "checksum-matches unknown"}},
		{"not hexadecimal", with(func(p *policy.PackageFacts) { p.PublishedSHA256 = strings.Repeat("xy", 32) }), []string{"checksum-well-formed fail", "checksum-matches unknown"}},
		{"another file", with(func(p *policy.PackageFacts) { p.SHA256 = other }), []string{"checksum-matches fail"}},
		{"file not hashed", with(func(p *policy.PackageFacts) { p.SHA256 = "" }), []string{"checksum-matches unknown"}},
		{"both missing are not equal", policy.PackageFacts{}, []string{"checksum-given fail", "checksum-well-formed unknown", "checksum-matches unknown", "checksum-source fail", "checksum-from-pexip fail", "file-name unknown"}},
		{"source not recorded", with(func(p *policy.PackageFacts) { p.ChecksumSource = "" }), []string{"checksum-source fail", "checksum-from-pexip fail"}},
		{"source elsewhere", with(func(p *policy.PackageFacts) { p.ChecksumSource = "https://pexip.com.example.org/" }), []string{"checksum-from-pexip fail"}},
		{"source over http", with(func(p *policy.PackageFacts) { p.ChecksumSource = "http://www.pexip.com/" }), []string{"checksum-from-pexip fail"}},
		{"source not a URL", with(func(p *policy.PackageFacts) { p.ChecksumSource = "change \x7f 17" }), []string{"checksum-from-pexip fail"}},
		{"name tells another version", with(func(p *policy.PackageFacts) { p.NameVersion = "39" }), []string{"file-name fail"}},
		{"name tells another build", with(func(p *policy.PackageFacts) { p.NameBuild = "83066" }), []string{"file-name fail"}},
		{"name tells no build", with(func(p *policy.PackageFacts) { p.NameBuild = "" }), nil},
		{"name tells nothing", with(func(p *policy.PackageFacts) { p.NameVersion, p.NameBuild = "", "" }), []string{"file-name unknown"}},
		{"name tells nonsense", with(func(p *policy.PackageFacts) { p.NameVersion = "latest" }), []string{"file-name unknown"}},
		{"name tells a nonsense build", with(func(p *policy.PackageFacts) { p.NameBuild = "latest" }), []string{"file-name unknown"}},
		{"target unknown", with(func(p *policy.PackageFacts) { p.Target = nil }), []string{"file-name unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := policy.CheckPackage(c.facts)
			if diff := cmp.Diff(c.want, notPassed(fs)); diff != "" {
				t.Errorf("not passed (-want +got):\n%s", diff)
			}
			for _, f := range fs {
				if (f.Rule == policy.RuleFileName || f.Rule == policy.RuleChecksumFromPage) && f.Blocks() {
					t.Errorf("advice blocks: %+v", f)
				}
			}
		})
	}
}

func TestCheckReported(t *testing.T) {
	expected := *parse(t, "39.1 (83067)")
	for _, c := range []struct {
		name     string
		expected policy.Version
		versions []string
		want     []string
	}{
		{"all there", expected, []string{"39.1 (83067.0.0)", "39.1.0 (83067.0.0)"}, nil},
		{"no node", expected, nil, []string{"reported-version unknown"}},
		{"one is behind", expected, []string{"39.1 (83067.0.0)", "38 (81931.0.0)"}, []string{"reported-version fail"}},
		{"another build", expected, []string{"39.1 (83066.0.0)"}, []string{"reported-version fail"}},
		{"another release of the build", expected, []string{"39 (83067.0.0)"}, []string{"reported-version fail"}},
		{"no build reported", expected, []string{"39.1"}, []string{"reported-version unknown"}},
		{"no build expected", *parse(t, "39.1"), []string{"39.1 (83067.0.0)"}, []string{"reported-version unknown"}},
		{"nothing reported", expected, []string{""}, []string{"reported-version unknown"}},
		{"nonsense reported", expected, []string{"<html>" + strings.Repeat("x", 200)}, []string{"reported-version unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var nodes []policy.NodeVersion
			for i, v := range c.versions {
				nodes = append(nodes, policy.NodeVersion{Node: string(rune('a' + i)), Version: v})
			}
			fs := policy.CheckReported(c.expected, nodes)
			if diff := cmp.Diff(c.want, notPassed(fs)); diff != "" {
				t.Errorf("not passed (-want +got):\n%s", diff)
			}
			if len(fs.Blocking()) != len(c.want) || len(fs.Text()) > 600 {
				t.Errorf("%s", fs.Text())
			}
		})
	}
}

func notPassed(fs policy.Findings) []string {
	var got []string
	for _, f := range fs {
		if f.Status != policy.Pass {
			got = append(got, f.Rule+" "+string(f.Status))
		}
	}
	return got
}
