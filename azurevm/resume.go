package azurevm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// ErrToken: a resume token is not one of this operation on this VM, or was tampered with.
var ErrToken = errors.New("not a resume token of this operation")

// ResumeToken is a power operation in progress. It may be stored, also as JSON, and taken up by
// another process with ResumeDeallocate or ResumeStart. It holds links that Azure has signed, so it
// is written nowhere by accident: printed or logged it shows nothing of itself. Keep it where
// nobody else can write; what it says is checked all the same.
type ResumeToken string

const hiddenToken = "[resume token]"

// String hides the token; string(t) is the token.
func (ResumeToken) String() string { return hiddenToken }

// GoString hides the token.
func (ResumeToken) GoString() string { return hiddenToken }

// LogValue hides the token.
func (ResumeToken) LogValue() slog.Value { return slog.StringValue(hiddenToken) }

// storedToken is what a ResumeToken is made of.
type storedToken struct {
	Version   int    `json:"version"`
	Operation string `json:"operation"`
	// VM is its resource id.
	VM string `json:"vm"`
	// Poller is azcore's own token; empty when nothing is known to be in progress.
	Poller string `json:"poller,omitempty"`
}

// BeginDeallocate asks Azure to deallocate the VM and does not wait for it; a transition that is in
// progress is waited for first, at most PowerLimit. Store the token, then ResumeDeallocate. When the
// VM is deallocated already, or on its way, nothing is sent and the token is valid too.
//
// With ErrOutcomeUnknown a token is returned as well: ResumeDeallocate will find out. After any other
// error nothing was accepted. Calling it again is safe.
func (c *Client) BeginDeallocate(ctx context.Context, vm VM) (ResumeToken, error) {
	return c.begin(ctx, c.deallocation(vm, nil))
}

// BeginStart is BeginDeallocate for Start, and ResumeStart goes on from it.
func (c *Client) BeginStart(ctx context.Context, vm VM) (ResumeToken, error) {
	return c.begin(ctx, c.starting(vm, nil))
}

// ResumeDeallocate goes on with what BeginDeallocate began, as Deallocate would: it waits until the
// operation is over and the VM is observed Deallocated. An operation that Azure does not know any
// more is no error, the VM's state decides. It asks for nothing again; when the VM stays in
// another state the error matches ErrPreempted, and Deallocate may be called.
//
// The error matches ErrToken, and nothing is sent, when the token is of another operation, VM or
// subscription, or has a link to any other host than Azure Resource Manager's: following it would
// give that host the bearer token. It may be called again with the same token.
func (c *Client) ResumeDeallocate(ctx context.Context, vm VM, token ResumeToken, watch func(PowerState)) error {
	return c.resume(ctx, c.deallocation(vm, watch), token)
}

// ResumeStart is ResumeDeallocate for BeginStart. A start that turns out to have failed for want of
// capacity is asked for again as Start does it.
func (c *Client) ResumeStart(ctx context.Context, vm VM, token ResumeToken, watch func(PowerState)) error {
	return c.resume(ctx, c.starting(vm, watch), token)
}

func (c *Client) begin(ctx context.Context, p *powerChange) (ResumeToken, error) {
	if err := p.vm.check(); err != nil {
		return "", err
	}
	p.beginOnly = true
	err := p.run(ctx)
	if err != nil && !errors.Is(err, ErrOutcomeUnknown) {
		return "", err
	}
	return p.token(), err
}

func (p *powerChange) token() ResumeToken {
	t := storedToken{Version: 1, Operation: p.action, VM: p.client.vmID(p.vm)}
	if p.op != nil && !p.op.Done() {
		// Without azcore's token the state alone is observed, which is less but enough.
		t.Poller, _ = p.op.ResumeToken()
	}
	out, _ := json.Marshal(t) // strings and a number
	return ResumeToken(out)
}

func (c *Client) resume(ctx context.Context, p *powerChange, token ResumeToken) error {
	if err := p.vm.check(); err != nil {
		return err
	}
	a := &attempt{operation: "resume: " + p.verb, object: p.object}
	stored, err := c.readToken(p, token)
	if err != nil {
		return tokenError(a, err)
	}
	p.asked = true
	if stored.Poller != "" {
		if p.op, err = p.resume(ctx, stored.Poller); err != nil {
			return tokenError(a, ErrToken) // azcore's error quotes the token
		}
	}
	return p.run(ctx)
}

func tokenError(a *attempt, err error) error {
	e := a.decided(err)
	e.Advice = "nothing was sent; without the token, deallocate or start the VM: that looks first"
	return e
}

// readToken refuses all but what BeginDeallocate and BeginStart make. Its errors quote nothing of a
// token that may have been rearranged.
func (c *Client) readToken(p *powerChange, token ResumeToken) (storedToken, error) {
	var t storedToken
	if json.Unmarshal([]byte(token), &t) != nil || t.Version != 1 {
		return t, ErrToken
	}
	if t.Operation != p.action {
		return t, fmt.Errorf("%w: it is of another one", ErrToken)
	}
	id := c.vmID(p.vm)
	if !strings.EqualFold(t.VM, id) {
		return t, fmt.Errorf("%w: it is of another vm", ErrToken)
	}
	if t.Poller == "" {
		return t, nil
	}
	// Maps, as azcore reads it: into a struct another spelling of a name would count as well.
	var outer map[string]json.RawMessage
	var poller map[string]string
	if json.Unmarshal([]byte(t.Poller), &outer) != nil || json.Unmarshal(outer["token"], &poller) != nil {
		return t, ErrToken
	}
	return t, c.checkPoller(poller, id+"/"+p.action)
}

// pollerFields are what azcore's pollers keep. Others, above all those of its fakes, are refused.
var pollerFields = []string{"type", "asyncURL", "locURL", "origURL", "pollURL", "method", "finalState", "state"}

// checkPoller wants all links to lead to the configured endpoint, and the request to have been one to
// path, where the token says it.
func (c *Client) checkPoller(token map[string]string, path string) error {
	for name, v := range token {
		if !slices.Contains(pollerFields, name) {
			return fmt.Errorf("%w: it has an unknown field", ErrToken)
		}
		u, err := url.Parse(v)
		switch {
		case err != nil:
			return fmt.Errorf("%w: it has a link that cannot be read", ErrToken)
		case u.Scheme == "" && u.Host == "":
		case u.Scheme != "https" || u.User != nil || !strings.EqualFold(u.Host, c.host):
			return fmt.Errorf("%w: it leads to another host than the configured endpoint's", ErrToken)
		case name == "origURL" && !strings.HasSuffix(strings.ToLower(u.Path), strings.ToLower(path)):
			return fmt.Errorf("%w: its request was another one", ErrToken)
		}
	}
	return nil
}
