package web

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// banner says in a few words how a run is. Its tone (good, bad, wait, busy, over) is a class of the page.
type banner struct{ Tone, Headline string }

func bannerOf(s *runbook.State) banner {
	switch {
	case s.End != nil:
		return endBanner(s.End.Outcome)
	case s.Waiting != nil && s.Waiting.Question.Ask.Kind == runbook.DecisionWanted:
		return banner{"bad", "A step failed; the run waits for a decision"}
	case s.Waiting != nil:
		return banner{"wait", "Waits for a person"}
	case s.Leaving == runbook.DecideRollback:
		return banner{"busy", "Is being rolled back"}
	case s.Leaving != "":
		return banner{"busy", "Is being ended; everything is put back"}
	}
	return banner{"busy", "In progress"}
}

func endBanner(e runbook.Ending) banner {
	switch e {
	case runbook.Completed:
		return banner{"good", "Completed"}
	case runbook.Aborted:
		return banner{"over", "Aborted; everything was put back"}
	case runbook.RolledBack:
		return banner{"over", "Rolled back; everything was put back"}
	}
	return banner{"over", string(e)}
}

// doing says what a run does now, without any time in it: it is read aloud when it changes.
func doing(s *runbook.State) string {
	if s.End != nil {
		return s.End.Reason
	}
	if s.Waiting != nil {
		return "Waits for: " + s.Waiting.Question.Title
	}
	var now []string
	for _, p := range s.Plan.Steps {
		if st := s.Steps[p.ID]; st != nil && st.Status == runbook.StepRunning {
			now = append(now, p.Title)
		}
	}
	if len(now) == 0 {
		return "Between two steps"
	}
	return "Now: " + strings.Join(now, ", ")
}

// buttons names each decision.
var buttons = map[runbook.Decision]string{
	runbook.DecideRetry: "Retry", runbook.DecideDone: "Done by hand", runbook.DecideWaive: "Waive", runbook.DecideRollback: "Roll back", runbook.DecideAbort: "Abort",
}

// statusWords says how far a step is.
var statusWords = map[runbook.StepStatus]string{
	runbook.StepPending: "to come", runbook.StepRunning: "running", runbook.StepWaiting: "waits", runbook.StepFailed: "failed",
	runbook.StepDone: "done", runbook.StepAlready: "was done already", runbook.StepWaived: "waived",
}

// took writes a duration as people say it; the script of the pages does the same.
func took(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// about is how long something is expected to take.
func about(d time.Duration) string { return "about " + strings.TrimSuffix(took(d), " 00 s") }

func stamp(t time.Time) string   { return t.Local().Format("2006-01-02 15:04:05 MST") }
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// runName keeps what can be the id of a run in an address and in a path.
func runName(run string) bool {
	return fs.ValidPath(run) && run != "." && !strings.ContainsAny(run, `/\:`)
}
