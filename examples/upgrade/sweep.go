package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func sweep(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	config := f.String("config", "upgrade.yaml", "the configuration file")
	var s runbook.Sweeping
	f.DurationVar(&s.Silent, "silent", 30*time.Minute, "how long a run without a living driver must have been silent")
	f.DurationVar(&s.Waiting, "waiting", 0, "the same for a run that waits for a person; 0: leave those alone")
	f.StringVar(&s.Reason, "reason", "no living driver", "why, for the record")
	return func(ctx context.Context, _ []string) (int, error) {
		a.config = *config
		cfg, err := upgrade.LoadConfig(*config)
		if err != nil {
			return upgrade.ExitInput, err
		}
		swept, err := upgrade.Sweep(ctx, cfg, upgrade.SessionOptions{Observer: a.observer()}, s)
		if serr := a.show("swept", sweptRuns(swept), func() { a.writeSwept(swept) }); serr != nil && err == nil {
			err = serr
		}
		for _, run := range swept {
			err = errors.Join(err, run.Err)
		}
		return upgrade.ExitCode(nil, err), err
	}
}

// sweptRuns is the result as data; errors do not marshal by themselves.
func sweptRuns(swept []runbook.Swept) []map[string]any {
	out := make([]map[string]any, 0, len(swept))
	for _, s := range swept {
		m := map[string]any{"run": s.Run, "state": s.State}
		if s.Err != nil {
			m["error"] = s.Err.Error()
		}
		out = append(out, m)
	}
	return out
}

func (a *app) writeSwept(swept []runbook.Swept) {
	if len(swept) == 0 {
		fmt.Fprintln(a.out, "nothing to sweep")
	}
	for _, s := range swept {
		if s.State != nil {
			a.writeResult(upgrade.Result{State: s.State})
		}
	}
}
