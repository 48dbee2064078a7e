package azurevm

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// maxBody is how much of an answer's body an error keeps, in bytes.
const maxBody = 2 << 10

// fail turns whatever azcore returned into an *Error; nil stays nil.
func (a *attempt) fail(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Operation: a.operation, Object: a.object}
	if re, ok := errors.AsType[*azcore.ResponseError](err); ok {
		e.describe(re.RawResponse)
		e.prefer(re.ErrorCode)
		e.Advice = e.advice()
		return e
	}
	e.describe(a.response)
	e.Err = plain(err)
	return e
}

// decided is an error that this package found by itself, and that stays.
func (a *attempt) decided(err error) *Error {
	return &Error{Operation: a.operation, Object: a.object, Err: err, final: true}
}

// plain drops net/http's wrapper, whose text holds the URL with its signed query.
func plain(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

func (e *Error) describe(res *http.Response) {
	if res == nil {
		return
	}
	e.Status, e.RetryAfter = res.StatusCode, retryAfter(res)
	if res.Request != nil {
		e.Method, e.Path = res.Request.Method, res.Request.URL.Path
	}
	e.CorrelationID = res.Header.Get("X-Ms-Correlation-Request-Id")
	if e.CorrelationID == "" {
		e.CorrelationID = res.Header.Get("X-Ms-Request-Id")
	}
	body, err := runtime.Payload(res)
	if err == nil && !e.parse(body) {
		e.Body = string(body[:min(len(body), maxBody)])
	}
}

// prefer takes the code that azcore found, which is the header's when there is one. A body that tells
// another is a cause of it.
func (e *Error) prefer(code string) {
	if code == "" || strings.EqualFold(code, e.Code) {
		return
	}
	if e.Code != "" {
		e.Details = slices.Insert(e.Details, 0, Detail{Code: e.Code})
	}
	e.Code = code
}

type armError struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	Details []armError `json:"details"`
}

// parse reads Azure's error body, {"error": {…}} or its content alone.
func (e *Error) parse(body []byte) bool {
	var wrapped struct {
		Error armError `json:"error"`
		armError
	}
	if json.Unmarshal(body, &wrapped) != nil {
		return false
	}
	top := wrapped.Error
	if top.Code == "" && top.Message == "" {
		top = wrapped.armError
	}
	if top.Code == "" && top.Message == "" {
		return false
	}
	e.Code, e.Message = top.Code, top.Message
	e.addDetails(top.Details, 0)
	return true
}

func (e *Error) addDetails(details []armError, depth int) {
	for _, d := range details {
		if len(e.Details) < 20 && depth < 5 {
			e.Details = append(e.Details, Detail{d.Code, d.Message})
			e.addDetails(d.Details, depth+1)
		}
	}
}
