package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// fence goes around the transport of a client that changes something: it sends nothing for a run that went to
// somebody else, and notes what was sent for the evidence.
type fence struct{ next http.RoundTripper }

func (f fence) RoundTrip(req *http.Request) (*http.Response, error) {
	changes := req.Method != http.MethodGet
	if changes {
		if err := runbook.CheckOwner(req.Context()); err != nil {
			return nil, err
		}
	}
	sent := runbook.Exchange{At: time.Now(), Method: req.Method, Target: req.URL.Path}
	res, err := f.next.RoundTrip(req)
	if err == nil {
		sent.Status = res.StatusCode
	}
	runbook.NoteExchange(req.Context(), sent, changes)
	return res, err
}

// Ann's laptop sleeps inside a step. Bob takes the run over and finishes it; when the laptop wakes, its request is not
// sent any more.
func ExampleCheckOwner() {
	door := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fmt.Println("the door opens") }))
	defer door.Close()
	client := &http.Client{Transport: fence{http.DefaultTransport}}
	open := func(sc *runbook.StepContext) error {
		req, err := http.NewRequestWithContext(sc, http.MethodPost, door.URL+"/open", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	journals := &memlog.Log{}
	opening := func(apply func(*runbook.StepContext) error) *runbook.Definition {
		return &runbook.Definition{Name: "opening", Environment: "test", Steps: []runbook.Step{{ID: "open", Title: "Open the door", Apply: apply}}}
	}
	_, err := (&runbook.Runner{Log: journals, Actor: "ann@laptop"}).Start(context.Background(), opening(func(sc *runbook.StepContext) error {
		bob := &runbook.Runner{Log: journals, Actor: "bob@desk"} // this happens while ann's laptop sleeps
		state, err := bob.TakeOver(context.Background(), opening(open), sc.Run(), "ann's laptop sleeps")
		if err != nil {
			log.Fatal(err)
		}
		sent := state.Step("open").Requests[0]
		fmt.Println(state.End.Outcome, "with", sent.Method, sent.Target, sent.Status)
		return open(sc)
	}))
	fmt.Println("ann is fenced off:", errors.Is(err, runbook.ErrFenced))
	// Output:
	// the door opens
	// completed with POST /open 200
	// ann is fenced off: true
}
