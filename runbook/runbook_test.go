package runbook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// lamp is the world of these tests: a lamp that must be put back and a rocket that must fly once.
type lamp struct {
	mu       sync.Mutex
	on       bool
	launches int
	calls    []string
}

func (l *lamp) did(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, what)
}

func (l *lamp) set(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
}

func (l *lamp) isOn() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.on
}

// book is a small runbook: look, switch the lamp off (to be put back), launch once, restore.
func book(l *lamp) *runbook.Definition {
	return &runbook.Definition{
		Name: "launch", Environment: "test", Inputs: map[string]string{"target": "moon"},
		Steps: []runbook.Step{
			{ID: "look", Phase: "Before", Title: "Look around", Gate: true, Clauses: []string{"A-1"},
				Apply: func(sc *runbook.StepContext) error {
					l.did("look")
					sc.Say("lamp is on: %t", l.isOn())
					return sc.Output(map[string]bool{"on": l.isOn()})
				}},
			{ID: "lamp-off", Phase: "Before", Title: "Switch the lamp off", Owes: []string{"lamp"},
				Check: func(sc *runbook.StepContext) (bool, error) { return !l.isOn(), nil },
				Apply: func(sc *runbook.StepContext) error {
					if err := sc.Owe("lamp", "desk", l.isOn()); err != nil {
						return err
					}
					l.did("off")
					l.set(false)
					return nil
				}},
			{ID: "launch", Phase: "Flight", Title: "Launch", Effect: runbook.Once, Clauses: []string{"B-1"},
				Apply: func(sc *runbook.StepContext) error {
					if err := sc.Guard(); err != nil {
						return err
					}
					l.mu.Lock()
					defer l.mu.Unlock()
					l.launches++
					return nil
				},
				Resolve: func(sc *runbook.StepContext) (runbook.Resolution, error) {
					l.mu.Lock()
					defer l.mu.Unlock()
					if l.launches > 0 {
						return runbook.ResolvedDone, nil
					}
					return runbook.ResolvedNotDone, nil
				}},
			{ID: "lamp-on", Phase: "After", Title: "Switch the lamp on again", Clauses: []string{"C-1"},
				Apply: func(sc *runbook.StepContext) error { return sc.Settle("lamp", "desk") }},
		},
		Undos: []runbook.Undo{{Kind: "lamp", Title: "lamp as it was", Settle: func(sc *runbook.StepContext, o runbook.Owed) (string, error) {
			var found bool
			if err := json.Unmarshal(o.Found, &found); err != nil {
				return "", err
			}
			if l.isOn() == found {
				return "already as found", nil
			}
			l.did("restore")
			l.set(found)
			return fmt.Sprintf("on: %t", found), nil
		}}},
	}
}

func newFilelog(t *testing.T) *filelog.Log {
	t.Helper()
	log, err := filelog.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func runner(log runbook.Log) *runbook.Runner {
	return &runbook.Runner{Log: log, Actor: "ann@laptop", Poll: time.Millisecond, Grace: 10 * time.Millisecond}
}

func TestRunCompletesAndPutsBack(t *testing.T) {
	l := &lamp{on: true}
	r := runner(newFilelog(t))
	s, err := r.Start(t.Context(), book(l))
	if err != nil {
		t.Fatal(err)
	}
	if s.End == nil || s.End.Outcome != runbook.Completed || len(s.Owed) != 0 || !l.on || l.launches != 1 {
		t.Fatalf("end %+v, owed %v, lamp %t, launches %d", s.End, s.Owed, l.on, l.launches)
	}
	if len(s.Settled) != 1 || string(s.Settled[0].Found) != "true" {
		t.Errorf("settled: %+v", s.Settled)
	}
	if active, err := r.Active(t.Context(), "test"); err != nil || active != "" {
		t.Errorf("active run %q, %v", active, err)
	}
	e, err := r.Evidence(t.Context(), s.Run)
	if err != nil {
		t.Fatal(err)
	}
	files, err := e.Save(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runbook.ReadEvidence(files.Evidence); err != nil {
		t.Errorf("evidence does not verify: %v", err)
	}
}

func TestEvidenceNoticesChanges(t *testing.T) {
	r := runner(&memlog.Log{})
	s, err := r.Start(t.Context(), book(&lamp{on: true}))
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*runbook.Evidence){
		"actor":   func(e *runbook.Evidence) { e.Records[2].Actor = "bob" },
		"order":   func(e *runbook.Evidence) { e.Records[1], e.Records[2] = e.Records[2], e.Records[1] },
		"removed": func(e *runbook.Evidence) { e.Records = append(e.Records[:3], e.Records[4:]...) },
		"tail":    func(e *runbook.Evidence) { e.Records = e.Records[:len(e.Records)-1] },
		"summary": func(e *runbook.Evidence) { e.State.End.Outcome = runbook.Aborted },
		"run":     func(e *runbook.Evidence) { e.Run = "other-0001" },
	}
	for name, change := range changes {
		e, err := r.Evidence(t.Context(), s.Run)
		if err != nil {
			t.Fatal(err)
		}
		change(e)
		if err := e.Verify(); !errors.Is(err, runbook.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// crashLog fails for good at its n-th append, before or after the record is written: the process
// that used it is dead.
type crashLog struct {
	runbook.Log
	mu    sync.Mutex
	left  int
	after bool
}

var errCrash = errors.New("crash")

func (c *crashLog) Append(ctx context.Context, stream string, r *runbook.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left--
	if c.left < 0 || (c.left == 0 && !c.after) {
		return errCrash
	}
	err := c.Log.Append(ctx, stream, r)
	if c.left == 0 {
		return errCrash
	}
	return err
}

// Engine trap 1: a crash at every record boundary; the once step happens once, the lamp is put back.
func TestCrashAtEveryRecordThenResume(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			l, log := &lamp{on: true}, &memlog.Log{}
			_, err := runner(&crashLog{Log: log, left: n, after: after}).Start(t.Context(), book(l))
			if err == nil {
				if n < 10 {
					t.Fatalf("only %d records were written", n)
				}
				break
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("crash %d: %v", n, err)
			}
			finishAfterCrash(t, log, l, n)
		}
	}
}

func finishAfterCrash(t *testing.T, log runbook.Log, l *lamp, n int) {
	t.Helper()
	r := runner(log)
	run, err := r.Active(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	if run != "" {
		_, err = r.Resume(t.Context(), book(l), run, "after a crash")
	}
	ended, serr := r.State(t.Context(), "test-0001")
	if errors.Is(serr, runbook.ErrUnknownRun) { // the crash came before the run's first record
		_, err = r.Start(t.Context(), book(l))
	} else if serr != nil || ended.End == nil {
		t.Fatalf("crash %d: after resume %v, %v", n, serr, err)
	}
	if err != nil {
		t.Fatalf("crash %d: resume: %v", n, err)
	}
	if !l.on || l.launches != 1 {
		t.Fatalf("crash %d: lamp on %t, launches %d", n, l.on, l.launches)
	}
}

func TestSecondRunOfAnEnvironmentIsRefused(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	def := book(l)
	def.Steps[2].Resolve = func(*runbook.StepContext) (runbook.Resolution, error) { return runbook.ResolvedUnknown, nil }
	def.Steps[2].Apply = func(*runbook.StepContext) error { return errors.New("the rocket answered garbage") }
	r := runner(log)
	_, err := r.Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || waiting.Question.Step != "launch" || len(waiting.Owed) != 1 {
		t.Fatalf("err %v", err)
	}
	var active *runbook.ActiveRunError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &active) || active.Owed != 1 {
		t.Fatalf("second start: %v", err)
	}
	// settle puts the lamp back and ends the run; then a new one may begin.
	s, err := r.Settle(t.Context(), def, active.Run, "enough for today")
	if err != nil || s.End.Outcome != runbook.Aborted || !l.on {
		t.Fatalf("settle: %v, %+v, lamp %t", err, s.End, l.on)
	}
	if _, err := r.Start(t.Context(), book(&lamp{on: true})); err != nil {
		t.Fatalf("start after settle: %v", err)
	}
}

func TestOnceStepInDoubtAsksAPerson(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	def := book(l)
	tried := 0
	def.Steps[2].Apply = func(sc *runbook.StepContext) error {
		if err := sc.Guard(); err != nil {
			return err
		}
		tried++
		if tried == 1 {
			return errors.New("connection lost")
		}
		return nil
	}
	def.Steps[2].Resolve = func(*runbook.StepContext) (runbook.Resolution, error) { return runbook.ResolvedUnknown, nil }
	r := runner(log)
	_, err := r.Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	run := waiting.Question.Run
	decide := func(d runbook.Decision, reason string) error {
		return r.Signal(t.Context(), run, "launch", runbook.Answer{How: "decide", Decision: d, Statement: reason})
	}
	if err := decide("explode", "why not"); err == nil {
		t.Error("an impossible decision was accepted")
	}
	// The first retry lets Resolve look; it cannot tell, so nothing is repeated.
	if err := decide(runbook.DecideRetry, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resume(t.Context(), def, run, "go on"); !errors.As(err, &waiting) || tried != 1 {
		t.Fatalf("resume: %v, tried %d", err, tried)
	}
	// Only now retry states that the first try had no effect.
	if err := decide(runbook.DecideRetry, "nothing has flown"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resume(t.Context(), def, run, "go on"); err != nil || tried != 2 || !l.on {
		t.Fatalf("resume: %v, tried %d, lamp %t", err, tried, l.on)
	}
}

func TestAttestationFromAnotherProcess(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	def := book(l)
	def.Steps = append([]runbook.Step{{ID: "attest", Phase: "Before", Title: "Notes read", Clauses: []string{"A-2"},
		Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Were the notes read?", Fields: []runbook.Field{{Name: "link", Text: "link", Required: true}}}}}, def.Steps...)
	r := runner(log)
	_, err := r.Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || len(l.calls) != 0 {
		t.Fatalf("err %v, calls %v", err, l.calls)
	}
	run := waiting.Question.Run
	bob := runner(log)
	bob.Actor = "bob@desk"
	if err := bob.Signal(t.Context(), run, "attest", runbook.Answer{How: "decide", Statement: "read"}); err == nil {
		t.Error("an answer without its required field was accepted")
	}
	if err := bob.Signal(t.Context(), run, "nothing", runbook.Answer{How: "decide", Statement: "read"}); err == nil {
		t.Error("an answer for an unknown step was accepted")
	}
	good := runbook.Answer{How: "decide", Statement: "read", Values: map[string]string{"link": "https://example.invalid"}}
	if err := bob.Signal(t.Context(), run, "attest", good); err != nil {
		t.Fatal(err)
	}
	s, err := r.Resume(t.Context(), def, run, "answered")
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Step("attest").Answers; len(a) != 1 || a[0].Actor != "bob@desk" || a[0].How != "decide" {
		t.Errorf("answers %+v", a)
	}
	if err := bob.Signal(t.Context(), run, "attest", good); err == nil {
		t.Error("an answer for an ended run was accepted")
	}
}

func TestSignalArrivesWhileTheRunIsAsking(t *testing.T) {
	log := newFilelog(t)
	def := book(&lamp{on: true})
	def.Steps[0] = runbook.Step{ID: "attest", Phase: "Before", Title: "Notes read",
		Ask: &runbook.Ask{Kind: runbook.Approval, Text: "Go?", SecondPerson: true}}
	r := runner(log)
	asked := make(chan runbook.Question, 1)
	r.Asker = runbook.AskerFunc(func(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
		asked <- q
		<-ctx.Done() // nobody types anything
		return runbook.Answer{}, ctx.Err()
	})
	done := make(chan error, 1)
	go func() {
		_, err := r.Start(t.Context(), def)
		done <- err
	}()
	q := <-asked
	if err := runner(log).Signal(t.Context(), q.Run, "attest", runbook.Answer{How: "decide", Statement: "yes", PlanHash: q.PlanHash}); err == nil {
		t.Error("the starter approved a step that needs a second person")
	}
	bob := runner(log)
	bob.Actor = "bob@desk"
	if err := bob.Signal(t.Context(), q.Run, "attest", runbook.Answer{How: "decide", Statement: "yes", PlanHash: "another plan"}); err == nil {
		t.Error("an approval of another plan was accepted")
	}
	if err := bob.Signal(t.Context(), q.Run, "attest", runbook.Answer{How: "decide", Statement: "yes", PlanHash: q.PlanHash}); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A former owner that lost the run to a takeover starts nothing more (engine trap 4, in process).
func TestFormerOwnerIsFenced(t *testing.T) {
	l, log := &lamp{on: true}, &memlog.Log{}
	entered, goOn := make(chan struct{}), make(chan struct{})
	slow := book(l)
	look := slow.Steps[0].Apply
	slow.Steps[0].Apply = func(sc *runbook.StepContext) error {
		close(entered)
		<-goOn
		return look(sc)
	}
	old := runner(unlocked{log})
	done := make(chan error, 1)
	go func() {
		_, err := old.Start(t.Context(), slow)
		done <- err
	}()
	<-entered
	next := runner(unlocked{log})
	next.Actor = "bob@desk"
	if _, err := next.Resume(t.Context(), book(l), "test-0001", "the laptop is asleep"); err != nil {
		t.Fatal(err)
	}
	before := len(l.calls)
	close(goOn)
	if err := <-done; !errors.Is(err, runbook.ErrFenced) {
		t.Fatalf("the former owner ended with %v", err)
	}
	if l.launches != 1 || len(l.calls) != before+1 { // its own "look", which only reads
		t.Errorf("launches %d, calls %v", l.launches, l.calls)
	}
}

// unlocked hides that a store knows which owners are alive, as on another machine.
type unlocked struct{ runbook.Log }

func TestLiveRunIsNotTakenOver(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	entered, goOn := make(chan struct{}), make(chan struct{})
	slow := book(l)
	slow.Steps[0].Apply = func(sc *runbook.StepContext) error { close(entered); <-goOn; return nil }
	done := make(chan error, 1)
	r := runner(log)
	go func() { _, err := r.Start(t.Context(), slow); done <- err }()
	<-entered
	var held *runbook.LockedError
	if _, err := runner(log).Resume(t.Context(), book(l), "test-0001", "impatient"); !errors.As(err, &held) || !strings.Contains(held.Owner, "ann@laptop") {
		t.Errorf("resume of a live run: %v", err)
	}
	// An abort from outside is heeded after the current step.
	if err := runner(log).Abort(t.Context(), "test-0001", "fire drill"); err != nil {
		t.Error(err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s, err := r.State(t.Context(), "test-0001")
	if err != nil || s.End == nil || s.End.Outcome != runbook.Aborted || l.launches != 0 {
		t.Errorf("%v, end %+v, launches %d", err, s.End, l.launches)
	}
}

func TestUndoThatFailsStaysOwedUntilSettledOrStated(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	def := book(l)
	broken := true
	settle := def.Undos[0].Settle
	def.Undos[0].Settle = func(sc *runbook.StepContext, o runbook.Owed) (string, error) {
		if broken {
			return "", errors.New("the switch is stuck")
		}
		return settle(sc, o)
	}
	def.Steps[3].Waivable = true
	r := runner(log)
	r.Asker = &runbook.Prepared{How: "answers", Answers: []runbook.PreparedAnswer{{Step: "lamp-on", Decision: runbook.DecideWaive, Statement: "later"}}}
	_, err := r.Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || waiting.Question.Step != "settle/lamp/desk" || len(waiting.Owed) != 1 {
		t.Fatalf("err %v", err)
	}
	run := waiting.Question.Run
	if _, err := r.Settle(t.Context(), def, run, "again"); !errors.As(err, &waiting) {
		t.Fatalf("settle with a stuck switch: %v", err)
	}
	broken = false
	s, err := r.Settle(t.Context(), def, run, "repaired")
	if err != nil || s.End == nil || !l.on {
		t.Fatalf("%v, %+v, lamp %t", err, s.End, l.on)
	}

	// The same, settled by hand and stated.
	l, broken = &lamp{on: true}, true
	def2 := book(l)
	def2.Undos[0].Settle = func(*runbook.StepContext, runbook.Owed) (string, error) { return "", errors.New("stuck") }
	def2.Steps = def2.Steps[:3]
	if _, err := r.Start(t.Context(), def2); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	run = waiting.Question.Run
	if err := r.Signal(t.Context(), run, "settle/lamp/desk", runbook.Answer{How: "decide", Decision: runbook.DecideDone, Statement: "turned it on myself"}); err != nil {
		t.Fatal(err)
	}
	s, err = r.Resume(t.Context(), def2, run, "go on")
	if err != nil || s.End == nil || !strings.Contains(s.Settled[0].Note, "turned it on myself") {
		t.Fatalf("%v, %+v", err, s)
	}
}

func TestChangedPlanIsRefusedOrAcceptedWithAReason(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	def := book(l)
	def.Steps[2].Apply = func(*runbook.StepContext) error { return errors.New("no fuel") }
	r := runner(log)
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	run := waiting.Question.Run
	changed := book(l)
	changed.Steps[2].Title = "Launch later"
	var other *runbook.PlanChangedError
	if _, err := r.Resume(t.Context(), changed, run, "go on"); !errors.As(err, &other) {
		t.Fatalf("a changed plan: %v", err)
	}
	r.AcceptPlan = "only the title changed"
	if err := r.Signal(t.Context(), run, "launch", runbook.Answer{How: "decide", Decision: runbook.DecideRetry}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resume(t.Context(), changed, run, "go on"); err != nil {
		t.Fatal(err)
	}
	if l.launches != 1 {
		t.Errorf("launches %d", l.launches)
	}
}

func TestRetryPanicAndTimeout(t *testing.T) {
	l := &lamp{on: true}
	def := book(l)
	tries := 0
	def.Steps[0].Retry = runbook.Retry{Times: 3, Wait: time.Millisecond}
	def.Steps[0].Timeout = time.Minute
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		tries++
		switch tries {
		case 1:
			panic("boom")
		case 2:
			return errors.New("again")
		}
		return nil
	}
	s, err := runner(newFilelog(t)).Start(t.Context(), def)
	if err != nil || tries != 3 || s.Step("look").Tries != 3 {
		t.Fatalf("%v, tries %d, recorded %d", err, tries, s.Step("look").Tries)
	}
}

func TestSecretsNeverReachTheJournalOrAnObserver(t *testing.T) {
	const secret = `hunter2"\quoted`
	log := newFilelog(t)
	def := book(&lamp{on: true})
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		sc.Say("used %s", secret)
		if err := sc.Note("n", secret); err != nil {
			return err
		}
		if err := sc.Output(map[string]string{"token": secret}); err != nil {
			return err
		}
		return fmt.Errorf("refused %s", secret)
	}
	def.Steps[0].Waivable = true
	r := runner(log)
	r.Secrets = []string{secret}
	var seen strings.Builder
	r.Observer = func(e runbook.Event) { seen.WriteString(e.Text) }
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	records, err := log.Read(t.Context(), runbook.RunStream("test-0001"), 1)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(records)
	for _, text := range []string{string(raw), seen.String()} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, runbook.Redacted) {
			t.Errorf("secret in %s", text)
		}
	}
}

func TestParallelGroupRepeatsOnlyWhatFailed(t *testing.T) {
	var mu sync.Mutex
	count := map[string]int{}
	step := func(id string, failOnce bool) runbook.Step {
		return runbook.Step{ID: id, Title: id, Group: "g", Apply: func(*runbook.StepContext) error {
			mu.Lock()
			defer mu.Unlock()
			count[id]++
			if failOnce && count[id] == 1 {
				return errors.New("busy")
			}
			return nil
		}}
	}
	def := &runbook.Definition{Name: "n", Environment: "e", Steps: []runbook.Step{step("a", false), step("b", true), step("c", false)}}
	r := runner(newFilelog(t))
	r.Asker = &runbook.Prepared{How: "t", Answers: []runbook.PreparedAnswer{{Step: "b", Decision: runbook.DecideRetry}}}
	if _, err := r.Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
	if count["a"] != 1 || count["b"] != 2 || count["c"] != 1 {
		t.Errorf("count %v", count)
	}
}

func TestRollbackRunsItsStepsAndSettles(t *testing.T) {
	l := &lamp{on: true}
	def := book(l)
	def.Steps[2].Apply = func(*runbook.StepContext) error { return errors.New("engine failure") }
	rolled := 0
	def.Rollback = []runbook.Step{{ID: "parachute", Title: "Parachute", Apply: func(*runbook.StepContext) error { rolled++; return nil }}}
	r := runner(newFilelog(t))
	r.Asker = &runbook.Prepared{How: "t", Answers: []runbook.PreparedAnswer{{Step: "launch", Decision: runbook.DecideRollback, Statement: "it burns"}}}
	s, err := r.Start(t.Context(), def)
	if err != nil || s.End.Outcome != runbook.RolledBack || rolled != 1 || !l.on {
		t.Fatalf("%v, %+v, rolled %d, lamp %t", err, s.End, rolled, l.on)
	}
}

func TestDrainStopsBetweenSteps(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	drain := make(chan struct{})
	def := book(l)
	def.Steps[0].Apply = func(*runbook.StepContext) error { close(drain); return nil }
	r := runner(log)
	r.Drain = drain
	if _, err := r.Start(t.Context(), def); !errors.Is(err, runbook.ErrStopped) || !l.on {
		t.Fatalf("%v, lamp %t", err, l.on)
	}
	if _, err := runner(log).Resume(t.Context(), book(l), "test-0001", "go on"); err != nil || l.launches != 1 {
		t.Fatalf("%v, launches %d", err, l.launches)
	}
}

func TestDefinitionFaultsAreAllReported(t *testing.T) {
	def := &runbook.Definition{Steps: []runbook.Step{{ID: "a"}, {ID: "a", Ask: &runbook.Ask{}}, {ID: "o", Effect: runbook.Once, Apply: func(*runbook.StepContext) error { return nil }},
		{ID: "w", Owes: []string{"unknown"}, Apply: func(*runbook.StepContext) error { return nil }}, {ID: "g", Group: "g", Ask: &runbook.Ask{}}}}
	_, err := runner(&memlog.Log{}).Start(t.Context(), def)
	for _, want := range []string{"name and an environment", "used twice", "nothing to do", "needs Resolve", "has no undo", "step g: a step that runs beside others cannot ask"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

// Steps that run side by side get no answer that was meant for another: they cannot ask.
func TestGroupCannotAsk(t *testing.T) {
	var asked error
	def := &runbook.Definition{Name: "n", Environment: "e", Steps: []runbook.Step{{ID: "a", Group: "g", Apply: func(sc *runbook.StepContext) error {
		_, asked = sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: "which?"})
		return nil
	}}}}
	if _, err := runner(&memlog.Log{}).Start(t.Context(), def); err != nil || asked == nil || !strings.Contains(asked.Error(), "ask in a step before the group") {
		t.Errorf("%v, asked: %v", err, asked)
	}
}

func TestPreviewChangesNothing(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	p, err := runner(log).Preview(t.Context(), book(l), &memlog.Log{})
	if err != nil || p.Gates["look"].Status != runbook.StepDone || !l.on || l.launches != 0 {
		t.Fatalf("%v, %+v", err, p)
	}
	if runs, err := runner(log).Runs(t.Context()); err != nil || len(runs) != 0 {
		t.Errorf("a preview left %v, %v", runs, err)
	}
}

// A failed step that was told something wrong asks again; it does not fail with the old answer for ever.
func TestRetryAsksAgain(t *testing.T) {
	var answers []string
	def := &runbook.Definition{Name: "n", Environment: "e", Steps: []runbook.Step{{ID: "s", Title: "s", Apply: func(sc *runbook.StepContext) error {
		a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: "which?"})
		if err != nil {
			return err
		}
		answers = append(answers, a.Statement)
		if a.Statement == "wrong" {
			return errors.New("that is wrong")
		}
		return nil
	}}}}
	r := runner(newFilelog(t))
	r.Asker = &runbook.Prepared{How: "t", Answers: []runbook.PreparedAnswer{{Step: "s", Statement: "wrong"}, {Step: "s", Decision: runbook.DecideRetry}, {Step: "s", Statement: "right"}}}
	if _, err := r.Start(t.Context(), def); err != nil || strings.Join(answers, " ") != "wrong right" {
		t.Fatalf("%v, answers %q", err, answers)
	}
}

func TestRollbackIsOfferedOnlyOnceItMakesSense(t *testing.T) {
	def := book(&lamp{on: true})
	def.Rollback = []runbook.Step{{ID: "parachute", Title: "Parachute", Apply: func(*runbook.StepContext) error { return nil }}}
	def.RollbackFrom = "launch"
	def.Steps[1].Apply = func(*runbook.StepContext) error { return errors.New("no hand") }
	_, err := runner(newFilelog(t)).Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || slices.Contains(waiting.Question.Decisions, runbook.DecideRollback) {
		t.Errorf("%v", err)
	}
}
