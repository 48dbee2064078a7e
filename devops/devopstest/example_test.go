package devopstest_test

import (
	"fmt"
	"net/http"

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
