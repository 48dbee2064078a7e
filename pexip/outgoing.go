package pexip

import (
	"errors"
	"io"
	"sync"
	"time"
)

// outgoing is the body of one upload request: prefix, bytes of the package, suffix. It hashes
// what it hands out, keeps the watchdog awake, and fails rather than ending early: a body shorter
// than its declared length is never a complete request for the node.
//
// The transport reads it from its own goroutine and may go on after the answer is there; detach
// cuts that off, so that digest and buffers can be used again.
type outgoing struct {
	envelope
	pieces *pieces
	sum    *digest
	// verify, when set, is asked before the package's last piece is let out.
	verify func(sum string) error
	meter  *meter
	// last says that the node has everything after this request.
	last bool

	mu       sync.Mutex
	dog      *watchdog
	quiet    time.Duration
	rest     []byte
	stage    int // 0 prefix, 1 package, 2 suffix, 3 end
	handed   int64
	size     int64
	detached bool
	err      error
}

func newOutgoing(e envelope, p *pieces, sum *digest, m *meter) *outgoing {
	return &outgoing{envelope: e, pieces: p, sum: sum, meter: m, size: p.end - p.off, rest: e.prefix}
}

func (o *outgoing) length() int64 { return int64(len(o.prefix)) + o.size + int64(len(o.suffix)) }

func (o *outgoing) attach(dog *watchdog, quiet time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dog, o.quiet = dog, quiet
}

var errDetached = errors.New("the request is over")

func (o *outgoing) Read(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.detached {
		return 0, errDetached
	}
	if err := o.dog.over(); err != nil {
		return 0, err
	}
	if err := o.fill(); err != nil {
		if err != io.EOF {
			o.err = err
		}
		return 0, err
	}
	n := copy(b, o.rest)
	o.rest = o.rest[n:]
	if o.stage == 1 {
		o.handed += int64(n)
	}
	o.dog.moved()
	if len(o.rest) == 0 && o.stage == 1 && o.handed == o.size && len(o.suffix) == 0 || len(o.rest) == 0 && o.stage == 2 {
		o.sent()
	}
	return n, nil
}

// fill makes rest non-empty or returns io.EOF.
func (o *outgoing) fill() error {
	for len(o.rest) == 0 {
		switch {
		case o.stage == 3:
			return io.EOF
		case o.stage < 2 && o.handed < o.size:
			o.stage = 1
			if err := o.read(); err != nil {
				return err
			}
		default:
			o.stage, o.rest = 2, o.suffix
			if len(o.rest) == 0 {
				o.stage = 3
			}
		}
	}
	return nil
}

func (o *outgoing) read() error {
	piece, err := o.pieces.next()
	if err != nil {
		return err
	}
	o.sum.write(piece)
	if o.pieces.off == o.pieces.end && o.verify != nil {
		if err := o.verify(o.sum.sum()); err != nil {
			return err
		}
	}
	o.rest = piece
	o.meter.show(Sending, o.pieces.off)
	return nil
}

// sent runs when the last byte is handed out: from now on the node is digesting.
func (o *outgoing) sent() {
	o.stage = 3
	o.dog.allow(o.quiet)
	if o.last {
		o.meter.show(Digesting, o.pieces.off)
	}
}

// Close is for the transport; there is nothing to close.
func (o *outgoing) Close() error { return nil }

// detach ends all reading and returns what went wrong on our side, if anything.
func (o *outgoing) detach() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.detached = true
	o.sum.wait()
	return o.err
}

// complete says whether every byte was handed out.
func (o *outgoing) complete() bool {
	if o == nil {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stage == 3
}

// reached is how far into the package this request's bytes went.
func (o *outgoing) reached() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pieces.end - o.size + o.handed
}
