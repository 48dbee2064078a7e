package web

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// metrics writes what a monitoring system watches, in Prometheus' text format
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Labels are environments, outcomes,
// steps, kinds of questions and units: all bounded by the runbooks, never by the number of runs.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request, _ visit) {
	runs, err := s.overview.read(r.Context())
	if err != nil {
		s.cfg.Log.Error("metrics", "error", err)
		http.Error(w, "the journals could not be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.measure(runs).write(w)
}

// helps says what each metric is. All are gauges.
var helps = map[string]string{
	"runbook_runs":                     "Runs by environment and outcome; active ones have not ended.",
	"runbook_journal_faults":           "Runs whose journal cannot be read.",
	"runbook_step_running_age_seconds": "How long a step of the active run has been running.",
	"runbook_step_transfer_done_bytes": "Bytes that a running step has transferred.",
	"runbook_step_transfer_size_bytes": "Bytes that a running step has to transfer.",
	"runbook_owed":                     "Things that the active run has to put back.",
	"runbook_owed_age_seconds":         "How long the oldest of them has been owed.",
	"runbook_waiting":                  "Questions that wait for a person.",
	"runbook_waiting_age_seconds":      "How long the question has been waiting.",
	"runbook_record_age_seconds":       "Time since the last record of the active run.",
}

// samples are the values of each metric, by its labels as they are written.
type samples map[string]map[string]float64

// add adds to a value; labels are names and values in turn.
func (m samples) add(name string, value float64, labels ...string) {
	var b strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		fmt.Fprintf(&b, "%s%s=\"%s\"", sep(i), labels[i], labelText.Replace(labels[i+1]))
	}
	if m[name] == nil {
		m[name] = map[string]float64{}
	}
	m[name][b.String()] += value
}

func sep(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

var labelText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m samples) write(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n", name, helps[name], name)
		for _, labels := range slices.Sorted(maps.Keys(m[name])) {
			fmt.Fprintf(w, "%s{%s} %g\n", name, labels, m[name][labels])
		}
	}
}

func (s *Server) measure(runs []listed) samples {
	m := samples{}
	for _, l := range runs {
		m.add("runbook_runs", 1, "environment", l.Environment, "outcome", cmp.Or(string(l.Outcome), "active"))
		if l.Fault != "" {
			m.add("runbook_journal_faults", 1, "environment", l.Environment)
		}
		if l.State != nil && l.State.End == nil {
			s.measureActive(m, l.Environment, l.State)
		}
	}
	return m
}

// measureActive adds what there is to say of a run that has not ended.
func (s *Server) measureActive(m samples, environment string, state *runbook.State) {
	age := func(t time.Time) float64 { return max(0, s.now().Sub(t).Seconds()) }
	m.add("runbook_record_age_seconds", age(state.Last()), "environment", environment)
	m.add("runbook_owed", float64(len(state.Owed)), "environment", environment)
	if len(state.Owed) > 0 {
		m.add("runbook_owed_age_seconds", age(state.Owed[0].Since), "environment", environment)
	}
	m.add("runbook_waiting", 0, "environment", environment, "kind", string(runbook.Attestation))
	m.add("runbook_waiting", 0, "environment", environment, "kind", string(runbook.Approval))
	m.add("runbook_waiting", 0, "environment", environment, "kind", string(runbook.DecisionWanted))
	if w := state.Waiting; w != nil {
		m.add("runbook_waiting", 1, "environment", environment, "kind", string(w.Question.Ask.Kind))
		m.add("runbook_waiting_age_seconds", age(w.Since), "environment", environment, "kind", string(w.Question.Ask.Kind))
	}
	progress, _ := readProgress(s.cfg.Runner.Files, state.Run) // without it less is said
	for id, st := range state.Steps {
		if st.Status != runbook.StepRunning {
			continue
		}
		m.add("runbook_step_running_age_seconds", age(st.Started), "environment", environment, "step", id)
		if p := progress.Steps[id]; p.Unit == "bytes" {
			m.add("runbook_step_transfer_done_bytes", float64(p.Done), "environment", environment, "step", id)
			m.add("runbook_step_transfer_size_bytes", float64(p.Total), "environment", environment, "step", id)
		}
	}
}
