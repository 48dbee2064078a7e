package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// horizon is how far a calendar looks ahead, in days: a year and the longest freeze.
const horizon = 400

// Window is a time in which changes are allowed or denied: hours on days of the week, between two dates.
type Window struct {
	Hours       Hours
	First, Last string // days such as 2026-12-15 on which it begins at the earliest and at the latest; "": no limit
	Reason      string // of a denial
}

// String is the window as a person writes it.
func (w Window) String() string {
	var b strings.Builder
	b.WriteString(w.Hours.String())
	if w.First != "" {
		b.WriteString(" from " + w.First)
	}
	if w.Last != "" {
		b.WriteString(" until " + w.Last)
	}
	if w.Reason != "" {
		b.WriteString(" (" + w.Reason + ")")
	}
	return b.String()
}

func (w Window) spans(from, to time.Time) []Span {
	var out []Span
	for _, s := range w.Hours.Spans(from, int(to.Sub(from).Hours()/24)+2) {
		day := s.Start.In(w.Hours.Zone()).Format(time.DateOnly)
		if (w.First == "" || day >= w.First) && (w.Last == "" || day <= w.Last) {
			out = append(out, s)
		}
	}
	return out
}

// Calendar says when changes are allowed: in any of the windows of Allow, always when there is none, and never in
// one of Deny.
type Calendar struct {
	Allow, Deny []Window
}

// Open returns the spans from two days before t until a year after in which changes are allowed, in order, joined
// where they touch. A span that reaches beyond is cut off there.
func (c Calendar) Open(t time.Time) []Span {
	from, to := t.AddDate(0, 0, -2), t.AddDate(0, 0, horizon)
	open := without(allSpans(c.Deny, from, to), from, to)
	if len(c.Allow) > 0 {
		open = intersect(open, allSpans(c.Allow, from, to))
	}
	return open
}

// allSpans returns at least the spans that reach into the time between two moments.
func allSpans(windows []Window, from, to time.Time) []Span {
	var all []Span
	for _, w := range windows {
		all = append(all, w.spans(from, to)...)
	}
	return merge(all)
}

// Contains reports whether changes are allowed at t.
func (c Calendar) Contains(t time.Time) bool {
	s, ok := c.Next(t)
	return ok && !s.Start.After(t)
}

// Next returns the span around t in which changes are allowed, or else the next one within a year; not ok when
// there is none.
func (c Calendar) Next(t time.Time) (s Span, ok bool) {
	for _, s := range c.Open(t) {
		if s.End.After(t) {
			return s, true
		}
	}
	return Span{}, false
}

// NextFor returns the first span from t on that leaves enough time, within a year; the start of one that has begun
// is t. It is not ok when there is none.
func (c Calendar) NextFor(t time.Time, d time.Duration) (s Span, ok bool) {
	for _, s := range c.Open(t) {
		s.Start = later(s.Start, t)
		if s.End.Sub(s.Start) >= d && s.Start.Before(s.End) {
			return s, true
		}
	}
	return Span{}, false
}

// denial is the reason for which changes are denied at t, in brackets; "" when they are not.
func (c Calendar) denial(t time.Time) string {
	for _, w := range c.Deny {
		for _, s := range w.spans(t.AddDate(0, 0, -1), t) {
			if !s.Start.After(t) && s.End.After(t) {
				return " (" + w.Reason + ")"
			}
		}
	}
	return ""
}

// Longest returns the longest span from t on within a year; zero when there is none.
func (c Calendar) Longest(t time.Time) Span {
	var longest Span
	for _, s := range c.Open(t) {
		s.Start = later(s.Start, t)
		if s.Length() > longest.Length() {
			longest = s
		}
	}
	return longest
}

// zone is the one that times are shown in.
func (c Calendar) zone() *time.Location {
	for _, w := range slices.Concat(c.Allow, c.Deny) {
		return w.Hours.Zone()
	}
	return time.UTC
}

// String lists the windows.
func (c Calendar) String() string {
	var parts []string
	for _, w := range c.Allow {
		parts = append(parts, w.String())
	}
	if len(parts) == 0 {
		parts = []string{"at any time"}
	}
	text := strings.Join(parts, "; ")
	for _, w := range c.Deny {
		text += fmt.Sprintf("; never %s", w)
	}
	return text
}
