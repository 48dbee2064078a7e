package runbooktest

import (
	"context"
	"slices"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Violated returns the names of the rules (of those named only, if any are) that stores made by
// open violate.
func Violated(ctx context.Context, open func() (l runbook.Log, another func() runbook.Log), only ...string) map[string]error {
	out := map[string]error{}
	for _, r := range rules {
		if len(only) > 0 && !slices.Contains(only, r.name) {
			continue
		}
		l, another := open()
		if err := r.check(ctx, &store{Log: l, another: another}); err != nil {
			out[r.name] = err
		}
	}
	return out
}

// Survive is Trial.Survive without a test to fail, and without Check.
func Survive(ctx context.Context, tr *Trial, c *Crash) error {
	_, err := tr.survive(ctx, c)
	return err
}
