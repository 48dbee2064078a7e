package upgrade_test

import (
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
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

func TestStopAfter(t *testing.T) {
	day := policy.Hours{From: 7 * 60, To: 18 * 60, Days: []time.Weekday{1, 2, 3, 4, 5}, TimeZone: "America/Vancouver"}
	late := policy.Hours{From: 12 * 60, To: 2 * 60, Days: []time.Weekday{5}, TimeZone: "America/Vancouver"}
	for _, c := range []struct {
		name  string
		hours policy.Hours
		stop  policy.Clock
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
