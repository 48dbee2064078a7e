package policy

import (
	"slices"
	"time"
)

// Span is a time from Start on, without its End.
type Span struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Length is how long the span is.
func (s Span) Length() time.Duration { return s.End.Sub(s.Start) }

// merge sorts spans and joins those that overlap or touch.
func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return a.Start.Compare(b.Start) })
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && !s.Start.After(out[n-1].End) {
			if s.End.After(out[n-1].End) {
				out[n-1].End = s.End
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// intersect returns what lies in both of two lists of spans, each in order and apart.
func intersect(a, b []Span) []Span {
	var out []Span
	for len(a) > 0 && len(b) > 0 {
		s := Span{later(a[0].Start, b[0].Start), earlier(a[0].End, b[0].End)}
		if s.Start.Before(s.End) {
			out = append(out, s)
		}
		if a[0].End.Before(b[0].End) {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// without returns the gaps between spans, in order and apart, from one moment to another.
func without(spans []Span, from, to time.Time) []Span {
	var out []Span
	for _, s := range spans {
		if end := earlier(s.Start, to); from.Before(end) {
			out = append(out, Span{from, end})
		}
		from = later(from, s.End)
	}
	if from.Before(to) {
		out = append(out, Span{from, to})
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
