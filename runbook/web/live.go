package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// A stream ends after a while, and the browser opens it again: then its session is looked at anew.
const (
	streamLife = 15 * time.Minute
	heartbeat  = 20 * time.Second
)

// indexEvents tells a page that the list of runs has changed.
func (s *Server) indexEvents(w http.ResponseWriter, r *http.Request, _ visit) {
	s.stream(w, r, func(ctx context.Context, have string) (string, error) {
		runs, err := s.overview.read(ctx)
		return version(runs), err
	})
}

// runEvents tells a page that its run has new records, or its steps new progress.
func (s *Server) runEvents(w http.ResponseWriter, r *http.Request, _ visit) {
	run := r.PathValue("run")
	if !runName(run) {
		s.failed(w, r, runbook.ErrUnknownRun)
		return
	}
	s.stream(w, r, func(ctx context.Context, have string) (string, error) {
		seen, _, _ := strings.Cut(have, "-")
		records, _ := strconv.ParseUint(seen, 10, 64) // what does not read is as nothing seen
		more, err := s.cfg.Runner.Log.Read(ctx, runbook.RunStream(run), records+1)
		progress, _ := readProgress(s.cfg.Runner.Files, run) // the page says what is wrong with it
		return mark(records+uint64(len(more)), progress), err
	})
}

// mark names what a page of a run shows.
func mark(records uint64, p progressFile) string {
	at := int64(0)
	if !p.At.IsZero() {
		at = p.At.UnixMilli()
	}
	return fmt.Sprintf("%d-%d", records, at)
}

// stream sends an event whenever look finds something else than the page has, as Server-Sent Events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). It ends with the client, the
// server, or the first journal that cannot be read.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, look func(ctx context.Context, have string) (string, error)) {
	if r.Method == http.MethodHead { // has nothing to wait for
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	w.Header().Set("Content-Type", "text/event-stream")
	e := &events{ResponseController: http.NewResponseController(w), w: w}
	if e.send("retry: %d\n\n", time.Second.Milliseconds()) != nil {
		return
	}
	have := r.Header.Get("Last-Event-ID")
	if have == "" {
		have = r.URL.Query().Get("have")
	}
	s.follow(ctx, e, have, look)
}

func (s *Server) follow(ctx context.Context, e *events, have string, look func(context.Context, string) (string, error)) {
	poll := time.NewTicker(s.cfg.Poll)
	defer poll.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		is, err := look(ctx, have)
		if err == nil && is != have {
			have, err = is, e.send("id: %s\nevent: changed\ndata: %s\n\n", is, is)
		}
		if err != nil {
			return
		}
		select {
		case <-poll.C:
		case <-beat.C:
			if e.send(":\n\n") != nil {
				return
			}
		case <-s.closing:
			return
		case <-ctx.Done():
			return
		}
	}
}

// events is a stream to a client; each event has its own time to be sent.
type events struct {
	*http.ResponseController
	w http.ResponseWriter
}

func (e *events) send(format string, args ...any) error {
	_ = e.SetWriteDeadline(time.Now().Add(writeTime)) // a recorder in a test has none
	if _, err := fmt.Fprintf(e.w, format, args...); err != nil {
		return err
	}
	return e.Flush()
}
