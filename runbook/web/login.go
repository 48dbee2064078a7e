package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// visit is who sent a request, and the word that forms of the session must bring back; a program that
// sends its token with each request needs none.
type visit struct {
	actor, word string
}

// mine says whether a form was made for this visit.
func (v visit) mine(word string) bool {
	return v.word == "" || subtle.ConstantTimeCompare([]byte(v.word), []byte(word)) == 1
}

type session struct {
	visit
	until time.Time
}

// mostSessions bounds how many browsers are signed in at a time; the oldest gives way.
const mostSessions = 1000

// gate knows who is signed in.
type gate struct {
	people []Person
	life   time.Duration
	now    func() time.Time
	log    *slog.Logger
	cookie string
	wrong  *rate.Limiter // wrong tokens

	mu       sync.Mutex
	sessions map[string]session
}

// After five wrong tokens, by anybody, one is looked at every two seconds. Who is signed in notices nothing.
const (
	wrongTokens = 5
	wrongEvery  = 2 * time.Second
)

// newGate gives the cookie a name of its own, because browsers share cookies between the ports of a host.
func newGate(c Config, now func() time.Time) *gate {
	return &gate{people: c.People, life: c.Session, now: now, log: c.Log, cookie: "runbook-" + rand.Text()[:8],
		wrong: rate.NewLimiter(rate.Every(wrongEvery), wrongTokens), sessions: map[string]session{}}
}

// person finds the person of a token. All tokens are compared, in a time that tells nothing.
func (g *gate) person(token string) (name string, ok bool) {
	given := sha256.Sum256([]byte(token))
	for _, p := range g.people {
		want := sha256.Sum256([]byte(p.Token))
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
			name, ok = p.Name, true
		}
	}
	return name, ok
}

// enter looks at a token; the status says why it is refused.
func (g *gate) enter(token string) (name string, status int) {
	if g.wrong.TokensAt(g.now()) < 1 {
		return "", http.StatusTooManyRequests
	}
	name, ok := g.person(token)
	if !ok {
		g.wrong.AllowN(g.now(), 1)
		g.log.Warn("a wrong token")
		return "", http.StatusUnauthorized
	}
	return name, http.StatusOK
}

// open begins a session and returns its cookie.
func (g *gate) open(name string, secure bool) *http.Cookie {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	id := rand.Text()
	g.sessions[id] = session{visit{actor: name, word: rand.Text()}, g.now().Add(g.life)}
	return &http.Cookie{Name: g.cookie, Value: id, Path: "/", MaxAge: int(g.life.Seconds()), HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteStrictMode}
}

// forget drops what has expired, and the oldest of too many. g.mu is held.
func (g *gate) forget() {
	oldest := ""
	for id, s := range g.sessions {
		if !g.now().Before(s.until) {
			delete(g.sessions, id)
		} else if oldest == "" || s.until.Before(g.sessions[oldest].until) {
			oldest = id
		}
	}
	if len(g.sessions) >= mostSessions {
		delete(g.sessions, oldest)
	}
}

// visitor says who sent a request: by its session, or by the token that it brings.
func (g *gate) visitor(r *http.Request) (v visit, status int) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		v.actor, status = g.enter(token)
		return v, status
	}
	c, err := r.Cookie(g.cookie)
	if err != nil {
		return v, http.StatusUnauthorized
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s, ok := g.sessions[c.Value]
	if !ok || !g.now().Before(s.until) {
		return v, http.StatusUnauthorized
	}
	return s.visit, http.StatusOK
}

// known lets nobody pass who has not signed in. A page that is only looked at leads to the sign-in.
func (g *gate) known(handle func(http.ResponseWriter, *http.Request, visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, status := g.visitor(r)
		switch {
		case status == http.StatusOK:
			handle(w, r, v)
		case r.Method != http.MethodPost && r.Header.Get("Authorization") == "" && strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, "/login?"+url.Values{"next": {r.URL.Path}}.Encode(), http.StatusSeeOther)
		default:
			unauthorized(w, status)
		}
	})
}

func unauthorized(w http.ResponseWriter, status int) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	text := "Sign in at /login, or send the token as \"Authorization: Bearer\". Nothing was recorded."
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "2")
		text = "Too many wrong tokens; wait a moment. Nothing was recorded."
	}
	http.Error(w, text, status)
}

// loginView is the page on which a token is typed.
type loginView struct {
	page
	Next, Fault string
	// Again: a browser that is signed in does not say so when it comes from somewhere else.
	Again bool
}

// faults say why a token was refused.
var faults = map[int]string{http.StatusUnauthorized: "This token is not known.", http.StatusTooManyRequests: "Too many wrong tokens; wait a moment."}

// login shows the form, or takes the token of the link that was printed. Whatever becomes of that
// token, it is gone from the address afterwards.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query() // and nothing of a body, which is not bounded here
	next := local(asked.Get("next"))
	if token := asked.Get("token"); token != "" {
		status := s.let(w, r, token, next)
		if status != http.StatusOK {
			http.Redirect(w, r, "/login?"+url.Values{"next": {next}, "refused": {strconv.Itoa(status)}}.Encode(), http.StatusSeeOther)
		}
		return
	}
	refused, _ := strconv.Atoi(asked.Get("refused"))
	s.loginPage(w, r, refused, next)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	next := local(r.PostFormValue("next"))
	if status := s.let(w, r, strings.TrimSpace(r.PostFormValue("token")), next); status != http.StatusOK {
		s.loginPage(w, r, status, next)
	}
}

// let signs in whoever has the token; for anybody else the caller says why not.
func (s *Server) let(w http.ResponseWriter, r *http.Request, token, next string) (status int) {
	name, status := s.gate.enter(token)
	if status == http.StatusOK {
		s.cfg.Log.Info("signed in", "actor", name)
		http.SetCookie(w, s.gate.open(name, r.TLS != nil))
		http.Redirect(w, r, next, http.StatusSeeOther)
	}
	return status
}

// loginPage is the form, with why a token was refused if one was.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, refused int, next string) {
	fault, status := faults[refused], refused
	if fault == "" {
		status = http.StatusOK
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "2")
	}
	s.show(w, r, status, "login", loginView{page: s.page("Sign in", visit{}), Next: next, Fault: fault,
		Again: next != "/" && r.Header.Get("Sec-Fetch-Site") == "cross-site"})
}

// local keeps a path of this server, and nothing that leads elsewhere.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return "/"
	}
	return u.EscapedPath()
}
