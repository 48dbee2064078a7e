package double_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
)

// TestTheLog says what arrived, in order, with the path as it was sent and without headers.
func TestTheLog(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		c.inject(t, double.Fault{Name: "no luck", Kind: double.DropAfter, Method: "PUT"})
		call(t, client, "GET", base+"/a%20b?x=%2F", "")
		call(t, client, "PUT", base+"/c", "text")
		want := []double.Request{
			{Seq: 1, System: "counter", Method: "GET", URL: "/a%20b?x=%2F", Status: 202},
			{Seq: 2, System: "counter", Method: "PUT", URL: "/c", Body: []byte("text"), BodyBytes: 4, ContentLength: 4, Fault: "no luck"},
		}
		got := c.Requests()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(double.Request{}, "At"), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		if !got[0].ReadOnly() || got[1].ReadOnly() || got[0].At.Location() != time.UTC {
			t.Errorf("%+v", got)
		}
		c.ForgetRequests()
		call(t, client, "GET", base, "")
		if got := c.Requests(); len(got) != 1 || got[0].Seq != 3 {
			t.Errorf("after forgetting: %+v", got)
		}
	})
}

// TestBodiesAreCountedInFullAndKeptInPart: an upload of gigabytes must not fill the log.
func TestBodiesAreCountedInFullAndKeptInPart(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		res, err := client.Post(base, "text/plain", io.LimitReader(bytes.NewReader(make([]byte, 1<<20)), 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body) // to its end, when the request is logged in full
		res.Body.Close()
		if got := c.Requests()[0]; len(got.Body) != 64<<10 || got.BodyBytes != 1<<20 || got.ContentLength != -1 && got.ContentLength != 0 {
			t.Errorf("%d of %d bytes, declared %d, status %d", len(got.Body), got.BodyBytes, got.ContentLength, got.Status)
		}
	})
}

// TestBodyBytesTellWhereAnUploadWasCut.
func TestBodyBytesTellWhereAnUploadWasCut(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		c.inject(t, double.Fault{Kind: double.CutBody, BodyLimit: 1000})
		if got := call(t, client, "POST", base, strings.Repeat("x", 5000)); got != "no answer" {
			t.Error(got)
		}
		if got := c.Requests()[0]; got.BodyBytes != 1000 || got.ContentLength != 5000 || got.Status != 0 || c.reached() != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestAHostThatIsDown is not reached, logs nothing, and spends no fault.
func TestAHostThatIsDown(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		c.inject(t, double.Fault{Kind: double.Answer, Status: 418})
		c.SetDown(true)
		if got := call(t, client, "GET", base, ""); got != "no answer" || !c.Down() || len(c.Requests()) != 0 || len(c.Armed()) != 1 {
			t.Error(got, c.Requests(), c.Armed())
		}
		c.SetDown(false)
		if got := call(t, client, "GET", base, ""); got != "418" {
			t.Error(got)
		}
	})
}

// TestAConnectionThatIsOpenWhenTheHostGoesDown breaks too.
func TestAConnectionThatIsOpenWhenTheHostGoesDown(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		call(t, client, "GET", base, "")
		c.SetDown(true)
		if got := call(t, client, "PUT", base, "x"); got != "no answer" || c.reached() != 1 {
			t.Error(got, c.reached())
		}
	})
}

// TestErrorsOfTheTransportInProcess can be told apart.
func TestErrorsOfTheTransportInProcess(t *testing.T) {
	c := newCounter()
	client := &http.Client{Transport: c.RoundTripper()}
	get := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, "GET", "https://counter.example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(req)
		return err
	}
	c.inject(t, double.Fault{Kind: double.DropBefore})
	if err := get(t.Context()); !errors.Is(err, double.ErrDropped) {
		t.Error(err)
	}
	c.SetDown(true)
	if err := get(t.Context()); !errors.Is(err, double.ErrRefused) {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := get(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestAHandlersOwnPanic is a bug of the double and must not look like a dropped connection.
func TestAHandlersOwnPanic(t *testing.T) {
	var c double.Core
	c.Init("broken", nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	defer func() {
		if got := recover(); got != "a bug" {
			t.Error(got)
		}
	}()
	_, err := (&http.Client{Transport: c.RoundTripper()}).Get("https://broken.example.org")
	t.Error("it went on:", err)
}

// TestHeadHasNoBody, in process as over a socket.
func TestHeadHasNoBody(t *testing.T) {
	ways(t, func(t *testing.T, c *counter, client *http.Client, base string) {
		if got := call(t, client, "HEAD", base, ""); got != "202" {
			t.Error(got)
		}
	})
}

// TestWaitRequest returns at once for what has arrived, and ends with its context.
func TestWaitRequest(t *testing.T) {
	c := newCounter()
	call(t, &http.Client{Transport: c.RoundTripper()}, "GET", "https://counter.example.org/here", "")
	got, err := c.WaitRequest(t.Context(), func(r double.Request) bool { return r.URL == "/here" })
	if err != nil || got.Seq != 1 {
		t.Error(got, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.WaitRequest(ctx, func(r double.Request) bool { return r.URL == "/there" }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestTheClockIsTheDoublesOwn.
func TestTheClockIsTheDoublesOwn(t *testing.T) {
	at := time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)
	var c double.Core
	c.Init("clock", func() time.Time { return at }, http.NotFoundHandler())
	call(t, &http.Client{Transport: c.RoundTripper()}, "GET", "https://clock.example.org", "")
	if !c.Now().Equal(at) || !c.Requests()[0].At.Equal(at) {
		t.Error(c.Now(), c.Requests())
	}
}

// TestServe needs its certificate to be trusted, and an address that exists.
func TestServe(t *testing.T) {
	c := newCounter()
	if _, err := double.Serve("256.0.0.1:0", c, c.Down); err == nil {
		t.Error("it listens on an impossible address")
	}
	srv, err := double.Serve("127.0.0.1:0", c, c.Down)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if got := call(t, &http.Client{}, "GET", srv.URL, ""); got != "no answer" || c.reached() != 0 {
		t.Error("reached without trust:", got)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(srv.CertificatePEM()) {
		t.Fatal("no certificate")
	}
	own := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer own.CloseIdleConnections()
	if got := call(t, &http.Client{Transport: own}, "GET", srv.URL, ""); got != "202 "+answer {
		t.Error(got)
	}
}

// TestWriteJSON has the media type that it is given.
func TestWriteJSON(t *testing.T) {
	var c double.Core
	c.Init("json", nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		double.WriteJSON(w, http.StatusConflict, "application/json; charset=utf-8", map[string]int{"n": 1})
	}))
	res, err := (&http.Client{Transport: c.RoundTripper()}).Get("https://json.example.org")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := io.ReadAll(res.Body)
	if res.StatusCode != 409 || res.Header.Get("Content-Type") != "application/json; charset=utf-8" || string(raw) != "{\"n\":1}\n" {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, raw)
	}
}

// Close waits for no delay, also where the body of the request was not read, and no client could be seen to go.
func TestCloseEndsADelay(t *testing.T) {
	c := newCounter()
	c.inject(t, double.Fault{Kind: double.Delay, Delay: time.Hour})
	srv, err := double.Serve("", c, c.Down)
	if err != nil {
		t.Fatal(err)
	}
	var sent sync.WaitGroup
	sent.Go(func() {
		res, err := srv.Client().Post(srv.URL, "", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err == nil {
			res.Body.Close()
			t.Error("it was answered: ", res.Status)
		}
	})
	if _, err := c.WaitRequest(t.Context(), func(r double.Request) bool { return r.Status < 0 }); err != nil { // it has arrived
		t.Fatal(err)
	}
	srv.Close()
	sent.Wait()
}
