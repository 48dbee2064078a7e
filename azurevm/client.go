package azurevm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicesbackup/v4"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// Client works on one subscription. It is safe for concurrent use and keeps no state between calls.
type Client struct {
	cfg       Config
	host      string
	reads     policy.RetryOptions
	vms       *armcompute.VirtualMachinesClient
	disks     *armcompute.DisksClient
	snapshots *armcompute.SnapshotsClient
	backup    *armrecoveryservicesbackup.ClientFactory
	raw       *arm.Client
}

const (
	// maxPages stops a listing whose links never end.
	maxPages = 200
	// maxBlind is how many looks in a row may fail while something is awaited.
	maxBlind = 20
)

// attempt is one request: what it is for, and what came back.
type attempt struct {
	operation, object string
	response          *http.Response
}

func attempting(operation string, object fmt.Stringer) *attempt {
	return &attempt{operation: operation, object: object.String()}
}

// reading is for requests without effect: they are repeated when that may help.
func (a *attempt) reading(ctx context.Context, c *Client) context.Context {
	return policy.WithCaptureResponse(policy.WithRetryOptions(ctx, c.reads), &a.response)
}

// once is for requests with an effect: azcore would otherwise repeat a POST after a 5xx answer
// or a lost connection.
func (a *attempt) once(ctx context.Context) context.Context {
	return policy.WithCaptureResponse(policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1}), &a.response)
}

// accepted says whether the service took the request, whatever became of the rest of its answer.
func (a *attempt) accepted() bool { return a.response != nil && a.response.StatusCode/100 == 2 }

// get reads one JSON resource into v. path is escaped already.
func (c *Client) get(ctx context.Context, a *attempt, path string, query url.Values, v any) error {
	return c.fetch(ctx, a, runtime.JoinPaths(c.raw.Endpoint(), path)+"?"+encode(query), v)
}

func (c *Client) fetch(ctx context.Context, a *attempt, link string, v any) (err error) {
	ctx, end := runtime.StartSpan(ctx, "azurevm: "+a.operation, c.raw.Tracer(), nil)
	defer func() { end(err) }()
	req, err := runtime.NewRequest(a.reading(ctx, c), http.MethodGet, link)
	if err != nil {
		return a.fail(err)
	}
	req.Raw().Header.Set("Accept", "application/json")
	res, err := c.raw.Pipeline().Do(req)
	if err != nil {
		return a.fail(err)
	}
	if res.StatusCode != http.StatusOK {
		return a.fail(runtime.NewResponseError(res))
	}
	body, err := runtime.Payload(res)
	if err != nil {
		return a.fail(err)
	}
	return a.fail(json.Unmarshal(body, v))
}

// encode escapes a blank as %20, which the backup service's filters want.
func encode(query url.Values) string { return strings.ReplaceAll(query.Encode(), "+", "%20") }

// list reads all pages of a listing.
func list[T any](ctx context.Context, c *Client, a *attempt, path string, query url.Values) ([]T, error) {
	var all []T
	link := runtime.JoinPaths(c.raw.Endpoint(), path) + "?" + encode(query)
	for range maxPages {
		var page struct {
			Value    []T    `json:"value"`
			NextLink string `json:"nextLink"`
		}
		if err := c.fetch(ctx, a, link, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		if page.NextLink == "" {
			return all, nil
		}
		link = page.NextLink
	}
	return nil, a.fail(fmt.Errorf("the listing has more than %d pages", maxPages))
}

// wait looks every PollInterval until look says done, and puts up with failures that pass.
func (c *Client) wait(ctx context.Context, what string, limit time.Duration, look func(context.Context) (bool, error)) error {
	blind := 0
	return poll.Until(ctx, what, c.cfg.PollInterval, limit, func(ctx context.Context) (bool, error) {
		done, err := look(ctx)
		if err == nil {
			blind = 0
			return done, nil
		}
		blind++
		if !passing(err) || blind > maxBlind {
			return false, err
		}
		return false, c.hold(ctx, retryAfterOf(err))
	})
}

// hold waits as long as d exceeds the interval that follows anyway.
func (c *Client) hold(ctx context.Context, d time.Duration) error {
	if d <= c.cfg.PollInterval {
		return nil
	}
	return poll.Sleep(ctx, d-c.cfg.PollInterval)
}

// retryAfter is what the service asks for, in the order of precedence azcore uses.
func retryAfter(res *http.Response) time.Duration {
	if res == nil {
		return 0
	}
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if n, err := strconv.Atoi(res.Header.Get(name)); err == nil && n > 0 {
			return time.Duration(n) * time.Millisecond
		}
	}
	value := res.Header.Get("Retry-After")
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

// guard keeps the token, and the trust in answers, to the configured host: polling and paging
// URLs come from answers and could name any other.
type guard struct{ host string }

// errForeign is permanent: asking again would get the same link.
var errForeign = errors.New("not followed: the token is for the configured endpoint only")

func (g guard) Do(req *policy.Request) (*http.Response, error) {
	u := req.Raw().URL
	if u.Scheme != "https" || !strings.EqualFold(u.Host, g.host) {
		return nil, fmt.Errorf("the service's answer leads to %s://%s: %w", u.Scheme, u.Host, errForeign)
	}
	res, err := req.Next()
	if err != nil || res.Request == nil || res.Request.URL == nil {
		return res, err
	}
	if to := res.Request; to.Method != req.Raw().Method || !strings.EqualFold(to.URL.Host, g.host) {
		return nil, fmt.Errorf("the request was redirected to %s %s: %w", to.Method, to.URL.Host, errForeign)
	}
	return res, nil
}

// credential marks a failure to get a token as what it is.
type credential struct{ azcore.TokenCredential }

func (c credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.TokenCredential.GetToken(ctx, options)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: get a token: %w", ErrUnauthorized, err)
	}
	return token, err
}
