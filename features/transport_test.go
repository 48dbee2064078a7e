package features_test

import (
	"errors"
	"io"
	"net/http"

	"github.com/h2non/gock"
)

// transport is what every client of a session uses: gock, and never the network.
type transport struct{}

var errOffline = errors.New("no request may leave this test")

// RoundTrip turns the answer that stands for a broken connection into an error: gock can reply an
// error only if it is known beforehand.
func (transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !gock.Intercepting() {
		return nil, errOffline
	}
	res, err := gock.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if broken, ok := res.Body.(brokenBody); ok {
		return nil, broken.err
	}
	return res, nil
}

type brokenBody struct {
	io.ReadCloser
	err error
}

// broken is an answer that never arrived.
func broken(req *http.Request, err error) *http.Response {
	return &http.Response{StatusCode: http.StatusBadGateway, Header: http.Header{}, Body: brokenBody{http.NoBody, err}, Request: req}
}

// pass hands a request to a part of the simulated world.
func pass(part http.RoundTripper, req *http.Request) *http.Response {
	res, err := part.RoundTrip(req)
	if err != nil {
		return broken(req, err)
	}
	res.Request = req
	return res
}
