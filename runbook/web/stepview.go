package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// stepView is one step of a run.
type stepView struct {
	runbook.PlannedStep
	*runbook.StepState
	Anchor, Word string
	Running      bool
	Took         time.Duration
	Progress     *progressView
	Tables       []tableView
	Answers      []answerView
	Values       []valueView
}

type tableView struct {
	Title  string
	Header []string
	Rows   [][]cellView
	// Left is how many rows are not shown.
	Left int
}

// cellView knows the head of its column, for windows in which a table is too wide.
type cellView struct{ Head, Text string }

// valueView is something that a step remembered or left, as JSON.
type valueView struct{ Name, Text string }

// answerView is what a person said.
type answerView struct {
	runbook.Answer
	Entries [][2]string
}

// progressView is how far a running step is.
type progressView struct {
	stepProgress
	Known   bool // there is a total
	Amount  string
	Percent int
	// Stale is how old the news is, when it is too old to be trusted.
	Stale time.Duration
}

// What a page shows of one step at most; everything is in the evidence.
const (
	mostRows  = 50
	mostBytes = 4000
)

// staleAfter is when news about a step are marked as old.
const staleAfter = 30 * time.Second

var notInAnchor = regexp.MustCompile(`[^A-Za-z0-9-]`)

// anchor is the id of a step as the id of an element, as different as the steps are.
func anchor(id string) string {
	return "step-" + notInAnchor.ReplaceAllStringFunc(id, func(s string) string { return fmt.Sprintf("_%x", s) })
}

func (s *Server) stepView(state *runbook.State, p runbook.PlannedStep, progress stepProgress) stepView {
	st := state.Steps[p.ID]
	if st == nil {
		st = &runbook.StepState{Status: runbook.StepPending}
	}
	v := stepView{PlannedStep: p, StepState: st, Anchor: anchor(p.ID), Word: statusWords[st.Status],
		Running: state.End == nil && st.Status == runbook.StepRunning}
	if v.Running {
		v.Took = s.now().Sub(st.Started)
		v.Progress = s.progressView(progress)
	} else if !st.Ended.IsZero() {
		v.Took = st.Ended.Sub(st.Started)
	}
	v.Tables, v.Answers, v.Values = tables(st.Tables), answers(st.Answers), values(p, st)
	return v
}

func tables(list []runbook.Table) (out []tableView) {
	for _, t := range list {
		shown := t.Rows[:min(len(t.Rows), mostRows)]
		v := tableView{Title: t.Title, Header: t.Header, Left: len(t.Rows) - len(shown)}
		for _, row := range shown {
			v.Rows = append(v.Rows, cells(t.Header, row))
		}
		out = append(out, v)
	}
	return out
}

func cells(header, row []string) (out []cellView) {
	for i, text := range row {
		c := cellView{Text: text}
		if i < len(header) {
			c.Head = header[i]
		}
		out = append(out, c)
	}
	return out
}

func answers(list []runbook.Answer) (out []answerView) {
	for _, a := range list {
		v := answerView{Answer: a}
		for _, name := range slices.Sorted(maps.Keys(a.Values)) {
			v.Entries = append(v.Entries, [2]string{name, a.Values[name]})
		}
		out = append(out, v)
	}
	return out
}

// values are the step's result and its notes. The result of a question is its answer, shown as such.
func values(p runbook.PlannedStep, st *runbook.StepState) (out []valueView) {
	if len(st.Output) > 0 && p.Ask == nil {
		out = append(out, valueView{"result", pretty(st.Output)})
	}
	for _, name := range slices.Sorted(maps.Keys(st.Notes)) {
		out = append(out, valueView{name, pretty(st.Notes[name])})
	}
	return out
}

func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		b.Write(raw)
	}
	if b.Len() <= mostBytes {
		return b.String()
	}
	return fmt.Sprintf("%s\n… %d more bytes are in the evidence", bytes.ToValidUTF8(b.Bytes()[:mostBytes], nil), b.Len()-mostBytes)
}

func (s *Server) progressView(p stepProgress) *progressView {
	if p.At.IsZero() {
		return nil
	}
	v := &progressView{stepProgress: p, Known: p.Total > 0}
	if age := s.now().Sub(p.At); age > staleAfter {
		v.Stale = age
	}
	if !v.Known {
		return v
	}
	v.Percent = int(float64(min(p.Done, p.Total)) / float64(p.Total) * 100)
	v.Amount = fmt.Sprintf("%d of %d %s", p.Done, p.Total, p.Unit)
	if p.Unit == "bytes" {
		v.Amount = bytesText(p.Done) + " of " + bytesText(p.Total)
	}
	return v
}

func bytesText(count int64) string {
	n := float64(count)
	for _, u := range []string{"B", "KiB", "MiB"} {
		if n < 1024 {
			return fmt.Sprintf("%.4g %s", n, u)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.2f GiB", n)
}
