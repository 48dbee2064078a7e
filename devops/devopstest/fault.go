package devopstest

import (
	"net/http"
	"strconv"
	"time"
)

var (
	plainText = http.Header{"Content-Type": {"text/plain"}}
	html      = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	inJSON    = http.Header{"Content-Type": {"application/json; charset=utf-8"}}
)

// SignInPage is a Fault that answers with the sign-in page under a status of success (203).
func SignInPage(method, path string) Fault {
	return Fault{Name: "sign-in page", Kind: Answer, Method: method, Path: path, Status: http.StatusNonAuthoritativeInfo, Header: html, Body: signInPage}
}

// ExpiredToken is a Fault that answers 401 without a body, as for a token that has expired.
func ExpiredToken(method, path string) Fault {
	return Fault{Name: "expired token", Kind: Answer, Method: method, Path: path, Status: http.StatusUnauthorized, Header: challenge()}
}

// Throttled is a Fault that answers 429 with Retry-After in seconds.
func Throttled(method, path string, seconds int) Fault {
	header := plainText.Clone()
	header.Set("Retry-After", strconv.Itoa(seconds))
	return Fault{Name: "throttled", Kind: Answer, Method: method, Path: path, Status: http.StatusTooManyRequests, Header: header,
		Body: "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'User'."}
}

// Unavailable is a Fault that answers 503 with an HTML page.
func Unavailable(method, path string) Fault {
	return Fault{Name: "unavailable", Kind: Answer, Method: method, Path: path, Status: http.StatusServiceUnavailable, Header: html,
		Body: "<html><body>Our services aren't available right now</body></html>"}
}

// Forbidden is a Fault that answers 403 as for a missing permission.
func Forbidden(method, path string) Fault {
	return Fault{Name: "forbidden", Kind: Answer, Method: method, Path: path, Status: http.StatusForbidden, Header: inJSON,
		Body: `{"$id":"1","message":"TF215106: Access denied. Upgrade Operator needs Edit build pipeline permissions.","typeKey":"AccessDeniedException","errorCode":0,"eventId":3000}`}
}

// SetRetryAfter makes every answer from now on, successes included, ask for that many seconds of
// patience, as the service does for a user whose requests it delays (vendor page "Rate and usage
// limits"). Zero ends it.
func (s *Server) SetRetryAfter(seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAfter = seconds
}

// SetSlowBody makes every answer from now on pause that long between its header and its body, as on a
// bad line, or until the client gives up. It needs Start: in process an answer comes in one piece.
// Zero ends it.
func (s *Server) SetSlowBody(pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slowBody = pause
}

func (s *Server) throttle(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retryAfter == 0 {
		return
	}
	h.Set("Retry-After", strconv.Itoa(s.retryAfter))
	h.Set("X-Ratelimit-Resource", "Concurrency")
	h.Set("X-Ratelimit-Delay", strconv.Itoa(s.retryAfter))
	h.Set("X-Ratelimit-Remaining", "0")
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(s.Now().Add(time.Duration(s.retryAfter)*time.Second).Unix(), 10))
}

// dawdle sends the header and waits.
func (s *Server) dawdle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	pause := s.slowBody
	s.mu.Unlock()
	if pause == 0 || http.NewResponseController(w).Flush() != nil {
		return
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}
