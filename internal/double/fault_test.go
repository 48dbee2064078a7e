package double_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
)

// counter is a service that counts what reaches it, and answers with the number.
type counter struct {
	double.Core
	mu      sync.Mutex
	effects int
}

const answer = "effect number 1 and some more text"

func newCounter() *counter {
	c := &counter{}
	c.Init("counter", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		c.effects++
		text := fmt.Sprintf("effect number %d and some more text%s", c.effects, raw)
		c.mu.Unlock()
		w.Header().Set("X-Own", "own")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, text)
	}))
	return c
}

func (c *counter) reached() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.effects
}

func (c *counter) inject(t *testing.T, f double.Fault) {
	t.Helper()
	if err := c.Inject(f); err != nil {
		t.Fatal(err)
	}
}

// ways are the two ways in; a fault looks the same through both.
func ways(t *testing.T, each func(*testing.T, *counter, *http.Client, string)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		c := newCounter()
		each(t, c, &http.Client{Transport: c.RoundTripper()}, "https://counter.example.org")
	})
	t.Run("over TLS", func(t *testing.T) {
		c := newCounter()
		srv, err := double.Serve("", c, c.Down)
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		each(t, c, srv.Client(), srv.URL)
	})
}

// call says what a client sees: "status body", "status header, then error" or "error".
func call(t *testing.T, client *http.Client, method, address, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		return "no answer"
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Sprintf("%d broke off after %q", res.StatusCode, raw)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", res.StatusCode, raw))
}

// TestWhatAFaultDoes: what the client sees, whether the work was done, and what the log says.
func TestWhatAFaultDoes(t *testing.T) {
	for name, test := range map[string]struct {
		fault   double.Fault
		sees    string
		effects int
		logged  int
	}{
		"answer":                {double.Fault{Kind: double.Answer, Status: 418, Body: "teapot"}, "418 teapot", 0, 418},
		"answer, by default":    {double.Fault{Kind: double.Answer}, "500", 0, 500},
		"answer without a body": {double.Fault{Kind: double.Answer, Status: 204}, "204", 0, 204},
		"answer after":          {double.Fault{Kind: double.AnswerAfter, Status: 503, Body: "<html>"}, "503 <html>", 1, 503},
		"drop before":           {double.Fault{Kind: double.DropBefore}, "no answer", 0, 0},
		"drop after":            {double.Fault{Kind: double.DropAfter}, "no answer", 1, 0},
		"truncate":              {double.Fault{Kind: double.Truncate}, "202 " + answer[:17], 1, 202},
		"cut answer":            {double.Fault{Kind: double.CutAnswer}, fmt.Sprintf("202 broke off after %q", answer[:17]), 1, 0},
		"cut body":              {double.Fault{Kind: double.CutBody, BodyLimit: 2}, "no answer", 0, 0},
		"delay":                 {double.Fault{Kind: double.Delay, Delay: time.Nanosecond}, "202 " + answer, 1, 202},
		"slow body":             {double.Fault{Kind: double.SlowBody, Delay: time.Nanosecond}, "202 " + answer, 1, 202},
		"add header":            {double.Fault{Kind: double.AddHeader, Header: http.Header{"Retry-After": {"20"}}}, "202 " + answer, 1, 202},
	} {
		ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
			c.inject(t, test.fault)
			if got := call(t, client, "PUT", base+"/x", ""); got != test.sees {
				t.Errorf("%s: %s, want %s", name, got, test.sees)
			}
			if got := c.reached(); got != test.effects {
				t.Errorf("%s: %d effects, want %d", name, got, test.effects)
			}
			got := c.Requests()
			if len(got) != 1 || got[0].Status != test.logged || got[0].Fault != string(test.fault.Kind) {
				t.Errorf("%s: logged %+v", name, got)
			}
			if got := call(t, client, "GET", base+"/x", ""); !strings.HasPrefix(got, fmt.Sprintf("202 effect number %d ", test.effects+1)) {
				t.Errorf("%s: it left something behind: %s", name, got)
			}
			if left := c.Armed(); len(left) != 0 {
				t.Errorf("%s: still armed: %v", name, left)
			}
		})
	}
}

// TestHeadersOfFaults: an answer has the fault's alone, AddHeader and the others the service's too.
func TestHeadersOfFaults(t *testing.T) {
	more := http.Header{"X-More": {"a", "b"}}
	for kind, want := range map[double.Kind][]string{
		double.Answer: {"", "a,b"}, double.AnswerAfter: {"", "a,b"}, double.AddHeader: {"own", "a,b"},
		double.Truncate: {"own", ""}, double.SlowBody: {"own", ""}, double.Delay: {"own", ""},
	} {
		ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
			c.inject(t, double.Fault{Kind: kind, Header: more})
			res, err := client.Get(base)
			if err != nil {
				t.Fatal(kind, err)
			}
			res.Body.Close()
			if diff := cmp.Diff(want, []string{res.Header.Get("X-Own"), strings.Join(res.Header.Values("X-More"), ",")}); diff != "" {
				t.Error(kind, diff)
			}
			if !strings.HasPrefix(res.Status, fmt.Sprint(res.StatusCode, " ")) { // as clients print it
				t.Errorf("%s: status %q", kind, res.Status)
			}
		})
	}
}

// TestWhichRequestsMeetAFault: by method, by path with query in any case, after Skip, Times times, in
// the order of injection.
func TestWhichRequestsMeetAFault(t *testing.T) {
	status := func(f double.Fault, status int) double.Fault {
		f.Kind, f.Status = double.Answer, status
		return f
	}
	requests := []string{"GET /a", "PUT /a", "GET /B?x=1", "GET /a", "PUT /b", "GET /a"}
	for name, test := range map[string]struct {
		faults []double.Fault
		want   string
		left   int
	}{
		"any request, once":      {[]double.Fault{status(double.Fault{}, 400)}, "400 202 202 202 202 202", 0},
		"one method":             {[]double.Fault{status(double.Fault{Method: "PUT"}, 400)}, "202 400 202 202 202 202", 0},
		"a method is exact":      {[]double.Fault{status(double.Fault{Method: "put"}, 400)}, "202 202 202 202 202 202", 1},
		"a path, in any case":    {[]double.Fault{status(double.Fault{Path: "/b", Times: 2}, 400)}, "202 202 400 202 400 202", 0},
		"a path with its query":  {[]double.Fault{status(double.Fault{Path: `^/b\?X=1$`}, 400)}, "202 202 400 202 202 202", 0},
		"both":                   {[]double.Fault{status(double.Fault{Method: "PUT", Path: "b"}, 400)}, "202 202 202 202 400 202", 0},
		"three times":            {[]double.Fault{status(double.Fault{Times: 3}, 400)}, "400 400 400 202 202 202", 0},
		"always":                 {[]double.Fault{status(double.Fault{Times: -1}, 400)}, "400 400 400 400 400 400", 0},
		"the third":              {[]double.Fault{status(double.Fault{Skip: 2}, 400)}, "202 202 400 202 202 202", 0},
		"the second that match":  {[]double.Fault{status(double.Fault{Method: "PUT", Skip: 1}, 400)}, "202 202 202 202 400 202", 0},
		"from the fifth on":      {[]double.Fault{status(double.Fault{Skip: 4, Times: -1}, 400)}, "202 202 202 202 400 400", 0},
		"more than arrive":       {[]double.Fault{status(double.Fault{Method: "PUT", Times: 5}, 400)}, "202 400 202 202 400 202", 1},
		"one after the other":    {[]double.Fault{status(double.Fault{}, 400), status(double.Fault{Times: 2}, 401)}, "400 401 401 202 202 202", 0},
		"the first that matches": {[]double.Fault{status(double.Fault{Method: "PUT", Times: -1}, 400), status(double.Fault{Times: -1}, 401)}, "401 400 401 401 400 401", 0},
		// One that lets a request pass leaves it to the next.
		"skipping is not acting": {[]double.Fault{status(double.Fault{Skip: 1}, 400), status(double.Fault{Times: 2}, 401)}, "401 400 401 202 202 202", 0},
	} {
		c := newCounter()
		for _, f := range test.faults {
			c.inject(t, f)
		}
		client := &http.Client{Transport: c.RoundTripper()}
		var got []string
		for _, r := range requests {
			method, path, _ := strings.Cut(r, " ")
			got = append(got, call(t, client, method, "https://counter.example.org"+path, "")[:3])
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if left := len(c.Armed()); left != test.left {
			t.Errorf("%s: %d still armed, want %d", name, left, test.left)
		}
	}
}

// TestFaultsMeetExactlyAsManyRequestsAsTheyShould, however many arrive at the same time.
func TestFaultsMeetExactlyAsManyRequestsAsTheyShould(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		c.inject(t, double.Fault{Kind: double.Answer, Status: 400, Skip: 3, Times: 5})
		var all sync.WaitGroup
		got := make([]string, 24)
		for i := range got {
			all.Go(func() { got[i] = call(t, client, "GET", base, "")[:3] })
		}
		all.Wait()
		if n := strings.Count(strings.Join(got, " "), "400"); n != 5 || c.reached() != 19 || len(c.Requests()) != 24 || len(c.Armed()) != 0 {
			t.Errorf("%d of %v, %d effects", n, got, c.reached())
		}
	})
}

// TestFaultsThatAreNotWellFormed arm nothing; a status that net/http would panic over is one of them.
func TestFaultsThatAreNotWellFormed(t *testing.T) {
	c := newCounter()
	for want, f := range map[string]double.Fault{
		`fault "x": unknown kind "explode"`:            {Name: "x", Kind: "explode"},
		`unknown kind ""`:                              {},
		`fault "x": path: error parsing regexp`:        {Name: "x", Kind: double.Answer, Path: "("},
		`fault "x": 42 is not the status of an answer`: {Name: "x", Kind: double.Answer, Status: 42},
		`100 is not the status of an answer`:           {Kind: double.AnswerAfter, Status: 100},
		`1000 is not the status of an answer`:          {Kind: double.Answer, Status: 1000},
	} {
		if err := c.Inject(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", f, err, want)
		}
	}
	if got := call(t, &http.Client{Transport: c.RoundTripper()}, "GET", "https://counter.example.org", ""); got != "202 "+answer {
		t.Error(got)
	}
}

// TestClearFaults: those that always act are gone too.
func TestClearFaults(t *testing.T) {
	c := newCounter()
	c.inject(t, double.Fault{Name: "first", Kind: double.DropBefore, Skip: 1})
	c.inject(t, double.Fault{Kind: double.DropBefore, Times: -1})
	if left := c.Armed(); len(left) != 1 || left[0].Name != "first" || left[0].Times != 1 {
		t.Errorf("armed: %+v", left)
	}
	c.ClearFaults()
	if got := call(t, &http.Client{Transport: c.RoundTripper()}, "GET", "https://counter.example.org", ""); got != "202 "+answer || len(c.Armed()) != 0 {
		t.Error(got, c.Armed())
	}
}

// TestDelay lasts as long as it says, in process on a fake clock.
func TestDelay(t *testing.T) {
	for _, kind := range []double.Kind{double.Delay, double.SlowBody} {
		synctest.Test(t, func(t *testing.T) {
			c := newCounter()
			c.inject(t, double.Fault{Kind: kind, Delay: time.Minute})
			began := time.Now()
			got := call(t, &http.Client{Transport: c.RoundTripper()}, "GET", "https://counter.example.org", "")
			if took := time.Since(began); took != time.Minute || got != "202 "+answer {
				t.Error(kind, took, got)
			}
		})
	}
}

// TestAClientThatGivesUpGetsNoAnswer, although the work is done: it may still read while it hangs up,
// and would then see an answer or not, whoever is faster.
func TestAClientThatGivesUpGetsNoAnswer(t *testing.T) {
	for _, kind := range []double.Kind{double.Delay, double.SlowBody} {
		ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
			c.inject(t, double.Fault{Kind: kind, Delay: time.Hour})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			req, err := http.NewRequestWithContext(ctx, "PUT", base, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			all.Go(func() {
				res, err := client.Do(req)
				if err == nil { // the header of a slow body
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", kind, err)
				}
			})
			if _, err := c.WaitRequest(t.Context(), func(r double.Request) bool { return r.Status < 0 }); err != nil { // it has arrived
				t.Fatal(err)
			}
			stop()
			all.Wait()
			ended, err := c.WaitRequest(t.Context(), func(r double.Request) bool { return r.Status >= 0 })
			if err != nil || ended.Status != 0 || c.reached() != 1 {
				t.Errorf("%s: %+v, %v, %d effects", kind, ended, err, c.reached())
			}
		})
	}
}
