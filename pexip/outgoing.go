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

	dog   *watchdog
	quiet time.Duration
	turn  sync.Mutex // held while a Read runs
	rest  []byte
	from  int64
	size  int64

	mu       sync.Mutex // held for moments only
	stage    int        // 0 prefix, 1 package, 2 suffix, 3 end
	handed   int64
	detached bool
	err      error
}

func newOutgoing(e envelope, p *pieces, sum *digest, m *meter) *outgoing {
	return &outgoing{envelope: e, pieces: p, sum: sum, meter: m, from: p.off, size: p.end - p.off, rest: e.prefix}
}

func (o *outgoing) length() int64 { return int64(len(o.prefix)) + o.size + int64(len(o.suffix)) }

// attach is called before the transport sees the body.
func (o *outgoing) attach(dog *watchdog, quiet time.Duration) { o.dog, o.quiet = dog, quiet }

var errDetached = errors.New("the request is over")

func (o *outgoing) Read(b []byte) (int, error) {
	o.turn.Lock()
	defer o.turn.Unlock()
	if o.isDetached() {
		return 0, errDetached
	}
	if err := o.dog.over(); err != nil {
		return 0, err
	}
	if err := o.fill(); err != nil {
		o.note(err)
		return 0, err
	}
	n := copy(b, o.rest)
	o.rest = o.rest[n:]
	if o.took(n) {
		o.dog.allow(o.quiet, string(Digesting))
		if o.last {
			o.meter.show(Digesting, o.pieces.off)
		}
	} else {
		o.dog.moved(string(Sending))
	}
	return n, nil
}

func (o *outgoing) isDetached() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.detached
}

// note keeps what went wrong on our side.
func (o *outgoing) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != io.EOF && err != errDetached {
		o.err = err
	}
}

// took counts n bytes handed out and says whether they were the last: from then on the node digests.
func (o *outgoing) took(n int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stage == 1 {
		o.handed += int64(n)
	}
	if len(o.rest) == 0 && (o.stage == 2 || o.stage == 1 && o.handed == o.size && len(o.suffix) == 0) {
		o.stage = 3
	}
	return o.stage == 3
}

// enter goes to the next stage with bytes in it and returns it.
func (o *outgoing) enter() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.stage == 3:
	case o.handed < o.size:
		o.stage = 1
	default:
		o.stage = 2
	}
	return o.stage
}

// fill makes rest non-empty or returns io.EOF.
func (o *outgoing) fill() error {
	if len(o.rest) > 0 {
		return nil
	}
	switch o.enter() {
	case 1:
		return o.read()
	case 2:
		o.rest = o.suffix // never empty here: without one, the end came with the last byte
		return nil
	}
	return io.EOF
}

func (o *outgoing) read() error {
	o.dog.moved(reading)
	piece, err := o.pieces.nextWithin(o.dog.ctx)
	if err != nil {
		return err
	}
	if o.isDetached() {
		return errDetached
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

// Close is for the transport; there is nothing to close.
func (o *outgoing) Close() error { return nil }

// detach ends all reading and returns what went wrong on our side, if anything.
func (o *outgoing) detach() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	o.detached = true
	o.mu.Unlock()
	o.turn.Lock() // waits for a Read under way, which ends soon after the request does
	defer o.turn.Unlock()
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
	return o.from + o.handed
}
