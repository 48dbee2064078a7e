//go:build unix

package awake

import (
	"strings"
	"testing"
)

func TestHoldWaitsForTheHelperAndReleasesIt(t *testing.T) {
	release, err := hold("sh", "-c", "echo held; exec cat >/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	release() // ends only if the helper ends with its input
}

func TestHelperThatCannotHoldIsAnError(t *testing.T) {
	for name, args := range map[string][]string{"sh": {"-c", "exit 1"}, "no-such-program-here": nil} {
		if _, err := hold(name, args...); err == nil {
			t.Errorf("%s %v: no error", name, args)
		}
	}
}

func TestKeepAlwaysSaysHow(t *testing.T) {
	release, how, kept := Keep("a test")
	defer release()
	if !strings.Contains(how, "awake") || strings.Contains(how, "not kept") == kept {
		t.Errorf("how = %q, kept %t", how, kept)
	}
}
