package runbooktest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// A store that passes may be used in place of any other. One that lives in a single handle has no reopen.
func ExampleTestLog() {
	// This is the body of a func TestConformance(t *testing.T).
	_ = func(t *testing.T) {
		runbooktest.TestLog(t, func(*testing.T) runbook.Log { return &memlog.Log{} }, nil)
	}
}

// What a record costs. A store with a method Syncs also gets the metric syncs/record.
func ExampleBenchmarkLog() {
	// This is the body of a func BenchmarkLog(b *testing.B).
	_ = func(b *testing.B) {
		runbooktest.BenchmarkLog(b, func(*testing.B) runbook.Log { return &memlog.Log{} }, nil)
	}
}

// Where the process of a run with two records and one request may die.
func ExamplePoints() {
	for _, p := range runbooktest.Points(2, 1) {
		fmt.Println(p)
	}
	// Output:
	// before record 1
	// after record 1
	// before record 2
	// after record 2
	// before request 1
	// after request 1
}

// A process that dies after its second request has changed something and does not know it.
func ExampleCrash_Transport() {
	arrived := 0
	door := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	defer door.Close()
	crash := &runbooktest.Crash{Log: &memlog.Log{}, Request: true, At: 2, After: true}
	client := &http.Client{Transport: crash.Transport(http.DefaultTransport)}
	for range 3 {
		res, err := client.Post(door.URL, "", nil)
		if err != nil {
			fmt.Println("dead:", errors.Is(err, runbooktest.ErrCrash))
			continue
		}
		fmt.Println(res.Status, res.Body.Close())
	}
	fmt.Println("arrived:", arrived)
	// Output:
	// 200 OK <nil>
	// dead: true
	// dead: true
	// arrived: 2
}
