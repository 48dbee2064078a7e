//go:build unix

package awake

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The fakes keep their list in the file LIST, as the system does in its memory; LATE lines of it stay
// behind after the release.
const (
	fakeInhibit = `#!/bin/sh
if [ "$1" = --list ]; then
	[ -e "$LIST.broken" ] && { echo "Failed to list inhibitors: no bus" >&2; exit 1; }
	echo "WHO UID USER PID COMM WHAT WHY MODE"
	echo "ModemManager 0 root 99 ModemManager sleep ModemManager needs to reset devices delay"
	cat "$LIST" 2>/dev/null
	exit 0
fi
what=${1#--what=}; mode=${2#--mode=}; who=${3#--who=}; why=${4#--why=}
shift 4
[ -e "$LIST.mute" ] || echo "$who 1000 ann $$ systemd-inhibit sleep:idle:handle-lid-switch $why $mode" >>"$LIST"
"$@"
[ -e "$LIST.late" ] || rm -f "$LIST"
`
	fakeCaffeinate = `#!/bin/sh
shift 2
echo "   pid $$(caffeinate): [0x0000a9f5000187c4] 00:00:00 PreventUserIdleSystemSleep named: \"caffeinate command-line tool\"" >>"$LIST"
"$@"
rm -f "$LIST"
`
	fakePmset = `#!/bin/sh
echo "Listed by owning process:"
echo "   pid 99(caffeinate): [0x0000a9f5000187c5] 00:00:00 PreventUserIdleSystemSleep named: \"another one\""
cat "$LIST" 2>/dev/null
exit 0
`
)

// fakes puts the programs of the systems on the path, before the real ones. It returns the list's file.
func fakes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"systemd-inhibit": fakeInhibit, "caffeinate": fakeCaffeinate, "pmset": fakePmset} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	list := filepath.Join(dir, "list")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("LIST", list)
	return list
}

// PRE-4: what keeps the machine awake is seen in the system's own list, and seen gone after the release.
func TestAwakeIsVerified(t *testing.T) {
	for system, by := range map[string]string{"linux": "a logind inhibitor", "darwin": "a caffeinate assertion"} {
		list := fakes(t)
		l := lock(helpers[system].keep("uploading the upgrade"))
		if !l.Kept || !l.Verified || l.How != "kept awake by "+by+", seen active" {
			t.Errorf("%s: %+v", system, l)
		}
		if text, err := os.ReadFile(list); err != nil || system == "linux" && !strings.Contains(string(text), "pexip-upgrade 1000 ann") {
			t.Errorf("%s: list %q, %v", system, text, err)
		}
		for range 2 {
			if got := l.Release(); got != "kept awake by "+by+", seen active; seen released" {
				t.Errorf("%s: %s", system, got)
			}
		}
		if _, err := os.Stat(list); err == nil {
			t.Errorf("%s: not released", system)
		}
	}
}

// The system took the request but does not show it, or cannot be asked, or shows it for too long: the
// record says so.
func TestAwakeThatIsNotVerifiedSaysSo(t *testing.T) {
	for trouble, want := range map[string]string{
		"mute":   "kept awake by a logind inhibitor, not verified (the system does not list it); released, not verified",
		"broken": "kept awake by a logind inhibitor, not verified (systemd-inhibit --list --no-pager: exit status 1); released, not verified",
		"late":   "kept awake by a logind inhibitor, seen active; released, but not seen so (the system still lists it)",
	} {
		list := fakes(t)
		if err := os.WriteFile(list+"."+trouble, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h, how, err := helpers["linux"].keep("a test")
		if trouble == "mute" {
			h.limit = time.Millisecond
		}
		l := lock(h, how, err)
		h.limit = time.Millisecond
		if !l.Kept || l.Verified != (trouble == "late") {
			t.Errorf("%s: %+v", trouble, l)
		}
		if got := l.Release(); got != want {
			t.Errorf("%s: %s\nwant %s", trouble, got, want)
		}
	}
}

func TestAwakeIsImpossible(t *testing.T) {
	t.Setenv("PATH", "")
	for system, h := range helpers {
		l := lock(h.keep("a test"))
		if want := fmt.Sprintf("not kept awake (%s is not installed); see to it by hand", h.name); l.Kept || l.Verified || l.How != want || l.Release() != want {
			t.Errorf("%s: %+v", system, l)
		}
	}
}

func TestHelperThatCannotHoldIsAnError(t *testing.T) {
	if _, _, err := hold("sh", "-c", "exit 1"); err == nil || !strings.Contains(err.Error(), "it ended at once") {
		t.Errorf("%v", err)
	}
}

func TestKeepAlwaysSaysHow(t *testing.T) {
	l := Keep("a test")
	defer l.Release()
	if !strings.Contains(l.How, "awake") || strings.Contains(l.How, "not kept") == l.Kept || l.Verified && !l.Kept {
		t.Errorf("%+v", l)
	}
}
