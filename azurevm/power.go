package azurevm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// settledLooks is how often a settled state that is not the wanted one is looked at before it
// counts: the state lags behind the operation by moments.
const settledLooks = 6

// Deallocate switches the VM off and releases its host, what the portal calls Stop. It waits until
// Azure's operation is over and the VM is observed Deallocated, at most PowerLimit. When the VM is
// deallocated already nothing is sent; when it is on its way, or in another transition, it waits
// for that first. watch, when not nil, is called with every state seen.
//
// It is safe to repeat, also after ErrOutcomeUnknown. ErrPreempted: something else, such as a
// start/stop pipeline, keeps the VM in another state.
func (c *Client) Deallocate(ctx context.Context, vm VM, watch func(PowerState)) error {
	return c.change(ctx, &powerChange{client: c, vm: vm, verb: "deallocate vm", want: Deallocated, watch: watch,
		send: func(ctx context.Context) (operation, error) {
			p, err := c.vms.BeginDeallocate(ctx, vm.ResourceGroup, vm.Name, nil)
			if err != nil {
				return nil, err
			}
			return p, nil
		}})
}

// Start switches the VM on and waits until Azure's operation is over and the VM is observed
// Running, at most PowerLimit; what runs inside it needs longer. When the VM is running already
// nothing is sent. A start that fails because Azure has no capacity is repeated
// AllocationRetries times (see RetryWait); then the error matches ErrAllocation and the VM is
// deallocated. watch, when not nil, is called with every state seen.
//
// It is safe to repeat, also after ErrOutcomeUnknown. ErrPreempted: as for Deallocate.
func (c *Client) Start(ctx context.Context, vm VM, watch func(PowerState)) error {
	return c.change(ctx, &powerChange{client: c, vm: vm, verb: "start vm", want: Running, watch: watch,
		send: func(ctx context.Context) (operation, error) {
			p, err := c.vms.BeginStart(ctx, vm.ResourceGroup, vm.Name, nil)
			if err != nil {
				return nil, err
			}
			return p, nil
		}})
}

// operation is the part of runtime.Poller that says when to look; what counts is the VM's state.
type operation interface {
	Poll(context.Context) (*http.Response, error)
	Done() bool
}

// powerChange brings one VM into one state.
type powerChange struct {
	client *Client
	vm     VM
	verb   string
	want   PowerState
	send   func(context.Context) (operation, error)
	watch  func(PowerState)

	seen     PowerState
	op       operation // nil: none is known to run
	asked    bool
	refusals int   // starts that failed for want of capacity
	idle     int   // looks at a settled state that is not the wanted one
	cause    error // why what was asked for may not come about
}

func (c *Client) change(ctx context.Context, p *powerChange) error {
	if err := p.vm.check(); err != nil {
		return err
	}
	p.seen = Unknown
	err := c.wait(ctx, fmt.Sprintf("vm %s to be %s", p.vm, p.want), c.cfg.PowerLimit, p.look)
	if _, ok := errors.AsType[*Error](err); err == nil || ok {
		return err
	}
	return &Error{Operation: p.verb, Object: p.vm.String(), Err: err,
		Advice: fmt.Sprintf("it was last seen %s; it is safe to try again", p.seen)}
}

// look takes one step: follow the operation, observe the VM, and ask when it is time to.
func (p *powerChange) look(ctx context.Context) (bool, error) {
	if err := p.follow(ctx); err != nil {
		return false, err
	}
	state, err := p.client.Power(ctx, p.vm)
	if err != nil {
		return false, err
	}
	p.seen = state
	if p.watch != nil {
		p.watch(state)
	}
	switch {
	case p.op != nil:
		return false, nil
	case state == p.want:
		return true, nil
	case !state.Settled():
		p.idle = 0
		return false, nil
	case !p.asked:
		return false, p.ask(ctx)
	}
	p.idle++
	if p.idle < settledLooks {
		return false, nil
	}
	return false, p.missed()
}

// ask sends the request, once. Only a clear refusal lets a later look ask again.
func (p *powerChange) ask(ctx context.Context) error {
	a := attempting(p.verb, p.vm)
	op, err := p.send(a.once(ctx))
	p.asked, p.idle, p.cause = true, 0, nil
	if err == nil || a.accepted() {
		p.op = op
		return p.client.hold(ctx, retryAfter(a.response))
	}
	err = a.fail(err)
	switch {
	case neverSent(err) || (a.response != nil && a.response.StatusCode == http.StatusTooManyRequests):
		p.asked = false
		return err
	case unclear(err):
		p.cause = unknown(err, "the VM was then seen unchanged; it is safe to try again")
		return nil
	}
	return p.refused(ctx, err)
}

// follow asks how the operation is getting on. When the service does not know it any more, or
// does not let the caller ask, the VM's state alone decides.
func (p *powerChange) follow(ctx context.Context) error {
	if p.op == nil {
		return nil
	}
	a := attempting(p.verb, p.vm)
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
func (p *powerChange) refused(ctx context.Context, err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(e, ErrAllocation) && p.refusals < p.client.cfg.AllocationRetries:
		p.asked = false
		p.refusals++
		return p.client.hold(ctx, p.client.cfg.RetryWait*60<<(p.refusals-1))
	case e.has("OperationPreempted", "Conflict", "AnotherOperationInProgress", "AttachDiskWhileBeingDetached",
		"RetryableErrorDueToAnotherOperation", "Canceled", "Cancelled"):
		p.cause = p.preempted(e)
		return nil
	}
	return err
}

// missed is the error for a VM that has settled in another state than was asked for.
func (p *powerChange) missed() error {
	if p.cause != nil {
		return p.cause
	}
	return p.preempted(&Error{Operation: p.verb, Object: p.vm.String()})
}

func (p *powerChange) preempted(e *Error) error {
	pre := *e
	pre.final = true
	pre.Err = fmt.Errorf("%w: the vm was asked to be %s and settled otherwise", ErrPreempted, p.want)
	pre.Advice = "find out who else switches this VM (a start/stop pipeline?), then try again; that is safe"
	return &pre
}
