package runbook_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// paused is a run whose driver stands still inside its first step until it is let go.
type paused struct {
	entered, goOn chan struct{}
	done          chan error
}

// pause starts a run of def whose first step stands still, with work after that.
func pause(t *testing.T, log runbook.Log, def *runbook.Definition, then func(*runbook.StepContext) error) *paused {
	t.Helper()
	p := &paused{entered: make(chan struct{}), goOn: make(chan struct{}), done: make(chan error, 1)}
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		close(p.entered)
		<-p.goOn
		return then(sc)
	}
	r := runner(log)
	go func() {
		_, err := r.Start(context.WithoutCancel(t.Context()), def)
		p.done <- err
	}()
	<-p.entered
	return p
}

// Trap 4, in process: the driver is alive by its lock but stands still. Resume refuses and names it,
// TakeOver with a reason goes on, and the former driver finds out before its next request.
func TestTakeOverFromALiveDriver(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	var sent error
	p := pause(t, log, book(l), func(sc *runbook.StepContext) error {
		sent = runbook.CheckOwner(sc)
		return sent
	})
	bob := runner(log)
	bob.Actor = "bob@desk"
	var alive *runbook.LockedError
	if _, err := bob.Resume(t.Context(), book(l), "test-0001", "impatient"); !errors.As(err, &alive) || !strings.Contains(err.Error(), "ann@laptop") {
		t.Errorf("resume of a run that is alive: %v", err)
	}
	if _, err := bob.TakeOver(t.Context(), book(l), "test-0001", ""); err == nil {
		t.Error("a takeover without a reason")
	}
	s, err := bob.TakeOver(t.Context(), book(l), "test-0001", "ann's laptop sleeps")
	if err != nil || s.End == nil || s.Owner != "bob@desk" || s.Epoch != 2 {
		t.Fatalf("%v, %+v", err, s)
	}
	close(p.goOn)
	if err := <-p.done; !errors.Is(err, runbook.ErrFenced) || !strings.Contains(err.Error(), "bob@desk") {
		t.Errorf("the former driver ended with %v", err)
	}
	if !errors.Is(sent, runbook.ErrFenced) || l.launches != 1 {
		t.Errorf("its request: %v; launches %d", sent, l.launches)
	}
}

// A context that belongs to no step is not checked; an owner that nobody fenced may send.
func TestCheckOwnerOfWhoeverOwns(t *testing.T) {
	if err := runbook.CheckOwner(t.Context()); err != nil {
		t.Error(err)
	}
	def := book(&lamp{on: true})
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		ctx, cancel := context.WithCancel(sc)
		defer cancel()
		if err := runbook.CheckOwner(ctx); err != nil {
			return err
		}
		cancel()
		if err := runbook.CheckOwner(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
		return nil
	}
	if _, err := runner(newFilelog(t)).Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
}

// Trap 5: two take a run over at the same moment. One of them owns it afterwards, the other is
// refused or fenced; what may happen once happens once, also when the first had already proven its
// ownership for the launch: the second waits until that proof is used or void.
func TestTwoTakeoversAtOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			l, log := &lamp{on: true}, &memlog.Log{}
			def := book(l)
			def.Steps[2].Apply = failing("no fuel")
			var waiting *runbook.WaitingError
			if _, err := runner(log).Start(t.Context(), def); !errors.As(err, &waiting) {
				t.Fatal(err)
			}
			if err := runner(log).Signal(t.Context(), "test-0001", "launch", retry()); err != nil {
				t.Fatal(err)
			}
			errs := make(chan error, 2)
			for _, actor := range []string{"bob@desk", "eve@desk"} {
				go func() {
					r := runner(unlocked{log})
					r.Actor = actor
					_, err := r.TakeOver(t.Context(), book(l), "test-0001", "at once")
					errs <- err
				}()
			}
			for range 2 {
				if err := <-errs; err != nil && !errors.Is(err, runbook.ErrFenced) {
					t.Errorf("the slower one: %v", err)
				}
			}
			s, err := runner(log).State(t.Context(), "test-0001")
			if err != nil || s.End == nil || l.launches != 1 || !l.on {
				t.Fatalf("%v, %+v, launches %d", err, s.End, l.launches)
			}
		})
	}
}

func failing(text string) func(*runbook.StepContext) error {
	return func(*runbook.StepContext) error { return errors.New(text) }
}

func retry() runbook.Answer { return runbook.Answer{How: "decide", Decision: runbook.DecideRetry} }

// Trap 5: an approval that arrives while the run is taken over is neither lost nor taken twice.
func TestApprovalDuringATakeover(t *testing.T) {
	for range 30 {
		log := &memlog.Log{}
		def := book(&lamp{on: true})
		def.Steps[0] = runbook.Step{ID: "approve", Title: "Approve", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "Go?"}}
		var waiting *runbook.WaitingError
		if _, err := runner(log).Start(t.Context(), def); !errors.As(err, &waiting) {
			t.Fatal(err)
		}
		yes := runbook.Answer{How: "decide", Statement: "yes", PlanHash: waiting.Question.PlanHash}
		var wg sync.WaitGroup
		var resumed, signalled error
		wg.Go(func() { _, resumed = runner(log).Resume(t.Context(), def, "test-0001", "now") })
		wg.Go(func() { signalled = runner(log).Signal(t.Context(), "test-0001", "approve", yes) })
		wg.Wait()
		if signalled != nil {
			t.Fatal(signalled)
		}
		if errors.As(resumed, &waiting) {
			_, resumed = runner(log).Resume(t.Context(), def, "test-0001", "again")
		}
		s, err := runner(log).State(t.Context(), "test-0001")
		if resumed != nil || err != nil || s.End == nil || len(s.Step("approve").Answers) != 1 {
			t.Fatalf("%v, %v, answers %+v", resumed, err, s.Step("approve").Answers)
		}
	}
}

// Trap 5: of two approvals the first counts; the second is recorded or refused, and does no harm. One
// for an earlier run of the environment is refused.
func TestSecondAndOldApprovals(t *testing.T) {
	log := newFilelog(t)
	def := book(&lamp{on: true})
	def.Steps[0] = runbook.Step{ID: "approve", Title: "Approve", Ask: &runbook.Ask{Kind: runbook.Approval, Text: "Go?"}}
	var waiting *runbook.WaitingError
	r := runner(log)
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	for _, who := range []string{"bob@desk", "eve@desk"} {
		other := runner(log)
		other.Actor = who
		if err := other.Signal(t.Context(), "test-0001", "approve", runbook.Answer{How: "decide", Statement: "yes", PlanHash: waiting.Question.PlanHash}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.Resume(t.Context(), def, "test-0001", "go on")
	if err != nil || len(s.Step("approve").Answers) != 1 || s.Step("approve").Answers[0].Actor != "bob@desk" {
		t.Fatalf("%v, %+v", err, s)
	}
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	old := runbook.Answer{How: "decide", Statement: "yes", PlanHash: waiting.Question.PlanHash}
	if err := r.Signal(t.Context(), "test-0001", "approve", old); err == nil || !strings.Contains(err.Error(), "already ended") {
		t.Errorf("an approval for the run before: %v", err)
	}
	if s, err := r.State(t.Context(), "test-0002"); err != nil || s.Waiting == nil {
		t.Errorf("%v, %+v", err, s)
	}
}

// Trap 6: a second start on the same machine by the same person is refused without an effect, and
// neither status nor an approval disturbs the driver.
func TestLookingOnDisturbsNobody(t *testing.T) {
	l, log := &lamp{on: true}, newFilelog(t)
	p := pause(t, log, book(l), func(*runbook.StepContext) error { return nil })
	before, err := runner(log).State(t.Context(), "test-0001")
	if err != nil {
		t.Fatal(err)
	}
	var active *runbook.ActiveRunError
	if _, err := runner(log).Start(t.Context(), book(l)); !errors.As(err, &active) {
		t.Errorf("a second start: %v", err)
	}
	if _, err := runner(log).Runs(t.Context()); err != nil {
		t.Error(err)
	}
	if list, err := runner(log).List(t.Context()); err != nil || len(list) != 1 || list[0].Outcome != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if after, err := runner(log).State(t.Context(), "test-0001"); err != nil || after.Records != before.Records {
		t.Errorf("looking on left %d records, %v", after.Records-before.Records, err)
	}
	close(p.goOn)
	if err := <-p.done; err != nil || l.launches != 1 {
		t.Errorf("the driver ended with %v, launches %d", err, l.launches)
	}
}

// slipping is a clock that somebody sets; its timers go on as they were.
type slipping struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *slipping) set(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.off += d }
func (c *slipping) Now() time.Time      { c.mu.Lock(); defer c.mu.Unlock(); return time.Now().Add(c.off) }
func (c *slipping) After(d time.Duration) <-chan time.Time {
	return time.After(min(d, time.Millisecond)) // a timer may be early, never the wall clock
}

// Trap 7: the machine sleeps for eight hours inside a step. What it proved before counts for nothing:
// it looks again, finds the takeover, and sends nothing.
func TestSuspendedMachineHasLostItsProof(t *testing.T) {
	l, log, clock := &lamp{on: true}, &memlog.Log{}, &slipping{}
	def := book(l)
	sleeper := runner(sleepy{unlocked{log}, sync.OnceFunc(func() {
		clock.set(8 * time.Hour) // while the journal was read
		if _, err := runner(unlocked{log}).Resume(t.Context(), book(l), "test-0001", "it sleeps"); err != nil {
			t.Error(err)
		}
	})})
	sleeper.Clock = clock
	var check error
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		check = runbook.CheckOwner(context.WithValue(sc, sleepNow{}, true))
		return check
	}
	if _, err := sleeper.Start(t.Context(), def); !errors.Is(err, runbook.ErrFenced) || !errors.Is(check, runbook.ErrFenced) {
		t.Errorf("%v, check %v", err, check)
	}
	if l.launches != 1 {
		t.Errorf("launches %d", l.launches)
	}
}

// sleepy falls asleep after a read that sleepNow marks.
type sleepy struct {
	runbook.Log
	sleep func()
}
type sleepNow struct{}

func (s sleepy) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	got, err := s.Log.Read(ctx, stream, from)
	if ctx.Value(sleepNow{}) != nil {
		s.sleep()
	}
	return got, err
}

// Trap 7: Guard, too, notices that the machine slept while it wrote.
func TestGuardAfterASleepSendsNothing(t *testing.T) {
	l, clock := &lamp{on: true}, &slipping{}
	def := book(l)
	r := runner(&tick{Log: &memlog.Log{}, kind: runbook.KindGuard, do: func() { clock.set(2 * time.Hour) }})
	r.Clock = clock
	_, err := r.Start(t.Context(), def)
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "suspended just before launch; nothing was sent") || l.launches != 0 {
		t.Errorf("%v, launches %d", err, l.launches)
	}
}

// tick does something when a record of a kind is appended.
type tick struct {
	runbook.Log
	kind runbook.Kind
	do   func()
}

func (l *tick) Append(ctx context.Context, s string, r *runbook.Record) error {
	err := l.Log.Append(ctx, s, r)
	if r.Kind == l.kind {
		l.do()
	}
	return err
}

// Trap 7: a retry waits by the wall clock and looks at it at least once a minute.
func TestRetryWaitsByTheWallClock(t *testing.T) {
	clock := &naps{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	def := book(&lamp{on: true})
	tries := 0
	def.Steps[0].Retry = runbook.Retry{Times: 1, Wait: 10 * time.Hour}
	def.Steps[0].Apply = func(*runbook.StepContext) error {
		if tries++; tries == 1 {
			return errors.New("not yet")
		}
		return nil
	}
	r := runner(&memlog.Log{})
	r.Clock = clock
	if _, err := r.Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
	if clock.longest > time.Minute || clock.count > 130 {
		t.Errorf("%d naps, the longest %s", clock.count, clock.longest)
	}
}

// naps is a clock on a machine that sleeps: each timer of a minute takes two hours once, at noon.
type naps struct {
	now     time.Time
	count   int
	longest time.Duration
	slept   bool
}

func (c *naps) Now() time.Time { return c.now }

func (c *naps) After(d time.Duration) <-chan time.Time {
	c.count++
	c.longest = max(c.longest, d)
	c.now = c.now.Add(d)
	if !c.slept {
		c.slept = true
		c.now = c.now.Add(8 * time.Hour)
	}
	fired := make(chan time.Time, 1)
	fired <- c.now
	return fired
}

// Trap 8: clocks that go back, or differ between two machines, change no order: records are ordered
// by their number.
func TestOrderDoesNotDependOnClocks(t *testing.T) {
	l, log := &lamp{on: true}, &memlog.Log{}
	clock := &slipping{}
	def := book(l)
	def.Steps[2].Apply = failing("no fuel")
	r := runner(&tick{Log: log, kind: runbook.KindIntent, do: func() { clock.set(-10 * time.Minute) }})
	r.Clock = clock
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	other := runner(log)
	other.Clock = &slipping{off: -5 * time.Hour}
	if err := other.Signal(t.Context(), "test-0001", "launch", retry()); err != nil {
		t.Fatal(err)
	}
	s, err := other.Resume(t.Context(), book(l), "test-0001", "go on")
	if err != nil || s.End == nil || l.launches != 1 || !l.on {
		t.Fatalf("%v, %+v", err, s)
	}
	e, err := other.Evidence(t.Context(), "test-0001")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Verify(); err != nil {
		t.Error(err)
	}
}
