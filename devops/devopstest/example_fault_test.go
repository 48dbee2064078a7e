package devopstest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// get reads the definition as a plain client does and says what came back.
func get(srv *devopstest.Server) string { return send(srv, "GET", "definitions/107", "") }

// send says the status, and for a GET the body, or how long it is.
func send(srv *devopstest.Server, method, path, body string) string {
	address := srv.OrganizationURL() + "/Verify-by-Video%20Platform/_apis/build/" + path + "?api-version=7.1"
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.SetBasicAuth("", "any")
	res, err := srv.Client().Do(req)
	if err != nil {
		return "no answer"
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return fmt.Sprint(res.StatusCode, " broken off")
	case method != http.MethodGet:
		return fmt.Sprint(res.StatusCode)
	case len(text) > 20:
		return fmt.Sprint(res.StatusCode, " and more than 20 bytes")
	}
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(text)))
}

// A fault meets the requests that match its method and path, after Skip of them, Times times.
func ExampleServer_Inject() {
	srv := devopstest.NewServer(devopstest.Options{})
	for _, f := range []devopstest.Fault{
		{Name: "any status", Kind: devopstest.Answer, Path: "definitions/107", Status: 418},
		{Name: "empty", Kind: devopstest.Answer, Status: 200},
		{Name: "HTML", Kind: devopstest.Answer, Status: 502, Body: "<html>Bad Gateway"},
		{Name: "garbage", Kind: devopstest.Answer, Status: 200, Body: `{"id":10`},
		{Name: "dropped before the effect", Kind: devopstest.DropBefore, Method: "GET"},
		{Name: "dropped after the effect", Kind: devopstest.DropAfter, Method: "GET"},
		{Name: "cut in the answer", Kind: devopstest.CutAnswer, Method: "GET"},
		{Name: "slow", Kind: devopstest.Delay, Delay: time.Millisecond},
		{Name: "slow body", Kind: devopstest.SlowBody, Delay: time.Millisecond},
		{Name: "the second and the third", Kind: devopstest.Answer, Status: 503, Skip: 1, Times: 2},
	} {
		if err := srv.Inject(f); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%s: %s\n", f.Name, get(srv))
	}
	fmt.Println(get(srv), "|", get(srv), "|", get(srv))
	// Output:
	// any status: 418
	// empty: 200
	// HTML: 502 <html>Bad Gateway
	// garbage: 200 {"id":10
	// dropped before the effect: no answer
	// dropped after the effect: no answer
	// cut in the answer: 200 broken off
	// slow: 200 and more than 20 bytes
	// slow body: 200 and more than 20 bytes
	// the second and the third: 200 and more than 20 bytes
	// 503 | 503 | 200 and more than 20 bytes
}

// A token that was good is refused from now on.
func ExampleServer_SetCredentials() {
	srv := devopstest.NewServer(devopstest.Options{PAT: "any"})
	fmt.Println(get(srv))
	srv.SetCredentials("another", "")
	fmt.Println(get(srv))
	// Output:
	// 200 and more than 20 bytes
	// 401
}

// What the service answers to a write from an old revision is not known for sure: try all three.
func ExampleOptions_staleRevision() {
	for _, answer := range []string{"404", "409", "400"} {
		srv := devopstest.NewServer(devopstest.Options{StaleRevision: answer})
		srv.Edit("Pat", "other schedule", func(doc map[string]any) { doc["tags"] = []any{"night"} })
		fmt.Println(send(srv, "PUT", "definitions/107", `{"id":107,"revision":3,"queueStatus":"paused"}`), srv.State().QueueStatus)
	}
	// Output:
	// 404 enabled
	// 409 enabled
	// 400 enabled
}

// The same answer though nobody has edited, for so many writes.
func ExampleStaleRevision() {
	srv := devopstest.NewServer(devopstest.Options{})
	stale := devopstest.StaleRevision(409)
	stale.Times = 2
	_ = srv.Inject(stale)
	for range 3 {
		fmt.Println(send(srv, "PUT", "definitions/107", `{"id":107,"revision":3,"queueStatus":"paused"}`), srv.State().QueueStatus)
	}
	// Output:
	// 409 enabled
	// 409 enabled
	// 200 paused
}

// A rejected credential does not look like one: the status is one of success.
func ExampleSignInPage() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.SignInPage("GET", "/definitions/"))
	fmt.Println(get(srv))
	// Output: 203 and more than 20 bytes
}

// The token ends in the middle of the work: the write is refused, the next one is not.
func ExampleExpiredToken() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.ExpiredToken("PUT", ""))
	fmt.Println(get(srv) != "", send(srv, "PUT", "definitions/107", "{}"), send(srv, "PUT", "definitions/107", "{}"))
	// Output: true 401 400
}

// Three requests are refused for load, and ask for half a minute of patience.
func ExampleThrottled() {
	srv := devopstest.NewServer(devopstest.Options{})
	f := devopstest.Throttled("", "", 30)
	f.Times = 3
	_ = srv.Inject(f)
	fmt.Println(send(srv, "POST", "builds", "{}"), send(srv, "PATCH", "builds/501", "{}"), send(srv, "PUT", "definitions/107", "{}"))
	fmt.Println(len(srv.Armed()), "armed")
	// Output:
	// 429 429 429
	// 0 armed
}

// Throttling can come with success: the answer asks for patience before the next request.
func ExampleDelayed() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.Delayed("GET", "/projects", 20))
	req, _ := http.NewRequest("GET", srv.OrganizationURL()+"/_apis/projects", nil)
	req.SetBasicAuth("", "any")
	res, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
	fmt.Println(res.StatusCode, res.Header.Get("Retry-After"))
	// Output: 200 20
}

func ExampleForbidden() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.Forbidden("PUT", ""))
	fmt.Println(send(srv, "PUT", "definitions/107", "{}"), srv.PutCount())
	// Output: 403 0
}

// An outage without end, until it is cleared.
func ExampleUnavailable() {
	srv := devopstest.NewServer(devopstest.Options{})
	f := devopstest.Unavailable("", "")
	f.Times = -1
	_ = srv.Inject(f)
	fmt.Println(send(srv, "POST", "builds", "{}"), send(srv, "POST", "builds", "{}"))
	srv.ClearFaults()
	fmt.Println(get(srv))
	// Output:
	// 503 503
	// 200 and more than 20 bytes
}

// A write takes effect and its answer is lost: the worst that can happen to a client.
func ExampleServer_Inject_lostAnswer() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.Fault{Kind: devopstest.DropAfter, Method: "PUT", Path: "definitions/107"})
	fmt.Println(send(srv, "PUT", "definitions/107", `{"id":107,"revision":3,"queueStatus":"paused"}`), srv.State().QueueStatus)
	// Output: no answer paused
}

// Nothing is reached, and nothing is logged.
func ExampleServer_SetDown() {
	srv := devopstest.NewServer(devopstest.Options{})
	srv.SetDown(true)
	fmt.Println(get(srv))
	srv.SetDown(false)
	fmt.Println(get(srv))
	// Output:
	// no answer
	// 200 and more than 20 bytes
}
