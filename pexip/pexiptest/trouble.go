package pexiptest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"time"

	"golang.org/x/time/rate"
)

// trouble is what goes wrong with the deployment rather than with a single request.
type trouble struct {
	method string
	path   *regexp.Regexp
	// reboot: the Management Node restarts when the request has taken effect.
	reboot bool
	// pause comes in the middle of the answer.
	pause time.Duration
}

func (s *Server) trouble(t trouble, method, path string) error {
	re, err := regexp.Compile("(?i)" + path)
	if err != nil {
		return fmt.Errorf("trouble at %q: %w", path, err)
	}
	t.method, t.path = method, re
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.troubles = append(s.world.troubles, &t)
	return nil
}

// RebootAt makes the Management Node restart at a bad moment: the next request with that method
// (empty: any) and path (a regular expression, case-insensitive) takes effect, its answer is lost,
// and the node is away for Options.RebootDuration and StartupDuration. Uploads survive that.
func (s *Server) RebootAt(method, path string) error {
	return s.trouble(trouble{reboot: true}, method, path)
}

// Reboot restarts the Management Node now.
func (s *Server) Reboot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.reboot(s.Now())
}

func (w *world) reboot(now time.Time) {
	m := w.manager()
	m.seen, m.bootedAt = now, now.Add(w.opt.RebootDuration)
	w.startedUp = m.bootedAt.Add(w.opt.StartupDuration)
}

// SlowAnswer makes the answer to the next such request stop for pause, in real time, after its
// first half.
func (s *Server) SlowAnswer(method, path string, pause time.Duration) error {
	return s.trouble(trouble{pause: pause}, method, path)
}

// SetUploadRate limits how fast the bodies of requests are read, in bytes per second of real time;
// 0: not limited.
func (s *Server) SetUploadRate(bytesPerSecond int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.rate = bytesPerSecond
}

// ShiftOffset makes the node tell an offset of an upload that is wrong by that many bytes, the next
// times that it is asked (negative: always). What it has stays as it is.
func (s *Server) ShiftOffset(id string, by int64, times int) error {
	return s.change(func(w *world) error {
		u := w.upload(id)
		if u == nil {
			return fmt.Errorf("no upgrade request %q", id)
		}
		u.lie, u.lies = by, times
		return nil
	})
}

// told is the offset that is told.
func (u *upload) told() int64 {
	if u.lies == 0 {
		return u.offset
	}
	if u.lies > 0 {
		u.lies--
	}
	return max(0, u.offset+u.lie)
}

// handle lets trouble happen to a request, or just answers it.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.world.rate > 0 {
		r.Body = &slowBody{r.Body, r.Context(), rate.NewLimiter(rate.Limit(s.world.rate), max(64, s.world.rate/50))}
	}
	var met *trouble
	for i, t := range s.world.troubles {
		if (t.method == "" || t.method == r.Method) && t.path.MatchString(r.URL.RequestURI()) {
			met = t
			s.world.troubles = append(s.world.troubles[:i:i], s.world.troubles[i+1:]...)
			break
		}
	}
	s.mu.Unlock()
	switch {
	case met == nil:
		s.answer(w, r)
	case met.reboot:
		s.answer(httptest.NewRecorder(), r)
		s.Reboot()
		panic(http.ErrAbortHandler)
	default:
		s.dribble(w, r, met.pause)
	}
}

// dribble sends the answer in two halves.
func (s *Server) dribble(w http.ResponseWriter, r *http.Request, pause time.Duration) {
	rec := httptest.NewRecorder()
	s.answer(rec, r)
	for k, vs := range rec.Header() {
		w.Header()[k] = vs
	}
	w.WriteHeader(rec.Code)
	half := rec.Body.Len() / 2
	_, _ = io.CopyN(w, rec.Body, int64(half))
	_ = http.NewResponseController(w).Flush() // in process there is nothing to flush
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler) // nobody waits for the rest
	}
	_, _ = bytes.NewReader(rec.Body.Bytes()).WriteTo(w)
}

// slowBody is a request's body that arrives slowly.
type slowBody struct {
	io.ReadCloser
	ctx     context.Context
	limiter *rate.Limiter
}

func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.limiter.Burst())])
	if n > 0 {
		if slow := b.limiter.WaitN(b.ctx, n); slow != nil {
			return n, slow
		}
	}
	return n, err
}
