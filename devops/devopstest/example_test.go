package devopstest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// The schedule fires while the pipeline is paused: the build starts when it is enabled again.
func Example() {
	srv := devopstest.NewServer(devopstest.Options{OnRun: func(b devopstest.Build) {
		fmt.Println("machines:", b.Parameters["action"])
	}})
	srv.SetQueueStatus("paused", "Pat")
	srv.Tick(map[string]string{"action": "stop"})
	fmt.Println("waiting:", len(srv.State().Backlog))
	srv.SetQueueStatus("enabled", "Pat")
	// Output:
	// waiting: 1
	// machines: stop
}

// Any client can be pointed at the double, and anything can go wrong.
func ExampleServer_Client() {
	srv := devopstest.NewServer(devopstest.Options{})
	if err := srv.Inject(devopstest.Unavailable("GET", "/builds")); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		req, _ := http.NewRequest("GET", "https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_apis/build/builds", nil)
		req.SetBasicAuth("", "any")
		res, err := srv.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
		fmt.Println(res.StatusCode)
	}
	// Output:
	// 503
	// 200
}

// Colleagues edit, the schedule fires, people queue builds; State shows it all, ready for JSON.
func ExampleServer_State() {
	srv := devopstest.NewServer(devopstest.Options{})
	srv.Edit("Pat", "no stops this week", func(doc map[string]any) { doc["queueStatus"] = "paused" })
	srv.Tick(map[string]string{"action": "stop"})
	srv.QueueManual(map[string]string{"action": "start"})
	state := srv.State()
	fmt.Println(state.QueueStatus, state.Revision, state.LastChangeBy, state.LastComment)
	for _, b := range state.Backlog {
		fmt.Println(b.Reason, b.Parameters["action"])
	}
	// Output:
	// paused 4 Pat no stops this week
	// schedule stop
	// manual start
}

// Over TLS, for programs in other languages; they trust the certificate.
func ExampleServer_Start() {
	srv := devopstest.NewServer(devopstest.Options{PAT: "secret"})
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	fmt.Println(strings.HasPrefix(srv.PipelineURL(), "https://127.0.0.1:"), strings.HasPrefix(string(srv.CertificatePEM()), "-----BEGIN CERTIFICATE-----"))
	// Output: true true
}
