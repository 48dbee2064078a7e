package runbook_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// Each kind of entry takes what it says it takes, and an error that names it otherwise.
func TestFieldKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 00:00 UTC
		link, when := runbook.Field{Name: "x", Link: true}, runbook.Field{Name: "x", Time: true}
		past := runbook.Field{Name: "x", Time: true, Past: true}
		day := runbook.Field{Name: "x", Date: true, Past: true}
		for _, c := range []struct {
			field       runbook.Field
			entry, want string
		}{
			{link, "https://docs.example.invalid/a?b=c#d", ""},
			{link, "http://10.0.0.1:8080", ""},
			{link, "docs.example.invalid", "must be a link"},
			{link, "ftp://docs.example.invalid", "must be a link"},
			{link, "https://", "must be a link"},
			{link, "https://ann:hunter2@docs.example.invalid", "holds a user name or password"},
			{link, "https://a b", "must be a link"},
			{when, "2031-03-01 14:05 -0800", ""},
			{when, "2031-03-01T14:05:00-08:00", ""},
			{when, "2031-03-01T14:05:00.5Z", ""},
			{when, runbook.Now, ""},
			{when, "2031-03-01 14:05", "is not a time such as"},
			{when, "14:05", "is not a time such as"},
			{when, "2031-02-30 14:05 -0800", "is not a time such as"},
			{past, "1999-12-31 16:01 -0800", ""}, // 00:01 UTC: clocks differ
			{past, "1999-12-31 16:03 -0800", "is still to come; by this computer's clock it is 2000-01-01"},
			{past, runbook.Now, ""},
			{day, "2000-01-01", ""},
			{day, "2000-01-02", "is still to come"},
			{day, "2000-13-01", "YYYY-MM-DD"},
		} {
			q := runbook.Question{Step: "s", Ask: runbook.Ask{Kind: runbook.Attestation, Fields: []runbook.Field{c.field}}}
			err := q.Check(runbook.Answer{Statement: "this", Values: map[string]string{"x": c.entry}})
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%q: %v, want %q", c.entry, err, c.want)
			}
		}
	})
}

// An entry that belongs to another one's value is needed with it, and wrong without it.
func TestFieldsThatDependOnAnother(t *testing.T) {
	q := runbook.Question{Step: "s", Ask: runbook.Ask{Kind: runbook.Attestation, Fields: []runbook.Field{
		{Name: "attended", OneOf: []string{"yes", "no"}, Required: true}, {Name: "by", Text: "who", Required: true, When: "attended=yes"}}}}
	for want, values := range map[string]map[string]string{
		"":                            {"attended": "yes", "by": "Kim"},
		"by is needed (who)":          {"attended": "yes"},
		"by is for attended=yes only": {"attended": "no", "by": "Kim"},
		"attended is needed":          {},
	} {
		err := q.Check(runbook.Answer{Statement: "this", Values: values})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", values, err, want)
		}
	}
	if err := q.Check(runbook.Answer{Statement: "this", Values: map[string]string{"attended": "no"}}); err != nil {
		t.Error(err)
	}
}

// Every wrong entry is named at once, in the order of the form.
func TestEveryWrongEntryIsNamed(t *testing.T) {
	q := runbook.Question{Step: "s", Ask: runbook.Ask{Kind: runbook.Attestation, Fields: []runbook.Field{
		{Name: "page", Link: true}, {Name: "at", Time: true}, {Name: "who", Required: true}, {Name: "minutes", File: true}}}}
	err := q.Check(runbook.Answer{Values: map[string]string{"page": "x", "at": "x", "minutes": "x", "zeal": "x", "colour": "x"}, Files: map[string]string{"page": "y"}})
	var got []string
	for line := range strings.Lines(err.Error()) {
		got = append(got, strings.Trim(strings.Fields(line)[0], ":"))
	}
	if want := "a page at who minutes colour zeal"; strings.Join(got, " ") != want {
		t.Errorf("named %q, want %q:\n%v", got, want, err)
	}
}

// What is recorded for "now" is the moment at which it was recorded, by the run's clock.
func TestNowIsRecordedAsATime(t *testing.T) {
	ask := runbook.Ask{Kind: runbook.Attestation, Text: "When?", Fields: []runbook.Field{{Name: "at", Text: "when", Time: true, Past: true, Required: true}}}
	def := book(&lamp{on: true})
	def.Steps[0] = runbook.Step{ID: "ask", Title: "ask", Ask: &ask}
	values := map[string]string{"at": runbook.Now}
	r := runner(&memlog.Log{})
	r.Asker = &runbook.Prepared{How: "file", Answers: []runbook.PreparedAnswer{{Step: "ask", Statement: "x", Values: values}}}
	before := time.Now().Truncate(time.Second)
	s, err := r.Start(t.Context(), def)
	if err != nil {
		t.Fatal(err)
	}
	at, err := runbook.ParseTime(s.Step("ask").Answers[0].Values["at"])
	if err != nil || at.Before(before) || at.After(time.Now()) || values["at"] != runbook.Now {
		t.Errorf("%s, %v; the answer that was given is now %v", at, err, values)
	}
}

// Journals of before have fields without kinds; their JSON is read and written as it was.
func TestFieldsOfBefore(t *testing.T) {
	const was = `{"name":"link","text":"link","required":true}`
	var f runbook.Field
	if err := json.Unmarshal([]byte(was), &f); err != nil {
		t.Fatal(err)
	}
	if is, err := json.Marshal(f); err != nil || string(is) != was {
		t.Errorf("%s, %v", is, err)
	}
	if is, err := json.Marshal(runbook.Answer{Actor: "a", How: "h", Files: map[string]string{"f": "/somewhere/secret place"}}); err != nil || string(is) != `{"actor":"a","how":"h"}` {
		t.Errorf("%s, %v", is, err)
	}
}
