package runbook

import (
	"fmt"
	"time"
)

// chart is the timeline as an SVG image: a row for each phase and each step, time from left to right.
// Places on the time axis are percentages, so that the image fits every width without scaling its text.
type chart struct {
	Height    int
	From, To  time.Time
	Ticks     []tick
	Rows      []chartRow
	Takeovers []percent
}

type tick struct {
	X         percent
	Time, Day string // Day is empty if it is that of the tick before
	Anchor    string
	Minor     bool // left out where space is short
}

// chartRow is a phase with its band, or a step with its bars.
type chartRow struct {
	Y, Text, Bar int // upper edge of the row, base line of its text, upper edge of its bars
	Phase        string
	Step         PlannedStep
	Bars         []bar
	Guards       []percent
}

type bar struct {
	X, W  percent
	Class string
	Title string
}

// percent is a place or a length on the time axis.
type percent float64

func (p percent) String() string { return fmt.Sprintf("%.2f%%", float64(p)) }

// Sizes of the image, in pixels.
const (
	chartHead = 40
	chartRows = 18
)

func newChart(lanes []*lane, takeovers []time.Time) *chart {
	if len(lanes) == 0 {
		return nil
	}
	c := &chart{}
	c.From, c.To = extent(lanes)
	c.ticks()
	for i := 0; i < len(lanes); {
		n := i
		for n < len(lanes) && lanes[n].Step.Phase == lanes[i].Step.Phase {
			n++
		}
		c.phase(lanes[i:n])
		i = n
	}
	for _, t := range takeovers {
		c.Takeovers = append(c.Takeovers, c.x(t))
	}
	c.Height = chartHead + len(c.Rows)*chartRows + 4
	return c
}

// extent is from the first to the last instant of all spans, and never empty.
func extent(lanes []*lane) (from, to time.Time) {
	from, to = lanes[0].Spans[0].From, lanes[0].Spans[0].To
	for _, l := range lanes {
		for _, s := range l.Spans {
			if s.From.Before(from) {
				from = s.From
			}
			to = later(to, s.To)
		}
	}
	return from, later(to, from.Add(time.Millisecond))
}

// x is where an instant is on the axis, as far as it is within.
func (c *chart) x(t time.Time) percent {
	return percent(min(100, max(0, 100*float64(t.Sub(c.From))/float64(c.To.Sub(c.From)))))
}

func (c *chart) phase(lanes []*lane) {
	from, to := extent(lanes)
	c.row(chartRow{Phase: lanes[0].Step.Phase, Bars: []bar{c.bar(from, to, "band")}})
	for _, l := range lanes {
		r := chartRow{Step: l.Step}
		for _, s := range l.Spans {
			r.Bars = append(r.Bars, c.span(l.Step.ID, s))
		}
		for _, g := range l.Guards {
			r.Guards = append(r.Guards, c.x(g))
		}
		c.row(r)
	}
}

// Once says whether the step is one that may happen only once.
func (r chartRow) Once() bool { return r.Step.Effect == Once }

func (c *chart) row(r chartRow) {
	r.Y = chartHead + len(c.Rows)*chartRows
	r.Text, r.Bar = r.Y+13, r.Y+3
	c.Rows = append(c.Rows, r)
}

// thinnest is how wide a bar is at least: a width of nothing is not drawn.
const thinnest percent = 0.1

func (c *chart) bar(from, to time.Time, class string) bar {
	x := c.x(from)
	return bar{X: x, W: max(thinnest, c.x(to)-x), Class: class, Title: fmt.Sprintf("%s, %s", clock(from), duration(to.Sub(from)))}
}

func (c *chart) span(step string, s span) bar {
	class, what := "work", "worked"
	switch {
	case s.Wait:
		class, what = "wait", "waited for a person"
	case s.Failed:
		class, what = "fail", "failed"
	}
	b := c.bar(s.From, s.To, class)
	b.Title = step + ": " + what + " from " + b.Title
	return b
}

// spacings are distances between ticks that a reader can count in.
var spacings = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
	15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// mostTicks is how many times of day fit beside each other, and every majorTick-th of them on a telephone.
const (
	mostTicks = 9
	majorTick = 4
)

// spacing is the smallest one with few enough ticks; longer runs count in whole days.
func spacing(d time.Duration) time.Duration {
	for _, s := range spacings {
		if d/s < mostTicks {
			return s
		}
	}
	day := 24 * time.Hour
	return (d/(mostTicks*day) + 1) * day
}

// ticks stand at round times of day, in UTC.
func (c *chart) ticks() {
	every := spacing(c.To.Sub(c.From))
	day := ""
	for t := c.From.UTC().Truncate(every); !t.After(c.To); t = t.Add(every) {
		if t.Before(c.From) {
			continue
		}
		k := tick{X: c.x(t), Time: t.Format(precision(every)), Anchor: "middle", Minor: len(c.Ticks)%majorTick != 0}
		switch {
		case k.X < 5:
			k.Anchor = "start"
		case k.X > 95:
			k.Anchor = "end"
		}
		if d := t.Format(time.DateOnly); d != day {
			k.Day, day = d, d
		}
		c.Ticks = append(c.Ticks, k)
	}
}

// precision is how much of a time of day ticks at a distance need.
func precision(every time.Duration) string {
	switch {
	case every >= time.Minute:
		return "15:04"
	case every >= time.Second:
		return "15:04:05"
	}
	return "15:04:05.000"
}
