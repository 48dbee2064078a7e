package runbook

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/wrap"
)

// Prompt asks at a terminal. One Prompt owns its input for the life of the process: a question that
// is answered from elsewhere leaves the typed line to the next one.
type Prompt struct {
	In  io.Reader
	Out io.Writer
	// Width is how many columns the terminal has; longer lines are broken between words. 0 breaks none.
	Width int

	once  sync.Once
	lines chan string
}

// Ask implements Asker: entry by entry, each asked again until it fits, then all of them for confirmation. The end
// of the input is ErrNoAnswer. A file is given by its path, relative to the working directory.
func (p *Prompt) Ask(ctx context.Context, q Question) (Answer, error) {
	p.once.Do(p.start)
	head := q.Title
	if len(q.Clauses) > 0 {
		head += "  [" + strings.Join(q.Clauses, " ") + "]"
	}
	p.say("\n%s\n%s\n(Ctrl-C stops; the question stays open)\n", head, q.Ask.Text)
	for {
		a, err := p.fill(ctx, q)
		if err != nil {
			return a, err
		}
		sure, err := p.confirmed(ctx, q, a)
		if err != nil || sure {
			return a, err
		}
	}
}

func (p *Prompt) fill(ctx context.Context, q Question) (Answer, error) {
	a := Answer{How: "prompt", Values: map[string]string{}, Files: map[string]string{}}
	if q.Ask.Kind == DecisionWanted {
		return p.decide(ctx, q, a)
	}
	for _, f := range q.Ask.Fields {
		if !f.applies(a.Values) {
			continue
		}
		if err := p.entry(ctx, f, a); err != nil {
			return a, err
		}
	}
	p.say("\n  your statement, in your own words (needed)\n")
	if q.Ask.Kind == Approval {
		a.PlanHash = q.PlanHash
		p.say("  it approves plan %.12s\n", q.PlanHash)
	}
	return a, p.until(ctx, func(v string) error {
		a.Statement = v
		return q.Check(a)
	})
}

// entry asks for one entry of the form and puts it into the answer.
func (p *Prompt) entry(ctx context.Context, f Field, a Answer) error {
	p.say("\n  %s (%s)\n", f.Text, f.hint())
	if f.Help != "" {
		p.say("  %s\n", f.Help)
	}
	return p.until(ctx, func(v string) error {
		delete(a.Values, f.Name)
		delete(a.Files, f.Name)
		switch {
		case v == "":
		case f.File && !(f.Link && strings.Contains(v, "://")):
			a.Files[f.Name] = v
		default:
			a.Values[f.Name] = v
		}
		return f.check(a, time.Now())
	})
}

// hint says what an entry looks like and whether it may be empty.
func (f Field) hint() string {
	need := "needed"
	if !f.Required {
		need = "may be empty"
	}
	if form := f.form(); form != "" {
		return form + "; " + need
	}
	return need
}

func (p *Prompt) decide(ctx context.Context, q Question, a Answer) (Answer, error) {
	p.say("  it failed: %s\n\n  decide\n", q.Failure)
	for _, d := range q.Decisions {
		p.row(9, string(d), d.Means())
	}
	err := p.until(ctx, func(v string) error {
		a.Decision = Decision(v)
		if !slices.Contains(q.Decisions, a.Decision) {
			return fmt.Errorf("%q cannot be decided here; possible: %s", v, join(q.Decisions))
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	p.say("\n  reason\n")
	return a, p.until(ctx, func(v string) error {
		a.Statement = v
		return q.Check(a)
	})
}

// confirmed shows what is going to be recorded; no begins again.
func (p *Prompt) confirmed(ctx context.Context, q Question, a Answer) (sure bool, err error) {
	p.say("\n  This will be recorded:\n")
	show := func(name, v string) {
		if v != "" {
			p.row(12, name, v)
		}
	}
	show("decision", string(a.Decision))
	for _, f := range q.Ask.Fields {
		show(f.Name, a.Values[f.Name])
		show(f.Name, a.Files[f.Name])
	}
	show("statement", a.Statement)
	p.say("  Is that right? (yes/no; no begins again)\n")
	return sure, p.until(ctx, func(v string) error {
		sure = slices.Contains([]string{"yes", "y"}, strings.ToLower(v))
		if !sure && !slices.Contains([]string{"no", "n"}, strings.ToLower(v)) {
			return errors.New("say yes or no")
		}
		return nil
	})
}

// until reads lines until one fits, and says of each other one why it does not.
func (p *Prompt) until(ctx context.Context, take func(string) error) error {
	for {
		v, err := p.line(ctx)
		if err != nil {
			return err
		}
		misfit := take(v)
		if misfit == nil {
			return nil
		}
		p.say("  this does not fit: %s\n", strings.ReplaceAll(misfit.Error(), "\n", "; "))
	}
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

func (p *Prompt) line(ctx context.Context) (string, error) {
	p.say("  > ")
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

func (p *Prompt) say(format string, args ...any) {
	fmt.Fprint(p.Out, wrap.Indented(fmt.Sprintf(format, args...), p.Width))
}

// row says a name and what belongs to it.
func (p *Prompt) row(column int, name, text string) {
	fmt.Fprintln(p.Out, wrap.Hanging(fmt.Sprintf("    %-*s ", column, name), text, p.Width))
}
