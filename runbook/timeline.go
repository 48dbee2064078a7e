package runbook

import (
	"encoding/json"
	"time"
)

// lane is a step in time: what it spent on work, and what on waiting for people.
type lane struct {
	Step   PlannedStep
	State  StepState
	Spans  []span
	Guards []time.Time // of requests that may be made only once
}

// span is a time without a break.
type span struct {
	From, To     time.Time
	Wait, Failed bool
	Open         bool // it had not ended when the journal did
}

// worked and waited are the sums of a lane's spans.
func (l *lane) worked() time.Duration { return l.sum(false) }
func (l *lane) waited() time.Duration { return l.sum(true) }

func (l *lane) sum(wait bool) (d time.Duration) {
	for _, s := range l.Spans {
		if s.Wait == wait {
			d += s.To.Sub(s.From)
		}
	}
	return d
}

// current is the span that goes on, nil if there is none.
func (l *lane) current() *span {
	if n := len(l.Spans); n > 0 && l.Spans[n-1].Open {
		return &l.Spans[n-1]
	}
	return nil
}

func (l *lane) waiting() bool { s := l.current(); return s != nil && s.Wait }

func (l *lane) begin(at time.Time, wait bool) {
	l.end(at)
	l.Spans = append(l.Spans, span{From: at, To: at, Wait: wait, Open: true})
}

// end ends the current span. A clock that was set back makes no span negative.
func (l *lane) end(at time.Time) {
	if s := l.current(); s != nil {
		s.To, s.Open = later(s.From, at), false
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// timeline tells the journal again as time: the steps that ran, in order, and when the run was taken over.
// Between the last record of an owner and a takeover nothing is known to have run.
func (e *Evidence) timeline() (lanes []*lane, takeovers []time.Time) {
	byStep := map[string]*lane{}
	for _, p := range e.all() {
		l := &lane{Step: p, State: e.State.Step(p.ID)}
		lanes, byStep[p.ID] = append(lanes, l), l
	}
	var last time.Time
	for _, r := range e.Records {
		switch {
		case r.Kind == KindTakeover:
			takeovers = append(takeovers, r.At)
			for _, l := range lanes {
				if !l.waiting() {
					l.end(last)
				}
			}
		case r.Kind == KindEnd:
			for _, l := range lanes {
				l.end(r.At)
			}
		case byStep[r.Key] != nil:
			byStep[r.Key].take(r)
		}
		last = r.At
	}
	return ran(lanes, last), takeovers
}

// take follows one record of the step.
func (l *lane) take(r Record) {
	switch r.Kind {
	case KindIntent:
		if !l.waiting() { // a run that is resumed while it waits goes on waiting
			l.begin(r.At, false)
		}
	case KindGuard:
		l.Guards = append(l.Guards, r.At)
	case KindWait:
		l.begin(r.At, true)
	case KindAnswer:
		var d answerData
		_ = json.Unmarshal(r.Data, &d)
		l.end(r.At)
		if d.Decision == "" {
			l.begin(r.At, false) // the try that asked goes on
		}
	case KindFail, KindDone:
		l.end(r.At)
		if n := len(l.Spans); n > 0 && r.Kind == KindFail {
			l.Spans[n-1].Failed = true
		}
	}
}

// ran keeps the lanes of steps that began, and draws what is still open to the last record.
func ran(lanes []*lane, last time.Time) (out []*lane) {
	for _, l := range lanes {
		if s := l.current(); s != nil {
			s.To = later(s.From, last)
		}
		if len(l.Spans) > 0 {
			out = append(out, l)
		}
	}
	return out
}
