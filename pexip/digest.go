package pexip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"
)

// pieceSize is how much is read, hashed and handed on at a time, in bytes.
const pieceSize = 512 << 10

// digest is a running SHA-256 that works beside its caller: write returns at once, and the bytes
// must stay untouched until the next write, wait, sum or clone. With a core to spare it costs no
// time on a link slower than that core can hash, which is about 1.5 GB/s (see BenchmarkUpload).
type digest struct {
	h    hash.Hash
	busy chan struct{}
}

func newDigest() *digest { return &digest{h: sha256.New()} }

func (d *digest) wait() {
	if d.busy != nil {
		<-d.busy
		d.busy = nil
	}
}

func (d *digest) write(p []byte) {
	d.wait()
	busy := make(chan struct{})
	d.busy = busy
	go func() {
		defer close(busy)
		d.h.Write(p)
	}()
}

func (d *digest) sum() string {
	d.wait()
	return hex.EncodeToString(d.h.Sum(nil))
}

func (d *digest) clone() (*digest, error) {
	d.wait()
	h, err := d.h.(hash.Cloner).Clone()
	if err != nil {
		return nil, fmt.Errorf("copy the running checksum: %w", err)
	}
	return &digest{h: h}, nil
}

// pieces reads content piece by piece into two buffers in turn, so that one can be hashed while
// the other is filled.
type pieces struct {
	content io.ReaderAt
	name    string
	off     int64
	end     int64
	buffers [2][]byte
	turn    int
}

func newPieces(p Package) *pieces {
	return &pieces{content: p.Content, name: p.Name}
}

// span sets the bytes to read next.
func (p *pieces) span(off, end int64) { p.off, p.end = off, end }

// next fills and returns a buffer; it is valid until the call after the next one.
func (p *pieces) next() ([]byte, error) {
	p.turn = 1 - p.turn
	if p.buffers[p.turn] == nil {
		p.buffers[p.turn] = make([]byte, pieceSize)
	}
	b := p.buffers[p.turn][:min(pieceSize, p.end-p.off)]
	n, err := p.content.ReadAt(b, p.off)
	if n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %s at byte %d: %w", p.name, p.off+int64(n), err)
	}
	p.off += int64(n)
	return b, nil
}

// lastChance is how long a read of our own file may go on once nobody waits for it any more.
const lastChance = 250 * time.Millisecond

// nextWithin is next, except that it ends soon after ctx even if the read hangs, as on a network
// share that went away. (The HTTP transport would wait for it without limit.) p is lost then.
func (p *pieces) nextWithin(ctx context.Context) ([]byte, error) {
	type read struct {
		b   []byte
		err error
	}
	done, at := make(chan read, 1), p.off
	go func() {
		b, err := p.next()
		done <- read{b, err}
	}()
	select {
	case r := <-done:
		return r.b, r.err
	case <-ctx.Done():
	}
	t := time.NewTimer(lastChance)
	defer t.Stop()
	select {
	case <-done:
		return nil, context.Cause(ctx)
	case <-t.C:
		return nil, fmt.Errorf("read %s: it hangs at byte %d, look at the disk or network share it is on: %w", p.name, at, context.Cause(ctx))
	}
}

// absorb hashes content from off to end into d.
func (p *pieces) absorb(ctx context.Context, d *digest, off, end int64, m *meter) error {
	p.span(off, end)
	for p.off < p.end {
		b, err := p.nextWithin(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		d.write(b)
		m.show(Hashing, p.off)
	}
	d.wait()
	return nil
}
