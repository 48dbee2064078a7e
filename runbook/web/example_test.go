package web_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// The runs of a runner as pages. A Server is an http.Handler; its own Serve adds timeouts and an end.
func ExampleNew() {
	const token = "kims-token-of-26-characters"
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "timer@server"}
	pages, err := web.New(web.Config{Runner: runner, People: []web.Person{{Name: "kim@desk", Token: token}}, ReadOnly: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, bearer := range []string{"", "Bearer " + token} {
		req := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
		req.Header.Set("Authorization", bearer)
		got := httptest.NewRecorder()
		pages.ServeHTTP(got, req)
		fmt.Println(got.Code, http.StatusText(got.Code))
	}
	// Output:
	// 401 Unauthorized
	// 200 OK
}
