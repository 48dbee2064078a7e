package upgrade

import (
	"context"
	"errors"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Sweep puts back what expired runs of either environment changed, ends them, and saves their
// evidence; see runbook.Runner.Sweep. Those whom the configuration names are told once what other runs,
// which wait without a process for example, owe for too long. s.Definition is set here; o.Environment does not matter.
func Sweep(ctx context.Context, cfg *Config, o SessionOptions, s runbook.Sweeping) ([]runbook.Swept, error) {
	secrets, err := cfg.ReadSecrets()
	notices, nerr := readNotices(cfg, o.Transport)
	if err := errors.Join(err, nerr); err != nil {
		return nil, err
	}
	runner, err := OpenRunner(cfg.State, o)
	if err != nil {
		return nil, err
	}
	runner.Secrets = append(secrets.Values(), notices.secrets()...)
	runner, told := notices.on(ctx, runner)
	defer told()
	if err := notices.debts(ctx, runner, cfg.State); err != nil {
		return nil, err
	}
	s.Definition = func(ctx context.Context, state *runbook.State) (*runbook.Definition, error) {
		o.Environment = policy.Environment(state.Plan.Environment)
		session, err := Open(ctx, cfg, o)
		if err != nil {
			return nil, err
		}
		return session.Definition, nil
	}
	swept, err := runner.Sweep(ctx, s)
	for i, run := range swept {
		if run.State != nil {
			_, serr := saveEvidence(ctx, runner, run.State, secrets)
			swept[i].Err = errors.Join(run.Err, serr)
		}
	}
	return swept, err
}
