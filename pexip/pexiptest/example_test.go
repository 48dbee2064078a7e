package pexiptest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// A connection breaks after the change took effect: the client cannot know, the double can.
func ExampleServer_Inject() {
	srv := pexiptest.NewServer(pexiptest.Options{})
	if err := srv.Inject(pexiptest.Fault{Kind: pexiptest.DropAfter, Method: "PATCH", Path: "global"}); err != nil {
		log.Fatal(err)
	}
	client, err := pexip.New(srv.Config())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.SetSessionTimeoutEnabled(context.Background(), false))
	fmt.Println("on:", srv.State().SessionTimeoutEnabled)
	// Output:
	// switch the session timeout: PATCH /api/admin/configuration/v1/global/1/: no answer: connection reset by peer (safe to repeat)
	// on: false
}
