package pexip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Calls in progress and calls that are over are read alike, and only those of the time that was asked for.
func TestCalls(t *testing.T) {
	now := time.Date(2026, 3, 1, 22, 5, 0, 0, time.UTC)
	opt := pexiptest.Options{Speed: 1, Now: func() time.Time { return now }, Nodes: []pexiptest.Node{{Name: "conf1", Address: "10.0.0.5"}, {Name: "conf2", Address: "10.0.0.6"}}}
	bothWays(t, opt, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		for _, call := range []pexiptest.Call{
			{Alias: "early@vbv.invalid", Start: now.Add(-time.Hour)},
			{Alias: "long@vbv.invalid", Start: now.Add(-time.Hour), Duration: 55 * time.Minute, Node: "conf2"},
			{Alias: "short@vbv.invalid", Start: now.Add(-2 * time.Minute)},
			{Alias: "live@vbv.invalid", Start: now.Add(-10 * time.Second)},
		} {
			ok(t, srv.AddCall(call))
		}
		got, err := c.Calls(t.Context(), now.Add(-10*time.Minute), now)
		ok(t, err)
		for i := range got {
			if got[i].ID == "" {
				t.Errorf("%s has no id", got[i].Alias)
			}
			got[i].ID = ""
		}
		want := []pexip.Call{
			{Alias: "long@vbv.invalid", Node: "10.0.0.6", Start: now.Add(-time.Hour), End: now.Add(-5 * time.Minute)},
			{Alias: "short@vbv.invalid", Node: "10.0.0.5", Start: now.Add(-2 * time.Minute), End: now.Add(-78 * time.Second)},
			{Alias: "live@vbv.invalid", Node: "10.0.0.5", Start: now.Add(-10 * time.Second)},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if got, err := c.Calls(t.Context(), now.Add(-4*time.Minute), now.Add(-3*time.Minute)); err != nil || len(got) != 0 {
			t.Errorf("between two calls: %+v, %v", got, err)
		}
	})
}

// The history is asked for what is recent, and read to its last page.
func TestCallsFollowNext(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{MaxLimit: 2}, nil)
	now := time.Now()
	for i := range 5 {
		ok(t, srv.AddCall(pexiptest.Call{Start: now.Add(-time.Duration(i+1) * time.Minute)}))
	}
	ok(t, srv.AddCall(pexiptest.Call{Start: now.Add(-time.Hour)}))
	got, err := c.Calls(t.Context(), now.Add(-10*time.Minute), now)
	ok(t, err)
	if len(got) != 5 || !got[0].Start.Before(got[4].Start) {
		t.Errorf("%+v", got)
	}
	if n := sent(srv, "GET", "history/v1/participant"); n != 3 {
		t.Errorf("%d requests for the history, want 3 pages", n)
	}
	for _, r := range srv.Requests() {
		if strings.Contains(r.URL, "history") && !strings.Contains(r.URL, "end_time__gte="+now.Add(-10*time.Minute).UTC().Format("2006-01-02T15")) {
			t.Errorf("all of the history is asked for: %s", r.URL)
		}
	}
}

// Nodes leave out what a page of the schema has, and one may ignore the filter.
func TestCallsTakesWhatANodeSends(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv,
		answer("status/v1/participant", rows(`
			{"id":"p1","call_uuid":"u1","call_direction":"in","destination_alias":"vbv","connect_time":"2026-03-01T22:00:00"},
			{"id":"p2","connect_time":null}`)),
		answer("history/v1/participant", rows(`
			{"id":"p1","call_uuid":"u1","call_direction":"in","local_alias":"vbv","media_node":"10.0.0.5","start_time":"2026-03-01T22:00:00","end_time":"2026-03-01T22:01:00"},
			{"id":7,"call_direction":"out","local_alias":"ann.private@home.invalid","signalling_node":"10.0.0.6","start_time":"2026-03-01T22:02:00","end_time":null,"duration":90},
			{"id":"p8","start_time":"2026-03-01T22:04:00","duration":null},
			{"id":"p9","start_time":"2026-01-01T22:00:00","end_time":"2026-01-01T22:01:00"}`)))
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 22, minute, 0, 0, time.UTC) }
	got, err := c.Calls(t.Context(), at(0), at(10))
	ok(t, err)
	want := []pexip.Call{
		{ID: "u1", Alias: "vbv", Node: "10.0.0.5", Start: at(0), End: at(1)},
		{ID: "7", Node: "10.0.0.6", Start: at(2), End: at(3).Add(30 * time.Second)}, // a person was called: the alias is not taken
		{ID: "p8", Start: at(4), End: at(4)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
