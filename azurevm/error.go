package azurevm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What an error can be asked for with errors.Is.
var (
	// ErrNotFound: the resource does not exist, or the caller may not see it (404).
	ErrNotFound = errors.New("not found")
	// ErrConflict: the resource's state, or a lock, does not allow it (409), or it was changed since
	// it was read (412).
	ErrConflict = errors.New("conflict")
	// ErrForbidden: a role is missing, or a policy forbids it (403).
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthorized: no valid token (401, or the credential gave none).
	ErrUnauthorized = errors.New("not signed in")
	// ErrNotProtected: the vault does not back up this VM.
	ErrNotProtected = errors.New("not protected by this vault")
	// ErrBackupInProgress: Azure runs one backup of a VM at a time, and one is running.
	ErrBackupInProgress = errors.New("another backup of this VM is in progress")
	// ErrOutcomeUnknown: a request that starts something was sent, and whether it took effect
	// is not known. Look before sending it again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrAllocation: Azure has no capacity for the VM where it lives.
	ErrAllocation = errors.New("no capacity")
	// ErrPreempted: something else changed the VM's power state in the meantime.
	ErrPreempted = errors.New("preempted by another operation")
	// ErrJobFailed: a job of the vault failed or was cancelled.
	ErrJobFailed = errors.New("job failed")
	// ErrUnmanagedDisk: a disk is unmanaged or ephemeral, so it can be neither snapshotted nor swapped.
	ErrUnmanagedDisk = errors.New("unmanaged or ephemeral disk")
)

// Detail is one of the nested causes that Azure gives.
type Detail struct{ Code, Message string }

// Error is a failed operation. Status is zero when there was no answer, and 200 when Azure reported
// the failure inside an answer, as it does for operations that take long.
type Error struct {
	// Operation and Object say what was attempted on what.
	Operation, Object string
	// Method and Path of the request; the query is left out because polling links carry signatures.
	Method, Path string
	Status       int
	// Code is Azure's own error code, such as AllocationFailed; decide on it rather than on Status.
	Code    string
	Message string
	Details []Detail
	// CorrelationID is what Microsoft support asks for.
	CorrelationID string
	// RetryAfter is how long the service asks to wait, zero when it does not say.
	RetryAfter time.Duration
	// Body is the beginning of an answer that was not understood.
	Body string
	// Advice is what is safe to do next.
	Advice string
	// Err is the cause, nil when the answer is all there is.
	Err error

	final bool // looking again would not change it
}

// Error tells it in one line. The text is for people and may change.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Operation, e.Object)
	if e.Method != "" {
		fmt.Fprintf(&b, ": %s %s", e.Method, e.Path)
	}
	for _, part := range []string{e.answer(), e.cause()} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&b, " (correlation id %s)", e.CorrelationID)
	}
	if e.Advice != "" {
		b.WriteString("; " + e.Advice)
	}
	return b.String()
}

func (e *Error) answer() string {
	var parts []string
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	}
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	for _, d := range e.Details {
		parts = append(parts, strings.Trim(d.Code+": "+d.Message, ": "))
	}
	if e.Body != "" {
		parts = append(parts, fmt.Sprintf("%.200q", e.Body))
	}
	return strings.Join(parts, ": ")
}

func (e *Error) cause() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is lets errors.Is match the sentinels by status and code.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrConflict:
		return e.Status == http.StatusConflict || e.Status == http.StatusPreconditionFailed
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrAllocation:
		return e.has("AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest",
			"OverconstrainedZonalAllocationRequest", "SkuNotAvailable")
	case ErrBackupInProgress:
		return e.has("UserErrorBackupOperationInProgress", "SystemBackupOperationInProgress")
	}
	return false
}

// has says whether Azure gave one of the codes, at the top or nested.
func (e *Error) has(codes ...string) bool {
	match := func(code string) bool {
		return slices.ContainsFunc(codes, func(c string) bool { return strings.EqualFold(c, code) })
	}
	return match(e.Code) || slices.ContainsFunc(e.Details, func(d Detail) bool { return match(d.Code) })
}

// advice is what is safe to do next, by what Azure said.
func (e *Error) advice() string {
	switch {
	case e.has("ScopeLocked"):
		return "a lock forbids it: nothing was changed; have its owner remove the lock, then try again"
	case e.has("RequestDisallowedByPolicy", "UserErrorRequestDisallowedByPolicy"):
		return "an Azure Policy forbids it, often for want of a tag: nothing was changed; do what the policy wants, or have its owner exempt it"
	case errors.Is(e, ErrUnauthorized):
		return "sign in again, then try again"
	case errors.Is(e, ErrForbidden):
		return "nothing was changed; CheckPermissions lists the roles that are missing"
	case errors.Is(e, ErrAllocation):
		return "the VM stays deallocated; it is safe to try again later, or have its size or zone changed"
	case errors.Is(e, ErrBackupInProgress):
		return "wait for that job, or adopt it when it is recent enough"
	case e.has("QuotaExceeded", "OperationNotAllowed"):
		return "this seldom passes by itself: do what the message says, then try again"
	case e.has("SubscriptionNotFound", "ResourceGroupNotFound", "ResourceNotFound"):
		return "nothing was changed; check the configured subscription, resource group and name, and whether the caller may see it"
	case e.Status == http.StatusPreconditionFailed:
		return "nothing was changed, because somebody else changed it meanwhile; look at it, then try again"
	case e.Status == http.StatusTooManyRequests:
		return fmt.Sprintf("nothing was changed; try again in %s", max(e.RetryAfter, time.Minute))
	}
	return ""
}
