package features_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// teamFileSteps are about what the team keeps in files of its own: exceptions, risks, promises, days without changes.
func (w *world) teamFileSteps() []step {
	return []step{
		{`^"([^"]*)" has accepted the risk "([^"]*)" for version (\S+), when it read "([^"]*)"$`, w.acceptedRisk},
		{`^Production was to follow Test to version (\S+) until (\d+) days ago$`, w.overdue},
		{`^changes are denied until tomorrow, because of "([^"]*)"$`, w.denied},
		{`^the change window is one hour on one day of the week$`, func() { w.window(time.Hour) }},
		{`^the change window is three days away$`, func() { w.window(4 * time.Hour) }},
		{`^the record of Test's upgrade has been changed since$`, w.forged},
		{`^the risk "([^"]*)" of every upgrade to version (\S+) is on file: "([^"]*)"$`, w.risk},
		{`^this exception is on file:$`, w.waiver},
	}
}

// file adds text to a file of the team that the configuration names.
func (w *world) file(name, text string, set func(c *upgrade.Config, path string)) {
	w.later(func() error {
		path := filepath.Join(w.dir, name)
		set(w.cfg, path)
		out, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = out.WriteString(text)
		return errors.Join(err, out.Close())
	})
}

func setRisks(c *upgrade.Config, path string) { c.Policy.Risks = path }

func (w *world) risk(name, version, text string) {
	w.file("risks.yaml", fmt.Sprintf("version: 1\nrisks:\n  - {name: %s, text: %q, to: '= %s', class: must, source: release notes, date: 2026-01-01}\n", name, text, version), setRisks)
}

func (w *world) acceptedRisk(by, name, version, text string) {
	w.file("risks.yaml", fmt.Sprintf("acceptances:\n  - {risk: %s, version: %q, text_sha256: %s, by: %s, reason: it is planned, on: 2026-01-02}\n",
		name, version, policy.Risk{Text: text}.Digest(), by), setRisks)
}

func (w *world) overdue(version string, days int) {
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	w.file("promises.yaml", fmt.Sprintf("version: 1\npromises:\n  - {target: %q, opened: %s, earliest: %s, latest: %s}\n", version, day(days+30), day(days+20), day(days)),
		func(c *upgrade.Config, path string) { c.Policy.Promises = path })
}

func (w *world) denied(reason string) {
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	w.file("windows.yaml", fmt.Sprintf("version: 1\ntime_zone: UTC\ndeny:\n  - {first: %s, last: %s, from: 00:00, to: 24:00, reason: %s}\n", day(-1), day(1), reason),
		func(c *upgrade.Config, path string) { c.Window.Calendar = path })
}

// window opens on a day that is never today.
func (w *world) window(length time.Duration) {
	w.tweak(func(c *upgrade.Config) {
		day := time.Now().UTC().AddDate(0, 0, 3).Weekday()
		c.Window.ChangeWindow = &policy.Hours{From: 60, To: policy.Clock(60 + length/time.Minute), Days: []time.Weekday{day}, TimeZone: "UTC", Location: time.UTC}
	})
}

// waiver writes one that was approved ten days ago, from a table of two columns.
func (w *world) waiver(table *godog.Table) error {
	cells := map[string]string{}
	for _, row := range table.Rows {
		cells[row.Cells[0].Value] = row.Cells[1].Value
	}
	v := policy.Waiver{ID: cells["name"], Clause: cells["clause"], Rule: cells["rule"], Environment: environment(cells["environment"]), Reason: cells["reason"],
		RequestedBy: cells["requested by"], ApprovedBy: cells["approved by"], ApprovedOn: time.Now().UTC().AddDate(0, 0, -10)}
	for text := range strings.SplitSeq(cells["versions"], ", ") {
		version, err := policy.ParseVersion(text)
		if err != nil {
			return err
		}
		v.Versions = append(v.Versions, version)
	}
	days := 0
	if _, err := fmt.Sscanf(cells["expires"], "in %d days", &days); err != nil && cells["expires"] != "yesterday" {
		return fmt.Errorf("an exception expires %q: %w", cells["expires"], err)
	} else if err != nil {
		days = -1
	}
	v.Expires = time.Now().UTC().AddDate(0, 0, days)
	text, err := policy.FormatWaivers([]policy.Waiver{v})
	w.file("waivers.yaml", string(text), func(c *upgrade.Config, path string) { c.Policy.Waivers = path })
	return err
}

// forged makes somebody else the one who carried the upgrade of Test out.
func (w *world) forged() {
	w.later(func() error {
		records, err := filepath.Glob(filepath.Join(w.cfg.State, "runs", "*", "evidence.json"))
		if err != nil || len(records) != 1 {
			return fmt.Errorf("%d records: %w", len(records), err)
		}
		text, err := os.ReadFile(records[0])
		if err != nil {
			return err
		}
		return os.WriteFile(records[0], []byte(strings.ReplaceAll(string(text), operator, "somebody@else")), 0o600)
	})
}
