package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

// A receiver is told that a run has ended. Close waits until what is under way was sent.
func ExampleNew() {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var told notify.Notice
		if err := json.NewDecoder(req.Body).Decode(&told); err != nil {
			log.Print(err)
		}
		fmt.Println(told.Event, told.Run, told.Text)
	}))
	defer receiver.Close()
	n, err := notify.New(notify.Config{Kind: notify.Webhook, URL: receiver.URL})
	if err != nil {
		log.Fatal(err)
	}
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: n.Observe}
	if _, err := runner.Start(context.Background(), &runbook.Definition{Name: "hello", Environment: "test", Steps: []runbook.Step{
		{ID: "hello", Title: "Say hello", Apply: func(*runbook.StepContext) error { return nil }}}}); err != nil {
		log.Fatal(err)
	}
	if err := n.Close(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: ended test-0001 completed
}
