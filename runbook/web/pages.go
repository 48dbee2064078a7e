package web

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates by name, each with the common frame.
var pages = func() map[string]*template.Template {
	frame := template.Must(template.New("frame").Funcs(template.FuncMap{"took": took, "about": about, "stamp": stamp, "machine": machine}).
		ParseFS(pageFiles, "pages/frame.html"))
	out := map[string]*template.Template{}
	for _, name := range []string{"index", "run", "abort", "login", "message"} {
		out[name] = template.Must(template.Must(frame.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return out
}()

// page is what the frame needs.
type page struct {
	Title, Site string
	Actor, Word string
	ReadOnly    bool
	Now         time.Time
	// Self is the page's address, and Events where it hears that it is out of date. Reload: without
	// JavaScript it loads itself again, which is right only where nothing is typed.
	Self, Events string
	Reload       bool
}

func (s *Server) page(title string, v visit) page {
	return page{Title: title, Site: s.cfg.Title, Actor: v.actor, Word: v.word, ReadOnly: s.cfg.ReadOnly, Now: s.now()}
}

// show sends a page. It is made before the first byte is sent, so that none is half there.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "frame", data); err != nil {
		s.cfg.Log.Error("make a page", "page", name, "error", err)
		http.Error(w, "This page could not be made; the log of the server says why. The run is not affected.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = b.WriteTo(w) // whoever has gone needs no page
	}
}

// message is a page that says one thing.
type message struct {
	page
	Text string
	// Back is where to go on.
	Back string
	// Typed is what a person wrote in vain, to be copied.
	Typed [][2]string
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	s.show(w, r, status, "message", message{page: s.page(http.StatusText(status), visit{}), Text: text, Back: "/"})
}

// failed answers when a journal cannot be read.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	if errors.Is(err, runbook.ErrUnknownRun) {
		s.refuse(w, r, http.StatusNotFound, "There is no such run.")
		return
	}
	s.cfg.Log.Error("answer a request", "path", r.URL.Path, "error", err)
	s.refuse(w, r, http.StatusInternalServerError, "The journal could not be read: "+err.Error())
}

// mostListed is how many runs the list shows unless all are asked for.
const mostListed = 50

type indexView struct {
	page
	Runs []runLine
	More int
}

// runLine is one run in the list.
type runLine struct {
	listed
	banner
	Doing string
}

func (s *Server) index(w http.ResponseWriter, r *http.Request, v visit) {
	runs, err := s.overview.read(r.Context())
	if err != nil {
		s.failed(w, r, err)
		return
	}
	view := indexView{page: s.page(s.cfg.Title, v)}
	view.Self, view.Events, view.Reload = r.URL.RequestURI(), "/events?have="+version(runs), true
	for i, l := range runs {
		if i >= mostListed && l.Outcome != "" && r.URL.Query().Get("all") == "" {
			view.More++
			continue
		}
		view.Runs = append(view.Runs, line(l))
	}
	s.show(w, r, http.StatusOK, "index", view)
}

func line(l listed) runLine {
	out := runLine{listed: l, banner: endBanner(l.Outcome)}
	switch {
	case l.Fault != "":
		out.banner = banner{"bad", "The journal cannot be read"}
	case l.State != nil:
		out.banner, out.Doing = bannerOf(l.State), doing(l.State)
	case l.Outcome == "":
		out.banner = banner{"busy", "Is about to begin"}
	}
	return out
}

func (s *Server) run(w http.ResponseWriter, r *http.Request, v visit) {
	state, err := s.state(r)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "run", s.runView(state, v, typed{}))
}

func (s *Server) abortPage(w http.ResponseWriter, r *http.Request, v visit) {
	state, err := s.state(r)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "abort", s.abortView(state, v, typed{}))
}

// state reads the run that a request is about.
func (s *Server) state(r *http.Request) (*runbook.State, error) {
	run := r.PathValue("run")
	if !runName(run) {
		return nil, runbook.ErrUnknownRun
	}
	return s.cfg.Runner.State(r.Context(), run)
}
