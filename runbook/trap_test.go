package runbook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// full is a store whose disk is full for records of a kind.
type full struct {
	runbook.Log
	kind runbook.Kind
}

var errFull = errors.New("no space left on device")

func (f full) Append(ctx context.Context, s string, r *runbook.Record) error {
	if r.Kind == f.kind && r.Key == "launch" {
		return errFull
	}
	return f.Log.Append(ctx, s, r)
}

// Trap 3: the rocket has flown, and its outcome cannot be written. The run stops with the journal
// closed; whoever opens it again finds the step in doubt, asks the target, and does not repeat it.
func TestOutcomeThatCannotBeWritten(t *testing.T) {
	l, log := &lamp{on: true}, &memlog.Log{}
	s, err := runner(full{log, runbook.KindDone}).Start(t.Context(), book(l))
	if !errors.Is(err, errFull) || s.Step("launch").Status != runbook.StepRunning || l.launches != 1 || l.isOn() {
		t.Fatalf("%v, launch %s", err, s.Step("launch").Status)
	}
	s, err = runner(log).Resume(t.Context(), book(l), "test-0001", "disk freed")
	if err != nil || s.Step("launch").Status != runbook.StepAlready || l.launches != 1 || !l.isOn() {
		t.Errorf("%v, launch %s, launches %d", err, s.Step("launch").Status, l.launches)
	}
}

// Trap 9: another binary goes on in the middle of a run. It is refused as long as nobody says why the
// change is right; and then only if all that was begun is still there, in its order.
func TestChangedDefinitionInTheMiddle(t *testing.T) {
	extra := runbook.Step{ID: "extra", Title: "Extra", Apply: func(*runbook.StepContext) error { return nil }}
	for name, c := range map[string]struct {
		change func(*runbook.Definition)
		fits   bool
	}{
		"inserted before what is done": {func(d *runbook.Definition) { d.Steps = slices.Insert(d.Steps, 1, extra) }, true},
		"inserted behind":              {func(d *runbook.Definition) { d.Steps = append(d.Steps, extra) }, true},
		"a later step removed":         {func(d *runbook.Definition) { d.Steps = d.Steps[:3] }, true},
		"a done step removed":          {func(d *runbook.Definition) { d.Steps = d.Steps[1:] }, false},
		"a done step renamed":          {func(d *runbook.Definition) { d.Steps[1].ID = "darkness" }, false},
		"reordered":                    {func(d *runbook.Definition) { d.Steps[0], d.Steps[1] = d.Steps[1], d.Steps[0] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, log := &lamp{on: true}, &memlog.Log{}
			def := book(l)
			def.Steps[2].Apply = failing("no fuel")
			var waiting *runbook.WaitingError
			if _, err := runner(log).Start(t.Context(), def); !errors.As(err, &waiting) {
				t.Fatal(err)
			}
			changed := book(l)
			c.change(changed)
			r := runner(log)
			if err := r.Signal(t.Context(), "test-0001", "launch", retry()); err != nil {
				t.Fatal(err)
			}
			var other *runbook.PlanChangedError
			if _, err := r.Resume(t.Context(), changed, "test-0001", "new binary"); !errors.As(err, &other) {
				t.Fatalf("not refused: %v", err)
			}
			r.AcceptPlan = "reviewed"
			_, err := r.Resume(t.Context(), changed, "test-0001", "new binary")
			if (err == nil) != c.fits {
				t.Fatalf("accepted: %v", err)
			}
			if !c.fits { // but what is owed can be put back with any definition
				if _, err := runner(log).Settle(t.Context(), changed, "test-0001", "cannot go on"); err != nil || !l.isOn() {
					t.Errorf("settle: %v, lamp on %t", err, l.isOn())
				}
				return
			}
			if n := slices.Index(l.calls, "look"); l.launches != 1 || !l.isOn() || slices.Contains(l.calls[n+1:], "look") {
				t.Errorf("launches %d, calls %v", l.launches, l.calls)
			}
		})
	}
}

// Trap 10: errors are text after a restart, so nothing may depend on their type; a result that does
// not fit any more is an error and never half of it.
func TestResultsAfterARestart(t *testing.T) {
	log := &memlog.Log{}
	def := book(&lamp{on: true})
	def.Steps[2].Apply = func(sc *runbook.StepContext) error {
		var shape struct{ On string } // it was written as a bool
		if err := sc.Load("look", &shape); err != nil {
			return err
		}
		return nil
	}
	_, err := runner(log).Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "result of step look") {
		t.Fatal(err)
	}
	_, err = runner(log).Resume(t.Context(), def, "test-0001", "again")
	if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "result of step look") {
		t.Errorf("after a restart the failure reads %v", err)
	}
	def.Steps[2].Apply = func(sc *runbook.StepContext) error { return sc.Load("nowhere", new(int)) }
	if err := runner(log).Signal(t.Context(), "test-0001", "launch", retry()); err != nil {
		t.Fatal(err)
	}
	if _, err = runner(log).Resume(t.Context(), def, "test-0001", "again"); !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "left no result") {
		t.Error(err)
	}
}

// Trap 10: a journal that a newer program wrote is not taken over by an older one.
func TestNewerRecordsAreRefused(t *testing.T) {
	for name, r := range map[string]runbook.Record{
		"kind":    {V: runbook.RecordVersion, Seq: 1, Kind: "teleport"},
		"version": {V: runbook.RecordVersion + 1, Seq: 1, Kind: runbook.KindStart},
	} {
		line, err := runbook.Seal(&r, runbook.Origin("runs/a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := runbook.Open(line, runbook.Origin("runs/a"), 1); err == nil || errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), "newer program") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Trap 11: a panic is a failure like any other, with its place in the program; the lamp is put back.
func TestPanicInAStep(t *testing.T) {
	l := &lamp{on: true}
	def := book(l)
	def.Steps[2].Apply = func(*runbook.StepContext) error { panic("boom") }
	r := runner(newFilelog(t))
	_, err := r.Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "boom") || !strings.Contains(waiting.Question.Failure, "trap_test.go") {
		t.Fatal(err)
	}
	if _, err := r.Settle(t.Context(), def, "test-0001", "no"); err != nil || !l.isOn() {
		t.Errorf("%v, lamp on %t", err, l.isOn())
	}
}

// Trap 11: the context ends inside a step. That is no failure of the step: it stays begun, and in
// doubt for whoever goes on.
func TestCancelledInsideAStep(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	ctx, cancel := context.WithCancel(t.Context())
	def := book(l)
	def.Steps[1].Check = nil
	apply := def.Steps[1].Apply
	def.Steps[1].Apply = func(sc *runbook.StepContext) error {
		err := apply(sc)
		if !sc.InDoubt {
			cancel()
			err = sc.Err()
		}
		return err
	}
	s, err := runner(log).Start(ctx, def)
	if !errors.Is(err, context.Canceled) || s.Step("lamp-off").Status != runbook.StepRunning || len(s.Owed) != 1 {
		t.Fatalf("%v, %+v", err, s.Step("lamp-off"))
	}
	s, err = runner(log).Resume(t.Context(), def, "test-0001", "again")
	if err != nil || s.Step("lamp-off").Tries != 2 || !l.isOn() || string(s.Settled[0].Found) != "true" {
		t.Errorf("%v, %+v, lamp on %t", err, s.Settled, l.isOn())
	}
}

// Trap 11: a try takes too long and fails; its effect comes afterwards. The next try finds it done.
func TestLateSuccessAfterATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lamp{on: true}
		def := book(l)
		applied := 0
		def.Steps[1].Timeout, def.Steps[1].Retry = time.Minute, runbook.Retry{Times: 1, Wait: time.Hour}
		def.Steps[1].Apply = func(sc *runbook.StepContext) error {
			applied++
			if err := sc.Owe("lamp", "desk", true); err != nil {
				return err
			}
			go func() {
				time.Sleep(5 * time.Minute)
				l.set(false)
			}()
			<-sc.Done()
			return fmt.Errorf("switch: %w", sc.Err())
		}
		s, err := runner(&memlog.Log{}).Start(t.Context(), def)
		if err != nil || applied != 1 || s.Step("lamp-off").Status != runbook.StepAlready || !l.isOn() {
			t.Errorf("%v, applied %d, %s", err, applied, s.Step("lamp-off").Status)
		}
	})
}

// side is three steps side by side; each says that it began and waits until it may end.
type side struct {
	mu    sync.Mutex
	count map[string]int
	began sync.WaitGroup
	goOn  chan struct{}
}

func (p *side) definition(fail string) *runbook.Definition {
	def := &runbook.Definition{Name: "n", Environment: "e"}
	for _, id := range []string{"a", "b", "c"} {
		def.Steps = append(def.Steps, runbook.Step{ID: id, Title: id, Group: "g",
			Check: func(*runbook.StepContext) (bool, error) {
				p.mu.Lock()
				defer p.mu.Unlock()
				return p.count[id] > 0, nil
			},
			Apply: func(sc *runbook.StepContext) error {
				if sc.Try == 1 {
					p.began.Done()
					select {
					case <-p.goOn:
					case <-sc.Done():
						return sc.Err()
					}
				}
				if id == fail && sc.Try == 1 {
					return errors.New("busy")
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				p.count[id]++
				return nil
			}})
	}
	return def
}

func newSide() *side {
	p := &side{count: map[string]int{}, goOn: make(chan struct{})}
	p.began.Add(3)
	return p
}

// Trap 13: three branches are open at once when the process dies. All three are entered again; none
// takes effect twice.
func TestCrashWithThreeBranchesOpen(t *testing.T) {
	p, log := newSide(), newFilelog(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { p.began.Wait(); cancel() }() // dies with three open
	if _, err := runner(log).Start(ctx, p.definition("")); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s, err := runner(log).Resume(t.Context(), p.definition(""), "e-0001", "again")
	if err != nil || s.End == nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if p.count[id] != 1 || s.Step(id).Tries != 2 {
			t.Errorf("%s: %d effects, %d tries", id, p.count[id], s.Step(id).Tries)
		}
	}
}

// Trap 13: one of three branches fails, and the process dies while a person is asked about it. Only
// that one runs again.
func TestOneOfThreeBranchesFails(t *testing.T) {
	p, log := newSide(), newFilelog(t)
	close(p.goOn)
	var waiting *runbook.WaitingError
	if _, err := runner(log).Start(t.Context(), p.definition("b")); !errors.As(err, &waiting) || waiting.Question.Step != "b" {
		t.Fatal(err)
	}
	if err := runner(log).Signal(t.Context(), "e-0001", "b", retry()); err != nil {
		t.Fatal(err)
	}
	s, err := runner(log).Resume(t.Context(), p.definition("b"), "e-0001", "again")
	if err != nil || p.count["a"] != 1 || p.count["b"] != 1 || p.count["c"] != 1 || s.Step("a").Tries != 1 || s.Step("b").Tries != 2 {
		t.Errorf("%v, %v", err, p.count)
	}
}

// Trap 14: an undo's own precondition does not hold yet. It stays owed and is said, the others are
// put back all the same; settled by hand meanwhile, it is seen to be as found.
func TestUndoWaitsForItsPrecondition(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	running := true
	def := book(l)
	settle := def.Undos[0].Settle
	def.Undos[0].Settle = func(sc *runbook.StepContext, o runbook.Owed) (string, error) {
		if running && !l.isOn() {
			return "", errors.New("the rocket is still in the air")
		}
		return settle(sc, o)
	}
	def.Undos = append(def.Undos, runbook.Undo{Kind: "door", Settle: func(*runbook.StepContext, runbook.Owed) (string, error) { return "closed", nil }})
	def.Steps[1].Owes = append(def.Steps[1].Owes, "door")
	off := def.Steps[1].Apply
	def.Steps[1].Apply = func(sc *runbook.StepContext) error {
		return errors.Join(sc.Owe("door", "front", "closed"), off(sc))
	}
	def.Steps[2].Apply = failing("no fuel")
	r := runner(log)
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	s, err := r.Settle(t.Context(), def, "test-0001", "enough")
	if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "still in the air") || len(s.Owed) != 1 || s.Owed[0].Kind != "lamp" || s.End != nil {
		t.Fatalf("%v, owed %+v", err, s.Owed)
	}
	l.set(true) // somebody does it by hand
	s, err = r.Settle(t.Context(), def, "test-0001", "again")
	if err != nil || s.End == nil || s.Settled[1].Note != "already as found" || slices.Contains(l.calls, "restore") {
		t.Errorf("%v, %+v", err, s.Settled)
	}
}

// Events go to any number of observers, also as structured logs; failures and open questions warn.
func TestSlog(t *testing.T) {
	var out bytes.Buffer
	l := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := runner(&memlog.Log{})
	seen := 0
	r.Observer = runbook.Observers(nil, runbook.Slog(l), func(runbook.Event) { seen++ })
	def := book(&lamp{on: true})
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		sc.Progress(1, 2, "bytes", "half")
		return nil
	}
	def.Steps[2].Apply = failing("no fuel")
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	levels := map[string]string{}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	for _, line := range lines {
		var m struct{ Level, Kind, Run string }
		if err := json.Unmarshal(line, &m); err != nil || m.Run != "test-0001" {
			t.Errorf("%s: %v", line, err)
		}
		levels[m.Kind] = m.Level
	}
	if len(lines) != seen || levels["fail"] != "WARN" || levels["wait"] != "WARN" || levels["done"] != "INFO" || levels["progress"] != "DEBUG" {
		t.Errorf("%d lines for %d events, levels %v", len(lines), seen, levels)
	}
	if !strings.Contains(out.String(), `"done":1,"total":2,"unit":"bytes"`) {
		t.Errorf("%s", out.String())
	}
}
