package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// password is a secret that must be nowhere in the database.
const password = "hunter-2-hunter"

// definition is a short runbook: fuel, which is put back, and a launch, which happens once. The first
// word of an environment's name says what is special about it.
func (m *member) definition(_ context.Context, r *runbook.Runner, environment string) (*runbook.Definition, error) {
	kind, _, _ := strings.Cut(environment, "-")
	r.Secrets, r.Grace = []string{password}, time.Millisecond
	switch kind {
	case "broken":
		return nil, errors.New("no configuration; tried the password " + password)
	case "panicking":
		panic("nil configuration of " + environment)
	case "deadly":
		m.die()
	case "mistaken":
		environment = "another"
	}
	d := &runbook.Definition{Name: "launch", Environment: environment, Undos: []runbook.Undo{{Kind: "fuel", Settle: func(_ *runbook.StepContext, o runbook.Owed) (string, error) {
		return "drained", m.effect("drain", environment)
	}}}}
	d.Steps = append(d.Steps, m.fuel(environment))
	switch kind {
	case "asking":
		d.Steps = append(d.Steps, runbook.Step{ID: "agree", Title: "Agree", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Is the sky clear?"}})
	case "impatient":
		d.Steps = append(d.Steps, runbook.Step{ID: "agree", Title: "Agree", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Quick!", Within: time.Millisecond}})
	case "failing":
		d.Steps = append(d.Steps, runbook.Step{ID: "fail", Title: "Fail", Apply: func(*runbook.StepContext) error { return errors.New("engine of " + environment + " is cold") }})
	}
	d.Steps = append(d.Steps, m.launch(environment), runbook.Step{ID: "land", Title: "Land", Apply: func(sc *runbook.StepContext) error {
		return sc.Settle("fuel", "tank")
	}})
	return d, nil
}

// die ends the process once all others have ended.
func (m *member) die() {
	_ = poll.Until(context.Background(), "the others", 100*time.Millisecond, patience, func(ctx context.Context) (bool, error) {
		runs, err := m.runner().List(ctx)
		ended := 0
		for _, r := range runs {
			if r.Outcome == runbook.Completed {
				ended++
			}
		}
		return ended >= m.Others, err
	})
	os.Exit(3)
}

func (m *member) fuel(environment string) runbook.Step {
	return runbook.Step{ID: "fuel", Title: "Fuel", Owes: []string{"fuel"}, Apply: func(sc *runbook.StepContext) error {
		if err := sc.Owe("fuel", "tank", "empty"); err != nil {
			return err
		}
		if err := m.effect("fuel", environment); err != nil {
			return err
		}
		if err := m.held(sc); err != nil {
			return err
		}
		return poll.Sleep(sc, m.Step)
	}}
}

// held waits until goOn, in a world with Hold.
func (w world) held(ctx context.Context) error {
	if !w.Hold {
		return nil
	}
	return poll.Until(ctx, "the test", 5*time.Millisecond, patience, func(context.Context) (bool, error) {
		_, err := os.Stat(w.File + ".go")
		return err == nil, nil
	})
}

// goOn lets steps end that were held.
func (w world) goOn() error { return os.WriteFile(w.File+".go", nil, 0o600) }

func (m *member) launch(environment string) runbook.Step {
	return runbook.Step{ID: "launch", Title: "Launch", Effect: runbook.Once,
		Apply: func(sc *runbook.StepContext) error {
			if err := sc.Guard(); err != nil {
				return err
			}
			return m.effect("launch", environment)
		},
		Resolve: func(*runbook.StepContext) (runbook.Resolution, error) {
			lines, err := m.readEffects()
			if slices.Contains(lines, fmt.Sprintf("launch %s", environment)) {
				return runbook.ResolvedDone, err
			}
			return runbook.ResolvedNotDone, err
		}}
}
