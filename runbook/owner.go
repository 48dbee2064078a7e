package runbook

import (
	"context"
	"fmt"
	"time"
)

// proofAge is how old a proof of ownership may be, by the wall clock, when it is used.
const proofAge = time.Minute

// stepKey is where a step's context keeps its StepContext.
type stepKey struct{}

// CheckOwner looks into the journal whether the process still owns the run whose step ctx was given
// to. A run that somebody took over is an error that matches ErrFenced; a context that belongs to no
// step is nil. A client's transport calls it immediately before each request that changes something:
// then a process that was suspended, and whose run went on elsewhere meanwhile, changes nothing more
// when it wakes. It reads what is new in the journal and writes nothing.
//
// What remains possible is a suspension between this check and the request's first byte on the wire.
// Only the target can exclude that, hence Step.Resolve.
func CheckOwner(ctx context.Context) error {
	sc, ok := ctx.Value(stepKey{}).(*StepContext)
	if !ok {
		return nil
	}
	return sc.driver.stillOwner(ctx)
}

// stillOwner proves ownership again for as long as the machine slept while it did.
func (d *driver) stillOwner(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := d.now()
		if err := d.refresh(ctx); err != nil {
			return fmt.Errorf("nothing was sent: %w", err)
		}
		if d.fresh(began) {
			return nil
		}
	}
}

// fresh says whether a proof that began then may be used now.
func (r *Runner) fresh(then time.Time) bool {
	age := r.now().Sub(then)
	return 0 <= age && age <= proofAge
}

func (r *Runner) grace() time.Duration {
	if r.Grace > 0 {
		return r.Grace
	}
	return proofAge
}

// outlast waits until no former driver can use a proof any more that it had before the takeover.
func (sc *StepContext) outlast() error {
	var fenced time.Time
	sc.driver.read(func(s *State) { fenced = s.Step(sc.def.ID).fencedAt })
	if fenced.IsZero() {
		return nil
	}
	left := min(fenced.Add(sc.driver.grace()).Sub(sc.driver.now()), sc.driver.grace())
	if left > 0 {
		sc.Progress(0, 0, "", "waiting %s, until the former driver surely sends nothing more", left.Round(time.Second))
	}
	return sc.driver.sleep(sc, left)
}

// Guard proves, immediately before a request that may be made only once, that this process still
// owns the run: it appends a record, which somebody who had lost the run could not. It also fails
// when the machine slept meanwhile. What remains possible is a pause of the process between Guard
// and the request itself; only the target can exclude that, hence Resolve.
func (sc *StepContext) Guard() error {
	began := sc.driver.now()
	if err := sc.driver.append(sc, KindGuard, sc.def.ID, sc.Try, nil); err != nil {
		return err
	}
	if !sc.driver.fresh(began) {
		return fmt.Errorf("the machine was suspended just before %s; nothing was sent", sc.def.ID)
	}
	return sc.Err()
}
