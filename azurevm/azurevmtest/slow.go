package azurevmtest

import (
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// slowed are answers to come whose body trickles.
type slowed struct {
	path  *regexp.Regexp
	pause time.Duration
	times int
}

// SlowBody lets the next answers to requests whose path matches the case-insensitive regular
// expression come in eight pieces with a pause before each, times of them (negative: all). The
// headers come at once, so that it is the reading of the body that takes long; in process, where
// answers come whole, it is the answer.
func (s *Server) SlowBody(path string, pause time.Duration, times int) error {
	re, err := regexp.Compile("(?i)" + path)
	if err != nil {
		return fmt.Errorf("slow body: path: %w", err)
	}
	s.locked(func(time.Time) { s.slow = append(s.slow, &slowed{re, pause, times}) })
	return nil
}

func (s *Server) slowness(r *http.Request) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.slow {
		if x.times != 0 && x.path.MatchString(r.URL.RequestURI()) {
			x.times--
			return x.pause, true
		}
	}
	return 0, false
}

type slowWriter struct {
	http.ResponseWriter
	r     *http.Request
	pause time.Duration
}

// Write ends early when the client has gone.
func (w *slowWriter) Write(p []byte) (int, error) {
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	written, size := 0, len(p)/8+1
	for written < len(p) {
		t := time.NewTimer(w.pause)
		select {
		case <-t.C:
		case <-w.r.Context().Done():
			t.Stop()
			return written, w.r.Context().Err()
		}
		n, err := w.ResponseWriter.Write(p[written:min(written+size, len(p))])
		written += n
		if err != nil {
			return written, err
		}
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
	return written, nil
}
