package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// how is what the record says about the way of an answer.
const how = "page"

// What a form may send, without and with files, in bytes; uploadTime is how long that may take.
const (
	largestForm   = 64 << 10
	largestUpload = runbook.MaxAttachment + largestForm
	uploadTime    = 5 * time.Minute
)

// answer takes the form of a question.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, v visit) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime)) // a recorder in a test has none
	if !s.readForm(w, r, v, largestUpload) {
		return
	}
	number, err := strconv.ParseUint(r.PostFormValue("question"), 10, 64)
	if err != nil || number == 0 {
		s.refuse(w, r, http.StatusBadRequest, "The form does not say which question it answers; nothing was recorded.")
		return
	}
	files, remove, err := uploads(r)
	defer remove()
	if err != nil {
		s.cfg.Log.Error("keep the files of an answer", "path", r.URL.Path, "error", err)
		s.refuse(w, r, http.StatusInternalServerError, "A file that was sent could not be kept; nothing was recorded: "+reason(err))
		return
	}
	a := runbook.Answer{How: how, Statement: strings.TrimSpace(r.PostFormValue("statement")), Decision: runbook.Decision(r.PostFormValue("decision")),
		PlanHash: r.PostFormValue("plan"), Values: entries(r), Files: files}
	s.reply(w, r, v, number, a)
}

// abort takes the wish that a run ends.
func (s *Server) abort(w http.ResponseWriter, r *http.Request, v visit) {
	if s.readForm(w, r, v, largestForm) {
		s.reply(w, r, v, 0, runbook.Answer{How: how, Decision: runbook.DecideAbort, Statement: strings.TrimSpace(r.PostFormValue("statement"))})
	}
}

// readForm reads a form of at most so many bytes and checks that it was made for this visit.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, v visit, most int64) bool {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	err := r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(largestForm)
	}
	if errors.Is(err, http.ErrNotMultipart) {
		err = nil // ParseForm has read it
	}
	if err != nil {
		status := http.StatusBadRequest
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			status = http.StatusRequestEntityTooLarge
		}
		s.refuse(w, r, status, "The form could not be read; nothing was recorded: "+err.Error())
		return false
	}
	if !v.mine(r.PostFormValue("word")) {
		s.refuse(w, r, http.StatusForbidden, "The form is not one of this session, so nothing was recorded. Load the page again.")
		return false
	}
	return true
}

// entries are the filled in entries of a form.
func entries(r *http.Request) map[string]string {
	out := map[string]string{}
	for name, values := range r.PostForm {
		if field, ok := strings.CutPrefix(name, "value."); ok && strings.TrimSpace(values[0]) != "" {
			out[field] = strings.TrimSpace(values[0])
		}
	}
	return out
}

// replyTime is how long recording an answer may take. Whoever closes the page does not interrupt it.
const replyTime = 30 * time.Second

// reply records an answer and leads back to the run.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, v visit, number uint64, a runbook.Answer) {
	state, err := s.state(r)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), replyTime)
	defer cancel()
	err = s.as(v).Reply(ctx, runbook.Reply{Run: state.Run, Question: number, PlanHash: r.PostFormValue("plan"), Answer: a})
	log := s.cfg.Log.With("run", state.Run, "actor", v.actor)
	switch {
	case err == nil:
		log.Info("an answer was recorded", "decision", string(a.Decision))
		http.Redirect(w, r, "/runs/"+state.Run, http.StatusSeeOther)
	case errors.Is(err, runbook.ErrOutdated):
		log.Warn("an answer came too late", "error", err)
		s.outdated(w, r, v, a, err)
	default:
		log.Warn("an answer was not recorded") // why, the person is told: it may quote what was typed
		s.again(w, r, v, number, typed{answer: a, faults: strings.Split(err.Error(), "\n")})
	}
}

// outdated says that the world has moved on, and gives back what was typed.
func (s *Server) outdated(w http.ResponseWriter, r *http.Request, v visit, a runbook.Answer, err error) {
	m := message{page: s.page("Not recorded", v), Back: "/runs/" + r.PathValue("run"),
		Text: "Your answer was not recorded: " + strings.TrimSuffix(err.Error(), ": "+runbook.ErrOutdated.Error()) + ". Look at the run as it is now."}
	if a.Statement != "" {
		m.Typed = append(m.Typed, [2]string{"statement", a.Statement})
	}
	for _, name := range slices.Sorted(maps.Keys(a.Values)) {
		m.Typed = append(m.Typed, [2]string{name, a.Values[name]})
	}
	s.show(w, r, http.StatusConflict, "message", m)
}

// again shows the form with what was typed and what does not fit.
func (s *Server) again(w http.ResponseWriter, r *http.Request, v visit, number uint64, t typed) {
	state, err := s.state(r)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if number == 0 {
		s.show(w, r, http.StatusUnprocessableEntity, "abort", s.abortView(state, v, t))
		return
	}
	s.show(w, r, http.StatusUnprocessableEntity, "run", s.runView(state, v, t))
}
