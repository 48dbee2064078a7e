package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// newYork has its clocks set forward at 2:00 on 2026-03-08 and back at 2:00 on 2026-11-01.
func newYork(t testing.TB) *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// span reads two UTC times such as "03-08 07:30" of 2026.
func span(t testing.TB, start, end string) policy.Span {
	read := func(s string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", "2026-"+s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	return policy.Span{Start: read(start), End: read(end)}
}

func hours(t testing.TB, from, to string, days ...time.Weekday) policy.Hours {
	read := func(s string) policy.Clock {
		c, err := policy.ParseClock(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if days == nil {
		days = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	}
	return policy.Hours{From: read(from), To: read(to), Days: days, TimeZone: "America/New_York", Location: newYork(t)}
}

func TestHoursWhenTheClocksChange(t *testing.T) {
	for _, c := range []struct {
		name, from, to, at string // at is in UTC
		start, end         string // likewise; "": the next day's
	}{
		{"a winter day", "01:30", "02:30", "01-10 00:00", "01-10 06:30", "01-10 07:30"},
		{"a summer day", "01:30", "02:30", "07-10 00:00", "07-10 05:30", "07-10 06:30"},
		{"spring: the end is skipped", "01:30", "02:30", "03-08 05:00", "03-08 06:30", "03-08 07:00"},
		{"spring: the start is skipped", "02:30", "04:00", "03-08 05:00", "03-08 07:00", "03-08 08:00"},
		{"spring: all of it is skipped", "02:10", "02:50", "03-08 05:00", "03-09 06:10", "03-09 06:50"},
		{"spring: across the change", "00:00", "06:00", "03-08 05:00", "03-08 05:00", "03-08 10:00"},
		{"autumn: the first 1:30 ends it", "00:30", "01:30", "11-01 04:00", "11-01 04:30", "11-01 05:30"},
		{"autumn: the first 1:30 begins it", "01:30", "03:00", "11-01 04:00", "11-01 05:30", "11-01 08:00"},
		{"autumn: across the change", "00:00", "06:00", "11-01 04:00", "11-01 04:00", "11-01 11:00"},
		{"past midnight", "22:00", "02:00", "07-10 12:00", "07-11 02:00", "07-11 06:00"},
		{"past midnight, begun yesterday", "22:00", "02:00", "07-10 05:00", "07-10 02:00", "07-10 06:00"},
		{"past midnight into spring", "22:00", "03:00", "03-07 12:00", "03-08 03:00", "03-08 07:00"},
		{"the whole day", "00:00", "24:00", "07-10 12:00", "07-10 04:00", "07-11 04:00"},
		{"the whole long day", "00:00", "24:00", "11-01 12:00", "11-01 04:00", "11-02 05:00"},
	} {
		want, at := span(t, c.start, c.end), span(t, c.at, c.at).Start
		start, end := hours(t, c.from, c.to).Next(at)
		if !start.Equal(want.Start) || !end.Equal(want.End) {
			t.Errorf("%s: %s to %s, want %s", c.name, start.UTC(), end.UTC(), want)
		}
		if in := !at.Before(want.Start) && at.Before(want.End); hours(t, c.from, c.to).Contains(at) != in {
			t.Errorf("%s: contains %s is not %t", c.name, at, in)
		}
	}
}

// Where the clocks change, On is the first minute at which they show the time or a later one.
func TestClockOnDaysWhenTheClocksChange(t *testing.T) {
	for _, c := range []struct{ zone, day string }{
		{"UTC", "2026-03-08"},
		{"America/New_York", "2026-03-08"}, {"America/New_York", "2026-11-01"},
		{"Europe/Berlin", "2026-03-29"}, {"Europe/Berlin", "2026-10-25"},
		{"Australia/Lord_Howe", "2026-10-04"}, {"Australia/Lord_Howe", "2026-04-05"}, // by half an hour
		{"Africa/Cairo", "2026-04-24"}, // at midnight
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		midnight, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		noon := time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 12, 0, 0, 0, zone)
		for clock := policy.Clock(0); clock <= 24*60; clock += 10 {
			want := midnight.Add(time.Duration(clock) * time.Minute)
			first := noon.Add(-36 * time.Hour)
			for shown(first).Before(want) {
				first = first.Add(time.Minute)
			}
			if got := clock.On(noon, zone); !got.Equal(first) {
				t.Errorf("%s on %s in %s is %s, want %s", clock, c.day, c.zone, got, first)
			}
		}
	}
}

// shown is what the clocks show at t, as if in UTC.
func shown(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}

func TestHours(t *testing.T) {
	never := policy.Hours{From: 60, To: 120}
	if start, end := never.Next(noon); !start.IsZero() || !end.IsZero() || never.Contains(noon) {
		t.Error("hours on no day", start, end)
	}
	h := policy.Hours{From: 7 * 60, To: 24 * 60, Days: []time.Weekday{time.Monday}, TimeZone: "no/where"}
	if got := h.String(); got != "07:00–24:00 Mon no/where" {
		t.Error(got)
	}
	if !h.Contains(noon) {
		t.Error("an unknown zone is not UTC")
	}
	h.TimeZone = "America/New_York" // where it is 7:00
	if !h.Contains(noon) || h.Contains(noon.Add(-1)) {
		t.Error("the zone's name is not heeded")
	}
	if at, ok := hours(t, "09:00", "10:00").Overlap(hours(t, "09:30", "11:00")); !ok || at.In(newYork(t)).Format("15:04") != "09:30" {
		t.Error(at, ok)
	}
	if at, ok := hours(t, "09:00", "10:00").Overlap(hours(t, "10:00", "09:00")); ok {
		t.Error("overlap at", at)
	}
}

func calendar(t testing.TB, allow, deny []policy.Window) policy.Calendar {
	t.Helper()
	return policy.Calendar{Allow: allow, Deny: deny}
}

func TestCalendar(t *testing.T) {
	night := policy.Window{Hours: hours(t, "22:00", "24:00", time.Monday)}
	morning := policy.Window{Hours: hours(t, "00:00", "03:00", time.Tuesday)}
	freeze := policy.Window{Hours: hours(t, "00:00", "24:00"), First: "2026-07-10", Last: "2026-07-20", Reason: "summer"}
	lunch := policy.Window{Hours: hours(t, "23:00", "23:30")}
	july := policy.Window{Hours: hours(t, "08:00", "09:00"), First: "2026-07-05", Last: "2026-07-06"}
	for _, c := range []struct {
		name        string
		allow, deny []policy.Window
		at          string
		want        []string // pairs of start and end
	}{
		{"windows that touch are one", []policy.Window{morning, night}, nil, "07-05 00:00", []string{"07-07 02:00", "07-07 07:00", "07-14 02:00", "07-14 07:00"}},
		{"overlapping ones too", []policy.Window{{Hours: hours(t, "21:00", "23:00", time.Monday)}, night}, nil, "07-05 00:00", []string{"07-07 01:00", "07-07 04:00"}},
		{"a denial splits", []policy.Window{night}, []policy.Window{lunch}, "07-05 00:00", []string{"07-07 02:00", "07-07 03:00", "07-07 03:30", "07-07 04:00"}},
		{"a freeze", []policy.Window{night}, []policy.Window{freeze}, "07-05 00:00", []string{"07-07 02:00", "07-07 04:00", "07-28 02:00", "07-28 04:00"}},
		{"only some days", []policy.Window{july}, nil, "07-05 00:00", []string{"07-05 12:00", "07-05 13:00", "07-06 12:00", "07-06 13:00"}},
		{"always but for the freeze", nil, []policy.Window{freeze}, "07-09 12:00", []string{"07-07 12:00", "07-10 04:00"}},
		{"not when all is denied", []policy.Window{july}, []policy.Window{freeze, {Hours: hours(t, "00:00", "24:00")}}, "07-05 00:00", nil},
	} {
		open := calendar(t, c.allow, c.deny).Open(span(t, c.at, c.at).Start)
		var got, want []policy.Span
		for i := 0; i < len(c.want); i += 2 {
			want = append(want, span(t, c.want[i], c.want[i+1]))
		}
		for _, s := range open[:min(len(open), len(want))] {
			got = append(got, policy.Span{Start: s.Start.UTC(), End: s.End.UTC()})
		}
		if diff := cmp.Diff(want, got); diff != "" || want == nil && len(open) > 0 {
			t.Errorf("%s: %s, %d spans", c.name, diff, len(open))
		}
	}
}

func TestCalendarFindsTime(t *testing.T) {
	c := calendar(t, []policy.Window{{Hours: hours(t, "22:00", "24:00", time.Monday)}, {Hours: hours(t, "08:00", "13:00", time.Saturday)}}, nil)
	at := span(t, "07-07 03:00", "07-07 03:00").Start // Monday, 23:00
	if s, ok := c.Next(at); !ok || !s.Start.Equal(at.Add(-time.Hour)) || !c.Contains(at) {
		t.Error(s, ok)
	}
	if c.Contains(at.Add(time.Hour)) {
		t.Error("the end lies within")
	}
	if s, ok := c.NextFor(at, time.Hour); !ok || !s.Start.Equal(at) {
		t.Error(s, ok)
	}
	saturday := span(t, "07-11 12:00", "07-11 17:00")
	for _, d := range []time.Duration{time.Hour * 3, time.Hour * 5} {
		if s, ok := c.NextFor(at, d); !ok || !s.Start.Equal(saturday.Start) {
			t.Error(d, s, ok)
		}
	}
	if s, ok := c.NextFor(at, 5*time.Hour+1); ok {
		t.Error(s)
	}
	if s := c.Longest(at); s.Length() != 5*time.Hour {
		t.Error(s)
	}
	past := calendar(t, []policy.Window{{Hours: hours(t, "08:00", "09:00"), Last: "2020-01-01"}}, nil)
	if s, ok := past.Next(at); ok || past.Contains(at) || past.Longest(at) != (policy.Span{}) {
		t.Error(s)
	}
	if !(policy.Calendar{}).Contains(at) {
		t.Error("without any window changes are not allowed")
	}
}

const calendarFile = `version: 1
time_zone: America/New_York
allow:
  - days: [Mon, tuesday]
    from: 18:00
    to: 02:00
  - from: "08:00"
    to: 12:00
    first: 2026-12-01
    last: 2026-12-02
deny:
  - from: 00:00
    to: 24:00
    first: 2026-12-15
    reason: year end
`

func TestParseCalendar(t *testing.T) {
	c, err := policy.ParseCalendar([]byte(calendarFile))
	if err != nil {
		t.Fatal(err)
	}
	want := "18:00–02:00 Mon Tue America/New_York; " +
		"08:00–12:00 Mon Tue Wed Thu Fri Sat Sun America/New_York from 2026-12-01 until 2026-12-02; " +
		"never 00:00–24:00 Mon Tue Wed Thu Fri Sat Sun America/New_York from 2026-12-15 (year end)"
	if c.String() != want {
		t.Errorf("%s", c)
	}
	if got := (policy.Calendar{}).String(); got != "at any time" {
		t.Error(got)
	}
}

func TestParseCalendarRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"no zone", "time_zone: America/New_York\n", "", "line 1: time_zone: missing"},
		{"the machine's zone", "America/New_York", "Local", "line 2: time_zone: the zone Local differs from machine to machine"},
		{"no such zone", "America/New_York", "Mars/Olympus", `line 2: time_zone: "Mars/Olympus" is not a time zone`},
		{"no such day", "tuesday", "someday", `line 4: allow[0].days[1]: "someday" is not a day`},
		{"no day", "[Mon, tuesday]", "[]", "line 4: allow[0].days: names no day"},
		{"no such time", "from: 18:00", "from: 25:00", `line 5: allow[0].from: "25:00" is not a time`},
		{"no start", "    from: 18:00\n", "", "line 4: allow[0].from: missing"},
		{"no length", "to: 02:00", "to: 18:00", "allow[0]: begins and ends at 18:00; for whole days write 00:00 to 24:00"},
		{"no such date", "first: 2026-12-15", "first: Christmas", `line 14: deny[0].first: "Christmas" is not a day`},
		{"dates backwards", "last: 2026-12-02", "last: 2026-11-02", "allow[1].last: 2026-11-02 is before 2026-12-01"},
		{"no reason", "    reason: year end\n", "", "deny[0].reason: missing"},
		{"unknown key", "deny:", "denied:", "line 11: denied: unknown key; known here: allow, deny, time_zone, version"},
	} {
		text := strings.Replace(calendarFile, c.old, c.new, 1)
		got, err := policy.ParseCalendar([]byte(text))
		if err == nil || len(got.Allow) > 0 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}
