package filelog_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

// Trap 12: a synchronised folder is noticed by its name, also through a link and before it exists.
func TestHazard(t *testing.T) {
	home := t.TempDir()
	for path, hazard := range map[string]bool{
		"journals":                        false,
		"one/drive":                       false,
		"OneDrive/journals":               true,
		"OneDrive - Contoso Ltd/journals": true,
		"Dropbox/x":                       true,
		"Google Drive/My Drive/x":         true,
		"Library/Mobile Documents/com~apple~CloudDocs/runs": true,
		"iCloud~com~example/runs":                           true,
		"onedriver/journals":                                false,
	} {
		got := filelog.Hazard(filepath.Join(home, filepath.FromSlash(path)))
		if (got != "") != hazard {
			t.Errorf("%s: %q", path, got)
		}
		if hazard && !strings.Contains(got, "synchronised") {
			t.Errorf("%s: %q does not say why", path, got)
		}
	}
}

func TestHazardBehindALink(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "OneDrive"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(home, "OneDrive"), filepath.Join(home, "work")); err != nil {
		t.Fatal(err)
	}
	if got := filelog.Hazard(filepath.Join(home, "work", "journals")); !strings.Contains(got, "synchronised") {
		t.Errorf("%q", got)
	}
}

func TestDefaultRoot(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	t.Setenv("XDG_STATE_HOME", "")
	got, err := filelog.DefaultRoot("runbooks")
	if err != nil || !filepath.IsAbs(got) || filepath.Base(got) != "runbooks" || filelog.Hazard(got) != "" {
		t.Errorf("%s, %v", got, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	if got, err := filelog.DefaultRoot("runbooks"); err != nil || got != filepath.Join(state, "runbooks") {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative") // the convention: to be ignored
	if got, err := filelog.DefaultRoot("runbooks"); err != nil || !filepath.IsAbs(got) {
		t.Errorf("%s, %v", got, err)
	}
}
