package devops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// RunOptions are what a person could fill in when running the pipeline by hand.
type RunOptions struct {
	// TemplateParameters are the runtime parameters of a YAML pipeline.
	TemplateParameters map[string]string
	// Variables must be settable at queue time. Do not put secrets here: they become part of Build.
	Variables map[string]string
	// StagesToSkip are stage identifiers of the YAML file.
	StagesToSkip []string
	// Branch is for example main or refs/heads/main; empty: the definition's default.
	Branch string
}

// lookups is how often Run looks for a build whose request was not answered.
const lookups = 3

// Run queues one build. A definition that is not enabled would keep it and start it much later, so
// that is refused with ErrPaused before anything is sent.
//
// It sends one POST and never repeats it (vendor page "Runs - Run Pipeline"). When no usable answer
// comes it looks for builds queued by hand since: exactly one with these parameters is taken for this
// one; otherwise the error is ErrOutcomeUnknown, with the build if there is a single candidate. Then
// a person has to look before Run is called again. Needs the permission "Queue builds", and "Edit
// queue build configuration" for parameters and variables.
func (c *Client) Run(ctx context.Context, options RunOptions) (Build, error) {
	operation := c.operation("run")
	_, def, err := c.read(ctx, operation, 0)
	if err != nil {
		return Build{}, err
	}
	if def.QueueStatus != Enabled {
		return Build{}, &Error{Operation: operation, Kind: ErrPaused, Message: fmt.Sprintf("it is %s; nothing was sent", def.QueueStatus)}
	}
	newest, err := c.newest(ctx, operation)
	if err != nil {
		return Build{}, err
	}
	id, err := c.post(ctx, operation, options)
	if e, ok := errors.AsType[*Error](err); ok && e.Unclear {
		return c.find(ctx, operation, newest, options, e)
	}
	if err != nil {
		return Build{}, err
	}
	b, err := c.Build(ctx, id)
	if err != nil { // It is queued all the same, and its id is what matters.
		return Build{ID: id, Status: StatusNotStarted, Reason: "manual"}, nil
	}
	return b, nil
}

func (c *Client) newest(ctx context.Context, operation string) (int, error) {
	builds, _, err := c.page(ctx, operation, url.Values{"queryOrder": {"queueTimeDescending"}, "$top": {"1"}})
	if err != nil || len(builds) == 0 {
		return 0, err
	}
	return builds[0].ID, nil
}

func (c *Client) post(ctx context.Context, operation string, options RunOptions) (int, error) {
	body, err := options.body()
	if err != nil {
		return 0, during(operation, err)
	}
	var run struct {
		ID int `json:"id"`
	}
	route := map[string]string{"pipelineId": strconv.Itoa(c.pipeline.DefinitionID)}
	header, err := c.do(ctx, operation, call{method: http.MethodPost, area: runsArea, route: route, body: body}, &run)
	if err != nil {
		return 0, err
	}
	if run.ID < 1 {
		e := unexpected(operation, header, "the service's answer names no run")
		e.Unclear = true
		return 0, e
	}
	return run.ID, nil
}

func (o RunOptions) body() ([]byte, error) {
	type variable struct {
		Value string `json:"value"`
	}
	type repository struct {
		RefName string `json:"refName"`
	}
	type resources struct {
		Repositories map[string]repository `json:"repositories"`
	}
	body := struct {
		TemplateParameters map[string]string   `json:"templateParameters,omitempty"`
		Variables          map[string]variable `json:"variables,omitempty"`
		StagesToSkip       []string            `json:"stagesToSkip,omitempty"`
		Resources          *resources          `json:"resources,omitempty"`
	}{TemplateParameters: o.TemplateParameters, StagesToSkip: o.StagesToSkip}
	if len(o.Variables) > 0 {
		body.Variables = map[string]variable{}
	}
	for k, v := range o.Variables {
		body.Variables[k] = variable{v}
	}
	if o.Branch != "" {
		body.Resources = &resources{map[string]repository{"self": {o.ref()}}}
	}
	return json.Marshal(body)
}

func (o RunOptions) ref() string {
	if o.Branch == "" || strings.HasPrefix(o.Branch, "refs/") {
		return o.Branch
	}
	return "refs/heads/" + o.Branch
}

// find looks for the build of a request that was not answered, a few times because it may still be
// on its way.
func (c *Client) find(ctx context.Context, operation string, newest int, options RunOptions, lost *Error) (Build, error) {
	unknown := &Error{Operation: operation, Kind: ErrOutcomeUnknown, Message: "no build was queued by hand since", Err: lost}
	for look := range lookups {
		if look > 0 {
			if err := poll.Sleep(ctx, c.pollInterval); err != nil {
				return Build{}, unknown
			}
		}
		since, err := c.manualSince(ctx, operation, newest)
		if err != nil {
			unknown.Message, unknown.Err = "the builds could not be listed", fmt.Errorf("%w; then: %w", lost, err)
			return Build{}, unknown
		}
		switch {
		case len(since) == 1 && options.fits(since[0]):
			return since[0], nil
		case len(since) == 1:
			unknown.Message = fmt.Sprintf("build %d, queued by %s since, has other parameters", since[0].ID, since[0].RequestedFor)
			return since[0], unknown
		case len(since) > 1:
			unknown.Message = fmt.Sprintf("%d builds were queued by hand since, the first is %d", len(since), since[0].ID)
			return Build{}, unknown
		}
	}
	return Build{}, unknown
}

// manualSince lists, oldest first, the builds queued by hand with a higher id.
func (c *Client) manualSince(ctx context.Context, operation string, newest int) ([]Build, error) {
	builds, _, err := c.page(ctx, operation, url.Values{"queryOrder": {"queueTimeDescending"}, "$top": {"50"}, "reasonFilter": {"manual"}})
	var out []Build
	for _, b := range builds {
		if b.ID > newest {
			out = append([]Build{b}, out...)
		}
	}
	return out, err
}

func (o RunOptions) fits(b Build) bool {
	for _, asked := range []map[string]string{o.TemplateParameters, o.Variables} {
		for k, v := range asked {
			if b.Parameters[k] != v {
				return false
			}
		}
	}
	return o.Branch == "" || b.SourceBranch == o.ref()
}

// WaitBuild waits until the build is completed, at most Config.RunLimit, and calls watch (which may be
// nil) with every look. A result other than succeeded is in the build, not an error. A build that has
// not started while the definition is paused or disabled would wait for ever: ErrPaused, at once.
// It changes nothing and may be repeated. The build as last seen is returned beside an error.
func (c *Client) WaitBuild(ctx context.Context, id int, watch func(Build)) (Build, error) {
	last := Build{ID: id}
	operation := fmt.Sprintf("wait for build %d", id)
	err := c.wait(ctx, operation, c.runLimit, func(ctx context.Context) (bool, error) {
		b, err := c.Build(ctx, id)
		if err != nil {
			return false, err
		}
		last = b
		if watch != nil {
			watch(b)
		}
		if !b.waiting() {
			return b.Status == StatusCompleted, nil
		}
		return false, c.canStart(ctx, operation, b)
	})
	return last, lastSeen(err, cmp.Or(last.Status, "not seen"))
}

func (c *Client) canStart(ctx context.Context, operation string, b Build) error {
	_, def, err := c.read(ctx, operation, 0)
	if err != nil || def.QueueStatus == Enabled {
		return err
	}
	return &Error{Operation: operation, Kind: ErrPaused, Message: fmt.Sprintf("the build is %s and the definition %s", b.Status, def.QueueStatus)}
}

// WaitIdle waits until no build of the definition is in progress or being cancelled, at most
// Config.RunLimit, and calls watch (which may be nil) with the ones that still are. Call it after
// pausing: from then on no build can start. It changes nothing and may be repeated.
func (c *Client) WaitIdle(ctx context.Context, watch func([]Build)) error {
	operation := c.operation("wait for the running builds of")
	last := 0
	err := c.wait(ctx, operation, c.runLimit, func(ctx context.Context) (bool, error) {
		running, err := c.InProgress(ctx)
		if err != nil {
			return false, err
		}
		last = len(running)
		if watch != nil {
			watch(running)
		}
		return last == 0, nil
	})
	return lastSeen(err, fmt.Sprintf("%d in progress", last))
}

// lastSeen tells, when waiting ended by a limit or a context, how far it had come.
func lastSeen(err error, state string) error {
	e, ok := errors.AsType[*Error](err)
	if ok && final(e.Err) && e.Method == "" {
		e.Message = "last seen: " + state
	}
	return err
}
