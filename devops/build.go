package devops

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/microsoft/azure-devops-go-api/azuredevops/v7"
)

// Build states and results of the vendor (page "Builds - Get", BuildStatus and BuildResult). Others
// pass through as they come.
const (
	StatusNotStarted = "notStarted"
	StatusPostponed  = "postponed"
	StatusInProgress = "inProgress"
	StatusCancelling = "cancelling"
	StatusCompleted  = "completed"

	ResultSucceeded = "succeeded"
	ResultCanceled  = "canceled"
)

// Build is one run of the pipeline, waiting, running or over.
type Build struct {
	ID     int
	Number string
	// Status is notStarted, postponed, inProgress, cancelling or completed.
	Status string
	// Result is empty until completed, then succeeded, partiallySucceeded, failed or canceled.
	Result string
	// Reason is schedule, manual, individualCI, …
	Reason                    string
	RequestedFor              string
	SourceBranch              string
	Queued, Started, Finished time.Time
	// URL is the page for people.
	URL string
	// Parameters are the template parameters and the variables given when it was queued.
	Parameters map[string]string
}

// waiting says that the build has not been started.
func (b Build) waiting() bool { return b.Status == StatusNotStarted || b.Status == StatusPostponed }

type wireBuild struct {
	ID         int    `json:"id"`
	Number     string `json:"buildNumber"`
	Status     string `json:"status"`
	Result     string `json:"result"`
	Reason     string `json:"reason"`
	Definition struct {
		ID int `json:"id"`
	} `json:"definition"`
	RequestedFor       identity         `json:"requestedFor"`
	SourceBranch       string           `json:"sourceBranch"`
	QueueTime          azuredevops.Time `json:"queueTime"`
	StartTime          azuredevops.Time `json:"startTime"`
	FinishTime         azuredevops.Time `json:"finishTime"`
	URL                string           `json:"url"`
	Parameters         string           `json:"parameters"`
	TemplateParameters map[string]any   `json:"templateParameters"`
	Links              struct {
		Web struct {
			Href string `json:"href"`
		} `json:"web"`
	} `json:"_links"`
}

func (w wireBuild) build() Build {
	return Build{ID: w.ID, Number: w.Number, Status: w.Status, Result: w.Result, Reason: w.Reason,
		RequestedFor: w.RequestedFor.String(), SourceBranch: w.SourceBranch, Queued: w.QueueTime.Time,
		Started: w.StartTime.Time, Finished: w.FinishTime.Time, URL: cmp.Or(w.Links.Web.Href, w.URL), Parameters: w.parameters()}
}

// parameters joins the two forms: runtime parameters are an object, variables are JSON in a string.
func (w wireBuild) parameters() map[string]string {
	out := map[string]string{}
	var variables map[string]any
	if json.Unmarshal([]byte(w.Parameters), &variables) == nil {
		texts(out, variables)
	}
	texts(out, w.TemplateParameters)
	return out
}

func texts(into map[string]string, from map[string]any) {
	for k, v := range from {
		if v != nil {
			into[k] = fmt.Sprint(v)
		}
	}
}

// Backlog lists the builds that wait to be started, oldest first, over all pages. All of them start
// when the definition is enabled, in this order. It may be repeated.
func (c *Client) Backlog(ctx context.Context) ([]Build, error) {
	return c.list(ctx, c.operation("list the backlog of"), url.Values{"statusFilter": {StatusNotStarted + "," + StatusPostponed}})
}

// InProgress lists the builds that run or are being cancelled, oldest first. It may be repeated.
func (c *Client) InProgress(ctx context.Context) ([]Build, error) {
	return c.list(ctx, c.operation("list the running builds of"), url.Values{"statusFilter": {StatusInProgress + "," + StatusCancelling}})
}

const pageSize = 200

// list follows the continuation header to the end. Without an order the service mixes states.
func (c *Client) list(ctx context.Context, operation string, query url.Values) ([]Build, error) {
	query.Set("queryOrder", "queueTimeAscending")
	query.Set("$top", strconv.Itoa(pageSize))
	out, seen, asked := []Build{}, map[int]bool{}, map[string]bool{}
	for {
		builds, next, err := c.page(ctx, operation, query)
		if err != nil {
			return nil, err
		}
		for _, b := range builds {
			if !seen[b.ID] {
				out, seen[b.ID] = append(out, b), true
			}
		}
		if next == "" || asked[next] {
			break
		}
		asked[next] = true
		query.Set("continuationToken", next)
	}
	slices.SortStableFunc(out, func(a, b Build) int { return cmp.Or(a.Queued.Compare(b.Queued), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func (c *Client) page(ctx context.Context, operation string, query url.Values) ([]Build, string, error) {
	query.Set("definitions", strconv.Itoa(c.pipeline.DefinitionID))
	var list struct {
		Value *[]wireBuild `json:"value"`
	}
	header, err := c.do(ctx, operation, call{method: http.MethodGet, area: buildsArea, query: query}, &list)
	if err != nil {
		return nil, "", err
	}
	if list.Value == nil {
		return nil, "", unexpected(operation, header, "the service's answer is not a list of builds")
	}
	var out []Build
	for _, w := range *list.Value {
		if w.Definition.ID == c.pipeline.DefinitionID {
			out = append(out, w.build())
		}
	}
	return out, header.Get(azuredevops.HeaderKeyContinuationToken), nil
}

// Build reads one build of the definition; that of another definition is ErrNotFound. It may be
// repeated.
func (c *Client) Build(ctx context.Context, id int) (Build, error) {
	operation := fmt.Sprintf("read build %d", id)
	var w wireBuild
	header, err := c.do(ctx, operation, call{method: http.MethodGet, area: buildsArea, route: buildRoute(id)}, &w)
	if err != nil {
		return Build{}, err
	}
	return c.checked(operation, header, id, w)
}

func buildRoute(id int) map[string]string { return map[string]string{"buildId": strconv.Itoa(id)} }

func (c *Client) checked(operation string, header http.Header, id int, w wireBuild) (Build, error) {
	switch {
	case w.ID != id || w.Status == "":
		return Build{}, unexpected(operation, header, "the service's answer is not this build")
	case w.Definition.ID != c.pipeline.DefinitionID:
		e := unexpected(operation, header, fmt.Sprintf("it belongs to definition %d, not %d", w.Definition.ID, c.pipeline.DefinitionID))
		e.Kind = ErrNotFound
		return Build{}, e
	}
	return w.build(), nil
}
