package double

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"
)

// Kind says what a fault does to a request.
type Kind string

const (
	// Answer replies with Status, Header and Body instead of doing the work.
	Answer Kind = "answer"
	// DropBefore closes the connection before the request has any effect.
	DropBefore Kind = "drop-before"
	// DropAfter lets the request take effect, then closes the connection without an answer.
	DropAfter Kind = "drop-after"
	// AnswerAfter lets the request take effect, then replies with Status, Header and Body.
	AnswerAfter Kind = "answer-after"
	// Truncate does the work and sends only the first half of the answer's body.
	Truncate Kind = "truncate"
	// CutBody reads at most BodyLimit bytes of the request's body, then closes the connection.
	CutBody Kind = "cut-body"
	// Delay waits Delay (or until the client gives up), then does the work.
	Delay Kind = "delay"
)

// Fault is something that goes wrong with requests that match. The zero Method and Path match
// every request. It can be written as JSON, so a simulator can take it over a control endpoint.
type Fault struct {
	Name string `json:"name,omitempty"`
	Kind Kind   `json:"kind"`
	// Method is compared exactly; empty matches all.
	Method string `json:"method,omitempty"`
	// Path is a case-insensitive regular expression on the path with its query.
	Path string `json:"path,omitempty"`
	// Skip lets that many matching requests pass first.
	Skip int `json:"skip,omitempty"`
	// Times is how many matching requests meet the fault: 0 means one, negative means all.
	Times int `json:"times,omitempty"`
	// Status, Header and Body are the answer for Answer and AnswerAfter (Status 0: 500).
	Status int         `json:"status,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`
	// BodyLimit is for CutBody, in bytes.
	BodyLimit int64 `json:"bodyLimit,omitempty"`
	// Delay is for Delay, in nanoseconds when written as JSON.
	Delay time.Duration `json:"delay,omitempty"`
}

func (f *Fault) label() string {
	if f.Name != "" {
		return f.Name
	}
	return string(f.Kind)
}

type armed struct {
	Fault
	path *regexp.Regexp
}

// Inject arms a fault. Faults are tried in the order of injection; the first that matches acts.
// It returns an error, and arms nothing, when the fault is not well formed.
func (c *Core) Inject(f Fault) error {
	switch f.Kind {
	case Answer, DropBefore, DropAfter, AnswerAfter, Truncate, CutBody, Delay:
	default:
		return fmt.Errorf("inject fault %q: unknown kind %q", f.Name, f.Kind)
	}
	path, err := regexp.Compile("(?i)" + f.Path)
	if err != nil {
		return fmt.Errorf("inject fault %q: path: %w", f.Name, err)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &armed{Fault: f, path: path})
	return nil
}

// ClearFaults disarms all faults.
func (c *Core) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// Armed returns the faults that have not acted as often as they should.
func (c *Core) Armed() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Fault
	for _, a := range c.faults {
		if a.Times > 0 {
			out = append(out, a.Fault)
		}
	}
	return out
}

func (c *Core) take(r *http.Request) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.faults {
		if a.Times == 0 || (a.Method != "" && a.Method != r.Method) || !a.path.MatchString(r.URL.RequestURI()) {
			continue
		}
		if a.Skip > 0 {
			a.Skip--
			continue
		}
		if a.Times > 0 {
			a.Times--
		}
		f := a.Fault
		return &f
	}
	return nil
}

func (f *Fault) serve(w http.ResponseWriter, r *http.Request, body *countingBody, next http.Handler) {
	switch f.Kind {
	case Answer:
		f.reply(w)
	case AnswerAfter:
		next.ServeHTTP(&recorder{header: http.Header{}}, r)
		f.reply(w)
	case DropBefore:
		panic(http.ErrAbortHandler)
	case DropAfter:
		next.ServeHTTP(&recorder{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case Truncate:
		f.truncate(w, r, next)
	case CutBody:
		_, _ = io.CopyN(io.Discard, body, f.BodyLimit)
		panic(http.ErrAbortHandler)
	case Delay:
		wait(r, f.Delay)
		next.ServeHTTP(w, r)
	}
}

func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

func (f *Fault) reply(w http.ResponseWriter) {
	for k, vs := range f.Header {
		for _, v := range vs {
			w.Header().Add(k, v)
		}
	}
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, f.Body)
}

func (f *Fault) truncate(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	for k, vs := range rec.header {
		w.Header()[k] = vs
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()[:rec.body.Len()/2])
}
