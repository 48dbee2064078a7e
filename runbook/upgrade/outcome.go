package upgrade

import (
	"context"
	"errors"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Exit codes of programs that drive upgrades. They do not change.
const (
	ExitCompleted = 0 // the run completed, nothing is owed; or the command did what it should
	ExitFailed    = 1 // something unexpected; status tells what is owed
	ExitInput     = 2 // flags, configuration or answers are wrong; nothing was done
	ExitRefused   = 3 // a check refused; nothing was changed
	ExitWaiting   = 4 // the run waits for an answer or an approval
	ExitDecision  = 5 // a step failed and the run waits for a decision
	ExitEnded     = 6 // the run ended early (aborted or rolled back), everything was put back
	ExitActive    = 7 // the environment has an active run, or another process drives it
	ExitStopped   = 8 // stopped on request; the run can be resumed
)

// InputError marks what the caller gave wrongly.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

// ExitCode turns the outcome of a run or a command into an exit code.
func ExitCode(state *runbook.State, err error) int {
	switch {
	case err != nil:
		return exitOf(err)
	case state != nil && state.End != nil && state.End.Outcome != runbook.Completed:
		return ExitEnded
	}
	return ExitCompleted
}

func exitOf(err error) int {
	var waiting *runbook.WaitingError
	if errors.As(err, &waiting) {
		if waiting.Question.Ask.Kind == runbook.DecisionWanted {
			return ExitDecision
		}
		return ExitWaiting
	}
	if is[*runbook.ActiveRunError](err) || is[*runbook.LockedError](err) || errors.Is(err, runbook.ErrFenced) {
		return ExitActive
	}
	if is[*InputError](err) || is[*ConfigError](err) || errors.Is(err, ErrNoRun) || errors.Is(err, runbook.ErrUnknownRun) {
		return ExitInput
	}
	if is[*RefusedError](err) || is[*runbook.PlanChangedError](err) {
		return ExitRefused
	}
	if errors.Is(err, runbook.ErrStopped) || errors.Is(err, context.Canceled) {
		return ExitStopped
	}
	return ExitFailed
}

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}
