package azurevm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// crash begins to deallocate and returns the token as another process would read it.
func crash(t *testing.T, client *azurevm.Client) azurevm.ResumeToken {
	t.Helper()
	token, err := client.BeginDeallocate(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(map[string]azurevm.ResumeToken{"t": token})
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]azurevm.ResumeToken
	if err := json.Unmarshal(stored, &read); err != nil || read["t"] != token {
		t.Fatalf("%v", err)
	}
	return read["t"]
}

// A token works in another process, once or twice, and sends nothing by itself.
func TestResumeOnANewClient(t *testing.T) {
	o, clock := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	token := crash(t, client)
	if p := srv.Power(managerVM); p != azurevm.Deallocating {
		t.Errorf("the vm is %s: Begin waited, or did not ask", p)
	}
	polls := 0
	err := connect(t, srv.Config()).ResumeDeallocate(t.Context(), manager, token, func(azurevm.PowerState) {
		polls++
		clock.advance(time.Minute)
	})
	if err != nil || polls < 2 || posts(srv) != 1 {
		t.Errorf("%v after %d looks and %d POSTs", err, polls, posts(srv))
	}
	if err := client.ResumeDeallocate(t.Context(), manager, token, nil); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestResumeStart(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	srv.SetPower(managerVM, azurevm.Deallocated)
	srv.FailNextStart("AllocationFailed")
	token, err := client.BeginStart(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.ResumeStart(t.Context(), manager, token, nil); err != nil || posts(srv) != 2 {
		t.Errorf("%v after %d POSTs", err, posts(srv))
	}
}

func TestBeginWhenNothingIsToBeAsked(t *testing.T) {
	for _, state := range []azurevm.PowerState{azurevm.Deallocated, azurevm.Deallocating} {
		srv, client := start(t, azurevmtest.Options{})
		srv.SetPower(managerVM, state)
		token := crash(t, client)
		srv.SetPower(managerVM, azurevm.Deallocated)
		if err := client.ResumeDeallocate(t.Context(), manager, token, nil); err != nil || posts(srv) != 0 {
			t.Errorf("%s: %v after %d POSTs", state, err, posts(srv))
		}
	}
}

func TestBeginWaitsForATransition(t *testing.T) {
	o, clock := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	srv.SetPower(managerVM, azurevm.Deallocated)
	if _, err := client.BeginStart(t.Context(), manager); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = srv.WaitRequest(t.Context(), func(r azurevmtest.Request) bool { return r.Seq > 6 })
		clock.advance(time.Hour)
	}()
	if _, err := client.BeginDeallocate(t.Context(), manager); err != nil || count(srv, "POST", "/deallocate") != 1 {
		t.Error(err)
	}
}

func TestBeginInDoubtGivesATokenAllTheSame(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.DropAfter, Method: "POST"})
	token, err := client.BeginDeallocate(t.Context(), manager)
	wantError(t, err, azurevm.ErrOutcomeUnknown, "deallocate vm", "safe to try again")
	if err := client.ResumeDeallocate(t.Context(), manager, token, nil); err != nil || posts(srv) != 1 {
		t.Errorf("%v after %d POSTs", err, posts(srv))
	}
}

func TestBeginRefused(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{Roles: []string{"Reader"}})
	token, err := client.BeginDeallocate(t.Context(), manager)
	wantError(t, err, azurevm.ErrForbidden)
	if token != "" || posts(srv) != 1 {
		t.Errorf("token %q after %d POSTs", string(token), posts(srv))
	}
	_, err = client.BeginStart(t.Context(), azurevm.VM{})
	if err == nil || client.ResumeStart(t.Context(), azurevm.VM{}, "", nil) == nil {
		t.Error("no name is taken for one")
	}
}

// An operation that Azure has forgotten gives 404 to a resumed poller.
func TestForgottenOperationFallsBackToTheState(t *testing.T) {
	for _, becomes := range []azurevm.PowerState{azurevm.Deallocated, azurevm.Running} {
		o, _ := slow(azurevmtest.Options{})
		srv, client := start(t, o)
		token := crash(t, client)
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Times: -1, Status: 404,
			Body: `{"error":{"code":"NotFound","message":"The entity was not found."}}`})
		srv.SetPower(managerVM, becomes)
		err := client.ResumeDeallocate(t.Context(), manager, token, nil)
		if (becomes == azurevm.Deallocated) != (err == nil) || posts(srv) != 1 {
			t.Errorf("%s: %v after %d POSTs", becomes, err, posts(srv))
		}
		if err != nil {
			wantError(t, err, azurevm.ErrOutcomeUnknown, "could not be followed", "safe to try again")
		}
	}
}

func TestResumedVMThatSettledOtherwise(t *testing.T) {
	o, _ := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	token := crash(t, client)
	srv.SetPower(managerVM, azurevm.Running)
	err := client.ResumeDeallocate(t.Context(), manager, token, nil)
	wantError(t, err, azurevm.ErrPreempted, "OperationPreempted", "start/stop pipeline")
	if posts(srv) != 1 {
		t.Error("it was asked for again")
	}
}

// The SDK checks the type of a token's answer only: not the VM, nor the subscription.
func TestTokenOfSomethingElseIsRefused(t *testing.T) {
	o, _ := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	token := crash(t, client)
	srv.ForgetRequests()
	other := connect(t, func() azurevm.Config { c := srv.Config(); c.SubscriptionID = "another"; return c }())
	swapped := strings.Replace(string(token), "deallocate", "start", 1)
	startToken := strings.ReplaceAll(string(token), "Deallocate", "Start")
	for name, err := range map[string]error{
		"operation":        client.ResumeStart(t.Context(), manager, token, nil),
		"operation's name": client.ResumeStart(t.Context(), manager, azurevm.ResumeToken(swapped), nil),
		"azcore's type":    client.ResumeDeallocate(t.Context(), manager, azurevm.ResumeToken(startToken), nil),
		"vm":               client.ResumeDeallocate(t.Context(), conference, token, nil),
		"vm inside": client.ResumeDeallocate(t.Context(), conference,
			azurevm.ResumeToken(strings.Replace(string(token), "vm-node-mgmt-core", "vm-node-conf-core", 1)), nil),
		"subscription": other.ResumeDeallocate(t.Context(), manager, token, nil),
		"empty":        client.ResumeDeallocate(t.Context(), manager, "", nil),
		"garbage":      client.ResumeDeallocate(t.Context(), manager, "{", nil),
		"version":      client.ResumeDeallocate(t.Context(), manager, azurevm.ResumeToken(strings.Replace(string(token), `"version":1`, `"version":2`, 1)), nil),
		"poller":       client.ResumeDeallocate(t.Context(), manager, withPoller(t, token, "{"), nil),
		"empty poller": client.ResumeDeallocate(t.Context(), manager, withPoller(t, token, `{"type":"VirtualMachinesClientDeallocateResponse","token":{}}`), nil),
	} {
		e := wantError(t, err, azurevm.ErrToken, "nothing was sent")
		if strings.Contains(e.Error(), "/operations/") {
			t.Errorf("%s: %v quotes the token", name, e)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A token of nothing in progress says no link, and is bound to its VM and operation all the same.
func TestTokenWithoutLinksOfSomethingElse(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	srv.SetPower(managerVM, azurevm.Deallocated)
	token := crash(t, client)
	wantError(t, client.ResumeDeallocate(t.Context(), conference, token, nil), azurevm.ErrToken)
	wantError(t, client.ResumeStart(t.Context(), manager, token, nil), azurevm.ErrToken)
}

// withPoller replaces what azcore put into the token.
func withPoller(t *testing.T, token azurevm.ResumeToken, poller string) azurevm.ResumeToken {
	t.Helper()
	var stored map[string]any
	if err := json.Unmarshal([]byte(token), &stored); err != nil {
		t.Fatal(err)
	}
	stored["poller"] = poller
	out, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	return azurevm.ResumeToken(out)
}

func poller(t *testing.T, token azurevm.ResumeToken) string {
	t.Helper()
	var stored struct{ Poller string }
	if err := json.Unmarshal([]byte(token), &stored); err != nil || stored.Poller == "" {
		t.Fatalf("%v", err)
	}
	return stored.Poller
}

// azcore alone would send the bearer token to whatever host stands in a resume token.
func TestAlteredTokenDoesNotLeakTheBearerToken(t *testing.T) {
	var reached atomic.Int32
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(thief.Close)
	o, _ := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	token := crash(t, client)
	host := strings.TrimPrefix(srv.URL, "https://")
	for _, to := range []string{strings.TrimPrefix(thief.URL, "https://"), host + "@thief.invalid", "user@" + host, host + ".thief.invalid", "thief.invalid/" + host} {
		for _, key := range []string{"asyncURL", "locURL", "origURL"} {
			altered := strings.Replace(poller(t, token), `"`+key+`":"https://`+host, `"`+key+`":"https://`+to, 1)
			if altered == poller(t, token) {
				t.Fatalf("the token has no %s", key)
			}
			err := client.ResumeDeallocate(t.Context(), manager, withPoller(t, token, altered), nil)
			wantError(t, err, azurevm.ErrToken, "nothing was sent")
		}
	}
	for _, link := range []string{"http://" + host + "/x", "//thief.invalid/x", "https:x", "ftp://" + host, "https://%zz", "HTTPS://thief.invalid"} {
		for _, altered := range []string{
			strings.Replace(poller(t, token), `"token":{`, fmt.Sprintf(`"token":{"ASYNCURL":%q,`, link), 1),
			strings.Replace(poller(t, token), `"token":{`, fmt.Sprintf(`"token":{"more":[{"x":%q}],`, link), 1),
		} {
			err := client.ResumeDeallocate(t.Context(), manager, withPoller(t, token, altered), nil)
			wantError(t, err, azurevm.ErrToken, "nothing was sent")
		}
	}
	// a second spelling of "token" that is fine must not hide the first
	evil := strings.ReplaceAll(poller(t, token), host, "thief.invalid")
	_, fine, _ := strings.Cut(poller(t, token), `"token":`)
	hidden := strings.TrimSuffix(evil, "}") + `,"Token":` + fine
	wantError(t, client.ResumeDeallocate(t.Context(), manager, withPoller(t, token, hidden), nil), azurevm.ErrToken, "another host")
	if reached.Load() != 0 {
		t.Error("the other host was reached")
	}
}

// A token says what was, and an operation that is over in it is not followed.
func TestTokenOfAnOperationThatIsOver(t *testing.T) {
	o, _ := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	token := crash(t, client)
	over := strings.Replace(poller(t, token), "InProgress", "Succeeded", 1)
	srv.SetPower(managerVM, azurevm.Deallocated)
	if err := client.ResumeDeallocate(t.Context(), manager, withPoller(t, token, over), nil); err != nil {
		t.Error(err)
	}
}

func TestTokenIsNotPrinted(t *testing.T) {
	o, _ := slow(azurevmtest.Options{})
	_, client := start(t, o)
	token := crash(t, client)
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("begun", "token", token)
	for _, s := range []string{fmt.Sprint(token), fmt.Sprintf("%v %+v %#v %s %q", token, token, token, token, token), b.String(), fmt.Sprint(errors.New(token.String()))} {
		if strings.Contains(s, "https") || strings.Contains(s, "signature") {
			t.Errorf("%s", s)
		}
	}
}
