package pexip_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// BenchmarkUpload compares an upload, hashing and all, with a bare net/http client that streams the
// same file to the same sink and hashes nothing. ratio is the bare client's best time divided by our
// best in the same run, so 1 is as fast. At 1 Gbit/s, faster than most links to a node, it should be 0.97 or
// more, plain and TLS.
//
// Without a limit on the link no upload that hashes can keep up: over loopback a bare client moves
// more bytes in a second than one core can put through SHA-256 (1.5 GB/s or so), and sender,
// receiver, TLS and checksum share the same few cores. ceiling is the ratio that an upload would reach
// if the checksum took its time and all else were free; the rest of the way down is those cores. Two
// cores with other work on them gave 0.3 plain, at 0.9 GB/s, and 0.5 to 0.8 with TLS. (The
// bare client does not even use sendfile, which net/http would for an *os.File without TLS: a node is
// reached by https only, and bytes that never pass through the program cannot be hashed.)
func BenchmarkUpload(b *testing.B) {
	const gigabit = 125e6 // bytes per second
	for _, link := range []struct {
		name string
		rate float64
		size int64
	}{{"1Gbit", gigabit, 128 << 20}, {"unthrottled", 0, 512 << 20}} {
		p := sparse(b, link.size)
		for _, kind := range []string{"plain", "tls"} {
			b.Run(link.name+"/"+kind+"/one-request", func(b *testing.B) {
				compare(b, p, kind == "tls", link.rate, func(c *pexip.Client) error { _, err := c.UploadAndStart(b.Context(), p, nil); return err })
			})
			b.Run(link.name+"/"+kind+"/chunks", func(b *testing.B) {
				compare(b, p, kind == "tls", link.rate, func(c *pexip.Client) error { _, err := c.Upload(b.Context(), "id", p, nil); return err })
			})
		}
	}
}

func compare(b *testing.B, p pexip.Package, secure bool, rate float64, send func(*pexip.Client) error) {
	s := newSink(b, secure, rate)
	c, bare := s.client(b, nil), &http.Client{Transport: s.transport(b)}
	var ours, theirs, hash best
	b.SetBytes(p.Size)
	for b.Loop() {
		theirs.time(func() { stream(b, bare, s.address()+"/bare/", p) })
		s.rewind()
		ours.time(func() { ok(b, send(c)) })
		b.StopTimer()
		hash.time(func() { sumOf(b, p) })
		b.StartTimer()
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(min(1, theirs.Seconds()/hash.Seconds()), "ceiling")
	b.ReportMetric(float64(p.Size)/1e6/ours.Seconds(), "ours-MB/s")
}

// best is the fastest of several runs, the one that other work on the machine disturbed least.
type best struct{ time.Duration }

func (t *best) time(f func()) {
	began := time.Now()
	f()
	if took := time.Since(began); t.Duration == 0 || took < t.Duration {
		t.Duration = took
	}
}

// stream is the least that sends a body of known length.
func stream(b *testing.B, c *http.Client, address string, p pexip.Package) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, address, io.NewSectionReader(p.Content, 0, p.Size))
	ok(b, err)
	req.ContentLength = p.Size
	res, err := c.Do(req)
	ok(b, err)
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
}

// sparse is a package of that many zero bytes.
func sparse(tb testing.TB, size int64) pexip.Package {
	tb.Helper()
	p := hole(tb, size)
	p.SHA256 = sumOf(tb, p)
	return p
}

// hole is the same without its checksum, in a file that takes no room.
func hole(tb testing.TB, size int64) pexip.Package {
	tb.Helper()
	f, err := os.Create(filepath.Join(roomy(tb), "zeros.tar"))
	ok(tb, err)
	tb.Cleanup(func() { f.Close() })
	ok(tb, f.Truncate(size))
	return pexip.Package{Name: "zeros.tar", Size: size, Content: f}
}

// roomy is a directory in memory, where there is one: a hole in a file costs nothing to read there,
// while on a disk's file system each byte of it takes a place in the page cache.
func roomy(tb testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "pexip")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func sumOf(tb testing.TB, p pexip.Package) string {
	tb.Helper()
	sum := sha256.New()
	_, err := io.CopyBuffer(struct{ io.Writer }{sum}, io.NewSectionReader(p.Content, 0, p.Size), make([]byte, 512<<10))
	ok(tb, err)
	return hex.EncodeToString(sum.Sum(nil))
}
