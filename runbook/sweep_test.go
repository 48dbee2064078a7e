package runbook_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// dead leaves a run behind whose process died in the launch, with the lamp off.
func dead(t *testing.T, log runbook.Log, l *lamp) {
	t.Helper()
	def := book(l)
	crash := &runbooktest.Crash{Log: log, At: 8}
	if _, err := runner(crash).Start(t.Context(), def); !errors.Is(err, runbooktest.ErrCrash) {
		t.Fatal(err)
	}
	if l.isOn() {
		t.Fatal("it died before it changed anything")
	}
}

func sweeping(l *lamp) runbook.Sweeping {
	return runbook.Sweeping{Reason: "timer", Definition: func(context.Context, *runbook.State) (*runbook.Definition, error) { return book(l), nil }}
}

// A run whose machine is lost is put back from elsewhere, once it is silent for long enough, and ended.
func TestSweepSettlesWhatTheDeadOwe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := &lamp{on: true}, &memlog.Log{}
		dead(t, log, l)
		sweeper := runner(log)
		sweeper.Actor = "timer@server"
		if swept, err := sweeper.Sweep(t.Context(), sweeping(l)); err != nil || len(swept) != 0 || l.isOn() {
			t.Errorf("right after the crash: %+v, %v", swept, err)
		}
		time.Sleep(31 * time.Minute)
		swept, err := sweeper.Sweep(t.Context(), sweeping(l))
		if err != nil || len(swept) != 1 || swept[0].Err != nil || !l.isOn() || l.launches != 0 {
			t.Fatalf("%+v, %v, lamp on %t", swept, err, l.isOn())
		}
		s := swept[0].State
		if s.End == nil || s.End.Outcome != runbook.Aborted || !strings.Contains(s.End.Reason, "swept after 31m") || s.Owner != "timer@server" || len(s.Owed) != 0 {
			t.Errorf("%+v", s.End)
		}
		if swept, err := sweeper.Sweep(t.Context(), sweeping(l)); err != nil || len(swept) != 0 {
			t.Errorf("once more: %+v, %v", swept, err)
		}
		if _, err := runner(log).Start(t.Context(), book(l)); err != nil {
			t.Errorf("a new run afterwards: %v", err)
		}
	})
}

// A living driver is left alone however long it is silent, and so is a run that waits for a person,
// unless the sweep says for how long.
func TestSweepLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := &lamp{on: true}, &memlog.Log{}
		p := pause(t, log, book(l), func(*runbook.StepContext) error { return errors.New("tired") })
		time.Sleep(5 * time.Hour)
		if swept, err := runner(log).Sweep(t.Context(), sweeping(l)); err != nil || len(swept) != 0 {
			t.Errorf("a living driver: %+v, %v", swept, err)
		}
		close(p.goOn)
		var waiting *runbook.WaitingError
		if err := <-p.done; !errors.As(err, &waiting) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		if swept, err := runner(log).Sweep(t.Context(), sweeping(l)); err != nil || len(swept) != 0 {
			t.Errorf("a run that waits for a person: %+v, %v", swept, err)
		}
		o := sweeping(l)
		o.Waiting = 4 * time.Hour
		if swept, err := runner(log).Sweep(t.Context(), o); err != nil || len(swept) != 1 || swept[0].State.End == nil {
			t.Errorf("a run that waits for too long: %+v, %v", swept, err)
		}
	})
}

// What cannot be put back yet stays owed, is reported, and is tried again by the next sweep.
func TestSweepTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log := &lamp{on: true}, &memlog.Log{}
		dead(t, log, l)
		stuck := true
		o := sweeping(l)
		o.Definition = func(context.Context, *runbook.State) (*runbook.Definition, error) {
			def := book(l)
			settle := def.Undos[0].Settle
			def.Undos[0].Settle = func(sc *runbook.StepContext, owed runbook.Owed) (string, error) {
				if stuck {
					return "", errors.New("an upgrade is still running")
				}
				return settle(sc, owed)
			}
			return def, nil
		}
		for i := range 2 {
			time.Sleep(31 * time.Minute)
			swept, err := runner(log).Sweep(t.Context(), o)
			if err != nil || len(swept) != 1 || swept[0].Err == nil || !strings.Contains(swept[0].Err.Error(), "still running") {
				t.Fatalf("sweep %d: %+v, %v", i, swept, err)
			}
		}
		stuck = false
		time.Sleep(31 * time.Minute)
		if swept, err := runner(log).Sweep(t.Context(), o); err != nil || len(swept) != 1 || swept[0].Err != nil || !l.isOn() {
			t.Errorf("%+v, %v", swept, err)
		}
	})
}

func TestSweepRefuses(t *testing.T) {
	l := &lamp{on: true}
	if _, err := runner(unlocked{&memlog.Log{}}).Sweep(t.Context(), sweeping(l)); err == nil || !strings.Contains(err.Error(), "living driver") {
		t.Errorf("a store that does not know who lives: %v", err)
	}
	if _, err := runner(&memlog.Log{}).Sweep(t.Context(), runbook.Sweeping{}); err == nil {
		t.Error("no definition")
	}
	// One run that cannot be swept does not keep the others from it.
	synctest.Test(t, func(t *testing.T) {
		log := &memlog.Log{}
		dead(t, log, l)
		time.Sleep(time.Hour)
		o := sweeping(l)
		o.Definition = func(context.Context, *runbook.State) (*runbook.Definition, error) {
			return nil, errors.New("no such environment")
		}
		swept, err := runner(log).Sweep(t.Context(), o)
		if err != nil || len(swept) != 1 || swept[0].State != nil || !strings.Contains(swept[0].Err.Error(), "no such environment") {
			t.Errorf("%+v, %v", swept, err)
		}
	})
}
