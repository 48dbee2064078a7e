package policy

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

func parseText(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("is empty")
	case strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x7f) }):
		return "", errors.New("holds a control character")
	}
	return s, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "true":
		return true, nil
	case "no", "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", clip(s))
}

// parseStart reads a time; a day without a time is its first moment in UTC.
func parseStart(s string) (time.Time, error) { return parseTime(s, 0) }

// parseEnd reads a time; a day without a time lasts until it is over in UTC.
func parseEnd(s string) (time.Time, error) { return parseTime(s, 1) }

func parseTime(s string, days int) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return inYears(t.AddDate(0, 0, days))
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a day such as 2026-12-31 or a time such as 2026-12-31T17:00:00Z", clip(s))
	}
	return inYears(t.UTC())
}

// inYears keeps the arithmetic on times within what a Duration holds.
func inYears(t time.Time) (time.Time, error) {
	if t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, fmt.Errorf("the year %d is out of the question", t.Year())
	}
	return t, nil
}
