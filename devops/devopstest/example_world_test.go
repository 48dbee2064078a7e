package devopstest_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// The zero Options are a complete world; the addresses are those of the real service until Start.
func ExampleNewServer() {
	srv := devopstest.NewServer(devopstest.Options{Organization: "Contoso", Project: "Video", DefinitionID: 9})
	fmt.Println(srv.PipelineURL())
	fmt.Println(srv.OrganizationURL())
	// Output:
	// https://dev.azure.com/Contoso/Video/_build?definitionId=9
	// https://dev.azure.com/Contoso
}

// The schedule fires also while the pipeline is paused, but not while it is disabled.
func ExampleServer_Tick() {
	srv := devopstest.NewServer(devopstest.Options{})
	for _, status := range []string{"paused", "disabled"} {
		srv.SetQueueStatus(status, "Pat")
		b := srv.Tick(map[string]string{"action": "stop"})
		fmt.Println(status, b.ID, b.Reason)
	}
	// Output:
	// paused 501 schedule
	// disabled 0 schedule
}

func ExampleServer_QueueManual() {
	srv := devopstest.NewServer(devopstest.Options{})
	b := srv.QueueManual(map[string]string{"action": "start"})
	fmt.Println(b.Reason, "by", b.RequestedFor)
	// Output: manual by Platform Team
}

// A colleague's click in the browser.
func ExampleServer_SetQueueStatus() {
	srv := devopstest.NewServer(devopstest.Options{})
	srv.SetQueueStatus("paused", "Pat")
	state := srv.State()
	fmt.Println(state.QueueStatus, "by", state.LastChangeBy)
	// Output: paused by Pat
}

// A colleague edits anything else: a revision more, which makes older ones stale.
func ExampleServer_Edit() {
	srv := devopstest.NewServer(devopstest.Options{})
	srv.Edit("Pat", "longer runs", func(doc map[string]any) { doc["jobTimeoutInMinutes"] = 90 })
	fmt.Println(srv.Document()["jobTimeoutInMinutes"], "in revision", srv.Document()["revision"])
	// Output: 90 in revision 4
}

// What a client reads shows no secret; the stored value is for the test to compare.
func ExampleServer_Secret() {
	srv := devopstest.NewServer(devopstest.Options{})
	variable := srv.Document()["variables"].(map[string]any)["servicePrincipalKey"]
	fmt.Println(variable, srv.Secret("servicePrincipalKey"))
	// Output: map[isSecret:true value:<nil>] stored-secret
}

// With a clock of one's own nothing happens until it is moved and somebody looks.
func ExampleServer_Settle() {
	now := time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)
	srv := devopstest.NewServer(devopstest.Options{Now: func() time.Time { return now }, Speed: 1,
		OnRun: func(b devopstest.Build) { fmt.Println("started:", b.ID) }})
	srv.SetRunResult("failed")
	srv.Tick(nil)
	srv.Tick(nil)
	now = now.Add(6 * time.Minute) // a build takes five
	srv.Settle()
	fmt.Println(srv.State().Builds[0].Result)
	// Output:
	// started: 501
	// started: 502
	// failed
}

// Builds of others cannot be cancelled without "Stop builds", which contributors do not have.
func ExampleServer_SetMissingPermissions() {
	srv := devopstest.NewServer(devopstest.Options{})
	srv.SetQueueStatus("paused", "Pat")
	srv.Tick(nil)
	srv.SetMissingPermissions(devopstest.StopBuilds)
	fmt.Println(send(srv, "PATCH", "builds/501", `{"status":"cancelling"}`))
	srv.SetMissingPermissions()
	fmt.Println(send(srv, "PATCH", "builds/501", `{"status":"cancelling"}`))
	// Output:
	// 403
	// 200
}

// Writes are counted whether they were accepted or not, runs when they were.
func ExampleServer_PutCount() {
	srv := devopstest.NewServer(devopstest.Options{})
	send(srv, "PUT", "definitions/107", `{"id":107,"revision":2}`)
	fmt.Println("writes:", srv.PutCount(), "runs:", srv.RunCount(), "revision:", srv.State().Revision)
	// Output: writes: 1 runs: 0 revision: 3
}

// The log of what arrived, faults included.
func ExampleServer_Requests() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.Unavailable("GET", "definitions"))
	get(srv)
	srv.ForgetRequests() // the numbers go on
	get(srv)
	send(srv, "POST", "builds", `{"definition":{"id":107}}`)
	for _, r := range srv.Requests() {
		fmt.Printf("%d %s %d %q\n", r.Seq, r.Method, r.Status, r.Body)
	}
	// Output:
	// 2 GET 200 ""
	// 3 POST 200 "{\"definition\":{\"id\":107}}"
}

// A test waits for what the program under test does, not for a time.
func ExampleServer_WaitRequest() {
	srv := devopstest.NewServer(devopstest.Options{})
	go send(srv, "POST", "builds", `{"definition":{"id":107}}`)
	r, err := srv.WaitRequest(context.Background(), func(r devopstest.Request) bool { return r.Method == "POST" && r.Status > 0 })
	fmt.Println(r.Status, err)
	// Output: 200 <nil>
}

// At an address of one's choice, for a simulator.
func ExampleServer_StartAt() {
	srv := devopstest.NewServer(devopstest.Options{})
	if err := srv.StartAt("127.0.0.1:0"); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	fmt.Println(strings.HasPrefix(srv.URL, "https://127.0.0.1:"), get(srv))
	// Output: true 200 and more than 20 bytes
}
