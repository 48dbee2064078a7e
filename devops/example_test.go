package devops_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

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

// world is the double and a client of it, as all the examples below need them.
func world() (*devopstest.Server, *devops.Client) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "example"})
	client, err := devops.New(devops.Config{PipelineURL: srv.PipelineURL(), PAT: "example",
		HTTPClient: srv.Client(), PollInterval: time.Millisecond, RetryWait: time.Millisecond})
	if err != nil {
		panic(err)
	}
	return srv, client
}

// All that is wrong with a configuration is said at once.
func ExampleNew() {
	_, err := devops.New(devops.Config{OrganizationURL: "https://dev.azure.com/ExampleOrg", PollInterval: -1})
	fmt.Println(err)
	// Output:
	// devops configuration: a Project is required
	// DefinitionID must be a positive number
	// one of PAT and Credential is required
	// PollInterval must not be negative
}

// tokens stands for a credential of azidentity.
type tokens struct{}

func (tokens) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	fmt.Println("asked for", o.Scopes)
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// With Entra ID instead of a personal access token: the credential is asked when the token nears its
// end, not with every request.
func ExampleConfig_credential() {
	srv := devopstest.NewServer(devopstest.Options{Token: "token"})
	client, err := devops.New(devops.Config{PipelineURL: srv.PipelineURL(), Credential: tokens{}, HTTPClient: srv.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		def, err := client.Definition(context.Background())
		fmt.Println(def.Name, err)
	}
	// Output:
	// asked for [499b84ac-1321-427f-aa17-267ca6975798/.default]
	// Virtual Machine - Start Stop <nil>
	// Virtual Machine - Start Stop <nil>
}

// A colleague edits the pipeline between the read and the write: their edit stays, the pause follows.
func ExampleClient_SetQueueStatus_conflict() {
	ctx := context.Background()
	srv, client := world()
	_ = srv.Inject(devopstest.Fault{Kind: devopstest.DropBefore, Method: "PUT"}) // the write does not arrive …
	done := make(chan error)
	go func() {
		_, err := client.SetQueueStatus(ctx, devops.Paused, "run 42")
		done <- err
	}()
	_, _ = srv.WaitRequest(ctx, func(r devopstest.Request) bool { return r.Method == "PUT" }) // … and meanwhile:
	srv.Edit("Pat", "tags", func(doc map[string]any) { doc["tags"] = []any{"night"} })
	fmt.Println(<-done, srv.State().QueueStatus, srv.Document()["tags"])
	// Output: <nil> paused [night]
}

func ExampleClient_Pipeline() {
	_, client := world()
	fmt.Println(client.Pipeline().Project, client.Pipeline().DefinitionID)
	// Output: Verify-by-Video Platform 107
}

func ExampleClient_Definition() {
	_, client := world()
	def, err := client.Definition(context.Background())
	fmt.Println(def.Name, def.QueueStatus, def.Revision, err)
	// Output: Virtual Machine - Start Stop enabled 3 <nil>
}

// Setting the same status twice writes once.
func ExampleClient_SetQueueStatus() {
	ctx := context.Background()
	srv, client := world()
	for range 2 {
		change, err := client.SetQueueStatus(ctx, devops.Paused, "run 42: upgrade, back by 22:00")
		fmt.Println(change.Before, "→", change.After, change.AlreadySo, err)
	}
	fmt.Println("writes:", srv.PutCount())
	// Output:
	// enabled → paused false <nil>
	// paused → paused true <nil>
	// writes: 1
}

func ExampleClient_Revisions() {
	ctx := context.Background()
	_, client := world()
	_, _ = client.SetQueueStatus(ctx, devops.Paused, "run 42: upgrade")
	history, err := client.Revisions(ctx)
	last := history[len(history)-1]
	fmt.Printf("%d %s %q %v\n", last.Revision, last.ChangedBy, last.Comment, err)
	// Output: 4 Upgrade Operator <upgrade.operator@example.org> "run 42: upgrade" <nil>
}

// Builds that wait start, oldest first, when the pipeline is resumed.
func ExampleClient_Backlog() {
	ctx := context.Background()
	srv, client := world()
	srv.SetQueueStatus("paused", "Pat")
	srv.Tick(map[string]string{"action": "stop"})
	srv.QueueManual(map[string]string{"action": "start"})
	backlog, err := client.Backlog(ctx)
	for _, b := range backlog {
		fmt.Println(b.Reason, b.RequestedFor, b.Parameters["action"])
	}
	fmt.Println(err)
	// Output:
	// schedule Microsoft.VisualStudio.Services.TFS stop
	// manual Platform Team <platform.team@example.org> start
	// <nil>
}

// Pausing does not end what runs.
func ExampleClient_InProgress() {
	srv := devopstest.NewServer(devopstest.Options{PAT: "example", Speed: 1})
	client, _ := devops.New(devops.Config{PipelineURL: srv.PipelineURL(), PAT: "example", HTTPClient: srv.Client()})
	srv.Tick(map[string]string{"action": "start"})
	srv.SetQueueStatus("paused", "Pat")
	running, err := client.InProgress(context.Background())
	fmt.Println(len(running), running[0].Status, err)
	// Output: 1 inProgress <nil>
}

func ExampleClient_WaitIdle() {
	ctx := context.Background()
	srv, client := world()
	srv.Tick(map[string]string{"action": "start"})
	_, _ = client.SetQueueStatus(ctx, devops.Paused, "run 42")
	err := client.WaitIdle(ctx, nil)
	running, _ := client.InProgress(ctx)
	fmt.Println(len(running), err)
	// Output: 0 <nil>
}

func ExampleClient_Cancel() {
	ctx := context.Background()
	srv, client := world()
	srv.SetQueueStatus("paused", "Pat")
	first, second := srv.Tick(nil), srv.Tick(nil)
	done, err := client.Cancel(ctx, first.ID, second.ID)
	for _, b := range done {
		fmt.Println(b.ID, b.Status, b.Result)
	}
	fmt.Println(err)
	// Output:
	// 501 completed canceled
	// 502 completed canceled
	// <nil>
}

func ExampleClient_Run() {
	ctx := context.Background()
	srv, client := world()
	b, err := client.Run(ctx, devops.RunOptions{TemplateParameters: map[string]string{"action": "start"}})
	fmt.Println(b.ID, b.Reason, err)
	srv.SetQueueStatus("paused", "Pat")
	_, err = client.Run(ctx, devops.RunOptions{}) // would wait until somebody resumes
	fmt.Println(errors.Is(err, devops.ErrPaused), "runs:", srv.RunCount())
	// Output:
	// 501 manual <nil>
	// true runs: 1
}

// An answer that is lost is looked for, never asked for again.
func ExampleClient_Run_lostAnswer() {
	ctx := context.Background()
	srv, client := world()
	_ = srv.Inject(devopstest.Fault{Kind: devopstest.DropAfter, Method: "POST"})
	b, err := client.Run(ctx, devops.RunOptions{})
	fmt.Println(b.ID, err, "runs:", srv.RunCount())
	_ = srv.Inject(devopstest.Fault{Kind: devopstest.DropBefore, Method: "POST"})
	_, err = client.Run(ctx, devops.RunOptions{})
	fmt.Println(errors.Is(err, devops.ErrOutcomeUnknown), "runs:", srv.RunCount())
	// Output:
	// 501 <nil> runs: 1
	// true runs: 1
}

// How a build ended is in the build; an error says that this could not be found out.
func ExampleClient_WaitBuild() {
	ctx := context.Background()
	srv, client := world()
	srv.SetRunResult("failed")
	queued, _ := client.Run(ctx, devops.RunOptions{})
	b, err := client.WaitBuild(ctx, queued.ID, nil)
	fmt.Println(b.Status, b.Result, err)
	// Output: completed failed <nil>
}

func ExampleClient_Build() {
	_, client := world()
	_, err := client.Build(context.Background(), 9)
	fmt.Println(errors.Is(err, devops.ErrNotFound))
	// Output: true
}

// Contributors may pause the pipeline and not clear what its schedule queued: better known before.
func ExampleClient_CheckPermissions() {
	srv, client := world()
	srv.SetMissingPermissions(devopstest.StopBuilds)
	permissions, err := client.CheckPermissions(context.Background())
	for _, p := range permissions {
		fmt.Printf("%-8s %s: %s\n", p.Verdict, p.Name, p.Purpose)
	}
	fmt.Println(err)
	// Output:
	// granted  View builds and build pipeline: read the definition, its builds and its history
	// granted  Edit build pipeline: pause and resume the pipeline
	// granted  Queue builds: run the pipeline by hand
	// missing  Stop builds: cancel builds that the schedule or others queued
	// <nil>
}

// Decide on the sentinel or the fields, show the text.
func ExampleError() {
	srv, client := world()
	_ = srv.Inject(devopstest.SignInPage("GET", "definitions"))
	_, err := client.Definition(context.Background())
	if e, ok := errors.AsType[*devops.Error](err); ok {
		fmt.Println(e.Operation, "|", e.Status, "|", e.Kind, "|", e.Unclear)
	}
	// Output: read pipeline definition 107 | 203 | credential rejected | false
}
