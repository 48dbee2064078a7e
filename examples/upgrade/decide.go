package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// valueFlags collects NAME=TEXT.
type valueFlags map[string]string

func (v valueFlags) String() string { return strings.Join(slices.Sorted(maps.Keys(v)), ",") }

func (v valueFlags) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("give NAME=TEXT")
	}
	v[name] = value
	return nil
}

func decide(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	config := f.String("config", "upgrade.yaml", "the configuration file")
	id := f.String("run", "", "the run")
	step := f.String("step", "", "the step that asks; not needed for abort")
	statement := f.String("statement", "", "what you state, or the reason of the decision")
	values, files := valueFlags{}, valueFlags{}
	f.Var(values, "value", "NAME=TEXT, an entry of the question's form; may be repeated")
	f.Var(files, "attach", fmt.Sprintf("NAME=PATH, a file (at most %d MiB) as an entry of the question's form; it is copied beside the journal; may be repeated", runbook.MaxAttachment>>20))
	return func(ctx context.Context, args []string) (int, error) {
		if len(args) != 1 || *id == "" || (*step == "" && args[0] != "abort") {
			return upgrade.ExitInput, errors.New("give -run, -step and one of attest, approve, retry, done, waive, rollback, abort")
		}
		r, err := a.answering(*config)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		answer := runbook.Answer{How: "decide", Statement: *statement, Values: values, Files: files}
		if err := send(ctx, r, *id, *step, args[0], answer); err != nil {
			return upgrade.ExitInput, err
		}
		return upgrade.ExitCompleted, a.show("recorded", map[string]string{"run": *id, "step": *step, "answer": args[0], "actor": r.Actor}, func() {
			fmt.Fprintf(a.out, "recorded for run %s: %s %s by %s\n", *id, args[0], *step, r.Actor)
		})
	}
}

// answering is journals for somebody who answers: what the credentials at hand are is kept out of the record. They
// are not needed to answer, so one that cannot be read is no error.
func (a *app) answering(config string) (*runbook.Runner, error) {
	r, err := a.journals(config)
	if err != nil {
		return nil, err
	}
	if cfg, err := upgrade.LoadConfig(config); err == nil {
		if secrets, err := cfg.ReadSecrets(); err == nil {
			r.Secrets = secrets.Values()
		}
	}
	return r, nil
}

// send turns a verb into a signal.
func send(ctx context.Context, r *runbook.Runner, run, step, verb string, a runbook.Answer) error {
	switch verb {
	case "attest":
	case "approve":
		s, err := r.State(ctx, run)
		if err != nil {
			return err
		}
		a.PlanHash = s.Plan.Hash
	case "retry", "done", "waive", "rollback":
		a.Decision = runbook.Decision(verb)
	case "abort":
		if step == "" {
			return r.Abort(ctx, run, a.Statement)
		}
		a.Decision = runbook.DecideAbort
	default:
		return fmt.Errorf("%q is none of attest, approve, retry, done, waive, rollback, abort", verb)
	}
	return r.Signal(ctx, run, step, a)
}
