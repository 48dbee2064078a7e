package pexip

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// What a request is doing, for the error when it stalls.
const (
	connecting = "connecting"
	reading    = "reading the package"
	answering  = "waiting for the answer"
	receiving  = "receiving the answer"
)

// stallError is the cause when nothing moved for too long.
type stallError struct {
	after time.Duration
	phase string
}

func (e *stallError) Error() string {
	return fmt.Sprintf("nothing moved for %s while %s", e.after, e.phase)
}

// watchdog cancels a request when no byte has moved for its patience.
type watchdog struct {
	over     func() error // why the request is over; nil while it is not
	ctx      context.Context
	mu       sync.Mutex
	phase    string
	patience time.Duration
	timer    *time.Timer
	cancel   context.CancelCauseFunc
	stalled  *stallError
}

func watch(ctx context.Context, patience time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &watchdog{over: func() error { return context.Cause(ctx) }, ctx: ctx, phase: connecting, patience: patience, cancel: cancel}
	d.timer = time.AfterFunc(patience, d.bite)
	return ctx, d
}

func (d *watchdog) bite() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stalled = &stallError{d.patience, d.phase}
	d.cancel(d.stalled)
}

// cause is the stall if there was one, else err.
func (d *watchdog) cause(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stalled != nil {
		return d.stalled
	}
	return err
}

// moved starts the patience anew.
func (d *watchdog) moved(phase string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.phase = phase
	d.timer.Reset(d.patience)
}

// allow changes the patience, from now on.
func (d *watchdog) allow(patience time.Duration, phase string) {
	d.mu.Lock()
	d.patience = patience
	d.mu.Unlock()
	d.moved(phase)
}

func (d *watchdog) stop() {
	d.timer.Stop()
	d.cancel(nil)
}

func (d *watchdog) watchReader(r io.Reader) io.Reader { return &watchedReader{r, d} }

type watchedReader struct {
	io.Reader
	dog *watchdog
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.dog.moved(receiving)
	}
	if err != nil && err != io.EOF {
		err = w.dog.cause(err)
	}
	return n, err
}
