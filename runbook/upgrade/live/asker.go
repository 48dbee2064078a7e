package live

import (
	"context"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

type asker struct {
	view *View
	next runbook.Asker
}

// Ask implements runbook.Asker.
func (a asker) Ask(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
	a.view.suspend()
	defer a.view.resume()
	return a.next.Ask(ctx, q)
}
