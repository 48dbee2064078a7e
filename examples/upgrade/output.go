package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/live"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// schema is the version of what -output json prints.
const schema = 1

// progressEvery is how often the text output repeats a step's progress.
const progressEvery = time.Second

// observer shows events as -output says.
func (a *app) observer() runbook.Observer {
	switch {
	case a.output == formatJSON:
		enc := json.NewEncoder(a.out)
		return func(e runbook.Event) { _ = enc.Encode(map[string]any{"schema": schema, "event": e}) }
	case a.ado != nil:
		return a.ado.observer()
	}
	return upgrade.Lines(a.out, progressEvery)
}

// drive does something with a run while it is shown, and shows how it ended.
func (a *app) drive(ctx context.Context, s *upgrade.Session, act func(context.Context) (upgrade.Result, error)) (int, error) {
	plan, err := s.Definition.Plan()
	if err != nil {
		return upgrade.ExitFailed, err
	}
	s.Runner.Observer = a.observer()
	if a.output == formatText && a.screen.live {
		v := live.New(live.Config{Out: a.screen.file, Plan: plan})
		a.view.Store(v)
		s.Runner.Observer = v.Observe
	}
	s.Runner.Observer = runbook.Observers(s.Runner.Observer, web.ProgressFile(s.Runner.Files))
	if a.ado != nil {
		a.ado.begin(plan)
	}
	r, err := act(ctx)
	if v := a.view.Swap(nil); v != nil {
		v.Close()
	}
	return a.showResult(r, err)
}

// prompt asks at the terminal; what is shown of the run waits until the answer is there.
func (a *app) prompt() runbook.Asker {
	p := &runbook.Prompt{In: a.in, Out: a.err, Width: a.screen.width}
	return runbook.AskerFunc(func(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
		if v := a.view.Load(); v != nil {
			return v.Asker(p).Ask(ctx, q)
		}
		return p.Ask(ctx, q)
	})
}

// show prints v as JSON, or calls text.
func (a *app) show(name string, v any, text func()) error {
	if a.output != formatJSON {
		text()
		return nil
	}
	return json.NewEncoder(a.out).Encode(map[string]any{"schema": schema, name: v})
}

func (a *app) showResult(r upgrade.Result, err error) (int, error) {
	if r.State != nil {
		if serr := a.show("result", r, func() { a.writeResult(r) }); serr != nil && err == nil {
			err = serr
		}
	}
	return upgrade.ExitCode(r.State, err), err
}

// writeResult says how a run ended and what to type next.
func (a *app) writeResult(r upgrade.Result) {
	var b strings.Builder
	upgrade.WriteResult(&b, r)
	if a.ado != nil {
		a.ado.writeResult(r, a.named(b.String()))
		return
	}
	fmt.Fprint(a.out, a.named(b.String()))
}

func (a *app) warn(text string) {
	fmt.Fprintln(a.err, "warning:", text)
	if a.ado != nil {
		a.ado.issue("warning", text)
	}
}
