package azurevm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// passing says whether looking again later may do.
func passing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || e.final || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, ErrUnauthorized) || errors.Is(err, errForeign):
		return false
	case e.Status == 0 || e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500:
		return true
	}
	return e.Status == http.StatusOK && e.Err != nil // a garbled answer
}

// unclear says whether a request with an effect may have had it although it failed.
func unclear(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || neverSent(err) {
		return false
	}
	return e.Status == 0 || e.Status == http.StatusRequestTimeout || e.Status < 400 || e.Status >= 500
}

// neverSent says whether it is certain that no request left this machine.
func neverSent(err error) bool {
	if errors.Is(err, ErrUnauthorized) {
		return true
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	return dns || cert
}

// unknown marks err as one after which nobody knows whether the request took effect.
func unknown(err error, advice string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	u := *e
	u.Err, u.Advice, u.final = ErrOutcomeUnknown, advice, true
	if e.Err != nil {
		u.Err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, e.Err)
	}
	return &u
}

func retryAfterOf(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
