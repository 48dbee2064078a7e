package devops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Cancel cancels builds, waiting or running ones, and waits until each is completed, at most
// Config.CancelLimit. All are asked first, so that they end side by side. A build that is over
// already is no error; one that ends otherwise before the request takes hold is returned with its own
// result. Builds that others or the schedule queued need the permission "Stop builds".
//
// It returns the builds in the order of ids as last seen, also beside an error; all failures are
// joined. It is safe to repeat: cancelling twice is cancelling once.
func (c *Client) Cancel(ctx context.Context, ids ...int) ([]Build, error) {
	out := make([]Build, len(ids))
	failed := make([]error, len(ids))
	err := c.wait(ctx, fmt.Sprintf("cancel builds %v", ids), c.cancelLimit, func(ctx context.Context) (bool, error) {
		open := 0
		for i, id := range ids {
			if failed[i] != nil || out[i].Status == StatusCompleted {
				continue
			}
			b, err := c.askCancel(ctx, id)
			if passing(err) || ctx.Err() != nil {
				return false, err
			}
			if failed[i] = err; err == nil {
				out[i] = b
				open += unfinished(b)
			}
		}
		return open == 0, nil
	})
	if err != nil {
		err = stillOpen(err, out)
	}
	return out, errors.Join(append(failed, err)...)
}

func unfinished(b Build) int {
	if b.Status == StatusCompleted {
		return 0
	}
	return 1
}

// askCancel reads the build and asks for its end unless it is over or being cancelled. A request
// whose effect is unknown is followed by another look, and by another request if it had none.
func (c *Client) askCancel(ctx context.Context, id int) (Build, error) {
	b, err := c.Build(ctx, id)
	if err != nil || b.Status == StatusCompleted || b.Status == StatusCancelling {
		return b, err
	}
	operation := fmt.Sprintf("cancel build %d", id)
	var w wireBuild
	header, err := c.do(ctx, operation, call{method: http.MethodPatch, area: buildsArea, route: buildRoute(id), body: []byte(`{"status":"cancelling"}`)}, &w)
	if err == nil {
		if asked, err := c.checked(operation, header, id, w); err == nil {
			return asked, nil
		}
		return b, nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || ctx.Err() != nil {
		return b, err
	}
	if e.Unclear || e.passing() {
		return b, nil
	}
	if again, readErr := c.Build(ctx, id); readErr == nil && again.Status == StatusCompleted {
		return again, nil
	}
	return b, err
}

func stillOpen(err error, builds []Build) error {
	var open []string
	for _, b := range builds {
		if b.ID != 0 && b.Status != StatusCompleted {
			open = append(open, fmt.Sprintf("%d is %s", b.ID, b.Status))
		}
	}
	if e, ok := errors.AsType[*Error](err); ok && len(open) > 0 {
		e.Message = strings.TrimPrefix(e.Message+"; build "+strings.Join(open, ", build "), "; ")
	}
	return err
}
