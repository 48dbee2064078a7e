package runbooktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// The wrappers change nothing: through them a store still keeps every rule.
func TestWrappersAreTransparent(t *testing.T) {
	for name, wrap := range map[string]func(runbook.Log) runbook.Log{
		"Counting": func(l runbook.Log) runbook.Log { return &runbooktest.Counting{Log: l} },
		"Crash":    func(l runbook.Log) runbook.Log { return &runbooktest.Crash{Log: l} },
	} {
		t.Run(name, func(t *testing.T) {
			runbooktest.TestLog(t, func(*testing.T) runbook.Log { return wrap(&memlog.Log{}) }, nil)
		})
	}
}

// faulty is a store with one fault. Each func replaces one method.
type faulty struct {
	*memlog.Log
	append  func(context.Context, string, *runbook.Record) error
	read    func(context.Context, string, uint64) ([]runbook.Record, error)
	streams func(context.Context, string) iter.Seq2[string, error]
	lock    func(string, string) (func() error, error)
}

func (f *faulty) Append(ctx context.Context, s string, r *runbook.Record) error {
	if f.append != nil {
		return f.append(ctx, s, r)
	}
	return f.Log.Append(ctx, s, r)
}

func (f *faulty) Read(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
	if f.read != nil {
		return f.read(ctx, s, from)
	}
	return f.Log.Read(ctx, s, from)
}

func (f *faulty) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if f.streams != nil {
		return f.streams(ctx, prefix)
	}
	return f.Log.Streams(ctx, prefix)
}

func (f *faulty) Lock(s, owner string) (func() error, error) {
	if f.lock != nil {
		return f.lock(s, owner)
	}
	return f.Log.Lock(s, owner)
}

// mutants are stores that break one rule, and the rules that must notice.
var mutants = map[string]struct {
	fault   func(*faulty)
	noticed []string
}{
	"overwrites instead of refusing": {func(f *faulty) {
		f.append = func(ctx context.Context, s string, r *runbook.Record) error {
			err := f.Log.Append(ctx, s, r)
			if errors.Is(err, runbook.ErrConflict) && r.Seq > 0 {
				return nil
			}
			return err
		}
	}, []string{"CompareAndAppend", "OneWinner", "RacingWriters"}},
	"conflict is another error": {func(f *faulty) {
		f.append = func(ctx context.Context, s string, r *runbook.Record) error {
			if err := f.Log.Append(ctx, s, r); err != nil {
				return fmt.Errorf("%s", err)
			}
			return nil
		}
	}, []string{"CompareAndAppend", "OneWinner", "RacingWriters", "Reopened", "CancelledBeforeAppend"}},
	"number changes on the way": {func(f *faulty) {
		f.append = func(ctx context.Context, s string, r *runbook.Record) error {
			have, _ := f.Log.Read(ctx, s, 1)
			r.Seq = uint64(len(have) + 1)
			return f.Log.Append(ctx, s, r)
		}
	}, []string{"CompareAndAppend"}},
	"ignores the context": {func(f *faulty) {
		f.append = func(ctx context.Context, s string, r *runbook.Record) error {
			return f.Log.Append(context.WithoutCancel(ctx), s, r)
		}
	}, []string{"CancelledBeforeAppend"}},
	"does not seal": {func(f *faulty) {
		f.append = func(ctx context.Context, s string, r *runbook.Record) error {
			c := *r
			return f.Log.Append(ctx, s, &c)
		}
	}, []string{"AppendSeals", "SameAfterReading", "Times"}},
	"changes white space and key order, as a jsonb column does": {func(f *faulty) {
		f.read = func(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
			got, err := f.Log.Read(ctx, s, from)
			for i := range got {
				var v any
				if json.Unmarshal(got[i].Data, &v) == nil {
					got[i].Data, _ = json.Marshal(v)
				}
			}
			return got, err
		}
	}, []string{"SameAfterReading"}},
	"keeps milliseconds": {func(f *faulty) {
		f.read = func(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
			got, err := f.Log.Read(ctx, s, from)
			for i := range got {
				got[i].At = got[i].At.Truncate(time.Millisecond)
			}
			return got, err
		}
	}, []string{"Times", "SameAfterReading"}},
	"keeps local times": {func(f *faulty) {
		f.read = func(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
			got, err := f.Log.Read(ctx, s, from)
			for i := range got {
				got[i].At = got[i].At.In(time.FixedZone("there", 3600))
			}
			return got, err
		}
	}, []string{"Times"}},
	"from counts from zero": {func(f *faulty) {
		f.read = func(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
			if from > 1 {
				from++
			}
			return f.Log.Read(ctx, s, from)
		}
	}, []string{"From"}},
	"unknown stream is an error": {func(f *faulty) {
		f.read = func(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
			got, err := f.Log.Read(ctx, s, 1)
			if err == nil && len(got) == 0 {
				return nil, errors.New("no such stream")
			}
			return f.Log.Read(ctx, s, from)
		}
	}, []string{"UnknownStream"}},
	"all streams are one": {func(f *faulty) {
		f.append = func(ctx context.Context, s string, r *runbook.Record) error { return f.Log.Append(ctx, "runs/one", r) }
		f.read = func(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
			return f.Log.Read(ctx, "runs/one", from)
		}
	}, []string{"StreamsAreSeparate", "AppendSeals", "ManyStreams"}},
	"sorts as people do": {func(f *faulty) {
		f.streams = func(ctx context.Context, prefix string) iter.Seq2[string, error] {
			names := names(f.Log.Streams(ctx, prefix))
			slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
			return each(names)
		}
	}, []string{"StreamsByPrefix"}},
	"prefix is a pattern": {func(f *faulty) {
		f.streams = func(ctx context.Context, prefix string) iter.Seq2[string, error] {
			return each(names(f.Log.Streams(ctx, strings.TrimRight(prefix, "%_"))))
		}
	}, []string{"StreamsByPrefix"}},
	"first page only": {func(f *faulty) {
		f.streams = func(ctx context.Context, prefix string) iter.Seq2[string, error] {
			all := names(f.Log.Streams(ctx, prefix))
			return each(all[:min(len(all), 500)])
		}
	}, []string{"ManyStreams"}},
	"lock is not exclusive": {func(f *faulty) {
		f.lock = func(string, string) (func() error, error) { return func() error { return nil }, nil }
	}, []string{"Lock"}},
	"lock does not say who": {func(f *faulty) {
		f.lock = func(s, owner string) (func() error, error) { return f.Log.Lock(s, owner[:3]) }
	}, []string{"Lock"}},
	"lock is never released": {func(f *faulty) {
		f.lock = func(s, owner string) (func() error, error) {
			_, err := f.Log.Lock(s, owner)
			return func() error { return nil }, err
		}
	}, []string{"Lock"}},
	"lock is a record": {func(f *faulty) {
		f.lock = func(s, owner string) (func() error, error) {
			r := runbook.Record{V: 1, Seq: 1, Kind: runbook.KindNote}
			_ = f.Log.Append(context.Background(), s, &r)
			return f.Log.Lock(s, owner)
		}
	}, []string{"LockIsNoRecord"}},
}

func names(seq iter.Seq2[string, error]) (out []string) {
	for name := range seq {
		out = append(out, name)
	}
	return out
}

func each(names []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

// The suite is only worth something if it notices stores that break a rule.
func TestSuiteNoticesFaultyStores(t *testing.T) {
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			got := runbooktest.Violated(t.Context(), func() (runbook.Log, func() runbook.Log) {
				f := &faulty{Log: &memlog.Log{}}
				m.fault(f)
				return f, func() runbook.Log { return f }
			})
			for _, want := range m.noticed {
				if got[want] == nil {
					t.Errorf("the rule %s did not notice it; noticed: %v", want, got)
				}
			}
		})
	}
}

// A handle that trusts what it remembers, and a store that forgets, are only seen with two handles.
func TestSuiteNoticesHandlesThatDoNotShare(t *testing.T) {
	got := runbooktest.Violated(t.Context(), func() (runbook.Log, func() runbook.Log) {
		return &memlog.Log{}, func() runbook.Log { return &memlog.Log{} }
	})
	for _, want := range []string{"Reopened", "OneWinner", "RacingWriters", "Lock", "ManyStreams"} {
		if got[want] == nil {
			t.Errorf("the rule %s did not notice that nothing is stored", want)
		}
	}
}

// torn shows readers a record before it is linked to the one before. Append waits until the first
// reader has come, so the rule that runs beside it surely sees such a record.
type torn struct {
	*memlog.Log
	mu   sync.Mutex
	half map[string]runbook.Record
	once sync.Once
	read chan struct{} // closed by the first Read
}

func (l *torn) Append(ctx context.Context, s string, r *runbook.Record) error {
	l.mu.Lock()
	l.half[s] = *r
	l.mu.Unlock()
	<-l.read
	err := l.Log.Append(ctx, s, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.half, s)
	return err
}

func (l *torn) Read(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	got, err := l.Log.Read(ctx, s, from)
	if half, ok := l.half[s]; ok && half.Seq == uint64(len(got)+1) {
		got = append(got, half)
		l.once.Do(func() { close(l.read) })
	}
	return got, err
}

func TestSuiteNoticesTornReads(t *testing.T) {
	got := runbooktest.Violated(t.Context(), func() (runbook.Log, func() runbook.Log) {
		l := &torn{Log: &memlog.Log{}, half: map[string]runbook.Record{}, read: make(chan struct{})}
		return l, func() runbook.Log { return l }
	}, "ReadDuringAppend")
	if got["ReadDuringAppend"] == nil {
		t.Error("half written records were never noticed")
	}
}
