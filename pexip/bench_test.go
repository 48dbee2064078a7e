package pexip_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// BenchmarkUpload compares an upload, hashing and all, with a bare net/http client that streams the
// same bytes to the same sink and hashes nothing. The ratio is the bare client's time divided by
// ours in the same run, so 1 is as fast. At 1 Gbit/s, faster than most links to a node, it should
// be 0.97 or more. Without a limit on the link it shows what hashing costs when sender, receiver
// and TLS compete for the same cores of one machine; it says nothing about a network.
func BenchmarkUpload(b *testing.B) {
	const gigabit = 125e6 // bytes per second
	for _, link := range []struct {
		name string
		rate float64
		size int64
	}{{"1Gbit", gigabit, 128 << 20}, {"unthrottled", 0, 512 << 20}} {
		p := zeros(link.size)
		for name, secure := range map[string]bool{"plain": false, "tls": true} {
			for way, send := range map[string]func(*pexip.Client) error{
				"one-request": func(c *pexip.Client) error { _, err := c.UploadAndStart(b.Context(), p, nil); return err },
				"chunks":      func(c *pexip.Client) error { _, err := c.Upload(b.Context(), "id", p, nil); return err },
			} {
				b.Run(link.name+"/"+name+"/"+way, func(b *testing.B) { compare(b, p, secure, link.rate, send) })
			}
		}
	}
}

func compare(b *testing.B, p pexip.Package, secure bool, rate float64, send func(*pexip.Client) error) {
	s := newSink(b, secure, rate)
	c, bare := s.client(b, nil), &http.Client{Transport: s.transport(b)}
	var ours, theirs time.Duration
	b.SetBytes(p.Size)
	for b.Loop() {
		began := time.Now()
		stream(b, bare, s.address()+"/bare/", p)
		theirs += time.Since(began)
		s.mu.Lock()
		s.offset = 0
		s.mu.Unlock()
		began = time.Now()
		if err := send(c); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(float64(p.Size)*float64(b.N)/1e6/ours.Seconds(), "ours-MB/s")
}

// stream is the least that sends a body of known length.
func stream(b *testing.B, c *http.Client, address string, p pexip.Package) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, address, io.NewSectionReader(p.Content, 0, p.Size))
	if err != nil {
		b.Fatal(err)
	}
	req.ContentLength = p.Size
	res, err := c.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
}

// zeros is a package of that many zero bytes.
func zeros(size int64) pexip.Package {
	sum := sha256.New()
	_, _ = io.Copy(sum, io.NewSectionReader(nothing{}, 0, size)) // cannot fail
	return pexip.Package{Name: "zeros.tar", Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), Content: nothing{}}
}

type nothing struct{}

func (nothing) ReadAt(b []byte, _ int64) (int, error) {
	clear(b)
	return len(b), nil
}
