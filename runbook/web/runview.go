package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// runView is the page of one run.
type runView struct {
	page
	*runbook.State
	banner
	Doing string
	// Over of Steps steps are over; Took is the run's time so far, of about Expected.
	Over, Steps    int
	Took, Expected time.Duration
	Heard          time.Duration
	Next           string
	Question       *questionView
	// Stoppable: it can be asked to end. Ending is who has asked.
	Stoppable  bool
	Ending     string
	Deviations []deviation
	Phases     []phaseView
	Files      []fileView
}

type deviation struct {
	Step, Anchor, Text string
}

// phaseView is a phase; Done of its steps are over, and it is Over with the last.
type phaseView struct {
	Name, Anchor string
	Steps        []stepView
	Done         int
	Over         bool
}

// typed is what a person sent and that does not fit; the form shows it again.
type typed struct {
	answer runbook.Answer
	faults []string
}

func (s *Server) runView(state *runbook.State, v visit, t typed) runView {
	view := runView{page: s.page(state.Run, v), State: state, banner: bannerOf(state), Doing: doing(state), Heard: s.now().Sub(state.Last())}
	progress, err := readProgress(s.cfg.Runner.Files, state.Run)
	if err != nil {
		s.cfg.Log.Warn("progress is not shown", "error", err)
	}
	view.Phases = s.phases(state, progress)
	for _, p := range state.Plan.Steps {
		view.Steps++
		if st := state.Steps[p.ID]; st != nil && st.Status.Over() {
			view.Over++
		}
	}
	view.Took, view.Expected = s.now().Sub(state.Started), expected(state.Plan)
	if state.End != nil {
		view.Took = state.End.At.Sub(state.Started)
	}
	view.Deviations = deviations(view.Phases)
	view.Files = s.files(state)
	if state.End == nil {
		s.open(&view, v, t, progress)
	}
	return view
}

// open adds what there is to do about a run that has not ended.
func (s *Server) open(view *runView, v visit, t typed, progress progressFile) {
	state := view.State
	view.Self = "/runs/" + state.Run
	view.Events = "/runs/" + state.Run + "/events?have=" + mark(state.Records, progress)
	if s.cfg.Next != nil {
		view.Next = s.cfg.Next(state)
	}
	if a, asked := state.Aborting(); asked {
		view.Ending = a.Actor
	}
	if state.Waiting != nil {
		view.Question = s.question(state, v, t)
	}
	view.Stoppable = s.unstoppable(state) == ""
	view.Reload = view.Question == nil || !view.Question.Form
}

// expected adds up the steps; of a group that runs side by side only the longest counts.
func expected(p runbook.Plan) (sum time.Duration) {
	group, longest := "", time.Duration(0)
	for _, s := range p.Steps {
		if s.Group == "" || s.Group != group {
			sum, group, longest = sum+longest, s.Group, 0
		}
		longest = max(longest, s.Expected)
	}
	return sum + longest
}

// phases are the steps of the plan, those of the rollback once that was decided, and what was put back
// at the end.
func (s *Server) phases(state *runbook.State, progress progressFile) []phaseView {
	steps := slices.Clone(state.Plan.Steps)
	if state.Leaving == runbook.DecideRollback {
		steps = append(steps, state.Plan.Rollback...)
	}
	steps = append(steps, unplanned(state)...)
	var out []phaseView
	for _, p := range steps {
		if len(out) == 0 || out[len(out)-1].Name != p.Phase {
			out = append(out, phaseView{Name: p.Phase, Anchor: fmt.Sprintf("phase-%d", len(out)+1)})
		}
		last := &out[len(out)-1]
		last.Steps = append(last.Steps, s.stepView(state, p, progress.Steps[p.ID]))
		if st := state.Steps[p.ID]; st != nil && st.Status.Over() {
			last.Done++
		}
		last.Over = last.Done == len(last.Steps)
	}
	return out
}

// unplanned are the steps that no plan lists: putting back what was owed when the run was ended.
func unplanned(state *runbook.State) (out []runbook.PlannedStep) {
	planned := map[string]bool{}
	for _, p := range slices.Concat(state.Plan.Steps, state.Plan.Rollback) {
		planned[p.ID] = true
	}
	for id, st := range state.Steps {
		if !planned[id] && st.Tries > 0 {
			out = append(out, runbook.PlannedStep{ID: id, Phase: "Put back", Title: id})
		}
	}
	slices.SortFunc(out, func(a, b runbook.PlannedStep) int {
		if c := state.Steps[a.ID].Started.Compare(state.Steps[b.ID].Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

func deviations(phases []phaseView) (out []deviation) {
	for _, p := range phases {
		for _, s := range p.Steps {
			if s.Status == runbook.StepWaived {
				out = append(out, deviation{s.ID, s.Anchor, s.Detail})
			}
			for _, d := range s.Deviations {
				out = append(out, deviation{s.ID, s.Anchor, d})
			}
		}
	}
	return out
}
