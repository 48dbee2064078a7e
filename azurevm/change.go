package azurevm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// settledLooks is how often a settled state that is not the wanted one is looked at before it
// counts: the state lags behind the operation by moments.
const settledLooks = 6

// operation is the part of runtime.Poller that says when to look; what counts is what is observed.
type operation interface {
	Poll(context.Context) (*http.Response, error)
	Done() bool
	ResumeToken() (string, error)
}

// stage is how far something is on the way to what is wanted.
type stage int

const (
	resting stage = iota // it stays as it is until somebody does something
	nearing              // it is becoming what is wanted
	moving               // it is becoming something else, or nobody knows
	reached
)

// change brings one thing into one state: it looks, asks once when that is needed, follows the
// operation, and is over when the operation is and the state is observed.
type change struct {
	client       *Client
	verb, object string
	wanted       string // for people: "vm g/n to be running"
	limit        time.Duration
	beginOnly    bool // done as soon as it was asked for
	send         func(context.Context) (operation, error)
	observe      func(context.Context) (stage, error)
	// missed is the error for a settled state that is not the wanted one; e tells the request.
	missed func(e *Error) error
	// seen is what was last observed, for people.
	seen func() string

	op       operation // nil: none is known to run
	asked    bool
	refusals int   // starts that failed for want of capacity
	idle     int   // looks at a settled state that is not the wanted one
	cause    error // why what was asked for may not come about
}

// sending gives a poller, or an untyped nil, for change.send.
func sending[T any](p *runtime.Poller[T], err error) (operation, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *change) run(ctx context.Context) error {
	err := p.client.wait(ctx, p.wanted, p.limit, p.look)
	if _, ok := errors.AsType[*Error](err); err == nil || ok {
		return err
	}
	return &Error{Operation: p.verb, Object: p.object, Err: err, Advice: fmt.Sprintf("it was last seen %s; it is safe to try again", p.seen())}
}

// look takes one step: follow the operation, observe, and ask when it is time to.
func (p *change) look(ctx context.Context) (bool, error) {
	if err := p.follow(ctx); err != nil {
		return false, err
	}
	at, err := p.observe(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case p.op != nil:
		return p.beginOnly, nil
	case at == reached || (p.beginOnly && at == nearing):
		return true, nil
	case at != resting:
		p.idle = 0
		return false, nil
	case !p.asked:
		return p.ask(ctx)
	}
	p.idle++
	if p.idle < settledLooks {
		return false, nil
	}
	if p.cause != nil {
		return false, p.cause
	}
	return false, p.missed(&Error{Operation: p.verb, Object: p.object})
}

// ask sends the request, once. Only a clear refusal lets a later look ask again.
func (p *change) ask(ctx context.Context) (bool, error) {
	a := &attempt{operation: p.verb, object: p.object}
	op, err := p.send(a.once(ctx))
	p.asked, p.idle, p.cause = true, 0, nil
	if err == nil || a.accepted() {
		p.op = op
		if p.beginOnly {
			return true, nil
		}
		return false, p.client.hold(ctx, retryAfter(a.response))
	}
	err = a.fail(err)
	switch {
	case neverSent(err) || (a.response != nil && a.response.StatusCode == http.StatusTooManyRequests):
		p.asked = false
		return false, err
	case unclear(err):
		p.cause = unknown(err, "it was then seen unchanged; it is safe to try again")
		if p.beginOnly {
			return false, p.cause
		}
		return false, nil
	}
	return false, p.refused(ctx, err)
}

// follow asks how the operation is getting on. When the service does not know it any more, or
// does not let the caller ask, the observed state alone decides.
func (p *change) follow(ctx context.Context) error {
	if p.op == nil {
		return nil
	}
	if p.op.Done() { // before it was ever looked at
		p.op = nil
		return nil
	}
	a := &attempt{operation: p.verb, object: p.object}
	res, err := p.op.Poll(a.reading(ctx, p.client))
	if err != nil {
		err = a.fail(err)
	} else if p.op.Done() {
		p.op = nil
		err = a.outcome(res)
	} else {
		return p.client.hold(ctx, retryAfter(res))
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrForbidden) {
		p.op, p.cause = nil, unknown(err, "the operation could not be followed; it is safe to try again")
		return nil
	}
	if err == nil || p.op != nil {
		return err
	}
	return p.refused(ctx, err)
}

// outcome is how an operation that is over ended. A failed one arrives with status 200.
func (a *attempt) outcome(res *http.Response) error {
	if res.StatusCode >= 400 {
		return a.fail(runtime.NewResponseError(res))
	}
	var end struct {
		Status string `json:"status"`
	}
	body, err := runtime.Payload(res)
	if err != nil || json.Unmarshal(body, &end) != nil {
		return nil
	}
	switch strings.ToLower(end.Status) {
	case "failed", "canceled", "cancelled":
		e, ok := errors.AsType[*Error](a.fail(runtime.NewResponseError(res)))
		if ok && e.Code == "" {
			e.Code = end.Status
		}
		return e
	}
	return nil
}

// refused decides what a clear refusal, at once or by the operation's end, means.
func (p *change) refused(ctx context.Context, err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(e, ErrAllocation) && p.refusals < p.client.cfg.AllocationRetries:
		p.asked = false
		p.refusals++
		return poll.Sleep(ctx, p.client.cfg.RetryWait*60<<min(p.refusals-1, 6))
	case e.has("OperationPreempted", "Conflict", "AnotherOperationInProgress", "AttachDiskWhileBeingDetached",
		"RetryableErrorDueToAnotherOperation", "Canceled", "Cancelled"):
		p.cause = p.missed(e)
		return nil
	}
	return err
}
