package web

import (
	"net"
	"net/http"
)

// policy forbids the pages everything but what they bring themselves.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard sets the headers that keep a page to itself, and lets only fitting requests pass.
func (s *Server) guard(next http.Handler) http.Handler {
	var origin http.CrossOriginProtection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			h.Set("Allow", "GET, HEAD, POST")
			s.refuse(w, r, http.StatusMethodNotAllowed, "Only GET, HEAD and POST are answered here.")
		case !s.cfg.Host(hostName(r.Host)):
			s.refuse(w, r, http.StatusMisdirectedRequest, "This server does not answer for the name "+hostName(r.Host)+".")
		case origin.Check(r) != nil:
			s.refuse(w, r, http.StatusForbidden, "The request came from a page of somebody else, so nothing was recorded.")
		case s.cfg.ReadOnly && r.Method == http.MethodPost && r.URL.Path != "/login":
			s.refuse(w, r, http.StatusForbidden, "This server only shows runs: it was started read-only, and nothing was recorded.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hostName is a Host header without its port and the brackets of an IPv6 address.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}
