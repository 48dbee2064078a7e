package automation_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/examples/internal/automation"
)

var folder = filepath.Join("..", "..")

// unitLine is what may stand in a file of systemd: a section, a setting, a comment, nothing.
var unitLine = regexp.MustCompile(`^(\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.+|#.*|)$`)

func TestFilesAreWellFormed(t *testing.T) {
	files, err := automation.Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(file) {
		case ".yml":
			var doc map[string]any
			if err := yaml.Unmarshal(raw, &doc); err != nil || doc["trigger"] != "none" || doc["steps"] == nil && doc["stages"] == nil {
				t.Errorf("%s: %v, trigger %v", file, err, doc["trigger"])
			}
		case ".xml":
			if err := wellFormed(string(raw)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		case ".service", ".timer":
			for line := range strings.Lines(string(raw)) {
				if !unitLine.MatchString(strings.TrimSpace(line)) {
					t.Errorf("%s: %q", file, line)
				}
			}
		}
	}
}

func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// What the tests of the commands rely on: the calls are found, with their flags.
func TestCallsAreFound(t *testing.T) {
	got := map[string]bool{}
	for _, program := range []string{"upgrade", "policycheck"} {
		calls, err := automation.Calls(folder, program)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range calls {
			got[strings.TrimSpace(filepath.Base(strings.Split(c.File, ":")[0])+" "+c.Command)+" -"+strings.Join(c.Flags, " -")] = true
		}
	}
	for _, want := range []string{
		"policy-gate.yml -config -environment -output",
		"upgrade.yml plan -config -environment -output",
		"upgrade.yml run -config -environment -answers -prompt -output",
		"upgrade.yml settle -config -environment -prompt -output -reason",
		"sweep.yml sweep -config -silent -reason",
		"pexip-upgrade-sweep.service sweep -config -silent -reason",
		"pexip-upgrade-serve.service serve -config -listen -tls-cert -tls-key -token-file",
		"sweep.xml sweep -config -silent -reason"} {
		if !got[want] {
			t.Errorf("no call %q in %v", want, got)
		}
	}
}
