package azurevmtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

var one = azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core"}

// world is a server, and a client of it in the same process.
func world(o azurevmtest.Options) (*azurevmtest.Server, *azurevm.Client) {
	srv := azurevmtest.NewServer(o)
	client, err := azurevm.New(srv.Config())
	if err != nil {
		panic(err)
	}
	return srv, client
}

// Over TLS on loopback any client can be tried, also one in another language.
func ExampleServer_Start() {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	req, _ := http.NewRequest(http.MethodGet, srv.URL+"/subscriptions/00000000-0000-4000-8000-000000000107/resourceGroups/rg-pexip-test"+
		"/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core/instanceView?api-version=2026-04-01", nil)
	req.Header.Set("Authorization", "Bearer any")
	res, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status, res.Header.Get("Content-Type"))
	// Output: 200 OK application/json; charset=utf-8
}

// A proxy answers with a page instead of Azure.
func ExampleServer_Inject_html() {
	srv, client := world(azurevmtest.Options{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/instanceView", Times: -1, Status: 403,
		Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>blocked by the proxy</html>"})
	_, err := client.Power(context.Background(), one)
	var e *azurevm.Error
	fmt.Println(errors.As(err, &e), e.Status, e.Body)
	// Output: true 403 <html>blocked by the proxy</html>
}

// Any status, an empty body, and one that is no JSON: reads are repeated where that may help.
func ExampleServer_Inject_garbage() {
	srv, client := world(azurevmtest.Options{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Status: 502})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Status: 503, Header: http.Header{"Retry-After-Ms": {"1"}}})
	state, err := client.Power(context.Background(), one)
	fmt.Println(state, err, "after", len(srv.Requests()), "requests")
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Status: 200, Body: `{"statuses": [`})
	_, err = client.Power(context.Background(), one)
	fmt.Println("garbage is an error:", err != nil)
	// Output:
	// running <nil> after 3 requests
	// garbage is an error: true
}

// The connection is lost before a request has its effect, or after it. The client cannot tell which.
func ExampleServer_Inject_drop() {
	for _, kind := range []azurevmtest.Kind{azurevmtest.DropBefore, azurevmtest.DropAfter} {
		srv, client := world(azurevmtest.Options{})
		_ = srv.Inject(azurevmtest.Fault{Kind: kind, Method: "POST", Path: "/backup"})
		_, err := client.StartBackup(context.Background(), srv.Vault().Ref(), one, time.Time{})
		fmt.Println(kind, errors.Is(err, azurevm.ErrOutcomeUnknown), srv.BackupCount(azurevmtest.Of(one)))
	}
	// Output:
	// drop-before true 0
	// drop-after true 1
}

// An operation in progress answers with status 200 and asks to wait.
func ExampleServer_Inject_retryAfter() {
	srv, client := world(azurevmtest.Options{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Status: 200,
		Header: http.Header{"Retry-After-Ms": {"5"}}, Body: `{"status":"InProgress"}`})
	fmt.Println(client.Deallocate(context.Background(), one, nil))
	// Output: <nil>
}

// The token expires during a wait.
func ExampleServer_Inject_expiredToken() {
	srv, client := world(azurevmtest.Options{})
	_ = srv.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Skip: 3, Times: -1, Status: 401,
		Body: `{"error":{"code":"ExpiredAuthenticationToken","message":"The access token has expired."}}`})
	err := client.Deallocate(context.Background(), one, nil)
	fmt.Println(errors.Is(err, azurevm.ErrUnauthorized))
	// Output: true
}

// The body of an answer trickles.
func ExampleServer_SlowBody() {
	srv, client := world(azurevmtest.Options{})
	_ = srv.SlowBody("/instanceView", time.Millisecond, 1)
	fmt.Println(client.Power(context.Background(), one))
	// Output: running <nil>
}

// The host is away for a while.
func ExampleServer_SetDown() {
	srv, client := world(azurevmtest.Options{})
	srv.SetDown(true)
	_, err := client.Power(context.Background(), one)
	fmt.Println("down:", err != nil)
	srv.SetDown(false)
	fmt.Println(client.Power(context.Background(), one))
	// Output:
	// down: true
	// running <nil>
}

// An operation is accepted and fails, which Azure tells with status 200; the next one succeeds.
func ExampleServer_FailNextOperation() {
	srv, client := world(azurevmtest.Options{})
	srv.FailNextOperation("deallocate", "InternalExecutionError", "An internal error occurred.")
	err := client.Deallocate(context.Background(), one, nil)
	var e *azurevm.Error
	fmt.Println(errors.As(err, &e), e.Status, e.Code)
	fmt.Println(client.Deallocate(context.Background(), one, nil))
	// Output:
	// true 200 InternalExecutionError
	// <nil>
}

// Somebody else, such as a start/stop pipeline, switches the VM meanwhile.
func ExampleServer_SetPower() {
	srv, client := world(azurevmtest.Options{Speed: 1})
	err := client.Deallocate(context.Background(), one, func(p azurevm.PowerState) {
		if p == azurevm.Deallocating {
			srv.SetPower(azurevmtest.Of(one), azurevm.Running)
		}
	})
	fmt.Println(errors.Is(err, azurevm.ErrPreempted))
	// Output: true
}
