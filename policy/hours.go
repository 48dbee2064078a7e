package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Clock is a time of day in minutes after midnight, up to 24:00.
type Clock int

// String is the clock as 07:00.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// On returns the moment at which clocks of a zone show c on the day that t has there. A time that the clocks skip
// in spring is the moment of the change; one that they show twice in autumn is the first of the two.
func (c Clock) On(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	at := time.Date(t.Year(), t.Month(), t.Day(), 0, int(c), 0, 0, zone)
	want := time.Date(t.Year(), t.Month(), t.Day(), 0, int(c), 0, 0, time.UTC)
	since, until := at.ZoneBounds()
	switch shift := wall(at).Sub(want); {
	case shift > 0:
		return since
	case shift < 0:
		return until
	}
	return firstOf(at, since)
}

// firstOf returns the earlier moment at which the clocks show the same as at, if they were set back at since.
func firstOf(at, since time.Time) time.Time {
	if since.IsZero() {
		return at
	}
	_, before := since.Add(-time.Second).Zone()
	_, now := at.Zone()
	if earlier := at.Add(time.Duration(now-before) * time.Second); earlier.Before(since) && now < before {
		return earlier
	}
	return at
}

// wall is what the clocks show, as if in UTC.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// Hours are a time span on some days of the week. When To is not later than From it ends on the next day.
type Hours struct {
	From, To Clock
	Days     []time.Weekday // on which it begins
	TimeZone string
	Location *time.Location `json:"-"` // nil: TimeZone is loaded, and an unknown one is UTC
}

// String is the span as "07:00–18:00 Mon Tue Wed Thu Fri America/Vancouver".
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
	for _, s := range h.Spans(t, 9) {
		if s.End.After(t) {
			return s.Start, s.End
		}
	}
	return time.Time{}, time.Time{}
}

// Overlap returns the first common moment of two hours within a year that has every change of the clocks.
func (h Hours) Overlap(o Hours) (time.Time, bool) {
	from := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	common := intersect(h.Spans(from, 370), o.Spans(from, 370))
	if len(common) == 0 {
		return time.Time{}, false
	}
	return common[0].Start, true
}

// Spans returns the spans that begin from two days before t's until a number of days after it, in order.
func (h Hours) Spans(t time.Time, days int) []Span {
	zone := h.Zone()
	var spans []Span
	for i := -2; i < days; i++ {
		begin := noon(t, zone, i)
		if !slices.Contains(h.Days, begin.Weekday()) {
			continue
		}
		until := begin
		if h.To <= h.From {
			until = noon(t, zone, i+1)
		}
		if s := (Span{h.From.On(begin, zone), h.To.On(until, zone)}); s.Start.Before(s.End) {
			spans = append(spans, s)
		}
	}
	return spans
}

// Zone is Location, or else the zone that TimeZone names, or else UTC.
func (h Hours) Zone() *time.Location {
	if h.Location != nil {
		return h.Location
	}
	if zone, err := time.LoadLocation(h.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

// noon is a moment in the middle of a day, where no zone changes its clocks.
func noon(t time.Time, zone *time.Location, days int) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day()+days, 12, 0, 0, 0, zone)
}
