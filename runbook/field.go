package runbook

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Field is one entry of the form that comes with a question. Without a kind it is free text; of OneOf, Date and
// Time at most one is set.
type Field struct {
	Name string `json:"name"`
	// Text is what is asked, Help says more where that is needed.
	Text     string `json:"text"`
	Help     string `json:"help,omitempty"`
	Required bool   `json:"required,omitempty"`
	// When limits the entry to answers in which another entry has a value: "attended=yes". Otherwise it must be
	// left empty, also if it is Required.
	When string `json:"when,omitempty"`
	// OneOf limits the entry to these values.
	OneOf []string `json:"oneOf,omitempty"`
	// Date limits the entry to a date of the form YYYY-MM-DD, Time to what ParseTime reads or the word Now.
	Date bool `json:"date,omitempty"`
	Time bool `json:"time,omitempty"`
	// Past refuses a Date or Time that is still to come.
	Past bool `json:"past,omitempty"`
	// Link asks for an http or https address, File for a file to attach (see Answer.Files); with both, either will do.
	Link bool `json:"link,omitempty"`
	File bool `json:"file,omitempty"`
}

// TimeForm is how people write a time: 2026-03-01 14:05 -0800.
const TimeForm = "2006-01-02 15:04 -0700"

// Now is what may be written for a Time: the moment at which the answer is recorded. What is recorded is that moment.
const Now = "now"

// ParseTime reads an entry of a Time field: date, time of day and difference from UTC as in "2026-03-01 14:05
// -0800", or RFC 3339 as in "2026-03-01T14:05:00-08:00". A time without a zone is an error.
func ParseTime(v string) (time.Time, error) {
	for _, form := range []string{TimeForm, time.RFC3339} {
		if t, err := time.Parse(form, v); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-01 14:05 -0800 or 2026-03-01T14:05:00-08:00", v)
}

// skew is how far clocks may differ, and farthest how far a date anywhere is ahead of UTC's.
const (
	skew     = 2 * time.Minute
	farthest = 14 * time.Hour
)

// form says in a few words what an entry must look like.
func (f Field) form() string {
	switch {
	case len(f.OneOf) > 0:
		return strings.Join(f.OneOf, "/")
	case f.Date:
		return "YYYY-MM-DD"
	case f.Time:
		return "such as 2026-03-01 14:05 -0800, or " + Now
	case f.Link && f.File:
		return "a link, or the path of a file"
	case f.Link:
		return "a link: https://…"
	case f.File:
		return "the path of a file"
	}
	return ""
}

// applies says whether the entry belongs to an answer with these values.
func (f Field) applies(values map[string]string) bool {
	name, value, ok := strings.Cut(f.When, "=")
	return !ok || strings.TrimSpace(values[name]) == value
}

// check reports what is wrong with an answer's entry.
func (f Field) check(a Answer, now time.Time) error {
	v, path := strings.TrimSpace(a.Values[f.Name]), a.Files[f.Name]
	given := v != "" || path != ""
	switch {
	case given && !f.applies(a.Values):
		return fmt.Errorf("%s is for %s only; leave it empty", f.Name, f.When)
	case !given && f.Required && f.applies(a.Values):
		return fmt.Errorf("%s is needed (%s)", f.Name, f.Text)
	case !given:
		return nil
	case path != "" && !f.File:
		return fmt.Errorf("%s takes no file", f.Name)
	case path != "":
		return checkFile(f.Name, path)
	case f.File && (!f.Link || a.attached(v)):
		return f.checkAttached(a, v)
	}
	return f.checkValue(v, now)
}

func (f Field) checkAttached(a Answer, v string) error {
	if !a.attached(v) {
		return fmt.Errorf("%s must be a file, and %q was not attached", f.Name, v)
	}
	return nil
}

func (f Field) checkValue(v string, now time.Time) error {
	switch {
	case len(f.OneOf) > 0 && !slices.Contains(f.OneOf, v):
		return fmt.Errorf("%s is %q; it must be one of %s", f.Name, v, strings.Join(f.OneOf, ", "))
	case f.Date:
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			return fmt.Errorf("%s is %q; it must be a date of the form YYYY-MM-DD", f.Name, v)
		}
		return f.checkPast(day, now, farthest)
	case f.Time && v != Now:
		at, err := ParseTime(v)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		return f.checkPast(at, now, skew)
	case f.Link:
		return f.checkLink(v)
	}
	return nil
}

func (f Field) checkPast(at, now time.Time, slack time.Duration) error {
	if f.Past && at.After(now.Add(slack)) {
		return fmt.Errorf("%s is still to come; by this computer's clock it is %s", f.Name, now.Format(TimeForm))
	}
	return nil
}

// checkLink quotes nothing of what may be a password.
func (f Field) checkLink(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return fmt.Errorf("%s must be %s", f.Name, f.form())
	}
	if u.User != nil {
		return fmt.Errorf("%s holds a user name or password; leave that out", f.Name)
	}
	return nil
}
