package upgrade_test

import (
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func TestOverrideReportsAllFaultsAndChangesNothing(t *testing.T) {
	s := newStage(t, upgradetest.Options{})
	before := s.cfg.Package
	err := s.cfg.Override(upgrade.PackageOverrides{File: "no-such-file", SHA256: "12", Version: "new", Build: "x"})
	for _, want := range []string{"no-such-file", "-sha256", "-version", "-build"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	if s.cfg.Package != before {
		t.Errorf("changed to %+v", s.cfg.Package)
	}
	if err := s.cfg.Override(upgrade.PackageOverrides{Version: "40", Build: "90000"}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.cfg.Package.Target(); err != nil || v.String() != "40 (90000.0.0)" {
		t.Errorf("target %s, %v", v, err)
	}
}
