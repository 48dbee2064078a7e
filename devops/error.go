package devops

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What went wrong, for errors.Is.
var (
	// ErrNotFound: the service says there is no such thing, or hides it from this account.
	ErrNotFound = errors.New("not found or hidden from this account")
	// ErrConflict: somebody else's edits kept coming in between; nothing of theirs was overwritten.
	ErrConflict = errors.New("changed by somebody else meanwhile")
	// ErrUnauthorized: the credential was rejected: 401, or the sign-in page (203, a redirect, HTML).
	ErrUnauthorized = errors.New("credential rejected")
	// ErrForbidden: the account is known and lacks a permission.
	ErrForbidden = errors.New("permission missing")
	// ErrChangedByOther: somebody else set the queue status; it was left as they set it.
	ErrChangedByOther = errors.New("queue status was changed by somebody else")
	// ErrPaused: the definition is paused or disabled, so the build cannot start.
	ErrPaused = errors.New("pipeline definition is not enabled")
	// ErrOutcomeUnknown: the service may or may not have acted, and asking it did not settle that.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// maxErrorBody is how much of an answer's body an Error keeps, in bytes.
const maxErrorBody = 2 << 10

// Error says what was attempted, on which object, and what the service answered. Its text is made for
// the operator and ends with what is safe to do next; it never holds a credential or a definition's
// content. errors.Is matches the sentinels of this package and the cause (a context's error, …).
type Error struct {
	// Operation is what was attempted, for example "pause pipeline definition 107".
	Operation string
	// Method and Path are the request's; empty when nothing was sent.
	Method, Path string
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// TypeKey is the service's name for the error, for example AccessDeniedException. Decide on it,
	// not on Message, which is translated.
	TypeKey string
	// Message is the service's message, or ours.
	Message string
	// ActivityID is X-VSS-E2EID (or ActivityId), by which the vendor's support finds the request.
	ActivityID string
	// Body is the beginning of the body of an answer that was an error (2 KiB).
	Body string
	// RetryAfter is how long the service asked to wait.
	RetryAfter time.Duration
	// Unclear is set when a request that changes something may have taken effect although no usable
	// answer came back.
	Unclear bool
	// Kind is the sentinel that matches, or nil.
	Kind error
	// Err is the cause when there was no answer.
	Err error
}

// Error tells operation, request, answer and advice in one line.
func (e *Error) Error() string {
	parts := []string{e.Operation}
	if e.Method != "" {
		parts = append(parts, e.Method+" "+e.Path)
	}
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	}
	if e.Kind != nil {
		parts = append(parts, e.Kind.Error())
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	text := strings.Join(parts, ": ")
	if e.ActivityID != "" {
		text += " (activity " + e.ActivityID + ")"
	}
	if advice := e.advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

// Unwrap gives the sentinel and the cause.
func (e *Error) Unwrap() []error {
	var out []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

func (e *Error) advice() string {
	switch {
	case e.Kind == ErrOutcomeUnknown:
		return "look at the pipeline before doing it again"
	case e.Unclear:
		return "it may have taken effect: read the state before repeating"
	case e.Kind == ErrUnauthorized:
		return "nothing was changed; check that the token is not expired, belongs to this organization and has the scope Build (read and execute)"
	case e.Kind == ErrForbidden:
		return "nothing was changed; ask a project administrator for the permission"
	case e.Kind == ErrNotFound:
		return "nothing was changed; check organization, project and number, and the view permission"
	case e.Kind == ErrChangedByOther:
		return "it was left as they set it; talk to them, then set it by hand or repeat"
	case e.Kind == ErrConflict:
		return "it is safe to repeat"
	case e.Kind == ErrPaused:
		return "resume the pipeline, or cancel the build so that it does not start later"
	case e.Status == http.StatusTooManyRequests:
		return "nothing was changed; wait and repeat"
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		return ""
	case e.Status == 0 && e.Method != "", e.Status >= http.StatusInternalServerError:
		return "nothing was changed; check the network and the service's status page, then repeat"
	}
	return ""
}

// passing says whether the same read may well work a little later.
func (e *Error) passing() bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case 0:
		return e.Method != "" && e.Kind == nil && !final(e.Err)
	}
	return false
}

// final are causes that time does not heal.
func final(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	return certificate || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func passing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.passing()
}

// during names the operation in err, which becomes an *Error whatever it was.
func during(operation string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		named := *e
		named.Operation = operation
		return &named
	}
	return &Error{Operation: operation, Err: err}
}

// activity is the number by which the vendor's support finds a request.
func activity(h http.Header) string { return cmp.Or(h.Get("X-VSS-E2EID"), h.Get("ActivityId")) }

// unexpected describes an answer that is good JSON and not what was asked for.
func unexpected(operation string, h http.Header, message string) *Error {
	return &Error{Operation: operation, Message: message, ActivityID: activity(h)}
}

// serviceError is the body of the service's errors. Some wrap it in value.
type serviceError struct {
	Message string `json:"message"`
	TypeKey string `json:"typeKey"`
	Value   *struct {
		Message string `json:"Message"`
	} `json:"value"`
}

// refused describes an answer of 4xx or 5xx.
func refused(e *Error, body []byte) *Error {
	e.Body = string(body[:min(len(body), maxErrorBody)])
	var s serviceError
	switch err := json.Unmarshal(body, &s); {
	case err == nil && s.Message == "" && s.Value != nil:
		e.Message = s.Value.Message
	case err == nil:
		e.Message, e.TypeKey = s.Message, s.TypeKey
	case !looksHTML(body):
		e.Message = string(body[:min(len(body), 300)])
	}
	e.Message = strings.Join(strings.Fields(strings.ToValidUTF8(e.Message, "")), " ") // one line, whatever it was
	e.Kind = kindOf(e.Status, e.TypeKey, e.Message)
	e.Unclear = changes(e.Method) && e.Status >= http.StatusInternalServerError
	return e
}

// kindOf goes by type key and message number first: the status that goes with them varies.
func kindOf(status int, typeKey, message string) error {
	switch {
	case typeKey == "AccessDeniedException", strings.HasPrefix(message, "TF215106"):
		return ErrForbidden
	case typeKey == "UnauthorizedRequestException", strings.HasPrefix(message, "TF400813"):
		return ErrUnauthorized
	case typeKey == "DefinitionDisabledException":
		return ErrPaused
	case typeKey == "DefinitionNotFoundException", strings.HasPrefix(message, "VS800075"):
		return ErrNotFound
	}
	switch status {
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	}
	return nil
}

func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}
