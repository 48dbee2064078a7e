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
func get(srv *devopstest.Server) string {
	req, err := http.NewRequest("GET", srv.OrganizationURL()+"/Verify-by-Video%20Platform/_apis/build/definitions/107?api-version=7.1", nil)
	if err != nil {
		return err.Error()
	}
	req.SetBasicAuth("", "any")
	res, err := srv.Client().Do(req)
	if err != nil {
		return "no answer"
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return fmt.Sprint(res.StatusCode, " broken off")
	case len(body) > 20:
		return fmt.Sprint(res.StatusCode, " and more than 20 bytes")
	}
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(body)))
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
		{Name: "slow", Kind: devopstest.Delay, Delay: time.Millisecond},
		devopstest.SignInPage("GET", ""),
		devopstest.ExpiredToken("GET", ""),
		devopstest.Throttled("GET", "", 30),
		devopstest.Forbidden("GET", ""),
		devopstest.Unavailable("GET", ""),
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
	// slow: 200 and more than 20 bytes
	// sign-in page: 203 and more than 20 bytes
	// expired token: 401
	// throttled: 429 and more than 20 bytes
	// forbidden: 403 and more than 20 bytes
	// unavailable: 503 and more than 20 bytes
	// the second and the third: 200 and more than 20 bytes
	// 503 | 503 | 200 and more than 20 bytes
}

// Throttling can come with success: the answer asks for patience before the next request.
func ExampleServer_SetRetryAfter() {
	srv := devopstest.NewServer(devopstest.Options{})
	srv.SetRetryAfter(20)
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

// The header of an answer arrives at once, its body in its own time.
func ExampleServer_SetSlowBody() {
	srv := devopstest.NewServer(devopstest.Options{})
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	srv.SetSlowBody(time.Millisecond)
	fmt.Println(get(srv))
	// Output: 200 and more than 20 bytes
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
		req, _ := http.NewRequest("PUT", srv.OrganizationURL()+"/Verify-by-Video%20Platform/_apis/build/definitions/107?api-version=7.1",
			strings.NewReader(`{"id":107,"revision":3,"queueStatus":"paused"}`))
		req.SetBasicAuth("", "any")
		res, err := srv.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		res.Body.Close()
		fmt.Println(res.StatusCode, srv.State().QueueStatus, "at revision", srv.State().Revision)
	}
	// Output:
	// 404 enabled at revision 4
	// 409 enabled at revision 4
	// 400 enabled at revision 4
}

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

// The log of what arrived, faults included.
func ExampleServer_requests() {
	srv := devopstest.NewServer(devopstest.Options{})
	_ = srv.Inject(devopstest.Unavailable("GET", "definitions"))
	get(srv)
	get(srv)
	for _, r := range srv.Requests() {
		fmt.Println(r.Seq, r.Method, r.Status, r.Fault)
	}
	// Output:
	// 1 GET 503 unavailable
	// 2 GET 200
}
