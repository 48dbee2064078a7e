package double

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
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
	// CutAnswer does the work, sends the header and the first half of the answer's body, then closes
	// the connection.
	CutAnswer Kind = "cut-answer"
	// Delay waits Delay (or until the client gives up, which then gets no answer), then does the work.
	Delay Kind = "delay"
	// SlowBody does the work and sends the answer's header, waits Delay (or until the client gives up,
	// which then gets no more), and sends the body. In process the answer comes in one piece.
	SlowBody Kind = "slow-body"
	// AddHeader does the work and adds Header to its answer.
	AddHeader Kind = "add-header"
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
	// Status, Header and Body are the answer for Answer and AnswerAfter (Status 0: 500); Header is for
	// AddHeader too.
	Status int         `json:"status,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`
	// BodyLimit is for CutBody, in bytes.
	BodyLimit int64 `json:"bodyLimit,omitempty"`
	// Delay is for Delay and SlowBody, in nanoseconds when written as JSON.
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
	case Answer, DropBefore, DropAfter, AnswerAfter, Truncate, CutBody, CutAnswer, Delay, SlowBody, AddHeader:
	default:
		return fmt.Errorf("inject fault %q: unknown kind %q", f.Name, f.Kind)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 999) {
		return fmt.Errorf("inject fault %q: %d is not the status of an answer", f.Name, f.Status)
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

// Armed returns the faults that have not acted as often as they should; those that always act are
// not among them.
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

// take finds the fault that acts on the request. One that has acted often enough is gone.
func (c *Core) take(r *http.Request) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, a := range c.faults {
		if a.Method != "" && a.Method != r.Method || !a.path.MatchString(r.URL.RequestURI()) {
			continue
		}
		if a.Skip > 0 {
			a.Skip--
			continue
		}
		if a.Times > 0 {
			a.Times--
		}
		if a.Times == 0 {
			c.faults = slices.Delete(c.faults, i, i+1)
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
		work(r, next)
		f.reply(w)
	case DropBefore:
		drop()
	case DropAfter:
		work(r, next)
		drop()
	case Truncate:
		answer := work(r, next)
		answer.header.Del("Content-Length")
		answer.body.Truncate(answer.body.Len() / 2)
		answer.send(w)
	case CutBody:
		_, _ = io.CopyN(io.Discard, body, f.BodyLimit)
		drop()
	case CutAnswer:
		cut(w, work(r, next))
	case Delay:
		readAhead(r)
		if f.gaveUp(r) {
			work(r, next)
			drop()
		}
		next.ServeHTTP(w, r)
	case SlowBody:
		readAhead(r)
		f.slowly(w, r, work(r, next))
	case AddHeader:
		add(w.Header(), f.Header)
		next.ServeHTTP(w, r)
	}
}

// work does what was asked for and keeps the answer.
func work(r *http.Request, next http.Handler) *recorder {
	answer := newRecorder()
	next.ServeHTTP(answer, r)
	return answer
}

// drop closes the connection, as net/http defines it.
func drop() { panic(http.ErrAbortHandler) }

// gaveUp waits and says whether the client gave up meanwhile. It must get nothing more then: it may
// still read while it hangs up.
func (f *Fault) gaveUp(r *http.Request) bool {
	t := time.NewTimer(f.Delay)
	defer t.Stop()
	select {
	case <-t.C:
		return false
	case <-r.Context().Done():
		return true
	}
}

// readAhead takes a small body in: net/http notices that a client gave up only once it is read.
func readAhead(r *http.Request) {
	if r.ContentLength > maxLoggedBody {
		return
	}
	start, _ := io.ReadAll(io.LimitReader(r.Body, maxLoggedBody))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
}

func add(to, from http.Header) {
	for k, vs := range from {
		for _, v := range vs {
			to.Add(k, v)
		}
	}
}

func (f *Fault) reply(w http.ResponseWriter) {
	add(w.Header(), f.Header)
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, f.Body)
}

// announce sends the header for the whole answer.
func announce(w http.ResponseWriter, answer *recorder) {
	answer.header.Set("Content-Length", strconv.Itoa(answer.body.Len()))
	add(w.Header(), answer.header)
	w.WriteHeader(answer.status)
	_ = http.NewResponseController(w).Flush()
}

func cut(w http.ResponseWriter, answer *recorder) {
	announce(w, answer)
	_, _ = w.Write(answer.body.Next(answer.body.Len() / 2))
	_ = http.NewResponseController(w).Flush()
	drop()
}

func (f *Fault) slowly(w http.ResponseWriter, r *http.Request, answer *recorder) {
	announce(w, answer)
	if f.gaveUp(r) {
		drop()
	}
	_, _ = w.Write(answer.body.Bytes())
}
