package runbook

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Prompt asks at a terminal. One Prompt owns its input for the life of the process: a question that
// is answered from elsewhere leaves the typed line to the next one.
type Prompt struct {
	In  io.Reader
	Out io.Writer

	once  sync.Once
	lines chan string
}

// Ask implements Asker. The end of the input is ErrNoAnswer. What does not fit is asked again.
func (p *Prompt) Ask(ctx context.Context, q Question) (Answer, error) {
	p.once.Do(p.start)
	p.say("\n%s  [%s]\n%s\n", q.Title, strings.Join(q.Clauses, " "), q.Ask.Text)
	for {
		a, err := p.fill(ctx, q)
		if err != nil {
			return a, err
		}
		err = q.Check(a)
		if err == nil {
			return a, nil
		}
		p.say("  this does not fit: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func (p *Prompt) fill(ctx context.Context, q Question) (Answer, error) {
	a := Answer{How: "prompt", Values: map[string]string{}}
	if q.Ask.Kind == DecisionWanted {
		return p.decide(ctx, q, a)
	}
	for _, f := range q.Ask.Fields {
		v, err := p.line(ctx, "  %s%s: ", f.Text, choices(f))
		if err != nil {
			return a, err
		}
		if v != "" {
			a.Values[f.Name] = v
		}
	}
	word := "your statement"
	if q.Ask.Kind == Approval {
		a.PlanHash = q.PlanHash
		word = fmt.Sprintf("approve plan %.12s; say why or \"approved\"", q.PlanHash)
	}
	v, err := p.line(ctx, "  %s (stop: Ctrl-C): ", word)
	a.Statement = v
	return a, err
}

func choices(f Field) string {
	out := ""
	if len(f.OneOf) > 0 {
		out = " (" + strings.Join(f.OneOf, "/") + ")"
	}
	if !f.Required {
		out += " (may be empty)"
	}
	return out
}

func (p *Prompt) decide(ctx context.Context, q Question, a Answer) (Answer, error) {
	p.say("  it failed: %s\n", q.Failure)
	v, err := p.line(ctx, "  decide (%s): ", join(q.Decisions))
	if err != nil {
		return a, err
	}
	a.Decision = Decision(v)
	a.Statement, err = p.line(ctx, "  reason: ")
	return a, err
}

// start reads lines in the background, because a read of a terminal cannot be cancelled.
func (p *Prompt) start() {
	p.lines = make(chan string)
	go func() {
		defer close(p.lines)
		s := bufio.NewScanner(p.In)
		for s.Scan() {
			p.lines <- strings.TrimSpace(s.Text())
		}
	}()
}

func (p *Prompt) line(ctx context.Context, format string, args ...any) (string, error) {
	p.say(format, args...)
	select {
	case l, ok := <-p.lines:
		if !ok {
			return "", ErrNoAnswer
		}
		return l, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (p *Prompt) say(format string, args ...any) { fmt.Fprintf(p.Out, format, args...) }
