package pexip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

const (
	kib       = 1 << 10
	chunkSize = 64 * kib
)

func smallChunks(c *pexip.Config) { c.ChunkSize = chunkSize }

// begin makes a request for p.
func begin(t *testing.T, c *pexip.Client, p pexip.Package) string {
	t.Helper()
	r, err := c.CreateUpgradeRequest(t.Context(), p.Size)
	ok(t, err)
	return r.ID
}

// arrived wants the node to have exactly p.
func arrived(t *testing.T, srv *pexiptest.Server, p pexip.Package) {
	t.Helper()
	u := srv.State().Uploads
	if len(u) != 1 || u[0].Offset != p.Size || u[0].SHA256 != p.SHA256 {
		t.Errorf("the node has %+v, want %d bytes with %s", u, p.Size, p.SHA256)
	}
}

// The form of a chunk is not documented: each candidate works with a node that takes it.
func TestUploadInEveryEncoding(t *testing.T) {
	p := pack(t, 3*chunkSize+17, "39.1", "83067")
	for _, e := range pexip.ChunkEncodings() {
		t.Run(string(e), func(t *testing.T) {
			bothWays(t, pexiptest.Options{ChunkEncoding: e}, smallChunks, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
				done, err := c.Upload(t.Context(), begin(t, c, p), p, nil)
				ok(t, err)
				arrived(t, srv, p)
				if done != (pexip.Uploaded{SHA256: p.SHA256, Bytes: p.Size, Attempts: 4}) {
					t.Errorf("%+v", done)
				}
				for _, r := range srv.Requests() {
					if strings.HasSuffix(r.URL, "/upload/") && r.ContentLength != r.BodyBytes {
						t.Errorf("chunk of %d bytes declared %d", r.BodyBytes, r.ContentLength)
					}
				}
			})
		})
	}
}

// No form of chunk is a safe guess, so none is the default.
func TestUploadNeedsAnEncoding(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.ChunkEncoding = "" })
	_, err := c.Upload(t.Context(), "id", pack(t, 1024, "39", "1"), nil)
	fails(t, err, nil, "ChunkEncoding is not set", "upload by hand")
	if len(srv.Requests()) != 0 {
		t.Error("a request was sent")
	}
}

func TestUploadChecksThePackage(t *testing.T) {
	_, c := inProcess(t, pexiptest.Options{}, nil)
	_, err := c.Upload(t.Context(), "id", pexip.Package{}, nil)
	fails(t, err, nil, "package.tar", "checksum", "size", "content")
}

// A node that takes another form may refuse a chunk, or say yes and keep nothing: success is the
// offset that it tells, not the status.
func TestUploadInTheWrongEncodingGivesUp(t *testing.T) {
	p := pack(t, 3*chunkSize, "39.1", "83067")
	// The node refuses it.
	srv, c := inProcess(t, pexiptest.Options{ChunkEncoding: pexip.MultipartFile}, func(c *pexip.Config) { c.ChunkEncoding = pexip.RawContentRange })
	_, err := c.Upload(t.Context(), begin(t, c, p), p, nil)
	fails(t, err, nil, "400", "0 of 196608 bytes are there")
	if n := sent(srv, "POST", "/upload/"); n != 1 {
		t.Errorf("%d chunks sent", n)
	}
	// The node says yes and takes nothing, or answers nonsense.
	for _, body := range []string{`{"ok":true}`, `<title>Upload`, `{"ok":false}`} {
		srv, c = inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, answer("/upload/", body))
		_, err = c.Upload(t.Context(), begin(t, c, p), p, nil)
		fails(t, err, nil, "accepts chunks but stays at byte 0", "raw-content-range")
	}
	// The node takes the envelope for content.
	srv, c = inProcess(t, pexiptest.Options{}, smallChunks)
	id := begin(t, c, p)
	inject(t, srv, answer("/upload/", `{"ok":true}`), pexiptest.Fault{Kind: pexiptest.Answer, Path: id + "/$", Skip: 1, Status: 200, Times: -1,
		Body: fmt.Sprintf(`{"uuid":%q,"offset":%d}`, id, chunkSize+200)})
	_, err = c.Upload(t.Context(), id, p, nil)
	fails(t, err, pexip.ErrConflict, "somebody else")
}

// A chunk may fail in every way; the upload asks for the offset and goes on.
func TestUploadOutlastsFailures(t *testing.T) {
	p := pack(t, 4*chunkSize+5, "39.1", "83067")
	for _, f := range []pexiptest.Fault{
		{Kind: pexiptest.DropBefore}, {Kind: pexiptest.DropAfter}, {Kind: pexiptest.CutBody, BodyLimit: 1000},
		{Kind: pexiptest.Answer, Status: 500}, {Kind: pexiptest.Answer, Status: 502, Body: "<html>"}, {Kind: pexiptest.Answer, Status: 429, Header: http.Header{"Retry-After": {"0"}}},
		{Kind: pexiptest.AnswerAfter, Status: 503}, {Kind: pexiptest.AnswerAfter, Status: 504}, {Kind: pexiptest.AnswerAfter, Status: 200, Body: "<html>"},
		{Kind: pexiptest.AnswerAfter, Status: 400, Body: `{"error":"offsets do not match"}`}, {Kind: pexiptest.Truncate}, {Kind: pexiptest.CutAnswer}, {Kind: pexiptest.Answer, Status: 408},
		{Kind: pexiptest.Answer, Status: 401},
	} {
		for _, skip := range []int{0, 1, 4} {
			t.Run(fmt.Sprintf("%s %d at chunk %d", f.Kind, f.Status, skip), func(t *testing.T) {
				bothWays(t, pexiptest.Options{}, smallChunks, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
					f := f
					f.Path, f.Skip = "/upload/", skip
					inject(t, srv, f)
					id := begin(t, c, p)
					done, err := c.Upload(t.Context(), id, p, nil)
					ok(t, err)
					arrived(t, srv, p)
					if done.SHA256 != p.SHA256 || done.Attempts < 5 || done.Attempts > 6 {
						t.Errorf("%+v", done)
					}
				})
			})
		}
	}
}

// Minutes without the node are part of an upload of hours.
func TestUploadOutlastsANodeThatIsAway(t *testing.T) {
	bothWays(t, pexiptest.Options{}, smallChunks, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		p := pack(t, 3*chunkSize, "39.1", "83067")
		id := begin(t, c, p)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.CutBody, Path: "/upload/", BodyLimit: 10, Skip: 1},
			pexiptest.Fault{Kind: pexiptest.Answer, Path: id + "/$", Status: 503, Skip: 2, Times: 9})
		var phases []pexip.Phase
		_, err := c.Upload(t.Context(), id, p, func(p pexip.Progress) {
			if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
				phases = append(phases, p.Phase)
			}
		})
		ok(t, err)
		arrived(t, srv, p)
		if want := []pexip.Phase{pexip.Sending, pexip.Waiting, pexip.Sending, pexip.Digesting}; !slices.Equal(phases, want) {
			t.Errorf("phases %q, want %q", phases, want)
		}
	})
}

func TestUploadGivesUpInTheEnd(t *testing.T) {
	p := pack(t, 3*chunkSize, "39.1", "83067")
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) {
			c.ChunkSize, c.PollInterval, c.UploadRetry = chunkSize, 5*time.Second, 10*time.Minute
		})
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: 503, Skip: 1, Times: -1})
		began := time.Now()
		_, err := c.Upload(t.Context(), begin(t, c, p), p, nil)
		fails(t, err, nil, "65536 of 196608 bytes", "no progress for 10m", "503")
		if d := time.Since(began); d < 10*time.Minute || d > 11*time.Minute {
			t.Errorf("gave up after %s", d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.UploadRetry, c.PollInterval = 10*time.Minute, 5*time.Second })
		id := begin(t, c, p)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "/upload/"}, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: id + "/$", Skip: 1, Times: -1})
		_, err := c.Upload(t.Context(), id, p, nil)
		fails(t, err, context.DeadlineExceeded, "ask the node how far it got", "connection reset")
	})
	// The wait ends with the context.
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.PollInterval = 5 * time.Minute })
		id := begin(t, c, p)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: 503, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Upload(ctx, id, p, nil)
		fails(t, err, context.DeadlineExceeded, "503", "calling again resumes")
	})
}

// What no waiting cures ends the upload with its reason.
func TestUploadStopsAtOnce(t *testing.T) {
	p := pack(t, 3*chunkSize, "39.1", "83067")
	for status, want := range map[int]error{403: pexip.ErrForbidden, 404: pexip.ErrNotFound, 413: nil, 415: nil, 501: nil, 405: nil} {
		srv, c := inProcess(t, pexiptest.Options{}, smallChunks)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: status, Times: -1})
		_, err := c.Upload(t.Context(), begin(t, c, p), p, nil)
		fails(t, err, want, fmt.Sprint(status))
		if n := sent(srv, "POST", "/upload/"); n != 1 {
			t.Errorf("%d: %d chunks sent", status, n)
		}
	}
	// A request that is gone while the upload is waiting.
	srv, c := inProcess(t, pexiptest.Options{}, smallChunks)
	id := begin(t, c, p)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "/upload/"}, pexiptest.Fault{Kind: pexiptest.Answer, Path: id + "/$", Skip: 1, Status: 404})
	_, err := c.Upload(t.Context(), id, p, nil)
	fails(t, err, pexip.ErrNotFound, "ask the node")
	_, err = c.Upload(t.Context(), "nobodys", p, nil)
	fails(t, err, pexip.ErrNotFound)
	// Wrong credentials.
	basic := client(t, srv, func(c *pexip.Config) { c.OAuth2, c.Basic = nil, srv.Basic() })
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: 401, Times: -1})
	_, err = basic.Upload(t.Context(), id, p, nil)
	fails(t, err, pexip.ErrUnauthorized)
	_, err = c.Upload(t.Context(), id, p, nil)
	fails(t, err, pexip.ErrUnauthorized)
}

// An upload goes on in another process, from where the node is and not from where we think it is.
func TestUploadResumes(t *testing.T) {
	bothWays(t, pexiptest.Options{}, smallChunks, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		p := pack(t, 4*chunkSize+9, "39.1", "83067")
		id := begin(t, c, p)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.Upload(ctx, id, p, func(p pexip.Progress) {
			if p.Done > 2*chunkSize {
				cancel()
			}
		})
		fails(t, err, context.Canceled)
		var hashed int64
		done, err := c.Upload(t.Context(), id, p, func(p pexip.Progress) {
			if p.Phase == pexip.Hashing {
				hashed = p.Done
			}
		})
		ok(t, err)
		arrived(t, srv, p)
		if there := done.Resumed; there < 2*chunkSize || there == p.Size || hashed != there || done.Bytes != p.Size-there || done.SHA256 != p.SHA256 {
			t.Errorf("%+v, hashed %d", done, hashed)
		}
		// Again: nothing is left to do.
		done, err = c.Upload(t.Context(), id, p, nil)
		ok(t, err)
		if done != (pexip.Uploaded{SHA256: p.SHA256, Resumed: p.Size}) {
			t.Errorf("%+v", done)
		}
	})
}

// After a failure only the node knows how much it has: a part of a chunk, less than before, or more
// than there is.
func TestUploadFollowsTheNodesOffset(t *testing.T) {
	p := pack(t, 6*chunkSize, "39.1", "83067")
	// The node kept a part of a chunk that broke off.
	srv := pexiptest.NewServer(pexiptest.Options{KeepPartialChunks: true})
	c := client(t, srv, func(c *pexip.Config) {
		smallChunks(c)
		c.HTTPClient = &http.Client{Transport: cutting(srv.RoundTripper(), func(n int) int64 {
			if n == 2 || n == 6 {
				return 12345
			}
			return -1
		})}
	})
	done, err := c.Upload(t.Context(), begin(t, c, p), p, nil)
	ok(t, err)
	arrived(t, srv, p)
	if done.Bytes != p.Size {
		t.Errorf("sent %d bytes, want each once: %d", done.Bytes, p.Size)
	}
	// The node lost what it had.
	srv2, c2 := inProcess(t, pexiptest.Options{}, smallChunks)
	id := begin(t, c2, p)
	inject(t, srv2, pexiptest.Fault{Kind: pexiptest.Answer, Path: "/upload/", Status: 500, Skip: 4})
	lost := false
	done, err = c2.Upload(t.Context(), id, p, func(p pexip.Progress) {
		if p.Phase == pexip.Waiting && !lost {
			lost = true
			ok(t, srv2.RewindUpload(id, chunkSize))
		}
	})
	ok(t, err)
	arrived(t, srv2, p)
	if done.Bytes != 9*chunkSize || done.SHA256 != p.SHA256 {
		t.Errorf("%+v, want 4 chunks, then 5 from the second on", done)
	}
	// The node has more than the package.
	_, err = c2.Upload(t.Context(), id, pack(t, chunkSize, "39.1", "83067"), nil)
	fails(t, err, nil, "more than the package")
}

// cutting breaks the body of the nth upload request off after limit(n) bytes.
func cutting(inner http.RoundTripper, limit func(n int) int64) http.RoundTripper {
	n := 0
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/upload/") {
			n++
			if at := limit(n); at >= 0 {
				r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, at), brokenReader{}))
				if _, err := inner.RoundTrip(r); err != nil {
					return nil, err
				}
				return nil, errors.New("connection reset by peer")
			}
		}
		return inner.RoundTrip(r)
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// An offset beyond what was sent means that somebody else sends, too: going on would mix two packages.
func TestUploadDetectsAnotherSender(t *testing.T) {
	p := pack(t, 4*chunkSize, "39.1", "83067")
	srv, c := inProcess(t, pexiptest.Options{}, smallChunks)
	id := begin(t, c, p)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropBefore, Path: "/upload/", Skip: 1},
		pexiptest.Fault{Kind: pexiptest.Answer, Path: id + "/$", Skip: 2, Status: 200, Body: fmt.Sprintf(`{"uuid":%q,"offset":%d}`, id, 3*chunkSize)})
	_, err := c.Upload(t.Context(), id, p, nil)
	fails(t, err, pexip.ErrConflict, "only 65536 were sent")
}

// Three gigabytes take longer than a token lives.
func TestUploadRenewsTheToken(t *testing.T) {
	p := pack(t, 4*chunkSize, "39.1", "83067")
	srv, c := inProcess(t, pexiptest.Options{}, smallChunks)
	id := begin(t, c, p)
	expired := false
	_, err := c.Upload(t.Context(), id, p, func(p pexip.Progress) {
		if p.Done > chunkSize && !expired {
			expired = true
			srv.ExpireTokens()
		}
	})
	ok(t, err)
	arrived(t, srv, p)
	if n := sent(srv, "POST", "/oauth/token/"); n != 2 {
		t.Errorf("%d tokens", n)
	}
	// A token that ends between chunks is replaced before it does.
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{TokenLifetime: time.Hour}, smallChunks)
		id := begin(t, c, p)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "/upload/", Delay: 2 * time.Minute / 2, Times: -1})
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: id + "/$", Delay: 90 * time.Second, Times: -1})
		<-time.After(53 * time.Minute)
		_, err := c.Upload(t.Context(), id, p, nil)
		ok(t, err)
		for _, r := range srv.Requests() {
			if r.Status == 401 {
				t.Errorf("%s %s was refused", r.Method, r.URL)
			}
		}
	})
}

// The node has no checksum to compare with: bytes of the wrong file must not become complete there.
func TestUploadOfAnotherFileNeverCompletes(t *testing.T) {
	p := pack(t, 3*chunkSize+1, "39.1", "83067")
	p.SHA256 = strings.Repeat("ab", 32)
	bothWays(t, pexiptest.Options{}, smallChunks, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		id := begin(t, c, p)
		_, err := c.Upload(t.Context(), id, p, nil)
		fails(t, err, pexip.ErrChecksum, "do not use it")
		if u := srv.State().Uploads[0]; u.Offset != 3*chunkSize {
			t.Errorf("the node has %d of %d bytes, it must not have all", u.Offset, u.Total)
		}
		fails(t, c.StartUpgrade(t.Context(), id), nil, "not complete")
	})
	// The whole package is on the node already, and it is another one.
	_, c := inProcess(t, pexiptest.Options{}, nil)
	good := pack(t, 1000, "39.1", "83067")
	id := uploaded(t, c, good)
	bad := blob(make([]byte, 1000))
	bad.SHA256 = good.SHA256
	_, err := c.Upload(t.Context(), id, bad, nil)
	fails(t, err, pexip.ErrChecksum)
}

// failing gives an error, or ends, at a byte.
type failing struct {
	io.ReaderAt
	at  int64
	err error
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.at {
		n, _ := f.ReaderAt.ReadAt(b[:max(0, f.at-off)], off)
		return n, f.err
	}
	return f.ReaderAt.ReadAt(b, off)
}

// A file that ends early or cannot be read breaks the request off; a shorter body, closed as if it
// were whole, would be taken.
func TestUploadOfAFileThatCannotBeRead(t *testing.T) {
	bad := errors.New("bad sector")
	for err, want := range map[error]error{bad: bad, io.EOF: io.ErrUnexpectedEOF} {
		p := pack(t, 3*chunkSize, "39.1", "83067")
		p.Content = failing{p.Content, 2*chunkSize + 100, err}
		bothWays(t, pexiptest.Options{}, smallChunks, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
			id := begin(t, c, p)
			_, err := c.Upload(t.Context(), id, p, nil)
			fails(t, err, want, "read Pexip_Infinity_v39.1_UPGRADE_83067.tar at byte 131172")
			if u := srv.State().Uploads[0]; u.Offset != 2*chunkSize {
				t.Errorf("the node has %d bytes", u.Offset)
			}
			// Also when it is only read for the checksum.
			p2 := p
			p2.Content = failing{p.Content, 10, bad}
			_, err = c.Upload(t.Context(), id, p2, nil)
			fails(t, err, bad)
		})
	}
}

// A stall while sending is soon noticed; a node that has everything may be silent for longer.
func TestUploadStalls(t *testing.T) {
	p := pack(t, 2*chunkSize, "39.1", "83067")
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, func(c *pexip.Config) { c.UploadRetry = time.Minute }) // one chunk, which no double takes in at once
		id := begin(t, c, p)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Delay, Path: "/upload/", Delay: time.Hour, Times: -1})
		_, err := c.Upload(t.Context(), id, p, nil)
		fails(t, err, nil, "nothing moved for 2m0s", "no progress")
		srv.ClearFaults()
		_, err = c.Upload(t.Context(), id, p, nil)
		ok(t, err)
		arrived(t, srv, p)
	})
	// Once everything is sent, the node may digest for longer.
	synctest.Test(t, func(t *testing.T) {
		srv := pexiptest.NewServer(pexiptest.Options{})
		inner := srv.RoundTripper()
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			res, err := inner.RoundTrip(r)
			if strings.HasSuffix(r.URL.Path, "/upload/") {
				<-time.After(10 * time.Minute)
			}
			return res, err
		})
		c := client(t, srv, func(c *pexip.Config) { smallChunks(c); c.HTTPClient = &http.Client{Transport: slow} })
		id := begin(t, c, p)
		_, err := c.Upload(t.Context(), id, p, nil)
		ok(t, err)
	})
}

func TestUploadProgress(t *testing.T) {
	bothWays(t, pexiptest.Options{}, func(c *pexip.Config) { c.ChunkSize = 1 << 20 }, func(t *testing.T, _ *pexiptest.Server, c *pexip.Client) {
		p := pack(t, 5<<20, "39.1", "83067")
		var all []pexip.Progress
		_, err := c.Upload(t.Context(), begin(t, c, p), p, func(p pexip.Progress) { all = append(all, p) })
		ok(t, err)
		last := all[len(all)-1]
		if last.Phase != pexip.Digesting || last.Done != p.Size || last.Total != p.Size {
			t.Errorf("last %+v", last)
		}
		for i := 1; i < len(all); i++ {
			if all[i].Done < all[i-1].Done {
				t.Errorf("progress went back: %+v after %+v", all[i], all[i-1])
			}
		}
		if p := all[len(all)-2]; p.Rate <= 0 || p.ETA != 0 || p.Done != p.Total {
			t.Errorf("%+v", p)
		}
	})
}

func TestUploadWithConcurrentReads(t *testing.T) {
	srv, c := overTLS(t, pexiptest.Options{}, smallChunks)
	p := pack(t, 10*chunkSize, "39.1", "83067")
	id := begin(t, c, p)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for range 10 {
				if _, err := c.Nodes(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	_, err := c.Upload(t.Context(), id, p, nil)
	ok(t, err)
	group.Wait()
	arrived(t, srv, p)
}

// The package goes as file part "package" of a form of known length. JSON with its name, which other
// clients send, is no upload, and without a length nobody can tell a whole body from a broken one.
func TestUploadAndStart(t *testing.T) {
	bothWays(t, pexiptest.Options{NoResumableUpload: true}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		p := pack(t, 3<<20+7, "39.1", "83067")
		p.SHA256 = strings.ToUpper(p.SHA256)
		var last pexip.Progress
		done, err := c.UploadAndStart(t.Context(), p, func(p pexip.Progress) { last = p })
		ok(t, err)
		s := srv.State().Upgrades
		if len(s) != 1 || s[0].Via != "one-shot" || s[0].SHA256 != done.SHA256 || !strings.EqualFold(done.SHA256, p.SHA256) || done.Bytes != p.Size || done.Attempts != 1 {
			t.Errorf("%+v, %+v", done, s)
		}
		if last.Phase != pexip.Digesting || last.Done != p.Size {
			t.Errorf("%+v", last)
		}
		reqs := srv.Requests()
		r := reqs[len(reqs)-1]
		if r.ContentLength != r.BodyBytes || r.ContentLength < p.Size || !bytes.Contains(r.Body[:400], []byte(`name="package"; filename="Pexip_Infinity_v39.1_UPGRADE_83067.tar"`)) {
			t.Errorf("declared %d, sent %d: %s", r.ContentLength, r.BodyBytes, r.Body[:400])
		}
	})
}

// One request uploads and most likely starts: lost answers must not lead to a second start, and
// something that was not sent whole cannot have started.
func TestUploadAndStartIsNeverRepeated(t *testing.T) {
	p := pack(t, 4<<20, "39.1", "83067")
	for _, tc := range []struct {
		fault   pexiptest.Fault
		unknown bool
		started int
	}{
		{pexiptest.Fault{Kind: pexiptest.DropAfter}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 502, Body: "<html>"}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.AnswerAfter, Status: 200, Body: "<html>"}, true, 1},
		{pexiptest.Fault{Kind: pexiptest.CutBody, BodyLimit: 1 << 20}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.DropBefore}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 503}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 401}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 413}, false, 0},
		{pexiptest.Fault{Kind: pexiptest.Answer, Status: 200, Body: `{"ok":true}`}, false, 0},
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		tc.fault.Path = "platform/upgrade"
		inject(t, srv, tc.fault)
		_, err := c.UploadAndStart(t.Context(), p, nil)
		if err == nil || errors.Is(err, pexip.ErrOutcomeUnknown) != tc.unknown || srv.StartCount() != tc.started || sent(srv, "POST", "platform/upgrade") != 1 {
			t.Errorf("%+v: %v; %d started", tc.fault, err, srv.StartCount())
		}
	}
	srv, c := overTLS(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.DropAfter, Path: "platform/upgrade"})
	_, err := c.UploadAndStart(t.Context(), p, nil)
	fails(t, err, pexip.ErrOutcomeUnknown, "do not repeat")
	if srv.StartCount() != 1 || sent(srv, "POST", "platform/upgrade") != 1 {
		t.Errorf("%d started", srv.StartCount())
	}
}

// What starts by itself at its last byte must not get that byte before the checksum is right.
func TestUploadAndStartOfTheWrongFileStartsNothing(t *testing.T) {
	wrong := pack(t, 2<<20, "39.1", "83067")
	wrong.SHA256 = strings.Repeat("ab", 32)
	unreadable := pack(t, 2<<20, "39.1", "83067")
	unreadable.Content = failing{unreadable.Content, 2<<20 - 1, errors.New("bad sector")}
	bothWays(t, pexiptest.Options{}, nil, func(t *testing.T, srv *pexiptest.Server, c *pexip.Client) {
		_, err := c.UploadAndStart(t.Context(), wrong, nil)
		fails(t, err, pexip.ErrChecksum, "nothing was started")
		_, err = c.UploadAndStart(t.Context(), unreadable, nil)
		fails(t, err, nil, "bad sector", "nothing was started")
		_, err = c.UploadAndStart(t.Context(), blob(make([]byte, 4096)), nil)
		fails(t, err, nil, "not an upgrade package")
		if errors.Is(err, pexip.ErrOutcomeUnknown) {
			t.Error("a refusal is a known outcome")
		}
		_, err = c.UploadAndStart(t.Context(), pexip.Package{}, nil)
		fails(t, err, nil, "checksum")
		if srv.StartCount() != 0 {
			t.Error("started")
		}
	})
}

// Without Expect: 100-continue, which Go does not send by itself, gigabytes go to a node that refuses.
func TestUploadAndStartAsksBeforeSending(t *testing.T) {
	srv, _ := overTLS(t, pexiptest.Options{}, nil)
	c := client(t, srv, func(c *pexip.Config) { c.HTTPClient, c.RootCAs = nil, srv.CertificatePEM() })
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "platform/upgrade", Status: 403})
	p := pack(t, 8<<20, "39.1", "83067")
	done, err := c.UploadAndStart(t.Context(), p, nil)
	fails(t, err, pexip.ErrForbidden)
	if done.Bytes != 0 {
		t.Errorf("%d bytes were sent to a node that refuses", done.Bytes)
	}
}
