package features_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func (w *world) policySteps() []step {
	return []step{
		{`^Test must have run a version for (\d+) days before Production follows$`, w.soak},
		{`^Test runs another build of version (\S+)$`, w.otherBuild},
		{`^Test runs version (\S+) and Production runs version (\S+)$`, w.versions},
		{`^an exception to (\S+) is documented by "([^"]*)", because "([^"]*)"$`, w.exception},
		{`^it is not recorded where the checksum was read$`, func() { w.tweak(func(c *upgrade.Config) { c.Package.ChecksumSource = "" }) }},
		{`^the checksum on Pexip's download page is another one$`, func() { w.tweak(func(c *upgrade.Config) { c.Package.SHA256 = strings.Repeat("0", 64) }) }},
		{`^the file at hand holds version (\S+) instead$`, func(release string) { w.otherFile(release, packageSize) }},
		{`^the file has been replaced since by another one of version (\S+)$`, func(release string) { w.otherFile(release, packageSize+1) }},
		{`^the package holds version (\S+)$`, w.packageHolds},
		{`^the releases (\S+) are listed in the configuration$`, w.releases},
	}
}

// build makes up a build number for a release, the same each time.
func build(release string) string {
	v, err := policy.ParseVersion(release)
	if err != nil {
		return release // the process will say what is wrong with it
	}
	return fmt.Sprint(70000 + 300*v.Major + 10*v.Minor)
}

func installed(release, build string) string { return fmt.Sprintf("%s (%s.0.0)", release, build) }

func (w *world) versions(test, production string) {
	w.options.TestVersion, w.options.ProductionVersion = installed(test, build(test)), installed(production, build(production))
}

func (w *world) otherBuild(release string) {
	w.options.TestVersion = installed(release, build(release)+"9")
}

func (w *world) packageHolds(release string) {
	w.options.Target, w.options.Build = release, build(release)
}

// otherFile swaps the content of the package; its name and the target stay.
func (w *world) otherFile(release string, size int64) {
	w.later(func() (err error) {
		out, err := os.Create(w.cfg.Package.File)
		if err != nil {
			return err
		}
		defer out.Close()
		w.cfg.Package.SHA256, err = pexiptest.WritePackage(out, size, release, build(release))
		return err
	})
}

func (w *world) releases(list string) error {
	var all []policy.Version
	for text := range strings.SplitSeq(list, ",") {
		v, err := policy.ParseVersion(text)
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	w.tweak(func(c *upgrade.Config) { c.Policy.Releases = all })
	return nil
}

func (w *world) exception(rule, by, reason string) {
	w.tweak(func(c *upgrade.Config) {
		c.Policy.Acknowledge = append(c.Policy.Acknowledge, policy.Acknowledgement{Rule: rule, By: by, Reason: reason})
	})
}

func (w *world) soak(days int) {
	w.tweak(func(c *upgrade.Config) { c.Policy.Soak = time.Duration(days) * 24 * time.Hour })
}
