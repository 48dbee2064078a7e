package live

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// board is what is known of the run: the rows to draw.
type board struct {
	plan  upgrade.PlanView
	takes map[string]time.Duration
	place map[string]int // of a step in the plan

	mu    sync.Mutex // guards what follows; nothing is called while it is held
	run   string
	phase string
	begun time.Time
	rows  []*row
	// hidden rows do not fit.
	hidden int
}

// row is a step that is going on.
type row struct {
	board       *board
	step, text  string
	begun       time.Time
	expected    time.Duration
	done, total int64
	unit        string
}

func newBoard(p runbook.Plan) *board {
	b := &board{plan: upgrade.ViewPlan(runbook.Preview{Plan: p}), takes: map[string]time.Duration{}, place: map[string]int{}, begun: time.Now()}
	for i, s := range slices.Concat(p.Steps, p.Rollback) {
		b.takes[s.ID], b.place[s.ID] = s.Expected, i
	}
	return b
}

// event takes an event in and says whether there are other rows now.
func (b *board) event(e runbook.Event) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run = e.Run
	switch e.Kind {
	case runbook.EventKind(runbook.KindIntent):
		b.phase = e.Phase
		return b.begin(e)
	case runbook.EventProgress:
		return b.progress(e)
	case runbook.EventKind(runbook.KindDone), runbook.EventKind(runbook.KindFail), runbook.EventKind(runbook.KindWait):
		was := len(b.rows)
		b.rows = slices.DeleteFunc(b.rows, func(r *row) bool { return r.step == e.Step })
		return was != len(b.rows)
	}
	return false
}

func (b *board) begin(e runbook.Event) bool {
	if b.find(e.Step) != nil {
		return false
	}
	b.rows = append(b.rows, &row{board: b, step: e.Step, begun: e.At, expected: b.takes[e.Step]})
	slices.SortStableFunc(b.rows, func(x, y *row) int { return b.place[x.step] - b.place[y.step] })
	return true
}

// progress keeps the last known amount when an event has only words.
func (b *board) progress(e runbook.Event) (changed bool) {
	changed = b.begin(e)
	r := b.find(e.Step)
	r.text = e.Text
	if e.Total > 0 {
		r.done, r.total, r.unit = e.Done, e.Total, e.Unit
	}
	return changed
}

func (b *board) find(step string) *row {
	i := slices.IndexFunc(b.rows, func(r *row) bool { return r.step == step })
	if i < 0 {
		return nil
	}
	return b.rows[i]
}

// longest is how wide the names of the rows are. b.mu is held.
func (b *board) longest() (n int) {
	for _, r := range b.rows {
		n = max(n, len(r.step))
	}
	return n
}

// running are the first rows, at most so many; the header tells how many more there are.
func (b *board) running(most int) []*row {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hidden = max(len(b.rows)-most, 0)
	return slices.Clone(b.rows[:len(b.rows)-b.hidden])
}

// header is the first line: which run, and how long it goes on.
func (b *board) header(width int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	expected := time.Duration(b.plan.CriticalPath.ExpectedSeconds) * time.Second
	parts := []string{b.run, spent(time.Since(b.begun), expected), b.phase, strings.TrimSuffix(b.plan.Environment+" → "+b.plan.Target, " → ")}
	if b.hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d more steps", b.hidden))
	}
	return "\x1b[1m" + fit(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · "), width) + "\x1b[0m"
}

// barWidth is how wide a bar is, where there is room for one.
const barWidth = 20

// line is the step's row in so many columns.
func (r *row) line(width int) string {
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	parts := []string{fmt.Sprintf("  %-*s  %s", r.board.longest(), r.step, spent(time.Since(r.begun), r.expected))}
	if r.total > 0 && r.unit == "bytes" && width >= 80 {
		parts = append(parts, bar(r.done, r.total))
	}
	if r.total > 0 {
		parts = append(parts, upgrade.Amount(r.done, r.total, r.unit))
	}
	if r.text != "" {
		parts = append(parts, r.text)
	}
	return fit(strings.Join(parts, "  "), width)
}

func bar(done, total int64) string {
	n := int(min(done, total) * barWidth / total)
	return strings.Repeat("█", n) + strings.Repeat("░", barWidth-n)
}

// spent is the time so far, against what was expected if that is known.
func spent(d, expected time.Duration) string {
	text := clock(d)
	if expected >= time.Minute {
		text += " of about " + upgrade.Roughly(int64(expected.Seconds()))
	}
	return text
}

func clock(d time.Duration) string {
	s := int64(max(d, 0).Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// fit cuts a line so that it stays one row: the last column is left free, because some terminals wrap there.
func fit(s string, width int) string {
	return runewidth.Truncate(upgrade.Printable(s), max(width-1, 1), "…")
}
