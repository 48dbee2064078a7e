package features_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/h2non/gock"
)

func (w *world) callSteps() []step {
	return []step{
		{`^"([^"]*)" is answered (\d+) times? with an error page$`, w.errorPage},
		{`^"([^"]*)" was called (\d+) times?$`, w.calledTimes},
		{`^nothing has been changed on any system$`, w.nothingChanged},
		{`^the answer to "([^"]*)" is lost once$`, w.answerLost},
		{`^the request "([^"]*)" is lost once$`, w.requestLost},
		{`^the workstation stops right after "([^"]*)"$`, w.stopsAfter},
		{`^these calls were made in this order:$`, w.exactly},
		{`^these calls were made in this order, among others:$`, w.among},
	}
}

var (
	errReset   = errors.New("connection reset by peer")
	errStopped = errors.New("the workstation is off")
)

// front makes a mock for the first requests that are the named call.
func (w *world) front(name string, answer func(*gock.Request, http.RoundTripper)) {
	w.mocks = append(w.mocks, func() {
		host, part := w.target(name)
		req := gock.New(host).AddMatcher(func(req *http.Request, _ *gock.Request) (bool, error) { return w.is(req, name) })
		w.named[req.Mock] = name
		answer(req, part)
	})
}

// target is where a call goes.
func (w *world) target(name string) (string, http.RoundTripper) {
	system, _, _ := strings.Cut(name, ":")
	hosts := map[string]string{"Pexip Test": w.sim.Test.URL, "Pexip Production": w.sim.Production.URL, "Azure": "https://management.azure.com",
		"Azure DevOps": "https://dev.azure.com"}
	return hosts[system], w.hosts()[hosts[system]]
}

// maxPeek bounds what is read of a body to recognise a call; the parts of a package are known by address.
const maxPeek = 64 << 10

func (w *world) is(req *http.Request, name string) (bool, error) {
	system, _, _ := strings.Cut(name, ":")
	var body []byte
	if req.Body != nil && req.ContentLength < maxPeek {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return false, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	for part, title := range systems() {
		if c, ok := callOf(part, req.Method, req.URL.RequestURI(), body); title == system && ok && c.String() == name {
			return true, nil
		}
	}
	return false, nil
}

func (w *world) answerLost(name string) {
	w.front(name, func(mock *gock.Request, part http.RoundTripper) {
		mock.Reply(http.StatusOK).Map(func(res *http.Response) *http.Response {
			pass(part, res.Request)
			return broken(res.Request, errReset)
		})
	})
}

func (w *world) requestLost(name string) {
	w.front(name, func(mock *gock.Request, _ http.RoundTripper) { mock.ReplyError(errReset) })
}

func (w *world) errorPage(name string, times int) {
	w.front(name, func(mock *gock.Request, _ http.RoundTripper) {
		mock.Times(times).Reply(http.StatusBadGateway).SetHeader("Content-Type", "text/html").BodyString("<html><title>502 Bad Gateway</title></html>")
	})
}

// stopsAfter lets the call take effect and the operator's process end before it knows.
func (w *world) stopsAfter(name string) {
	w.front(name, func(mock *gock.Request, part http.RoundTripper) {
		mock.Reply(http.StatusOK).Map(func(res *http.Response) *http.Response {
			pass(part, res.Request)
			w.stop()
			return broken(res.Request, errStopped)
		})
	})
}

func (w *world) calledTimes(name string, want int) error {
	if got := w.times(name); got != want {
		return fmt.Errorf("%q was called %d times, wanted %d; all calls:\n  %s", name, got, want, strings.Join(arranged(w.calls()), "\n  "))
	}
	return nil
}

func (w *world) nothingChanged() error {
	if calls := arranged(w.calls()); len(calls) > 0 {
		return fmt.Errorf("these calls were made:\n  %s", strings.Join(calls, "\n  "))
	}
	return nil
}
