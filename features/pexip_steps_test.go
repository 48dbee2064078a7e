package features_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func (w *world) pexipSteps() []step {
	return []step{
		{`^(\d+) participants are connected to Test$`, func(n int) { w.later(func() error { return w.sim.Test.SetParticipants(n) }) }},
		{`^a Conferencing Node of Test is not in contact$`, w.outOfContact},
		{`^each environment has (\d+) Conferencing Nodes?$`, func(n int) { w.options.ConferencingNodes = n }},
		{`^every node of (Test|Production) runs version (\S+)$`, w.nodesRun},
		{`^no call reaches the VbV service of Test$`, func() { w.options.NoCall = true }},
		{`^no remote syslog server is configured for Test$`, func() { w.later(func() error { return w.sim.Test.RemoveSyslog("") }) }},
		{`^somebody else's upload lies on the Management Node of Test$`, w.foreignUpload},
		{`^the account on the Management Node of Test may only read$`, w.readOnly},
		{`^the call history of Test cannot be read$`, w.noHistory},
		{`^the connection breaks in the middle of the (\d+)\w+ part of the package$`, w.brokenPart},
		{`^the installation of the package takes days$`, w.slowUpgrade},
		{`^the location "([^"]*)" of Test does not use the remote syslog server$`, w.unwiredLocation},
		{`^the Management Node of Test does not know the caller$`, w.unknownCaller},
		{`^the Management Node of Test offers no upload in parts$`, w.noParts},
		{`^the package is uploaded by hand$`, func() { w.tweak(func(c *upgrade.Config) { c.Upload.Method = upgrade.UploadManual }) }},
		{`^the search for signs of a start ends soon$`, func() { w.tweak(func(c *upgrade.Config) { c.Waits.StartResolve = 10 * pollInterval }) }},
		{`^the session timeout of (Test|Production) is (on|off)$`, w.timeoutIs},
		{`^the session timeout of Test was switched off before$`, w.timeoutWasOff},
		{`^when "([^"]*)" begins, a new alarm is raised$`, w.newAlarm},
		{`^when "([^"]*)" begins, the login to the Management Node of Test ends$`, w.loginEnds},
	}
}

func (w *world) noHistory() {
	w.later(func() error {
		return w.sim.Test.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "/history/", Status: http.StatusForbidden})
	})
}

func (w *world) slowUpgrade() {
	w.pexip = append(w.pexip, func(o *pexiptest.Options) { o.UpgradeDuration = 1000 * 24 * time.Hour })
}

func (w *world) noParts() {
	w.pexip = append(w.pexip, func(o *pexiptest.Options) { o.NoResumableUpload = true })
}

func (w *world) unknownCaller() {
	w.later(func() error {
		other, err := os.ReadFile(w.cfg.Production.Pexip.OAuth2.PrivateKey.File)
		if err != nil {
			return err
		}
		return os.WriteFile(w.cfg.Test.Pexip.OAuth2.PrivateKey.File, other, 0o600)
	})
}

func (w *world) readOnly() {
	w.later(func() error { w.sim.Test.ReadOnlyRole(true); return nil })
}

func (w *world) unwiredLocation(name string) {
	w.later(func() error { return w.sim.Test.RemoveSyslog("location " + name) })
}

func (w *world) outOfContact() {
	w.later(func() error {
		for _, n := range w.sim.Test.State().Nodes {
			if n.Role == pexip.Conferencing {
				return w.sim.Test.SetPower(n.Address, false)
			}
		}
		return fmt.Errorf("there is no Conferencing Node")
	})
}

func (w *world) foreignUpload() {
	w.later(func() error {
		somebody, err := pexip.New(w.sim.Test.Config())
		if err != nil {
			return err
		}
		_, err = somebody.CreateUpgradeRequest(context.Background(), packageSize)
		w.sim.Test.ForgetRequests()
		return err
	})
}

// byHand is what a person does in the web interface, when asked to.
func (w *world) byHand() {
	w.people.work["Start the upgrade"] = func() error {
		browser, err := pexip.New(w.sim.Test.Config())
		if err != nil {
			return err
		}
		file, err := pexip.OpenPackage(w.cfg.Package.File, w.cfg.Package.SHA256)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = browser.UploadAndStart(context.Background(), file.Package, nil)
		return err
	}
}

func (w *world) brokenPart(part int) {
	w.later(func() error {
		return w.sim.Test.Inject(pexiptest.Fault{Kind: pexiptest.CutBody, Path: "/upload/$", Skip: part - 1, BodyLimit: chunkSize / 2})
	})
}

func (w *world) timeoutWasOff() {
	w.later(func() error { w.sim.Test.SetSessionTimeout(false, 30); return nil })
}

func (w *world) timeoutIs(env, want string) error {
	got := "off"
	if w.sim.Pexip(environment(env)).State().SessionTimeoutEnabled {
		got = "on"
	}
	if got != want {
		return fmt.Errorf("the session timeout of %s is %s, wanted %s", env, got, want)
	}
	return nil
}

func (w *world) nodesRun(env, release string) error {
	want := installed(release, build(release))
	for _, n := range w.sim.Pexip(environment(env)).State().Nodes {
		if n.Version != want {
			return fmt.Errorf("%s runs %s, wanted %s", n.Name, n.Version, want)
		}
	}
	return nil
}

func (w *world) newAlarm(title string) {
	w.when(title, func() error {
		w.sim.Test.AddAlarm(pexip.Alarm{Identifier: 21, Name: "licenses_exhausted", Level: "warning", Node: "10.20.0.4", Details: "No licence is left."})
		return nil
	})
}

func (w *world) loginEnds(title string) {
	w.when(title, func() error { w.sim.Test.ExpireTokens(); return nil })
}
