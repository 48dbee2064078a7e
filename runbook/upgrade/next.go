package upgrade

import (
	"errors"
	"fmt"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// ExitMeaning says what an exit code means.
type ExitMeaning struct {
	Code    int
	Meaning string
}

// ExitMeanings are all exit codes, in order.
var ExitMeanings = []ExitMeaning{
	{ExitCompleted, "completed"},
	{ExitFailed, "unexpected failure; `status` tells what is owed"},
	{ExitInput, "wrong flags, configuration or answers; nothing was done"},
	{ExitRefused, "a check refused; nothing was changed"},
	{ExitWaiting, "the run waits for an answer or an approval"},
	{ExitDecision, "a step failed; the run waits for a decision"},
	{ExitEnded, "the run was aborted or rolled back; everything was put back"},
	{ExitActive, "the environment has an active run, or another process drives it"},
	{ExitStopped, "stopped on request; resume it"},
}

// NextCommand is what to type for a run: to answer what it waits for, or else to resume it; "" when it has ended. "FILE"
// stands for its configuration.
func NextCommand(s *runbook.State) string {
	if s.End != nil {
		return ""
	}
	if s.Waiting == nil {
		return fmt.Sprintf("upgrade resume -config FILE -environment %s", s.Plan.Environment)
	}
	return decideCommand(s.Waiting.Question)
}

func decideCommand(q runbook.Question) string {
	verb := map[runbook.AskKind]string{runbook.Attestation: "attest", runbook.Approval: "approve"}[q.Ask.Kind]
	if verb == "" {
		var out []string
		for _, d := range q.Decisions {
			out = append(out, string(d))
		}
		verb = strings.Join(out, "|")
	}
	text := fmt.Sprintf("upgrade decide -config FILE -run %s -step %s -statement TEXT", q.Run, q.Step)
	for _, f := range q.Ask.Fields {
		switch {
		case f.Required && f.When != "":
			text += fmt.Sprintf(" [-value %s=… if %s]", f.Name, f.When)
		case f.Required:
			text += fmt.Sprintf(" -value %s=…", f.Name)
		}
	}
	return text + " " + verb
}

// SafeNext says what is safe to do after a command ended with this exit code and error, and what the error
// left behind. It is "" only after a command that did what it should.
func SafeNext(code int, err error) string {
	var waiting *runbook.WaitingError
	if errors.As(err, &waiting) {
		return "nothing goes on until it is answered: " + decideCommand(waiting.Question) +
			"; then upgrade resume. What was changed stays so until then; upgrade settle puts it back and ends the run"
	}
	switch {
	case is[*runbook.PlanChangedError](err):
		return "nothing was done. Restore the configuration and the program, or resume with -accept-plan REASON; upgrade settle works either way"
	case errors.Is(err, runbook.ErrFenced):
		return "do nothing from here: another process drives the run. upgrade status tells how far it is"
	case errors.Is(err, ErrNoRun), errors.Is(err, runbook.ErrUnknownRun):
		return "nothing was done. upgrade status lists the runs"
	case errors.Is(err, runbook.ErrDamaged):
		return "do not rely on these files. Verify another copy of the folder, and keep this one as it is"
	}
	return safeByCode[code]
}

var safeByCode = map[int]string{
	ExitFailed:   "upgrade status tells what was changed and is not put back yet. upgrade resume goes on where it stopped, upgrade settle puts everything back",
	ExitInput:    "nothing was done. Correct it and type the command again",
	ExitRefused:  "nothing was changed. Do what the finding says, then upgrade plan again",
	ExitWaiting:  "nothing goes on until it is answered: upgrade status tells by which command",
	ExitDecision: "nothing goes on until it is decided: upgrade status tells by which command; upgrade settle puts everything back and ends the run",
	ExitEnded:    "everything was put back and the environment is free. Read the report before a new run",
	ExitActive:   "nothing was done by this command. upgrade status tells how far the run is; resume it if its process has ended, take it over only if that process surely does not go on",
	ExitStopped:  "what was changed stays so. upgrade resume goes on, upgrade settle puts it back and ends the run",
}
