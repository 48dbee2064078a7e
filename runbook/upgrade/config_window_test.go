package upgrade_test

import (
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04 -0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestHours(t *testing.T) {
	weekdays := []time.Weekday{1, 2, 3, 4, 5}
	service := upgrade.Hours{From: 7 * 60, To: 18 * 60, Days: weekdays, TimeZone: "America/Vancouver"}
	night := upgrade.Hours{From: 22 * 60, To: 4 * 60, Days: []time.Weekday{5}, TimeZone: "America/Vancouver"}
	sundays := upgrade.Hours{From: 0, To: 24 * 60, Days: []time.Weekday{0}, TimeZone: "America/Vancouver"}
	for _, c := range []struct {
		name       string
		hours      upgrade.Hours
		now        string
		inside     bool
		start, end string
	}{
		{"before", service, "2026-11-23 06:59 -0800", false, "2026-11-23 07:00 -0800", "2026-11-23 18:00 -0800"},
		{"at the start", service, "2026-11-23 07:00 -0800", true, "2026-11-23 07:00 -0800", "2026-11-23 18:00 -0800"},
		{"elsewhere in the world", service, "2026-11-23 15:00 +0000", true, "2026-11-23 07:00 -0800", "2026-11-23 18:00 -0800"},
		{"at the end", service, "2026-11-23 18:00 -0800", false, "2026-11-24 07:00 -0800", "2026-11-24 18:00 -0800"},
		{"over the weekend", service, "2026-11-27 19:00 -0800", false, "2026-11-30 07:00 -0800", "2026-11-30 18:00 -0800"},
		{"in summer", service, "2026-07-01 13:30 +0000", false, "2026-07-01 07:00 -0700", "2026-07-01 18:00 -0700"},
		{"over midnight", night, "2026-11-28 03:59 -0800", true, "2026-11-27 22:00 -0800", "2026-11-28 04:00 -0800"},
		{"after midnight", night, "2026-11-28 04:00 -0800", false, "2026-12-04 22:00 -0800", "2026-12-05 04:00 -0800"},
		{"the night the clocks go forward", night, "2027-03-13 00:00 -0800", true, "2027-03-12 22:00 -0800", "2027-03-13 04:00 -0800"},
		{"the day the clocks go forward", sundays, "2027-03-14 12:00 -0700", true, "2027-03-14 00:00 -0800", "2027-03-15 00:00 -0700"},
		{"the day the clocks go back", sundays, "2026-11-01 23:59 -0800", true, "2026-11-01 00:00 -0700", "2026-11-02 00:00 -0800"},
		{"an unknown zone is UTC", upgrade.Hours{From: 60, To: 120, Days: []time.Weekday{1}, TimeZone: "?"}, "2026-11-23 01:30 +0000", true, "2026-11-23 01:00 +0000", "2026-11-23 02:00 +0000"},
	} {
		now := at(t, c.now)
		start, end := c.hours.Next(now)
		if c.hours.Contains(now) != c.inside || !start.Equal(at(t, c.start)) || !end.Equal(at(t, c.end)) {
			t.Errorf("%s: inside %v, from %v to %v", c.name, c.hours.Contains(now), start, end)
		}
	}
	if start, _ := (upgrade.Hours{}).Next(at(t, "2026-11-23 07:00 -0800")); !start.IsZero() || (upgrade.Hours{}).Contains(time.Time{}) {
		t.Error("hours without days are some time")
	}
}

func TestStopAfter(t *testing.T) {
	day := upgrade.Hours{From: 7 * 60, To: 18 * 60, Days: []time.Weekday{1, 2, 3, 4, 5}, TimeZone: "America/Vancouver"}
	late := upgrade.Hours{From: 12 * 60, To: 2 * 60, Days: []time.Weekday{5}, TimeZone: "America/Vancouver"}
	for _, c := range []struct {
		name  string
		hours upgrade.Hours
		stop  upgrade.Clock
		now   string
		want  string
	}{
		{"the end itself", day, 18 * 60, "2026-11-23 12:00 -0800", "2026-11-23 18:00 -0800"},
		{"at the stop, the next", day, 18 * 60, "2026-11-23 18:00 -0800", "2026-11-24 18:00 -0800"},
		{"an hour later", day, 19 * 60, "2026-11-23 18:30 -0800", "2026-11-23 19:00 -0800"},
		{"after midnight", day, 60, "2026-11-23 18:30 -0800", "2026-11-24 01:00 -0800"},
		{"after midnight, asked after midnight", day, 60, "2026-11-24 00:30 -0800", "2026-11-24 01:00 -0800"},
		{"over the weekend", day, 18 * 60, "2026-11-28 00:00 -0800", "2026-11-30 18:00 -0800"},
		{"service over midnight", late, 3 * 60, "2026-11-27 13:00 -0800", "2026-11-28 03:00 -0800"},
		{"service over midnight, stop at noon", late, 11 * 60, "2026-11-27 13:00 -0800", "2026-11-28 11:00 -0800"},
	} {
		got := upgrade.WindowConfig{ServiceHours: c.hours, NextStop: c.stop}.StopAfter(at(t, c.now))
		if !got.Equal(at(t, c.want)) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
	if got := (upgrade.WindowConfig{}).StopAfter(time.Time{}); !got.IsZero() {
		t.Errorf("no service, but a stop at %v", got)
	}
}

func TestOverlappingWindows(t *testing.T) {
	for _, c := range []struct {
		name, window string
		overlap      bool
	}{
		{"they touch", `{service_hours: {from: "07:00", to: "18:00"}, change_window: {from: "18:00", to: "07:00"}}`, false},
		{"they touch after midnight", `{service_hours: {from: "20:00", to: "04:00", days: [Sun]}, change_window: {from: "04:00", to: "20:00"}}`, false},
		{"other days", `{change_window: {from: "00:00", to: "24:00", days: [Sat, Sun]}}`, false},
		{"until midnight", `{service_hours: {from: "07:00", to: "24:00", time_zone: UTC}, change_window: {from: "00:00", to: "07:00"}}`, false},
		{"another zone", `{service_hours: {from: "07:00", to: "18:00", time_zone: UTC}, change_window: {from: "18:00", to: "19:00", time_zone: America/Vancouver, days: [Sun]}}`, false},
		{"a minute", `{service_hours: {from: "07:00", to: "18:00"}, change_window: {from: "17:59", to: "18:30"}}`, true},
		{"in summer only", `{service_hours: {from: "02:30", to: "03:30", days: [Sun]}, change_window: {from: "10:00", to: "10:30", time_zone: UTC}}`, true},
	} {
		text := readConfigFile(t, "minimal.yaml") + "window: " + c.window + "\n"
		if _, err := upgrade.ParseConfig([]byte(text), "/cfg"); (err != nil) != c.overlap || err != nil && !strings.Contains(err.Error(), "overlaps") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestStopInsideServiceOverMidnight(t *testing.T) {
	for stop, fine := range map[string]bool{"03:00": false, "21:00": false, "04:00": true, "12:00": true} {
		text := readConfigFile(t, "minimal.yaml") + `window: {service_hours: {from: "20:00", to: "04:00"}, next_stop: "` + stop + "\"}\n"
		if _, err := upgrade.ParseConfig([]byte(text), "/cfg"); (err == nil) != fine {
			t.Errorf("%s: %v", stop, err)
		}
	}
}
