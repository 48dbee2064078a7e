package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Whatever a command ends with, it says what was left behind and what is safe to do.
func TestEveryErrorSaysWhatIsSafe(t *testing.T) {
	asks := func(kind runbook.AskKind, decisions ...runbook.Decision) error {
		return &runbook.WaitingError{Question: runbook.Question{Run: "test-0001", Step: "s", Decisions: decisions, Ask: runbook.Ask{Kind: kind}}}
	}
	for _, tt := range []struct {
		err  error
		code int
		want string
	}{
		{errors.New("disk full"), upgrade.ExitFailed, "upgrade status tells what was changed"},
		{&upgrade.InputError{Err: errors.New("x")}, upgrade.ExitInput, "nothing was done. Correct it"},
		{&upgrade.ConfigError{}, upgrade.ExitInput, "nothing was done. Correct it"},
		{fmt.Errorf("%w of test", upgrade.ErrNoRun), upgrade.ExitInput, "upgrade status lists the runs"},
		{fmt.Errorf("%w: x", runbook.ErrUnknownRun), upgrade.ExitInput, "upgrade status lists the runs"},
		{&upgrade.RefusedError{}, upgrade.ExitRefused, "nothing was changed"},
		{&runbook.PlanChangedError{}, upgrade.ExitRefused, "-accept-plan"},
		{asks(runbook.Attestation), upgrade.ExitWaiting, "upgrade decide -config FILE -run test-0001 -step s -statement TEXT attest"},
		{asks(runbook.Approval), upgrade.ExitWaiting, "TEXT approve; then upgrade resume"},
		{asks(runbook.DecisionWanted, runbook.DecideRetry, runbook.DecideAbort), upgrade.ExitDecision, "TEXT retry|abort"},
		{&runbook.ActiveRunError{}, upgrade.ExitActive, "resume it if its process has ended"},
		{&runbook.LockedError{}, upgrade.ExitActive, "resume it if its process has ended"},
		{fmt.Errorf("%w: x", runbook.ErrFenced), upgrade.ExitActive, "do nothing from here"},
		{runbook.ErrStopped, upgrade.ExitStopped, "upgrade resume goes on"},
		{context.Canceled, upgrade.ExitStopped, "upgrade settle puts it back"},
	} {
		if code := upgrade.ExitCode(nil, tt.err); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.err, code, tt.code)
		}
		if got := upgrade.SafeNext(tt.code, tt.err); !strings.Contains(got, tt.want) {
			t.Errorf("%T %v: %q, want %q", tt.err, tt.err, got, tt.want)
		}
	}
	if got := upgrade.SafeNext(upgrade.ExitRefused, fmt.Errorf("%w: x", runbook.ErrDamaged)); !strings.Contains(got, "do not rely on these files") {
		t.Errorf("damaged evidence: %q", got)
	}
	for _, m := range upgrade.ExitMeanings {
		if said := upgrade.SafeNext(m.Code, errors.New("x")) != ""; said != (m.Code != upgrade.ExitCompleted) {
			t.Errorf("exit code %d (%s): says what is safe: %t", m.Code, m.Meaning, said)
		}
	}
}

// What to type names the entries that are always needed, and says when others are.
func TestNextCommandNamesTheEntries(t *testing.T) {
	t.Parallel()
	q := runbook.Question{Run: "test-0001", Step: "attest-vendor-session", Ask: runbook.Ask{Kind: runbook.Attestation, Fields: []runbook.Field{
		{Name: "attended", Required: true}, {Name: "by", Required: true, When: "attended=yes"}, {Name: "remark"}}}}
	const want = "upgrade decide -config FILE -run test-0001 -step attest-vendor-session -statement TEXT -value attended=… [-value by=… if attended=yes] attest"
	if got := upgrade.NextCommand(&runbook.State{Waiting: &runbook.Wait{Question: q}}); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
