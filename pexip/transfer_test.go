package pexip_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// A client with a total timeout could never send a package over a slow link: hours are fine as long
// as bytes move.
func TestUploadHasNoTotalTimeout(t *testing.T) {
	p := pack(t, 512*kib, "39.1", "83067")
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{TokenLifetime: 24 * time.Hour}, smallChunks)
		srv.SetUploadRate(64)
		began := time.Now()
		_, err := c.Upload(t.Context(), begin(t, c, p), p, nil)
		ok(t, err)
		if d := time.Since(began); d < 2*time.Hour {
			t.Errorf("took %s, was not slow", d)
		}
		arrived(t, srv, p)
	})
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{TokenLifetime: 24 * time.Hour}, nil)
		srv.SetUploadRate(64)
		began := time.Now()
		_, err := c.UploadAndStart(t.Context(), p, nil)
		ok(t, err)
		if d := time.Since(began); d < 2*time.Hour || srv.StartCount() != 1 {
			t.Errorf("took %s, %d started", d, srv.StartCount())
		}
	})
}

// The error of a stall names what the request was doing.
func TestStallNamesThePhase(t *testing.T) {
	p := pack(t, 600*kib, "39.1", "83067")
	stall := func(edit func(*pexip.Config), set func(*pexiptest.Server)) error {
		var err error
		synctest.Test(t, func(t *testing.T) {
			srv, c := inProcess(t, pexiptest.Options{}, edit)
			set(srv)
			_, err = c.UploadAndStart(t.Context(), p, nil)
		})
		return err
	}
	hour := func(srv *pexiptest.Server) {
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "platform/upgrade", Delay: time.Hour})
	}
	fails(t, stall(nil, hour), nil, "nothing moved for 2m0s while connecting", "nothing was started")
	slowSink := func(c *pexip.Config) {
		inner := c.HTTPClient.Transport
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/upgrade/") {
				return inner.RoundTrip(r)
			}
			_, _ = io.ReadFull(r.Body, make([]byte, 10000))
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
	}
	fails(t, stall(slowSink, func(*pexiptest.Server) {}), nil, "nothing moved for 2m0s while sending", "nothing was started")
	digesting := func(c *pexip.Config) {
		inner := c.HTTPClient.Transport
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			res, err := inner.RoundTrip(r)
			if strings.HasSuffix(r.URL.Path, "/upgrade/") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return res, err
		})}
	}
	fails(t, stall(digesting, func(*pexiptest.Server) {}), pexip.ErrOutcomeUnknown, "nothing moved for 15m0s while server is digesting")
}

// stuck is a file on a share that went away: reading it never ends.
type stuck struct {
	io.ReaderAt
	from int64
	stop chan struct{}
	hit  chan struct{}
}

func newStuck(t *testing.T, content io.ReaderAt, from int64) *stuck {
	s := &stuck{content, from, make(chan struct{}), make(chan struct{}, 8)}
	t.Cleanup(func() { close(s.stop) })
	return s
}

func (s *stuck) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > s.from {
		s.hit <- struct{}{}
		<-s.stop
		return 0, errors.New("stale file handle")
	}
	return s.ReaderAt.ReadAt(b, off)
}

// Neither cancelling nor the watchdog waits for a read that hangs.
func TestAFileThatHangs(t *testing.T) {
	p := pack(t, 3*chunkSize, "39.1", "83067")
	content := p.Content
	t.Run("watchdog", func(t *testing.T) {
		t.Parallel() // it waits, as the others do
		srv, c := overTLS(t, pexiptest.Options{}, func(c *pexip.Config) { smallChunks(c); c.StallTimeout = 50 * time.Millisecond })
		p := p
		p.Content = newStuck(t, content, chunkSize)
		id := begin(t, c, p)
		_, err := c.Upload(t.Context(), id, p, nil)
		fails(t, err, nil, "it hangs at byte 65536", "look at the disk or network share", "while reading the package")
		_, err = c.UploadAndStart(t.Context(), p, nil)
		fails(t, err, nil, "it hangs at byte 0", "nothing was started")
		if srv.StartAttempts() != 0 {
			t.Error("started")
		}
	})
	for name, call := range map[string]func(context.Context, *pexip.Client, string, pexip.Package) error{
		"sending": func(ctx context.Context, c *pexip.Client, id string, p pexip.Package) error {
			_, err := c.Upload(ctx, id, p, nil)
			return err
		},
		"one shot": func(ctx context.Context, c *pexip.Client, _ string, p pexip.Package) error {
			_, err := c.UploadAndStart(ctx, p, nil)
			return err
		},
		"hashing": func(ctx context.Context, c *pexip.Client, id string, p pexip.Package) error {
			_, err := c.Upload(ctx, id, p, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := overTLS(t, pexiptest.Options{}, smallChunks)
			p := p
			id := begin(t, c, p)
			if name == "hashing" {
				p.Content = content
				inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Skip: 2, Status: 403})
				_, err := c.Upload(t.Context(), id, p, nil)
				fails(t, err, pexip.ErrForbidden)
			}
			s := newStuck(t, content, 0)
			p.Content = s
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-s.hit; cancel() }()
			began := time.Now()
			fails(t, call(ctx, c, id, p), context.Canceled, "it hangs")
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("took %s after the cancellation", d)
			}
		})
	}
}

// A cancelled upload ends while the node is still reading slowly.
func TestCancellingIsPrompt(t *testing.T) {
	p := pack(t, 16<<20, "39.1", "83067")
	for name, send := range map[string]func(context.Context, *pexip.Client, string, func(pexip.Progress)) error{
		"chunks": func(ctx context.Context, c *pexip.Client, id string, progress func(pexip.Progress)) error {
			_, err := c.Upload(ctx, id, p, progress)
			return err
		},
		"one shot": func(ctx context.Context, c *pexip.Client, _ string, progress func(pexip.Progress)) error {
			_, err := c.UploadAndStart(ctx, p, progress)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := overTLS(t, pexiptest.Options{}, nil)
			id := begin(t, c, p)
			srv.SetUploadRate(100 * kib)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var at time.Time
			err := send(ctx, c, id, func(p pexip.Progress) {
				if p.Phase == pexip.Sending && at.IsZero() {
					at = time.Now()
					cancel()
				}
			})
			fails(t, err, context.Canceled)
			if d := time.Since(at); d > 5*time.Second {
				t.Errorf("took %s", d)
			}
			if srv.StartAttempts() != 0 {
				t.Error("started")
			}
		})
	}
}

// A client of another make repeats a failed chunk with an empty body and calls it success. Every
// request here carries all of its bytes.
func TestRepeatedChunksAreWhole(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, smallChunks)
	p := pack(t, 4*chunkSize, "39.1", "83067")
	id := begin(t, c, p)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.AnswerAfter, Path: "/upload/", Status: 503, Skip: 1},
		pexiptest.Fault{Kind: pexiptest.CutBody, Path: "/upload/", BodyLimit: 100}, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "/upload/"})
	_, err := c.Upload(t.Context(), id, p, nil)
	ok(t, err)
	arrived(t, srv, p)
	for _, r := range srv.Requests() {
		if strings.HasSuffix(r.URL, "/upload/") && (r.ContentLength != chunkSize || r.Status == 200 && r.BodyBytes != chunkSize) {
			t.Errorf("a chunk declared %d bytes and carried %d: %d", r.ContentLength, r.BodyBytes, r.Status)
		}
	}
}

// The node restarts in the middle of an upload: it goes on afterwards where the node is.
func TestUploadOutlastsARestart(t *testing.T) {
	bothWays(t, pexiptest.Options{Speed: 10000}, func(c *pexip.Config) { smallChunks(c) }, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		p := pack(t, 5*chunkSize, "39.1", "83067")
		id := begin(t, c, p)
		ok(t, srv.RebootAt("POST", "/upload/"))
		done, err := c.Upload(t.Context(), id, p, nil)
		ok(t, err)
		arrived(t, srv, p)
		if done.Bytes != p.Size {
			t.Errorf("%+v: the first chunk had taken effect", done)
		}
	})
}

// An offset that lies low makes the node refuse the chunk, and the upload asks again; one that
// lies high is somebody else's sending.
func TestUploadWithALyingOffset(t *testing.T) {
	p := pack(t, 4*chunkSize, "39.1", "83067")
	srv, c := inProcess(t, pexiptest.Options{}, smallChunks)
	id := begin(t, c, p)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Skip: 2, Status: 503})
	lied := false
	_, err := c.Upload(t.Context(), id, p, func(at pexip.Progress) {
		if at.Phase == pexip.Waiting && !lied {
			lied = true
			ok(t, srv.ShiftOffset(id, -chunkSize, 1))
		}
	})
	ok(t, err)
	arrived(t, srv, p)
	srv, c = inProcess(t, pexiptest.Options{}, smallChunks)
	id = begin(t, c, p)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Skip: 2, Status: 503})
	_, err = c.Upload(t.Context(), id, p, func(at pexip.Progress) {
		if at.Phase == pexip.Waiting {
			ok(t, srv.ShiftOffset(id, chunkSize, -1))
		}
	})
	fails(t, err, pexip.ErrConflict, "somebody else is sending")
}

// An answer that comes slowly is read to its end; one that stops is a stall.
func TestSlowAnswers(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, func(c *pexip.Config) { c.StallTimeout = 60 * time.Millisecond; c.RetryWait = time.Millisecond })
	_, err := c.Alarms(t.Context())
	ok(t, err)
	ok(t, srv.SlowAnswer("GET", "v1/alarm", 5*time.Millisecond))
	_, err = c.Alarms(t.Context())
	ok(t, err)
	for range 4 {
		ok(t, srv.SlowAnswer("GET", "v1/alarm", time.Minute))
	}
	_, err = c.Alarms(t.Context())
	fails(t, err, nil, "the answer broke off", "while receiving the answer")
	if !pexip.Unavailable(err) {
		t.Error("a stall does not count as unavailable")
	}
}

// A request that is broken off, by the caller or for a stall, may still be answered: the node complains
// about the body that ended early. That is not why it failed.
func TestAnswerToWhatWasBrokenOff(t *testing.T) {
	p := pack(t, 600*kib, "39.1", "83067")
	for name, send := range map[string]func(context.Context, *pexip.Client, string) error{
		"chunks": func(ctx context.Context, c *pexip.Client, id string) error {
			_, err := c.Upload(ctx, id, p, nil)
			return err
		},
		"one shot": func(ctx context.Context, c *pexip.Client, _ string) error {
			_, err := c.UploadAndStart(ctx, p, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) {
					inner := c.HTTPClient.Transport
					c.UploadRetry = time.Nanosecond
					c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						if r.ContentLength < 100*kib {
							return inner.RoundTrip(r)
						}
						_, _ = io.ReadFull(r.Body, make([]byte, 10000))
						<-r.Context().Done()
						return &http.Response{StatusCode: 400, Body: io.NopCloser(strings.NewReader(`{"error":"unexpected EOF"}`)), Request: r}, nil
					})}
				})
				id := begin(t, c, p)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := send(ctx, c, id)
				fails(t, err, context.DeadlineExceeded)
				if errors.Is(err, pexip.ErrOutcomeUnknown) {
					t.Errorf("what was not sent whole cannot have started: %v", err)
				}
				fails(t, send(t.Context(), c, id), nil, "nothing moved for 2m0s while sending")
				if srv.StartAttempts() != 0 {
					t.Error("started")
				}
			})
		})
	}
}
