package pexip_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// sink takes uploads of either kind and throws the bytes away, as fast as perSecond allows.
type sink struct {
	*httptest.Server
	perSecond float64 // 0: as fast as it goes

	mu       sync.Mutex
	offset   int64
	declared int64 // Content-Length of all uploads together
	received int64
	chunked  bool // a request came without a length
}

// newSink starts one on loopback, with or without TLS.
func newSink(tb testing.TB, secure bool, perSecond float64) *sink {
	tb.Helper()
	s := &sink{perSecond: perSecond}
	s.Server = httptest.NewUnstartedServer(s)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	tb.Cleanup(s.Close)
	return s
}

// transport reaches the sink under an https address, although it may speak no TLS.
func (s *sink) transport(tb testing.TB) *http.Transport {
	tb.Helper()
	t, err := pexip.NewTransport(pexip.Config{DangerouslySkipTLSVerification: true})
	if err != nil {
		tb.Fatal(err)
	}
	if s.TLS == nil {
		t.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}
	} else {
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

func (s *sink) address() string { return "https://" + s.Listener.Addr().String() }

// rewind forgets what was uploaded.
func (s *sink) rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset, s.declared, s.received, s.chunked = 0, 0, 0, false
}

func (s *sink) client(tb testing.TB, edit func(*pexip.Config)) *pexip.Client {
	tb.Helper()
	cfg := pexip.Config{URL: s.address(), Basic: &pexip.Basic{Username: "u", Password: "p"}, HTTPClient: &http.Client{Transport: s.transport(tb)},
		ChunkEncoding: pexip.RawContentRange}
	if edit != nil {
		edit(&cfg)
	}
	c, err := pexip.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(w, `{"uuid":%q,"offset":%d}`, path.Base(r.URL.Path), s.offset)
		return
	}
	n := s.drain(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chunked = s.chunked || r.ContentLength < 0
	s.declared += r.ContentLength
	s.received += n
	if strings.HasSuffix(r.URL.Path, "/upload/") {
		s.offset += n
	}
	fmt.Fprint(w, `{"ok":true}`)
}

// drain reads all, no faster than the link would be.
func (s *sink) drain(body io.Reader) (n int64) {
	began := time.Now()
	b := make([]byte, 256*kib)
	for {
		k, err := body.Read(b)
		n += int64(k)
		if err != nil {
			return n
		}
		if s.perSecond > 0 {
			if ahead := time.Duration(float64(n)/s.perSecond*float64(time.Second)) - time.Since(began); ahead > 0 {
				<-time.After(ahead)
			}
		}
	}
}
