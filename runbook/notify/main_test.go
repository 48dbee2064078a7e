package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post is one request that a receiver got.
type post struct {
	header http.Header
	body   []byte
	notify.Notice
}

// receiver is a webhook over TLS that keeps what arrives.
type receiver struct {
	*httptest.Server
	answer http.HandlerFunc // nil: 202, as Workflows answers
	posts  chan post
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{answer: answer, posts: make(chan post, 100)}
	r.Server = httptest.NewTLSServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p := post{header: req.Header}
	p.body, _ = io.ReadAll(req.Body)
	_ = json.Unmarshal(p.body, &p.Notice)
	r.posts <- p
	if r.answer == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	r.answer(w, req)
}

// answers gives one status after the other, and then 200.
func answers(codes ...int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if len(codes) > 0 {
			w.WriteHeader(codes[0])
			codes = codes[1:]
		}
	}
}

// start makes a notifier of the receiver; change may alter its configuration.
func (r *receiver) start(t *testing.T, change func(*notify.Config)) *notify.Notifier {
	t.Helper()
	c := notify.Config{Kind: notify.Webhook, URL: r.URL + "/hook", HTTPClient: r.Client(), RetryWait: time.Millisecond}
	if change != nil {
		change(&c)
	}
	n, err := notify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(ended) })
	return n
}

// got closes the notifier and returns what arrived.
func (r *receiver) got(t *testing.T, n *notify.Notifier) (all []post) {
	t.Helper()
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case p := <-r.posts:
			all = append(all, p)
		default:
			return all
		}
	}
}

var at = time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC)

func failed(step string) runbook.Event {
	return runbook.Event{At: at, Run: "test-0001", Environment: "test", Kind: "fail", Step: step, Title: "Launch", Clauses: []string{"B-1"}, Text: "no fuel"}
}

func waiting(step string, since time.Time) runbook.Event {
	q := runbook.Question{Run: "test-0001", Step: step, Ask: runbook.Ask{Kind: runbook.DecisionWanted, Text: "What is to be done?"}, Failure: "no fuel",
		Decisions: []runbook.Decision{runbook.DecideRetry, runbook.DecideAbort}}
	return runbook.Event{At: at, Run: "test-0001", Environment: "test", Kind: "wait", Step: step, Title: "Launch", Text: q.Ask.Text, Waiting: &runbook.Wait{Question: q, Since: since}}
}

func owes(kind runbook.Kind, key string, since time.Time) runbook.Event {
	return runbook.Event{At: at, Run: "test-0001", Environment: "test", Kind: runbook.EventKind(kind), Step: "lamp-off", Title: "lamp as it was",
		Owed: &runbook.Owed{Kind: "lamp", Key: key, Step: "lamp-off", Since: since}}
}

func end(run string) runbook.Event {
	return runbook.Event{At: at, Run: run, Environment: "test", Kind: "end", Text: "completed"}
}
