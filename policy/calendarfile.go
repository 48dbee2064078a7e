package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Windows has no time zones of its own

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// ParseCalendar reads the team's file of change windows, as strictly as [ParseWaivers]. Without days a window is
// on every day; from and to are needed, and 00:00 to 24:00 is the whole day.
//
//	version: 1
//	time_zone: America/Vancouver
//	allow:
//	  - days: [Mon, Tue, Wed, Thu]
//	    from: 18:00
//	    to: 02:00
//	deny:
//	  - first: 2026-12-15
//	    last: 2027-01-04
//	    from: 00:00
//	    to: 24:00
//	    reason: year end
func ParseCalendar(data []byte) (Calendar, error) {
	var c Calendar
	err := readFile(data, func(m *strictyaml.Map) {
		zone := need(m, "time_zone", ParseZone)
		each(m, "allow", func(m *strictyaml.Map) { c.Allow = append(c.Allow, readWindow(m, zone)) })
		each(m, "deny", func(m *strictyaml.Map) {
			w := readWindow(m, zone)
			w.Reason = need(m, "reason", parseText)
			c.Deny = append(c.Deny, w)
		})
	})
	if err != nil {
		return Calendar{}, err
	}
	return c, nil
}

func readWindow(m *strictyaml.Map, zone *time.Location) Window {
	w := Window{Hours: Hours{From: need(m, "from", ParseClock), To: need(m, "to", ParseClock), Days: slices.Clone(everyDay), Location: zone}}
	if zone != nil {
		w.Hours.TimeZone = zone.String()
	}
	if days := strictyaml.List(m, "days", plain(ParseWeekday)); m.Has("days") {
		w.Hours.Days = days
	}
	if len(w.Hours.Days) == 0 {
		m.FaultAt("days", "names no day")
	}
	w.First, w.Last = may(m, "first", parseDay), may(m, "last", parseDay)
	if w.Hours.From == w.Hours.To && m.Has("from") && m.Has("to") {
		m.Fault("begins and ends at %s; for whole days write 00:00 to 24:00", w.Hours.From)
	}
	if w.Last != "" && w.Last < w.First {
		m.FaultAt("last", "%s is before %s", w.Last, w.First)
	}
	return w
}

var (
	everyDay  = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	clockForm = regexp.MustCompile(`^(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$`)
)

// ParseClock reads a time of day from 00:00 to 24:00, hours and minutes of two digits. Anything else is an error.
func ParseClock(s string) (Clock, error) {
	if !clockForm.MatchString(s) {
		return 0, fmt.Errorf(`%q is not a time such as "07:00"`, clip(s))
	}
	hours, minutes, _ := strings.Cut(s, ":")
	h, _ := strconv.Atoi(hours) // the pattern allows digits only
	m, _ := strconv.Atoi(minutes)
	return Clock(h*60 + m), nil
}

// ParseWeekday reads a day by its English name or the first three letters of it, in either case. Anything else is an
// error.
func ParseWeekday(s string) (time.Weekday, error) {
	i := slices.IndexFunc(everyDay, func(d time.Weekday) bool {
		return strings.EqualFold(s, d.String()) || strings.EqualFold(s, d.String()[:3])
	})
	if i < 0 {
		return 0, fmt.Errorf("%q is not a day: Mon, Tue, Wed, Thu, Fri, Sat or Sun", clip(s))
	}
	return everyDay[i], nil
}

// ParseZone reads the name of a time zone. An unknown one is an error, and so are none and Local, which differs from
// machine to machine. The zones are part of the program: nothing has to be installed.
func ParseZone(s string) (*time.Location, error) {
	zone, err := time.LoadLocation(s)
	switch {
	case s == "Local":
		return nil, errors.New("the zone Local differs from machine to machine; name one, such as America/Vancouver")
	case err != nil || s == "": // which would be UTC
		return nil, fmt.Errorf("%q is not a time zone such as America/Vancouver", clip(s))
	}
	return zone, nil
}

func parseDay(s string) (string, error) {
	if t, err := time.Parse(time.DateOnly, s); err != nil || t.Year() < 2000 {
		return "", fmt.Errorf("%q is not a day such as 2026-12-31", clip(s))
	}
	return s, nil
}
