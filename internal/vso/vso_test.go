package vso_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/internal/vso"
)

func TestCommandEscapes(t *testing.T) {
	got := vso.Issue("warning", "50 % done\r\nnext] ; line", vso.Property{Name: "code", Value: "a;b]c%\n"})
	want := "##vso[task.logissue type=warning;code=a%3Bb%5Dc%AZP25%0A]50 %AZP25 done%0D%0Anext] ; line\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// whole is a command as the agent sees one; there must be none but ours.
var whole = regexp.MustCompile(`(?i)##(vso)?\[`)

func TestTextOfOthersIsNoCommand(t *testing.T) {
	hostile := []string{"##vso[task.setvariable variable=x]y", "node ##VSO[task.complete result=Succeeded]", "##[error]boom", "a\n##vso[x]y", "##vso##vso[[x]y", "####[x]"}
	for _, text := range hostile {
		for what, out := range map[string]string{
			"issue": strings.TrimPrefix(vso.Issue("error", text, vso.Property{Name: "code", Value: "c"}), "##vso["),
			"group": strings.TrimPrefix(vso.Group(text), "##["),
			"inert": vso.Inert(text),
			"write": written(t, text),
		} {
			if whole.MatchString(out) {
				t.Errorf("%s of %q is a command: %q", what, text, out)
			}
			if strings.Count(out, "\n") > 1 && what != "inert" && what != "write" {
				t.Errorf("%s of %q is more than one line: %q", what, text, out)
			}
		}
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	n, err := fmt.Fprint(vso.Writer{W: &b}, text)
	if n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	return b.String()
}
