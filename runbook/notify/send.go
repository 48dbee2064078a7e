package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// send delivers what is queued, one after the other.
func (n *Notifier) send() {
	for x := range n.queue {
		if err := n.deliver(x); err != nil {
			n.mu.Lock()
			n.giveUp(x, err)
			n.mu.Unlock()
		}
	}
}

// longestWait bounds the pause between two tries, unless the receiver asks for a longer one.
const longestWait = time.Minute

// deliver tries until the receiver has taken the notice, refuses it for good, or it is too late.
func (n *Notifier) deliver(x Notice) error {
	body, err := n.body(x)
	if err != nil {
		return err
	}
	until := n.cfg.Clock.Now().Add(n.cfg.GiveUp)
	for wait := n.cfg.RetryWait; ; wait = min(2*wait, longestWait) {
		r := n.post(x.ID, body)
		pause := max(wait, r.after)
		if r.err == nil || !r.again || n.cfg.Clock.Now().Add(pause).After(until) {
			return r.err
		}
		select {
		case <-n.cfg.Clock.After(pause):
		case <-n.life.Done():
			return fmt.Errorf("%w; there was no time for another try", r.err)
		}
	}
}

func (n *Notifier) body(x Notice) ([]byte, error) {
	if n.cfg.Kind == Teams {
		return json.Marshal(card(x))
	}
	return json.Marshal(x)
}

// result is what became of one try.
type result struct {
	err   error
	again bool // may help
	after time.Duration
}

func (n *Notifier) post(id string, body []byte) result {
	ctx, cancel := context.WithTimeout(n.life, n.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return result{err: n.plain(err)}
	}
	req.Header.Set("Content-Type", "application/json")
	n.sign(req.Header, id, body)
	res, err := n.client.Do(req)
	if err != nil {
		return result{err: n.plain(err), again: n.life.Err() == nil}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	if res.StatusCode/100 == 2 {
		return result{}
	}
	passing := res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout || res.StatusCode >= 500
	return result{err: fmt.Errorf("the receiver answered %d %s", res.StatusCode, http.StatusText(res.StatusCode)), again: passing, after: n.retryAfter(res)}
}

// sign adds the headers of Standard Webhooks; without a secret there is no signature.
func (n *Notifier) sign(h http.Header, id string, body []byte) {
	at := strconv.FormatInt(n.cfg.Clock.Now().Unix(), 10)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	if len(n.key) == 0 {
		return
	}
	mac := hmac.New(sha256.New, n.key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// retryAfter is how long the receiver asks to wait, in seconds or as a date (RFC 9110).
func (n *Notifier) retryAfter(res *http.Response) time.Duration {
	value := res.Header.Get("Retry-After")
	if s, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(s) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt64 // longer than anybody waits
	}
	if t, err := http.ParseTime(value); err == nil {
		return t.Sub(n.cfg.Clock.Now())
	}
	return 0
}

// plain is an error without the address and the secret.
func (n *Notifier) plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := err.Error()
	for _, secret := range n.hidden {
		text = strings.ReplaceAll(text, secret, runbook.Redacted)
	}
	return errors.New(text)
}

// hidden are the parts of the address, and the secret, that no error may show, longest first. The host
// may be shown: without it nobody could tell what is wrong with the network.
func (c Config) hidden() []string {
	u, err := c.address()
	if err != nil {
		return nil
	}
	out := []string{c.URL, u.String(), u.EscapedPath(), u.Path, u.RawQuery, u.User.String(), c.Secret}
	for _, values := range u.Query() {
		out = append(out, values...)
	}
	out = slices.DeleteFunc(out, func(s string) bool { return len(s) < 4 })
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return out
}
