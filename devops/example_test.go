package devops_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// Pause, let the schedule pile up builds, clear them, and put back what was found.
func Example() {
	ctx := context.Background()
	srv := devopstest.NewServer(devopstest.Options{PAT: "example"})
	client, err := devops.New(devops.Config{PipelineURL: srv.PipelineURL(), PAT: "example",
		HTTPClient: srv.Client(), PollInterval: time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	pause, _ := client.SetQueueStatus(ctx, devops.Paused, "run 42: upgrade, back by 22:00")
	fmt.Println(pause.Before, "→", pause.After)

	srv.Tick(map[string]string{"action": "stop"}) // the schedule fires
	backlog, _ := client.Backlog(ctx)
	for _, b := range backlog {
		fmt.Println("waiting:", b.Reason, b.Parameters["action"])
		_, err := client.Cancel(ctx, b.ID)
		fmt.Println("cancelled:", err == nil)
	}

	back, err := client.RestoreQueueStatus(ctx, devops.Restore{Found: pause.Before, Revision: pause.RevisionAfter, Marker: "run 42", Comment: "run 42: done"})
	fmt.Println(back.Before, "→", back.After, err)
	// Output:
	// enabled → paused
	// waiting: schedule stop
	// cancelled: true
	// paused → enabled <nil>
}

// A colleague disabled the pipeline meanwhile: it stays disabled.
func ExampleClient_RestoreQueueStatus() {
	ctx := context.Background()
	srv := devopstest.NewServer(devopstest.Options{PAT: "example"})
	client, _ := devops.New(devops.Config{PipelineURL: srv.PipelineURL(), PAT: "example", HTTPClient: srv.Client()})
	pause, _ := client.SetQueueStatus(ctx, devops.Paused, "run 42")

	srv.SetQueueStatus("disabled", "Pat")
	_, err := client.RestoreQueueStatus(ctx, devops.Restore{Found: pause.Before, Revision: pause.RevisionAfter, Marker: "run 42"})
	fmt.Println(errors.Is(err, devops.ErrChangedByOther), srv.State().QueueStatus)
	// Output: true disabled
}

func ExampleParsePipelineURL() {
	p, err := devops.ParsePipelineURL("https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107&_a=summary")
	fmt.Println(p.OrganizationURL, "|", p.Project, "|", p.DefinitionID, err)
	// Output: https://dev.azure.com/ExampleOrg | Verify-by-Video Platform | 107 <nil>
}
