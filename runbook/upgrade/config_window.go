package upgrade

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Windows has no time zones of its own

	"go.yaml.in/yaml/v3"
)

// WindowConfig says when the service is needed and when changes are allowed.
type WindowConfig struct {
	// ServiceHours are when the service must be up and the pipeline keeps the VMs running. Default 07:00 to 18:00,
	// Monday to Friday, America/Vancouver, with a warning.
	ServiceHours Hours
	// ChangeWindow is when upgrades may run; nil: at any time. It may not overlap the service hours.
	ChangeWindow *Hours
	// NextStop is when the pipeline stops the VMs: the first such time at or after the end of each service
	// day. Default: the end itself.
	NextStop Clock
}

// StopAfter returns the pipeline's first scheduled stop after t.
func (w WindowConfig) StopAfter(t time.Time) time.Time {
	var first time.Time
	for _, s := range w.ServiceHours.around(t, 10) {
		stop := clockOn(s.end, w.NextStop, w.ServiceHours.zone())
		if stop.Before(s.end) {
			stop = clockOn(s.end.AddDate(0, 0, 1), w.NextStop, w.ServiceHours.zone())
		}
		if stop.After(t) && (first.IsZero() || stop.Before(first)) {
			first = stop
		}
	}
	return first
}

// Clock is a time of day in minutes after midnight.
type Clock int

// String is the clock as 07:00.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// Hours are a time hoursSpan on some days of the week. When To is not later than From it ends on the next day.
type Hours struct {
	From, To Clock
	Days     []time.Weekday // on which it begins; Monday first
	TimeZone string
	Location *time.Location `json:"-"`
}

// String is the hoursSpan as "07:00–18:00 Mon Tue Wed Thu Fri America/Vancouver".
func (h Hours) String() string {
	var days strings.Builder
	for _, d := range h.Days {
		days.WriteString(d.String()[:3] + " ")
	}
	return fmt.Sprintf("%s–%s %s%s", h.From, h.To, days.String(), h.TimeZone)
}

// Contains reports whether t lies within the hours; their end does not.
func (h Hours) Contains(t time.Time) bool {
	start, _ := h.Next(t)
	return !start.IsZero() && !start.After(t)
}

// Next returns the span that contains t, or else the next one. Both are zero when there is no day.
func (h Hours) Next(t time.Time) (start, end time.Time) {
	for _, s := range h.around(t, 9) {
		if s.end.After(t) {
			return s.start, s.end
		}
	}
	return time.Time{}, time.Time{}
}

// zone is the location, also of hours made by hand; an unknown zone is UTC.
func (h Hours) zone() *time.Location {
	if h.Location != nil {
		return h.Location
	}
	if zone, err := time.LoadLocation(h.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

type hoursSpan struct{ start, end time.Time }

// around returns the spans that begin on the days from two before t on, in order.
func (h Hours) around(t time.Time, days int) []hoursSpan {
	var spans []hoursSpan
	for i := -2; i < days; i++ {
		begin := t.In(h.zone()).AddDate(0, 0, i)
		if !slices.Contains(h.Days, begin.Weekday()) {
			continue
		}
		until := begin
		if h.To <= h.From {
			until = begin.AddDate(0, 0, 1)
		}
		spans = append(spans, hoursSpan{clockOn(begin, h.From, h.zone()), clockOn(until, h.To, h.zone())})
	}
	return spans
}

func clockOn(day time.Time, c Clock, zone *time.Location) time.Time {
	day = day.In(zone)
	return time.Date(day.Year(), day.Month(), day.Day(), 0, int(c), 0, 0, zone)
}

// overlap returns the first common moment of two hours within a year that has every change of the clocks.
func (h Hours) overlap(o Hours) (time.Time, bool) {
	from := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	as, bs := h.around(from, 370), o.around(from, 370)
	for len(as) > 0 && len(bs) > 0 {
		start, end := as[0].start, as[0].end
		if bs[0].start.After(start) {
			start = bs[0].start
		}
		if bs[0].end.Before(end) {
			end = bs[0].end
		}
		if start.Before(end) {
			return start, true
		}
		if as[0].end.Before(bs[0].end) {
			as = as[1:]
		} else {
			bs = bs[1:]
		}
	}
	return time.Time{}, false
}

var (
	workdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	everyDay = append(slices.Clone(workdays), time.Saturday, time.Sunday)
)

const defaultZone = "America/Vancouver"

func readWindow(m *yamlMap) WindowConfig {
	defer m.close()
	w := WindowConfig{ServiceHours: Hours{From: 7 * 60, To: 18 * 60, Days: slices.Clone(workdays), TimeZone: defaultZone}}
	w.ServiceHours = readHours(m.section("service_hours"), w.ServiceHours)
	w.NextStop = yamlMay(m, "next_stop", w.ServiceHours.To, yamlClock)
	if m.take("change_window") != nil {
		h := readHours(m.section("change_window"), Hours{Days: slices.Clone(everyDay), TimeZone: w.ServiceHours.TimeZone})
		w.ChangeWindow = &h
	}
	if m.has("next_stop") && w.ServiceHours.Location != nil && w.stopsInService() {
		m.r.faultAt(m.child("next_stop"), "%s lies inside the service hours %s", w.NextStop, w.ServiceHours)
	}
	w.checkOverlap(m)
	return w
}

func (w WindowConfig) stopsInService() bool {
	from, to, stop := w.ServiceHours.From, w.ServiceHours.To, w.NextStop
	if from < to {
		return from <= stop && stop < to
	}
	return stop >= from || stop < to
}

func (w WindowConfig) checkOverlap(m *yamlMap) {
	if w.ChangeWindow == nil || w.ChangeWindow.Location == nil || w.ServiceHours.Location == nil {
		return
	}
	if at, ok := w.ServiceHours.overlap(*w.ChangeWindow); ok {
		m.r.faultAt(m.child("change_window"), "overlaps the service hours, for example at %s", at.In(w.ServiceHours.Location).Format("Mon 15:04 MST"))
	}
}

// readHours reads a span; what is missing comes from fallback, except that from and to are needed. A faulty
// hoursSpan has no Location.
func readHours(m *yamlMap, fallback Hours) Hours {
	defer m.close()
	if m.absent {
		fallback.Location, _ = time.LoadLocation(fallback.TimeZone)
		return fallback
	}
	before := len(m.r.problems)
	h := Hours{
		From:     yamlNeed(m, "from", `a time such as "07:00"`, yamlClock),
		To:       yamlNeed(m, "to", `a time such as "18:00"`, yamlClock),
		Days:     yamlList(m, "days", yamlWeekday),
		TimeZone: yamlMay(m, "time_zone", fallback.TimeZone, yamlZone),
	}
	if !m.has("days") {
		h.Days = fallback.Days
	}
	h.check(m)
	if len(m.r.problems) == before {
		h.Location, _ = time.LoadLocation(h.TimeZone) // yamlZone has tried it
	}
	slices.SortFunc(h.Days, func(a, b time.Weekday) int { return int(a+6)%7 - int(b+6)%7 })
	return h
}

func (h Hours) check(m *yamlMap) {
	if m.has("from") && m.has("to") && h.From == h.To {
		m.r.fault(m.line, m.path, "begins and ends at %s; for whole days write 00:00 to 24:00", h.From)
	}
	if h.From == 24*60 {
		m.r.faultAt(m.child("from"), "write 00:00 for midnight at the start")
	}
	if m.has("days") && len(h.Days) == 0 {
		m.r.faultAt(m.child("days"), "names no day")
	}
	for i, d := range h.Days {
		if slices.Contains(h.Days[:i], d) {
			m.r.faultAt(m.child("days"), "names %s twice", d)
		}
	}
}

var clockForm = regexp.MustCompile(`^(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$`)

func yamlClock(n *yaml.Node) (Clock, error) {
	s, err := yamlScalar(n, `a time such as "07:00"`, "!!str", "!!int")
	if err != nil {
		return 0, err
	}
	if !clockForm.MatchString(s) {
		return 0, fmt.Errorf(`%q is not a time such as "07:00"`, yamlClip(s))
	}
	hours, minutes, _ := strings.Cut(s, ":")
	h, _ := strconv.Atoi(hours) // the pattern allows digits only
	m, _ := strconv.Atoi(minutes)
	return Clock(h*60 + m), nil
}

func yamlWeekday(n *yaml.Node) (time.Weekday, error) {
	s, err := yamlText(n)
	if err != nil {
		return 0, err
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(s, d.String()) || strings.EqualFold(s, d.String()[:3]) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%q is not a day: Mon, Tue, Wed, Thu, Fri, Sat or Sun", yamlClip(s))
}

func yamlZone(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err != nil {
		return "", err
	}
	if s == "Local" {
		return "", errors.New("the zone Local differs from machine to machine; name one, such as America/Vancouver")
	}
	if _, err := time.LoadLocation(s); err != nil {
		return "", fmt.Errorf("%q is not a time zone such as America/Vancouver", yamlClip(s))
	}
	return s, nil
}
