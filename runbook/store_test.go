package runbook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// broken is a store that fails at its n-th call, of whatever kind, and works before and after.
type broken struct {
	*memlog.Log
	mu    sync.Mutex
	n, at int
}

var errStore = errors.New("the store does not answer")

func (b *broken) fails() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n++; b.n == b.at {
		return errStore
	}
	return nil
}

func (b *broken) Append(ctx context.Context, s string, r *runbook.Record) error {
	if err := b.fails(); err != nil {
		return err
	}
	return b.Log.Append(ctx, s, r)
}

func (b *broken) Read(ctx context.Context, s string, from uint64) ([]runbook.Record, error) {
	if err := b.fails(); err != nil {
		return nil, err
	}
	return b.Log.Read(ctx, s, from)
}

func (b *broken) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if err := b.fails(); err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return b.Log.Streams(ctx, prefix)
}

func (b *broken) Lock(s, owner string) (func() error, error) {
	if err := b.fails(); err != nil {
		return nil, err
	}
	return b.Log.Lock(s, owner)
}

// everything is what people do with a run from its beginning to its end; it stops at the first error.
func everything(t *testing.T, log runbook.Log, l *lamp) error {
	def := book(l)
	def.Steps[3].Ask = &runbook.Ask{Kind: runbook.Attestation, Text: "Landed?"}
	launch := def.Steps[2].Apply
	def.Steps[2].Apply = failing("no fuel")
	r := runner(log)
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		return err
	}
	if err := r.Signal(t.Context(), "test-0001", "launch", retry()); err != nil {
		return err
	}
	def.Steps[2].Apply = launch
	if _, err := r.Resume(t.Context(), def, "test-0001", "refuelled"); !errors.As(err, &waiting) || waiting.Question.Failure != "" {
		return err
	}
	if _, err := r.Evidence(t.Context(), "test-0001"); err != nil {
		return err
	}
	if _, err := r.Runs(t.Context()); err != nil {
		return err
	}
	if _, err := r.List(t.Context()); err != nil {
		return err
	}
	if _, err := r.Active(t.Context(), "test"); err != nil {
		return err
	}
	swept, err := r.Sweep(t.Context(), runbook.Sweeping{Silent: 1, Waiting: 1, Reason: "test",
		Definition: func(context.Context, *runbook.State) (*runbook.Definition, error) { return def, nil }})
	if err == nil && len(swept) != 1 {
		err = fmt.Errorf("swept %d runs", len(swept))
	}
	for _, s := range swept {
		err = errors.Join(err, s.Err)
	}
	return err
}

// The store fails at any one call. Nothing happens twice, nothing is called done that is not, and
// afterwards the run can be settled from what the journal says.
func TestStoreFailsAtAnyCall(t *testing.T) {
	whole := &broken{Log: &memlog.Log{}}
	if err := everything(t, whole, &lamp{on: true}); err != nil {
		t.Fatal(err)
	}
	if whole.n < 40 {
		t.Fatalf("only %d calls", whole.n)
	}
	for at := 1; at <= whole.n; at++ {
		l, log := &lamp{on: true}, &broken{Log: &memlog.Log{}, at: at}
		err := everything(t, log, l)
		if err == nil {
			t.Fatalf("call %d failed, and nobody said so", at)
		}
		if l.launches > 1 {
			t.Fatalf("call %d: %d launches", at, l.launches)
		}
		r := runner(log.Log)
		run, aerr := r.Active(t.Context(), "test")
		if aerr != nil {
			t.Fatal(aerr)
		}
		if run != "" {
			if _, serr := r.State(t.Context(), run); errors.Is(serr, runbook.ErrUnknownRun) {
				_, err = r.Start(t.Context(), book(l)) // it had not begun
			} else {
				_, err = r.Settle(t.Context(), book(l), run, "the store failed")
			}
			if err != nil {
				t.Fatalf("call %d: settle: %v", at, err)
			}
		}
		if !l.isOn() {
			t.Fatalf("call %d: the lamp is off", at)
		}
	}
}

// Records that are chained but say nonsense are an error, not a run.
func TestRecordsThatMakeNoSense(t *testing.T) {
	start, err := json.Marshal(map[string]any{"Plan": map[string]any{"name": "n"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []runbook.Kind{runbook.KindStart, runbook.KindTakeover, runbook.KindDone, runbook.KindFail, runbook.KindNote, runbook.KindWait, runbook.KindSignal,
		runbook.KindAnswer, runbook.KindOwe, runbook.KindSettled, runbook.KindEnd} {
		log := &memlog.Log{}
		for i, r := range []runbook.Record{{Kind: runbook.KindStart, Data: start}, {Kind: kind, Key: "x", Data: json.RawMessage(`"nonsense"`)}} {
			r.V, r.Seq = runbook.RecordVersion, uint64(i+1)
			if err := log.Append(t.Context(), runbook.RunStream("test-0001"), &r); err != nil {
				t.Fatal(err)
			}
		}
		r := runner(log)
		if _, err := r.State(t.Context(), "test-0001"); err == nil {
			t.Errorf("a %s record that says nonsense was read", kind)
		}
		if _, err := r.Evidence(t.Context(), "test-0001"); err == nil {
			t.Errorf("a %s record that says nonsense is evidence", kind)
		}
		if _, err := r.Resume(t.Context(), book(&lamp{}), "test-0001", "why not"); err == nil {
			t.Errorf("a %s record that says nonsense was gone on from", kind)
		}
	}
	log := &memlog.Log{}
	for i, r := range []runbook.Record{{Kind: runbook.KindStart, Data: start}, {Kind: runbook.KindSettled, Key: "lamp/desk", Data: json.RawMessage(`{}`)}} {
		r.V, r.Seq = runbook.RecordVersion, uint64(i+1)
		if err := log.Append(t.Context(), runbook.RunStream("test-0001"), &r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := runner(log).State(t.Context(), "test-0001"); err == nil {
		t.Error("something was settled that nobody owed")
	}
}

func TestUnknownRun(t *testing.T) {
	r := runner(newFilelog(t))
	_, state := r.State(t.Context(), "test-0009")
	_, evidence := r.Evidence(t.Context(), "test-0009")
	_, resume := r.Resume(t.Context(), book(&lamp{}), "test-0009", "x")
	for _, err := range []error{state, evidence, resume, r.Signal(t.Context(), "test-0009", "x", runbook.Answer{}), r.Abort(t.Context(), "test-0009", "x")} {
		if !errors.Is(err, runbook.ErrUnknownRun) {
			t.Error(err)
		}
	}
}

// The store fails while a run begins, and again while the next one clears up after it. Whoever comes then can begin,
// or go on: a run that never began stands in nobody's way.
func TestStoreFailsTwiceAtTheBeginning(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second) // what turns in a circle ends here
	defer stop()
	for first := 1; first <= 5; first++ {
		for second := 1; second <= 10; second++ {
			log, l := &memlog.Log{}, &lamp{on: true}
			for _, at := range []int{first, second} {
				if _, err := runner(&broken{Log: log, at: at}).Start(ctx, book(l)); err != nil && !errors.Is(err, errStore) && !isActive(err) {
					t.Fatalf("%d, %d: %v", first, second, err)
				}
			}
			if l.launches > 1 {
				t.Errorf("%d, %d: launched %d times", first, second, l.launches)
			}
			r := runner(log)
			run, err := r.Active(ctx, "test")
			if err == nil && run != "" {
				_, err = r.Resume(ctx, book(l), run, "the store is back")
			}
			if errors.Is(err, runbook.ErrUnknownRun) || err == nil {
				_, err = r.Start(ctx, book(l))
			}
			if err != nil {
				t.Errorf("%d, %d: the third cannot begin: %v", first, second, err)
			}
		}
	}
}

func isActive(err error) bool {
	var active *runbook.ActiveRunError
	return errors.As(err, &active)
}
