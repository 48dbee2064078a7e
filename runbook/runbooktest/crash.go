package runbooktest

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// ErrCrash is matched by every error of a Crash that has happened.
var ErrCrash = errors.New("the process has died")

// Crash is a process that dies at one of its records or requests, as its store and the systems that
// it talks to see it. From then on every use of it fails with ErrCrash, and what the process kept is
// released; the store behind it lives on for the next process. It is safe for concurrent use.
//
//	crash := &runbooktest.Crash{Log: log, At: n}
//	runner := &runbook.Runner{Log: crash, …}
//	client := &http.Client{Transport: crash.Transport(http.DefaultTransport)}
//
// [CrashEverywhere] does this for every n.
type Crash struct {
	// Log is the store behind it.
	Log runbook.Log
	// At is the append that kills, counted from 1; 0: none. Conflicts count as appends.
	At int
	// Request: At is the request through Transport that kills, not the append.
	Request bool
	// After: the record still reaches the store, the request its target, but the process does not
	// learn of it.
	After bool
	// Die, unless nil, is what dies. It is called once, at the moment of the death. A simulated
	// process cancels its context here, a real one kills itself and does not return.
	Die func()

	mu       sync.Mutex
	appends  int
	happened bool
	kept     map[int]func() error
	locks    int

	sending  sync.Mutex
	requests int
}

// Happened says whether the process has died.
func (c *Crash) Happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.happened
}

// Seen is how many appends and requests the process has tried.
func (c *Crash) Seen() (appends, requests int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.appends, c.requests
}

// Append implements runbook.Log. Appends wait for each other, so that the n-th is well defined.
func (c *Crash) Append(ctx context.Context, stream string, r *runbook.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.happened {
		return ErrCrash
	}
	c.appends++
	if c.Request || c.appends != c.At {
		return c.Log.Append(ctx, stream, r)
	}
	var err error
	if c.After {
		err = c.Log.Append(ctx, stream, r)
	}
	return errors.Join(ErrCrash, err, c.die())
}

// die ends the process and releases what it kept. c.mu is held.
func (c *Crash) die() error {
	if c.happened {
		return nil
	}
	c.happened = true
	if c.Die != nil {
		c.Die()
	}
	var errs []error
	for id, release := range c.kept {
		delete(c.kept, id)
		errs = append(errs, release())
	}
	return errors.Join(errs...)
}

// Read implements runbook.Log.
func (c *Crash) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	if c.Happened() {
		return nil, ErrCrash
	}
	return c.Log.Read(ctx, stream, from)
}

// Streams implements runbook.Log.
func (c *Crash) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if c.Happened() {
		return func(yield func(string, error) bool) { yield("", ErrCrash) }
	}
	return c.Log.Streams(ctx, prefix)
}

// Lock implements runbook.Locker. A store that is none is kept by everybody.
func (c *Crash) Lock(stream, owner string) (func() error, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.happened {
		return nil, ErrCrash
	}
	release, err := lock(c.Log, stream, owner)
	if err != nil {
		return nil, err
	}
	if c.kept == nil {
		c.kept = map[int]func() error{}
	}
	c.locks++
	id := c.locks
	c.kept[id] = release
	return func() error { return c.release(id) }, nil
}

func (c *Crash) release(id int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	release, kept := c.kept[id]
	if !kept {
		return nil
	}
	delete(c.kept, id)
	return release()
}

// lock keeps a stream if the store can do that.
func lock(l runbook.Log, stream, owner string) (func() error, error) {
	if locker, ok := l.(runbook.Locker); ok {
		return locker.Lock(stream, owner)
	}
	return func() error { return nil }, nil
}

// Transport is the process's way to the systems that next leads to. A request that is on its way
// when the process dies elsewhere still takes effect.
func (c *Crash) Transport(next http.RoundTripper) http.RoundTripper { return crashing{c, next} }

type crashing struct {
	*Crash
	next http.RoundTripper
}

func (c crashing) RoundTrip(r *http.Request) (*http.Response, error) {
	hit := c.send()
	if hit && !c.After {
		c.Kill()
	}
	if c.Happened() {
		return nil, unsent(r)
	}
	res, err := c.next.RoundTrip(r)
	if hit {
		c.Kill()
	}
	if err == nil && c.Happened() {
		return nil, errors.Join(ErrCrash, res.Body.Close())
	}
	return res, err
}

// send counts a request and says whether it kills.
func (c *Crash) send() bool {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.requests++
	return c.Request && c.requests == c.At
}

// Kill lets the process die now. Killing it again does nothing.
func (c *Crash) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.die() // what could not be released shows when the next process wants it
}

// unsent closes the body of a request that is not sent, as every transport must.
func unsent(r *http.Request) error {
	if r.Body == nil {
		return ErrCrash
	}
	return errors.Join(ErrCrash, r.Body.Close())
}
