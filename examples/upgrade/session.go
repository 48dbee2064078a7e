package main

import (
	"context"
	"flag"
	"fmt"

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
	f.StringVar(&t.prompt, "prompt", "auto", "ask at this terminal: auto (if there is one), always, never; wait: for answers from decide or a page")
	f.StringVar(&t.acceptPlan, "accept-plan", "", "reason for going on with a plan that has changed")
}

// open reads the configuration and makes the session. What is wrong with the input is found here.
func (a *app) open(ctx context.Context, t target) (*upgrade.Session, *runbook.Prepared, error) {
	a.config = t.config
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
	s, err := upgrade.Open(ctx, cfg, upgrade.SessionOptions{Environment: env, Asker: asker, Drain: a.drain, AcceptPlan: t.acceptPlan})
	if err != nil {
		return nil, nil, &upgrade.InputError{Err: err}
	}
	for _, w := range cfg.Warnings {
		a.warn(w)
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
		list = append(list, a.prompt())
	case "auto", "":
		if a.terminal {
			list = append(list, a.prompt())
		}
	case "wait":
		list = append(list, runbook.AskerFunc(elsewhere))
	case "never":
	default:
		return nil, nil, &upgrade.InputError{Err: fmt.Errorf("-prompt is %q; it is auto, always, wait or never", t.prompt)}
	}
	return list, prepared, nil
}

// elsewhere answers nothing itself, so that the run goes on looking for answers in its journal.
func elsewhere(ctx context.Context, _ runbook.Question) (runbook.Answer, error) {
	<-ctx.Done()
	return runbook.Answer{}, ctx.Err()
}
