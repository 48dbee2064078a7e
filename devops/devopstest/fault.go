package devopstest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	plainText = "text/plain"
	htmlText  = "text/html; charset=utf-8"
	jsonText  = "application/json; charset=utf-8"
)

// answered is a Fault that answers, with an activity id of its own.
func answered(name, method, path string, status int, contentType, body string) Fault {
	header := http.Header{}
	stampActivity(header)
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return Fault{Name: name, Kind: Answer, Method: method, Path: path, Status: status, Header: header, Body: body}
}

// stampActivity gives an answer the number by which the vendor's support would find the request.
func stampActivity(h http.Header) {
	activity := strings.ToUpper(uuid.NewString())
	h.Set("X-VSS-E2EID", activity)
	h.Set("ActivityId", activity)
}

// SignInPage is a Fault that answers with the sign-in page under a status of success (203).
func SignInPage(method, path string) Fault {
	return answered("sign-in page", method, path, http.StatusNonAuthoritativeInfo, htmlText, signInPage)
}

// ExpiredToken is a Fault that answers 401 without a body, as for a token that has expired.
func ExpiredToken(method, path string) Fault {
	f := answered("expired token", method, path, http.StatusUnauthorized, "", "")
	f.Header.Set("WWW-Authenticate", challenge)
	return f
}

// Throttled is a Fault that answers 429 with Retry-After in seconds (vendor page "Rate and usage
// limits").
func Throttled(method, path string, seconds int) Fault {
	f := answered("throttled", method, path, http.StatusTooManyRequests, plainText,
		"TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'User'.")
	askPatience(f.Header, seconds)
	return f
}

// Delayed is a Fault that does the work and lets the answer, a success, ask for seconds of patience
// before the next request, as the service does for a user whose requests it delays (vendor page "Rate
// and usage limits").
func Delayed(method, path string, seconds int) Fault {
	f := Fault{Name: "delayed", Kind: AddHeader, Method: method, Path: path, Header: http.Header{}}
	askPatience(f.Header, seconds)
	return f
}

// askPatience adds the headers of throttling; the time in them counts from now on.
func askPatience(h http.Header, seconds int) {
	wait := time.Duration(seconds) * time.Second
	for name, value := range map[string]string{
		"Retry-After": strconv.Itoa(seconds), "X-RateLimit-Resource": "Concurrency", "X-RateLimit-Delay": strconv.Itoa(seconds),
		"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(time.Now().Add(wait).Unix(), 10),
	} {
		h.Set(name, value)
	}
}

// Unavailable is a Fault that answers 503 with an HTML page.
func Unavailable(method, path string) Fault {
	return answered("unavailable", method, path, http.StatusServiceUnavailable, htmlText,
		"<html><body>Our services aren't available right now</body></html>")
}

// Forbidden is a Fault that answers 403 as for a missing permission.
func Forbidden(method, path string) Fault {
	return refused("forbidden", method, path, refusal(http.StatusForbidden, "AccessDeniedException",
		"TF215106: Access denied. Upgrade Operator needs Edit build pipeline permissions."))
}

// StaleRevision is a Fault that answers a write of a definition as if somebody had edited it since it
// was read, although nobody has: with 404, 409 or 400 (anything else counts as 404). For a true
// conflict see Server.Edit and Options.StaleRevision.
func StaleRevision(status int) Fault {
	return refused("stale revision", http.MethodPut, "/definitions/", stale(strconv.Itoa(status), defaultDefinition))
}

func refused(name, method, path string, r reply) Fault {
	body, _ := json.Marshal(r.body) // made of texts and numbers
	return answered(name, method, path, r.status, jsonText, string(body))
}
