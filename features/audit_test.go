package features_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// technical is what has no place in a document for the people who carry the upgrades out.
var technical = []struct {
	what string
	form *regexp.Regexp
}{
	{"an address", regexp.MustCompile(`(?i)\w+://\S*|\bwww\.|\b(com|org|net|local)/`)},
	{"a method of HTTP", regexp.MustCompile(`\b(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b`)},
	{"a status code of HTTP", regexp.MustCompile(`\b(20[0-6]|30[1-8]|4(0\d|1[0-8]|2[1-9])|50[0-4])\b|\b\dxx\b`)},
	{"JSON", regexp.MustCompile(`[{}]|\[[^\]]*"|"\s*:\s*["\d]|(?i)\bjson\b`)},
	{"a file or path", regexp.MustCompile(`(^|[\s"(])(~|\.{0,2})/\w|\w/\w+/|\\\w|(?i)\.(ya?ml|jsonl?|tar|go|pem|key|md|txt|log|sh|xml)\b`)},
	{"a name of the code", regexp.MustCompile(`\w\(\)|\w_\w|\b[a-z]+[A-Z]\w*\b|\b[a-z]+\.[a-z]{2,}\b|::|\bnil\b`)},
}

// audit returns what is wrong with the lines of a feature, each as line: reason: text.
func audit(text string) []string {
	var faults []string
	for i, line := range strings.Split(text, "\n") {
		for _, t := range technical {
			if found := t.form.FindString(line); found != "" {
				faults = append(faults, fmt.Sprintf("%d: holds %s (%q): %s", i+1, t.what, strings.TrimSpace(found), strings.TrimSpace(line)))
			}
		}
	}
	return faults
}

// TestFeaturesAreForOperators: no line of a feature needs a programmer, and below each title stand the sentences of
// the clauses that the section is made of.
func TestFeaturesAreForOperators(t *testing.T) {
	files, err := filepath.Glob("*.feature")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d features, %v", len(files), err)
	}
	var all strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range audit(string(raw)) {
			t.Errorf("%s:%s", file, fault)
		}
		head, _, _ := strings.Cut(string(raw), "\n  Background:")
		all.WriteString(head)
		if sections := sectionsOf(head); len(sections) != 1 {
			t.Errorf("%s: below its title stand clauses of the sections %q, wanted one", file, sections)
		}
	}
	for _, c := range upgrade.Clauses {
		if line := "\n  " + c.ID + ": " + c.Text + "\n"; strings.Count(all.String(), line) != 1 {
			t.Errorf("not once below the title of a feature: %s: %s", c.ID, c.Text)
		}
	}
}

func sectionsOf(head string) []string {
	var sections []string
	for _, c := range upgrade.Clauses {
		if strings.Contains(head, "\n  "+c.ID+": ") && !slices.Contains(sections, c.Section) {
			sections = append(sections, c.Section)
		}
	}
	return sections
}

// What the audit looks for it finds, and it takes nothing else for it.
func TestAuditFindsWhatIsTechnical(t *testing.T) {
	for line, want := range map[string]string{
		"When https://mgr.example is asked":                       "an address",
		"Then dev.azure.com/Example shows it":                     "an address",
		"Then a PATCH changes the session timeout":                "a method of HTTP",
		"Then the Management Node answers 503":                    "a status code of HTTP",
		"Then it answers with a 5xx":                              "a status code of HTTP",
		`Given the settings are {"timeout": 0}`:                   "JSON",
		`Given the releases ["38", "39"]`:                         "JSON",
		"Given the waivers in team/policy/waivers":                "a file or path",
		"Given the package lies in ./download":                    "a file or path",
		`Given the package lies in C:\download`:                   "a file or path",
		"Given upgrade.yaml names no pipeline":                    "a file or path",
		"Given policy.soak is two weeks":                          "a name of the code",
		"Given enable_session_timeout is off":                     "a name of the code",
		"Then the queueStatus is enabled":                         "a name of the code",
		"When Decide() is called":                                 "a name of the code",
		"Then the pipeline (definition 107) is paused":            "",
		`Then "Pause the start/stop pipeline" was called 1 time`:  "",
		"Given Test runs 39.1 and 250 Conferencing Nodes are off": "",
		"And the reason says \"open port 5061; see PEX-4711\"":    "",
		"| 38,38.1,39.1 | vm-node-mgmt-core | <releases> |":       "",
	} {
		got := strings.Join(audit("Feature: F\n"+line), "\n")
		if want == "" && got != "" || want != "" && !strings.Contains(got, "2: holds "+want+" (") {
			t.Errorf("%q: %q, wanted %q", line, got, want)
		}
	}
}
