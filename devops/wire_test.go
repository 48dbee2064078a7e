package devops_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/h2non/gock"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// recorder keeps the requests with their headers and lets edit change the answers.
type recorder struct {
	next http.RoundTripper
	edit func(*http.Request, *http.Response) *http.Response

	mu   sync.Mutex
	seen []*http.Request
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.seen = append(r.seen, req)
	r.mu.Unlock()
	res, err := r.next.RoundTrip(req)
	if err == nil && r.edit != nil {
		res = r.edit(req, res)
	}
	return res, err
}

func through(transport http.RoundTripper) func(*devops.Config) {
	return func(cfg *devops.Config) { cfg.HTTPClient = &http.Client{Transport: transport} }
}

// wire runs every call once and returns what was sent.
func wire(t *testing.T, srv *devopstest.Server, rec *recorder) []*http.Request {
	t.Helper()
	c := client(t, srv, through(rec))
	b, err := c.Run(t.Context(), devops.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pause := set(t, c, devops.Paused, "run 42")
	if _, err := c.Backlog(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cancel(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RestoreQueueStatus(t.Context(), devops.Restore{Found: pause.Before, Marker: "run 42"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CheckPermissions(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rec.seen
}

// TestWhatEveryRequestCarries: the organization goes in lower case, the project in its own with %20,
// the version in Accept, and no request for the areas of the service is made.
func TestWhatEveryRequestCarries(t *testing.T) {
	organization := freshOrganization("WireOrg")
	srv := inProcess(devopstest.Options{Organization: organization, Speed: 1, CancelDuration: time.Nanosecond})
	var sent []string
	credential := "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+secret)) // the user name is empty
	for _, r := range wire(t, srv, &recorder{next: srv.RoundTripper()}) {
		sent = append(sent, r.Method+" "+r.URL.EscapedPath())
		if r.Header.Get("Authorization") != credential || r.Header.Get("X-TFS-FedAuthRedirect") != "Suppress" || r.Header.Get("X-TFS-Session") == "" ||
			!strings.Contains(r.Header.Get("User-Agent"), "pexip-upgrade") {
			t.Errorf("%s: headers %v", r.URL, r.Header)
		}
		byHand := strings.Contains(r.URL.Path, "/permissions/")
		if version := strings.Contains(r.Header.Get("Accept"), "api-version=7.1"); version == (r.Method == "OPTIONS" || byHand) || r.URL.Query().Has("api-version") != byHand {
			t.Errorf("%s %s: Accept %q", r.Method, r.URL, r.Header.Get("Accept"))
		}
		if hasBody := r.Method == "PUT" || r.Method == "POST" || r.Method == "PATCH"; hasBody && r.ContentLength < 1 {
			t.Errorf("%s without a length", r.Method)
		}
	}
	base := "/" + strings.ToLower(organization)
	project := base + "/Verify-by-Video%20Platform/_apis/"
	want := []string{
		"OPTIONS " + base + "/_apis",
		"GET " + project + "build/Definitions/107", "GET " + project + "build/Builds", "POST " + project + "Pipelines/107/runs", "GET " + project + "build/Builds/501",
		"GET " + project + "build/Definitions/107", "PUT " + project + "build/Definitions/107", "GET " + project + "build/Definitions/107",
		"GET " + project + "build/Builds",
		"GET " + project + "build/Builds/501", "PATCH " + project + "build/Builds/501", "GET " + project + "build/Builds/501",
		"GET " + project + "build/Definitions/107", "GET " + project + "build/definitions/107/revisions", "PUT " + project + "build/Definitions/107", "GET " + project + "build/Definitions/107",
		"GET " + project + "build/Definitions/107",
	}
	for _, bit := range []string{"2048", "128", "512"} {
		want = append(want, "GET "+base+"/_apis/permissions/33344d9c-fc72-4d6f-aba5-fa317101a7e9/"+bit)
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
}

// TestBodiesAreExact: nothing but what is meant, and a definition is never patched.
func TestBodiesAreExact(t *testing.T) {
	srv := inProcess(devopstest.Options{Speed: 1, CancelDuration: time.Nanosecond})
	c := client(t, srv)
	b, err := c.Run(t.Context(), devops.RunOptions{TemplateParameters: map[string]string{"action": "start"}, Variables: map[string]string{"v": "1"},
		StagesToSkip: []string{"Prepare"}, Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cancel(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range srv.Requests() {
		if r.Method == http.MethodPost || r.Method == http.MethodPatch {
			got = append(got, r.Method+" "+string(r.Body))
		}
	}
	want := []string{
		`POST {"templateParameters":{"action":"start"},"variables":{"v":{"value":"1"}},"stagesToSkip":["Prepare"],"resources":{"repositories":{"self":{"refName":"refs/heads/main"}}}}`,
		`PATCH {"status":"cancelling"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestTheAPIIsDescribedOncePerProcess, whatever the number of clients.
func TestTheAPIIsDescribedOncePerProcess(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	for range 3 {
		if _, err := client(t, srv).Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if options, areas := count(srv, "OPTIONS", ""), count(srv, "GET", "ResourceAreas"); options != 1 || areas != 0 {
		t.Errorf("%d descriptions, %d areas", options, areas)
	}
}

// TestOlderServer: the version is the newest that the server has; reading and writing use the same.
func TestOlderServer(t *testing.T) {
	for want, versions := range map[string][2]string{"7.0": {"7.0", "7.0"}, "6.1-preview": {"6.1", "6.0"}, "7.1": {"7.2", "7.1"}} {
		srv := listening(t, devopstest.Options{})
		rec := &recorder{next: srv.Client().Transport, edit: func(r *http.Request, res *http.Response) *http.Response {
			if r.Method != http.MethodOptions {
				return res
			}
			raw, _ := io.ReadAll(res.Body)
			raw = bytes.ReplaceAll(raw, []byte(`"7.2"`), []byte(`"`+versions[0]+`"`))
			raw = bytes.ReplaceAll(raw, []byte(`"7.1"`), []byte(`"`+versions[1]+`"`))
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
			return res
		}}
		set(t, client(t, srv, through(rec)), devops.Paused, "run 42")
		for _, r := range rec.seen[1:] {
			if got := r.Header.Get("Accept"); !strings.HasSuffix(got, "api-version="+want) {
				t.Errorf("%s: Accept %q, want %s", r.Method, got, want)
			}
		}
	}
}

// TestGock: mocks enter by the one seam. The description of the API is cached for the life of the
// process, so a scenario has an organization of its own, in lower case and with a plain space.
func TestGock(t *testing.T) {
	defer gock.Off()
	organization := freshOrganization("GockOrg")
	double := inProcess(devopstest.Options{Organization: organization})
	path := "^/" + strings.ToLower(organization)
	description := &recorder{next: double.RoundTripper()}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodOptions, double.OrganizationURL()+"/_apis", nil)
	req.SetBasicAuth("", secret)
	res, err := description.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	options := gock.New("https://dev.azure.com")
	options.Method = http.MethodOptions
	options.Path(path + "/_apis$").Persist().Reply(200).Type("json").BodyString(string(raw))
	gock.New("https://dev.azure.com").Get(path+"/Verify-by-Video Platform/_apis/build/Definitions/107$").
		MatchHeader("Accept", "api-version=7.1$").Reply(200).JSON(double.Document())
	def, err := client(t, double, through(gock.NewTransport())).Definition(t.Context())
	if err != nil || def.QueueStatus != devops.Enabled {
		t.Errorf("%+v, %v", def, err)
	}
	if gock.HasUnmatchedRequest() {
		t.Error("a request was not meant")
	}
}

// TestOneClientInManyGoroutines, from the first request on: the race detector watches.
func TestOneClientInManyGoroutines(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	cred := &credential{life: time.Hour, tokens: []string{secret}}
	srv.SetCredentials("", secret)
	c := client(t, srv, func(cfg *devops.Config) { cfg.PAT, cfg.Credential = "", cred })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := c.Definition(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := c.Backlog(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if cred.asked != 1 {
		t.Errorf("%d tokens", cred.asked)
	}
}

// TestConnectionsAreReused: every answer is read to its end and closed, errors too.
func TestConnectionsAreReused(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	var dialled atomic.Int32
	transport := srv.Client().Transport.(*http.Transport).Clone()
	dial := net.Dialer{}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return dial.DialContext(ctx, network, address)
	}
	defer transport.CloseIdleConnections()
	c := client(t, srv, through(transport))
	for range 5 {
		set(t, c, devops.Paused, "run 42")
		b := srv.Tick(nil)
		if _, err := c.Cancel(t.Context(), b.ID, 9); err == nil {
			t.Fatal("build 9 exists")
		}
		if _, err := c.CheckPermissions(t.Context()); err != nil {
			t.Fatal(err)
		}
		set(t, c, devops.Enabled, "run 42")
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestTheCredentialStaysWithItsHost: a redirect is a rejection, and is not followed.
func TestTheCredentialStaysWithItsHost(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	rec := &recorder{next: srv.RoundTripper()}
	for _, to := range []string{"https://elsewhere.example.org/", "http://dev.azure.com/exampleorg/", "/"} {
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 307, Header: http.Header{"Location": {to}}})
		_, err := client(t, srv, through(rec)).Definition(t.Context())
		wantError(t, err, devops.ErrUnauthorized, "sign-in page")
	}
	for _, r := range rec.seen {
		if r.URL.Host != "dev.azure.com" || r.URL.Scheme != "https" {
			t.Errorf("sent to %s", r.URL)
		}
	}
}

// TestASlowAnswerIsWaitedFor: the service may hold a throttled request for 30 s.
func TestASlowAnswerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, devopstest.Fault{Kind: devopstest.Delay, Method: "GET", Delay: 90 * time.Second})
		if _, err := client(t, srv).Definition(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestASlowBody: a caller that gives up on the body of a write is told that it may have taken effect.
// The double sends nothing to a client that hangs up, so that this does not depend on who is faster.
func TestASlowBody(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	inject(t, srv, devopstest.Fault{Kind: devopstest.SlowBody, Method: "PUT", Delay: time.Hour})
	c := client(t, srv, through(&recorder{next: srv.Client().Transport, edit: func(r *http.Request, res *http.Response) *http.Response {
		if r.Method == http.MethodPut { // the header is there
			stop()
		}
		return res
	}}))
	_, err := c.SetQueueStatus(ctx, devops.Paused, "run 42")
	wantError(t, err, devops.ErrOutcomeUnknown, "look at the pipeline")
	if change := set(t, client(t, srv), devops.Paused, "run 42"); !change.AlreadySo {
		t.Errorf("%+v", change)
	}
}

// TestErrorShapes: answers over which the vendor's own client loses the status, returns an empty
// result, or panics.
func TestErrorShapes(t *testing.T) {
	page := "<html>sign in</html>"
	for name, test := range map[string]struct {
		fault devopstest.Fault
		kind  error
		text  string
	}{
		"203 with HTML":              {devopstest.SignInPage("", ""), devops.ErrUnauthorized, "203"},
		"302 to the sign-in page":    {devopstest.Fault{Status: 302, Body: page, Header: http.Header{"Location": {"https://x.invalid/_signin"}}}, devops.ErrUnauthorized, "302 Found"},
		"304 without a body":         {devopstest.Fault{Status: 304}, devops.ErrUnauthorized, "304"},
		"401 without a body":         {devopstest.ExpiredToken("", ""), devops.ErrUnauthorized, "401 Unauthorized"},
		"401 with JSON":              {devopstest.Fault{Status: 401, Body: `{"message":"TF400813: no","typeKey":"UnauthorizedRequestException"}`}, devops.ErrUnauthorized, "TF400813"},
		"403 with JSON":              {devopstest.Forbidden("", ""), devops.ErrForbidden, "TF215106"},
		"403 in another language":    {devopstest.Fault{Status: 400, Body: `{"message":"TF215106: Zugriff verweigert","typeKey":"AccessDeniedException"}`}, devops.ErrForbidden, "Zugriff"},
		"404 with HTML":              {devopstest.Fault{Status: 404, Body: page}, devops.ErrNotFound, "404 Not Found"},
		"500, empty and chunked":     {devopstest.Fault{Status: 500, Header: http.Header{"Transfer-Encoding": {"chunked"}}}, nil, "500 Internal Server Error"},
		"404 without a body":         {devopstest.Fault{Status: 404}, devops.ErrNotFound, "404 Not Found"},
		"error JSON as text/plain":   {devopstest.Fault{Status: 403, Header: http.Header{"Content-Type": {"text/plain"}}, Body: `{"message":"no","typeKey":"AccessDeniedException"}`}, devops.ErrForbidden, ": no; nothing"},
		"429 with text":              {devopstest.Throttled("", "", 3600), nil, "TF400733"},
		"500 with HTML":              {devopstest.Fault{Status: 500, Body: page}, nil, "500 Internal Server Error"},
		"400 with a wrapped text":    {devopstest.Fault{Status: 400, Body: `{"count":1,"value":{"Message":"odd"}}`}, nil, "odd"},
		"204":                        {devopstest.Fault{Status: 204}, nil, "is not JSON"},
		"200 {}":                     {devopstest.Fault{Status: 200, Body: `{}`}, nil, "not this definition"},
		"200 null":                   {devopstest.Fault{Status: 200, Body: `null`}, nil, "not this definition"},
		"200 with HTML":              {devopstest.Fault{Status: 200, Body: page}, devops.ErrUnauthorized, "sign-in page"},
		"200 broken off in the JSON": {devopstest.Fault{Status: 200, Body: `{"id":10`}, nil, "is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := listening(t, devopstest.Options{})
			c := client(t, srv)
			if _, err := c.Definition(t.Context()); err != nil { // the description of the API is had
				t.Fatal(err)
			}
			test.fault.Kind = devopstest.Answer
			inject(t, srv, test.fault)
			def, err := c.Definition(t.Context())
			e := wantError(t, err, test.kind, test.text, "read pipeline definition 107")
			if def != (devops.Definition{}) || e.Status != test.fault.Status && test.fault.Status != 200 {
				t.Errorf("%+v with %+v", e, def)
			}
		})
	}
}

// TestErrorsNeverQuoteTheDocument, whose variables may hold what must not be shown.
func TestErrorsNeverQuoteTheDocument(t *testing.T) {
	const private = "value-of-a-variable"
	for _, body := range []string{
		`{"id":107,"revision":3,"queueStatus":7,"variables":{"a":{"value":"` + private + `"}}}`,
		`{"id":"` + private + `","revision":3,"queueStatus":"enabled"}`,
		`["` + private + `"]`, `"` + private + `"`, `{"x":"` + private, private,
	} {
		for _, method := range []string{"GET", "PUT"} {
			srv := inProcess(devopstest.Options{})
			inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: method, Times: -1, Status: 200, Body: body})
			_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
			e := wantError(t, err, nil)
			if raw, _ := json.Marshal(e); strings.Contains(err.Error()+string(raw)+fmt.Sprintf("%+v", *e), private) {
				t.Errorf("%s %s: %v", method, body, err)
			}
		}
	}
}

// TestActivityIDIsInEveryError, from either header.
func TestActivityIDIsInEveryError(t *testing.T) {
	for _, header := range []string{"X-VSS-E2EID", "ActivityId"} {
		for _, status := range []int{200, 203, 403, 404, 500} {
			srv := inProcess(devopstest.Options{})
			inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: status, Header: http.Header{http.CanonicalHeaderKey(header): {"abc-1"}}, Body: "x"})
			_, err := client(t, srv).Definition(t.Context())
			if e := wantError(t, err, nil, "(activity abc-1)"); e.ActivityID != "abc-1" {
				t.Errorf("%s, %d: %+v", header, status, e)
			}
		}
	}
}

// TestActivityIDIsInErrorsOverGoodJSON that is not what was asked for.
func TestActivityIDIsInErrorsOverGoodJSON(t *testing.T) {
	for name, test := range map[string]struct {
		method, path, body string
		call               func(*devops.Client) error
	}{
		"definition": {"GET", "definitions", `{}`, func(c *devops.Client) error { _, err := c.Definition(t.Context()); return err }},
		"list":       {"GET", "builds", `{}`, func(c *devops.Client) error { _, err := c.Backlog(t.Context()); return err }},
		"build":      {"GET", "builds/5", `{}`, func(c *devops.Client) error { _, err := c.Build(t.Context(), 5); return err }},
		"form":       {"GET", "builds/5", `[]`, func(c *devops.Client) error { _, err := c.Build(t.Context(), 5); return err }},
		"not ours": {"GET", "builds/5", `{"id":5,"status":"completed","definition":{"id":9}}`,
			func(c *devops.Client) error { _, err := c.Build(t.Context(), 5); return err }},
		"ignored write": {"PUT", "", `{"id":107,"revision":4,"queueStatus":"enabled"}`,
			func(c *devops.Client) error { _, err := c.SetQueueStatus(t.Context(), devops.Paused, ""); return err }},
		"run": {"POST", "", `{}`, func(c *devops.Client) error { _, err := c.Run(t.Context(), devops.RunOptions{}); return err }},
	} {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: test.method, Path: test.path, Times: -1, Status: 200, Header: http.Header{"Activityid": {"abc-1"}}, Body: test.body})
		err := test.call(client(t, srv))
		if err == nil || !strings.Contains(err.Error(), "(activity abc-1)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnAnswerThatBreaksOff: of a read it is asked for again, of a write it leaves open what happened.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.CutAnswer, Method: "GET", Times: 4})
	c := client(t, srv)
	if _, err := c.Definition(t.Context()); err != nil {
		t.Error(err)
	}
	inject(t, srv, devopstest.Fault{Kind: devopstest.CutAnswer, Method: "GET", Times: 5})
	_, err := c.Definition(t.Context())
	wantError(t, err, io.ErrUnexpectedEOF, "the answer (status 200) broke off")
	inject(t, srv, devopstest.Fault{Kind: devopstest.CutAnswer, Method: "POST"})
	if b, err := c.Run(t.Context(), devops.RunOptions{}); err != nil || b.ID != 501 || srv.RunCount() != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	inject(t, srv, devopstest.Fault{Kind: devopstest.CutAnswer, Method: "PUT"})
	if change := set(t, c, devops.Paused, "run 42"); change.AlreadySo || change.RevisionAfter != 4 || srv.PutCount() != 1 {
		t.Errorf("%+v after %d writes", change, srv.PutCount())
	}
}

// TestProjectNamesAreEscapedForAPath: a plus in a path is a plus, a space is %20, and a GUID is a name.
func TestProjectNamesAreEscapedForAPath(t *testing.T) {
	for name, escaped := range map[string]string{"A+B C": "A+B%20C", "R&D 50%": "R&D%2050%25", "Größe": "Gr%C3%B6%C3%9Fe"} {
		srv := inProcess(devopstest.Options{Project: name})
		if _, err := client(t, srv).Definition(t.Context()); err != nil {
			t.Error(name, err)
		}
		if n := count(srv, "GET", "/"+escaped+"/_apis/"); n != 1 {
			t.Errorf("%s: %+v", name, srv.Requests())
		}
	}
}

// TestErrorShapesInDiscovery: the request that describes the API fails like any other, and what it
// answered is not remembered.
func TestErrorShapesInDiscovery(t *testing.T) {
	for kind, f := range map[error]devopstest.Fault{
		devops.ErrUnauthorized: devopstest.SignInPage("OPTIONS", ""), devops.ErrForbidden: devopstest.Forbidden("OPTIONS", ""),
		devops.ErrNotFound: {Kind: devopstest.Answer, Method: "OPTIONS", Status: 404, Body: "<html>"},
	} {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, f)
		c := client(t, srv)
		_, err := c.Definition(t.Context())
		wantError(t, err, kind, "read pipeline definition 107", "OPTIONS /org")
		if _, err := c.Definition(t.Context()); err != nil {
			t.Error(err)
		}
	}
	srv := inProcess(devopstest.Options{})
	outage := devopstest.Unavailable("OPTIONS", "")
	outage.Times = 3
	inject(t, srv, outage)
	if _, err := client(t, srv).Definition(t.Context()); err != nil {
		t.Errorf("the description is not asked for again: %v", err)
	}
}

// TestListsAskForAnOrder, without which the service mixes states, and for both states of waiting.
func TestListsAskForAnOrder(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	c := client(t, srv)
	for want, list := range map[string]func(context.Context) ([]devops.Build, error){
		"notStarted,postponed": c.Backlog, "inProgress,cancelling": c.InProgress} {
		srv.ForgetRequests()
		if _, err := list(t.Context()); err != nil {
			t.Fatal(err)
		}
		u := srv.Requests()[len(srv.Requests())-1].URL
		for _, part := range []string{"queryOrder=queueTimeAscending", "statusFilter=" + strings.ReplaceAll(want, ",", "%2C"), "definitions=107", "%24top="} {
			if !strings.Contains(u, part) {
				t.Errorf("%s is not in %s", part, u)
			}
		}
	}
}

// TestPagesThatGoInCircles end.
func TestPagesThatGoInCircles(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	for i := range 6 {
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "builds", Status: 200, Header: http.Header{"X-Ms-Continuationtoken": {string(rune('a' + i%2))}},
			Body: fmt.Sprintf(`{"value":[{"id":%d,"status":"notStarted","definition":{"id":107}}]}`, i%2+1)})
	}
	got, err := client(t, srv).Backlog(t.Context())
	if err != nil || !slices.Equal(ids(got), []int{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	if n := count(srv, "GET", "builds"); n != 3 {
		t.Errorf("%d pages", n)
	}
}
