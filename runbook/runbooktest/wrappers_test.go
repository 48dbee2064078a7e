package runbooktest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

func note(seq uint64) *runbook.Record {
	return &runbook.Record{V: runbook.RecordVersion, Seq: seq, Epoch: 1, Actor: "ann", Kind: runbook.KindNote}
}

func TestCrashBeforeAndAfter(t *testing.T) {
	for _, after := range []bool{false, true} {
		log := &memlog.Log{}
		c := &runbooktest.Crash{Log: log, At: 2, After: after}
		if _, err := c.Lock("runs/a", "ann"); err != nil {
			t.Fatal(err)
		}
		if err := c.Append(t.Context(), "runs/a", note(1)); err != nil || c.Happened() {
			t.Fatalf("append before the crash: %v", err)
		}
		if err := c.Append(t.Context(), "runs/a", note(2)); !errors.Is(err, runbooktest.ErrCrash) || !c.Happened() {
			t.Fatalf("the append that kills: %v", err)
		}
		got, err := log.Read(t.Context(), "runs/a", 1)
		if want := map[bool]int{false: 1, true: 2}[after]; err != nil || len(got) != want {
			t.Errorf("after=%t: the store has %d records, %v; want %d", after, len(got), err, want)
		}
		staysDead(t, c)
		if release, err := log.Lock("runs/a", "bob"); err != nil {
			t.Errorf("a dead process still keeps its stream: %v", err)
		} else if err := release(); err != nil {
			t.Error(err)
		}
	}
}

func staysDead(t *testing.T, c *runbooktest.Crash) {
	t.Helper()
	if err := c.Append(t.Context(), "runs/a", note(3)); !errors.Is(err, runbooktest.ErrCrash) {
		t.Errorf("append of a dead process: %v", err)
	}
	if _, err := c.Read(t.Context(), "runs/a", 1); !errors.Is(err, runbooktest.ErrCrash) {
		t.Errorf("read of a dead process: %v", err)
	}
	if _, err := c.Lock("runs/b", "ann"); !errors.Is(err, runbooktest.ErrCrash) {
		t.Errorf("lock of a dead process: %v", err)
	}
	for _, err := range c.Streams(t.Context(), "") {
		if !errors.Is(err, runbooktest.ErrCrash) {
			t.Errorf("list of a dead process: %v", err)
		}
	}
}

func TestCrashReleasesOnce(t *testing.T) {
	log := &memlog.Log{}
	c := &runbooktest.Crash{Log: log, At: 1}
	release, err := c.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Append(t.Context(), "runs/a", note(1)); !errors.Is(err, runbooktest.ErrCrash) {
		t.Fatal(err)
	}
	if _, err := log.Lock("runs/a", "bob"); err != nil {
		t.Fatal(err)
	}
	// The deferred release of the dead process must not free what bob keeps.
	if err := release(); err != nil {
		t.Error(err)
	}
	var held *runbook.LockedError
	if _, err := log.Lock("runs/a", "eve"); !errors.As(err, &held) || held.Owner != "bob" {
		t.Errorf("bob's stream: %v", err)
	}
}

// counted answers every request and counts them and the bodies that were closed.
type counted struct{ requests, closed int }

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests++
	return &http.Response{StatusCode: http.StatusOK, Body: c}, r.Body.Close()
}

func (c *counted) Read([]byte) (int, error) { return 0, io.EOF }
func (c *counted) Close() error             { c.closed++; return nil }

func TestCrashAtARequest(t *testing.T) {
	for _, after := range []bool{false, true} {
		died, systems := 0, &counted{}
		c := &runbooktest.Crash{Log: &memlog.Log{}, At: 2, Request: true, After: after, Die: func() { died++ }}
		client := &http.Client{Transport: c.Transport(systems)}
		for i := range 3 {
			body := &counted{}
			r, err := http.NewRequest(http.MethodPost, "http://example.invalid/", body)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = client.Do(r); errors.Is(err, runbooktest.ErrCrash) != (i > 0) || body.closed != 1 {
				t.Errorf("request %d: %v, body closed %d times", i+1, err, body.closed)
			}
		}
		if want := map[bool]int{false: 1, true: 2}[after]; systems.requests != want || systems.closed != want-1 || died != 1 {
			t.Errorf("after=%t: %d requests, %d lost answers closed, died %d times", after, systems.requests, systems.closed, died)
		}
		staysDead(t, c)
	}
}

func TestKill(t *testing.T) {
	died := 0
	c := &runbooktest.Crash{Log: &memlog.Log{}, Die: func() { died++ }}
	c.Kill()
	c.Kill()
	if staysDead(t, c); died != 1 {
		t.Errorf("died %d times", died)
	}
}

// syncing knows its syncs; bare knows neither syncs nor owners.
type (
	syncing struct{ *memlog.Log }
	bare    struct{ runbook.Log }
)

func (syncing) Syncs() uint64 { return 7 }

func TestCounting(t *testing.T) {
	c := &runbooktest.Counting{Log: syncing{&memlog.Log{}}}
	ended, end := context.WithCancel(t.Context())
	end()
	for _, try := range []struct {
		ctx context.Context
		seq uint64
	}{{t.Context(), 1}, {t.Context(), 2}, {t.Context(), 2}, {ended, 3}} {
		_ = c.Append(try.ctx, "runs/a", note(try.seq))
	}
	if _, err := c.Read(t.Context(), "runs/a", 1); err != nil {
		t.Error(err)
	}
	for range c.Streams(t.Context(), "") {
	}
	want := runbooktest.Counts{Appends: 2, Conflicts: 1, Failures: 1, Reads: 1, Lists: 1}
	if got := c.Counts(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if n, known := c.Syncs(); n != 7 || !known {
		t.Errorf("syncs %d, %t", n, known)
	}
	if _, known := (&runbooktest.Counting{Log: &memlog.Log{}}).Syncs(); known {
		t.Error("a store without a count of its syncs is said to have one")
	}
}

func TestStoresWithoutOwnersAreKeptByEverybody(t *testing.T) {
	l := bare{&memlog.Log{}}
	for _, locker := range []runbook.Locker{&runbooktest.Counting{Log: l}, &runbooktest.Crash{Log: l}} {
		for range 2 {
			if _, err := locker.Lock("runs/a", "ann"); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPeople(t *testing.T) {
	p := &runbooktest.People{Answers: map[string][]runbook.Answer{
		"attest": {runbooktest.Decides(runbook.DecideRetry, "again"), runbooktest.Says("first"), runbooktest.Says("second")},
		"never":  {runbooktest.Says("unheard")},
	}}
	attest := runbook.Question{Step: "attest", Ask: runbook.Ask{Kind: runbook.Attestation}}
	failed := runbook.Question{Step: "attest", Ask: runbook.Ask{Kind: runbook.DecisionWanted}}
	for _, want := range []struct {
		q    runbook.Question
		says string
	}{{attest, "first"}, {failed, "again"}, {attest, "second"}} {
		if a, err := p.Ask(t.Context(), want.q); err != nil || a.Statement != want.says || a.How != "script" {
			t.Errorf("%s: %+v, %v", want.says, a, err)
		}
	}
	if got := p.Unused(); len(got) != 1 || got["never"] != 1 {
		t.Errorf("unused %v", got)
	}
	if _, err := p.Ask(t.Context(), attest); !errors.Is(err, runbook.ErrNoAnswer) {
		t.Errorf("behind the script: %v", err)
	}
	p.Otherwise = runbook.AskerFunc(func(context.Context, runbook.Question) (runbook.Answer, error) {
		return runbook.Answer{How: "phone", Statement: "ask my boss"}, nil
	})
	if a, err := p.Ask(t.Context(), attest); err != nil || a.How != "phone" || len(p.Asked()) != 5 {
		t.Errorf("%+v, %v, asked %d", a, err, len(p.Asked()))
	}
}

func BenchmarkMemory(b *testing.B) {
	runbooktest.BenchmarkLog(b, func(*testing.B) runbook.Log { return &memlog.Log{} }, nil)
}
