package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// target is the flags that say what is upgraded, and who answers.
type target struct {
	config, environment, answers string
	prompt, acceptPlan           string
	overrides                    upgrade.PackageOverrides
}

func (t *target) flags(f *flag.FlagSet) {
	f.StringVar(&t.config, "config", "upgrade.yaml", "the configuration file")
	f.StringVar(&t.environment, "environment", "test", "test or production")
	f.StringVar(&t.overrides.File, "package", "", "upgrade file, instead of the configuration's")
	f.StringVar(&t.overrides.SHA256, "sha256", "", "its checksum from Pexip's download page, instead of the configuration's")
	f.StringVar(&t.overrides.Version, "version", "", "the version it holds, instead of the configuration's")
	f.StringVar(&t.overrides.Build, "build", "", "the build it holds, instead of the configuration's")
}

func (t *target) people(f *flag.FlagSet) {
	f.StringVar(&t.answers, "answers", "", "file of prepared answers")
	f.StringVar(&t.prompt, "prompt", "auto", "ask at this terminal: auto (if there is one), always, never")
	f.StringVar(&t.acceptPlan, "accept-plan", "", "reason for going on with a plan that has changed")
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// open reads the configuration and makes the session. What is wrong with the input is found here.
func (a *app) open(ctx context.Context, t target) (*upgrade.Session, *runbook.Prepared, error) {
	env, err := upgrade.ParseEnvironment(t.environment)
	if err != nil {
		return nil, nil, &upgrade.InputError{Err: err}
	}
	cfg, err := upgrade.LoadConfig(t.config)
	if err != nil {
		return nil, nil, &upgrade.InputError{Err: err}
	}
	if err := cfg.Override(t.overrides); err != nil {
		return nil, nil, &upgrade.InputError{Err: err}
	}
	asker, prepared, err := a.asker(t)
	if err != nil {
		return nil, nil, err
	}
	s, err := upgrade.Open(ctx, cfg, upgrade.SessionOptions{Environment: env, Asker: asker, Observer: a.observer(), Drain: a.drain, AcceptPlan: t.acceptPlan})
	if err != nil {
		return nil, nil, &upgrade.InputError{Err: err}
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(a.err, "warning:", w)
	}
	return s, prepared, nil
}

// asker: prepared answers first, then the terminal, if there is one.
func (a *app) asker(t target) (runbook.Asker, *runbook.Prepared, error) {
	var list runbook.Askers
	var prepared *runbook.Prepared
	if t.answers != "" {
		p, err := upgrade.LoadAnswers(t.answers)
		if err != nil {
			return nil, nil, err
		}
		prepared, list = p, append(list, p)
	}
	switch t.prompt {
	case "always":
		list = append(list, &runbook.Prompt{In: a.in, Out: a.err})
	case "auto", "":
		if a.terminal {
			list = append(list, &runbook.Prompt{In: a.in, Out: a.err})
		}
	case "never":
	default:
		return nil, nil, &upgrade.InputError{Err: fmt.Errorf("-prompt is %q; it is auto, always or never", t.prompt)}
	}
	return list, prepared, nil
}

// progressEvery is how often the text output repeats a step's progress.
const progressEvery = time.Second

func (a *app) observer() runbook.Observer {
	if a.output != "json" {
		return upgrade.Lines(a.out, progressEvery)
	}
	enc := json.NewEncoder(a.out)
	return func(e runbook.Event) { _ = enc.Encode(map[string]any{"schema": 1, "event": e}) }
}

// show prints v as JSON, or calls text.
func (a *app) show(name string, v any, text func()) error {
	if a.output != "json" {
		text()
		return nil
	}
	return json.NewEncoder(a.out).Encode(map[string]any{"schema": 1, name: v})
}

func (a *app) showResult(r upgrade.Result, err error) (int, error) {
	var state *runbook.State
	if r.State != nil {
		state = r.State
		if serr := a.show("result", r, func() { upgrade.WriteResult(a.out, r) }); serr != nil && err == nil {
			err = serr
		}
	}
	return upgrade.ExitCode(state, err), err
}
