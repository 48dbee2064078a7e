package azurevm_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

func TestDeallocateAndStart(t *testing.T) {
	var hooks []bool
	o, clock := slow(azurevmtest.Options{OnPower: func(_ azurevmtest.VM, running bool) { hooks = append(hooks, running) }})
	srv, client := start(t, o)
	var seen []azurevm.PowerState
	watch := func(p azurevm.PowerState) {
		seen = append(seen, p)
		clock.advance(time.Minute)
	}
	if err := client.Deallocate(t.Context(), manager, watch); err != nil {
		t.Fatal(err)
	}
	if err := client.Start(t.Context(), manager, watch); err != nil {
		t.Fatal(err)
	}
	want := []azurevm.PowerState{azurevm.Running, azurevm.Deallocating, azurevm.Deallocated, azurevm.Starting, azurevm.Running}
	if d := cmp.Diff(want, slices.Compact(seen)); d != "" {
		t.Errorf("states: %s", d)
	}
	if d := cmp.Diff([]bool{false, true}, hooks); d != "" {
		t.Errorf("hooks: %s", d)
	}
	if n := posts(srv); n != 2 {
		t.Errorf("%d POSTs", n)
	}
}

func TestPowerAlreadyAsWanted(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	if err := client.Start(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	srv.SetPower(managerVM, azurevm.Deallocated)
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	if n := posts(srv); n != 0 {
		t.Errorf("%d POSTs", n)
	}
}

// A VM that was shut down from inside is stopped, which is neither deallocated nor free of charge.
func TestDeallocateStoppedVM(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	srv.SetPower(managerVM, azurevm.Stopped)
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	if p := srv.Power(managerVM); p != azurevm.Deallocated {
		t.Error(p)
	}
}

// A program may end between the request and the storing of its token: the state decides, and nothing is
// asked for twice.
func TestDeallocateIsTakenOverAfterACrash(t *testing.T) {
	o, clock := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	ctx, crash := context.WithCancel(t.Context())
	err := client.Deallocate(ctx, manager, func(p azurevm.PowerState) {
		if p == azurevm.Deallocating {
			crash()
		}
	})
	wantError(t, err, context.Canceled, "last seen deallocating", "safe to try again")
	if err := client.Deallocate(t.Context(), manager, func(azurevm.PowerState) { clock.advance(time.Minute) }); err != nil {
		t.Fatal(err)
	}
	if n := posts(srv); n != 1 {
		t.Errorf("%d POSTs, want the first only", n)
	}
}

// Azure Backup and a second operation want a settled state; the power state may even be missing for moments.
func TestDeallocateWaitsForATransition(t *testing.T) {
	for _, transition := range []azurevm.PowerState{azurevm.Starting, azurevm.Stopping, azurevm.Unknown} {
		t.Run(string(transition), func(t *testing.T) {
			srv, client := start(t, azurevmtest.Options{})
			srv.SetPower(managerVM, transition)
			looks := 0
			err := client.Deallocate(t.Context(), manager, func(azurevm.PowerState) {
				if looks++; looks == 3 {
					if n := posts(srv); n != 0 {
						t.Errorf("%d POSTs in transition", n)
					}
					srv.SetPower(managerVM, azurevm.Running)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := posts(srv); n != 1 {
				t.Errorf("%d POSTs", n)
			}
		})
	}
}

// A start that Azure has no capacity for was accepted with 202 and fails with status 200: the code counts.
func TestStartWithoutCapacity(t *testing.T) {
	for _, code := range []string{"AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest",
		"OverconstrainedZonalAllocationRequest", "SkuNotAvailable"} {
		srv, client := start(t, azurevmtest.Options{})
		srv.SetPower(managerVM, azurevm.Deallocated)
		srv.FailNextStart(code)
		srv.FailNextStart(code)
		if err := client.Start(t.Context(), manager, nil); err != nil {
			t.Fatal(err)
		}
		if n := posts(srv); n != 3 {
			t.Errorf("%d POSTs", n)
		}
	}
}

// The same for good: the status is 200, so that only the code tells, and the VM stays deallocated.
func TestStartWithoutCapacityInTheEnd(t *testing.T) {
	for retries, want := range map[int]int{-1: 1, 1: 2} {
		srv, _ := start(t, azurevmtest.Options{})
		cfg := srv.Config()
		cfg.AllocationRetries = retries
		srv.SetPower(managerVM, azurevm.Deallocated)
		for range 5 {
			srv.FailNextStart("AllocationFailed")
		}
		err := connect(t, cfg).Start(t.Context(), manager, nil)
		e := wantError(t, err, azurevm.ErrAllocation, "start vm rg-pexip-test/vm-node-mgmt-core", "AllocationFailed", "stays deallocated")
		if e.Status != 200 || e.CorrelationID == "" {
			t.Errorf("status %d, correlation id %q", e.Status, e.CorrelationID)
		}
		if n := posts(srv); n != want {
			t.Errorf("%d retries: %d POSTs, want %d", retries, n, want)
		}
	}
}

// A newer operation, such as a start/stop pipeline, preempts ours; what counts is where the VM settles.
func TestPreempted(t *testing.T) {
	for _, test := range []struct {
		becomes azurevm.PowerState
		want    error
	}{{azurevm.Deallocated, azurevm.ErrPreempted}, {azurevm.Running, nil}} {
		o, _ := slow(azurevmtest.Options{})
		srv, client := start(t, o)
		srv.SetPower(managerVM, azurevm.Deallocated)
		err := client.Start(t.Context(), manager, func(p azurevm.PowerState) {
			if p == azurevm.Starting {
				srv.SetPower(managerVM, test.becomes)
			}
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.becomes, err)
		}
		if test.want != nil {
			wantError(t, err, test.want, "OperationPreempted", "who else switches this VM", "safe")
		}
	}
}

// The observed state may be as wanted before the operation is over.
func TestDoneMeansThatTheOperationIsOverToo(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{Deallocate: -1})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Times: 3, Status: 200, Body: `{"status":"InProgress"}`})
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	polls := 0
	for _, r := range srv.Requests() {
		if strings.Contains(r.URL, "/operations/") {
			polls++
		}
	}
	if polls != 4 {
		t.Errorf("the operation was followed %d times", polls)
	}
}

// The observed state may lag behind an operation that is over.
func TestStateThatLagsBehind(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.AnswerAfter, Method: "POST", Status: 202})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/instanceview", Times: 4, Status: 200,
		Body: `{"statuses":[{"code":"PowerState/running"}]}`})
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
}

// Polling links carry a signature, and net/http quotes them in its errors.
func TestSignedLinksStayOutOfErrors(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.DropBefore, Path: "/operations/", Times: -1})
	err := client.Deallocate(t.Context(), manager, nil)
	if err == nil {
		t.Fatal("no error")
	}
	wantError(t, err, err, "deallocate vm")
	if !strings.Contains(err.Error(), "EOF") {
		t.Error(err)
	}
}

// A 200 without a body ends the operation at once; that is no proof that the VM is as wanted.
func TestSwitchedBackAfterSuccess(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Path: "/deallocate", Status: 200})
	err := client.Deallocate(t.Context(), manager, nil)
	wantError(t, err, azurevm.ErrPreempted, "settled otherwise")
	if n := posts(srv); n != 1 {
		t.Errorf("%d POSTs", n)
	}
}

// A 409 may be about somebody who does the very same.
func TestConflictWithAnotherStop(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.AnswerAfter, Method: "POST", Path: "/deallocate", Status: 409,
		Body: `{"error":{"code":"Conflict","message":"another operation","details":[{"code":"AnotherOperationInProgress","message":"deallocate"}]}}`})
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
}

// The SDK repeats every method, POST too, on 408, 5xx and lost connections, up to three times.
func TestPostIsNeverRepeatedInDoubt(t *testing.T) {
	for _, f := range []azurevmtest.Fault{
		{Name: "lost before", Kind: azurevmtest.DropBefore},
		{Name: "500", Kind: azurevmtest.Answer, Status: 500},
		{Name: "502 html", Kind: azurevmtest.Answer, Status: 502, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>bad gateway</html>"},
		{Name: "503", Kind: azurevmtest.Answer, Status: 503, Header: http.Header{"Retry-After": {"0"}}},
		{Name: "408", Kind: azurevmtest.Answer, Status: 408},
	} {
		t.Run(f.Name, func(t *testing.T) {
			srv, client := start(t, azurevmtest.Options{})
			f.Method, f.Times = "POST", -1
			inject(t, srv, f)
			err := client.Deallocate(t.Context(), manager, nil)
			wantError(t, err, azurevm.ErrOutcomeUnknown, "deallocate vm", "safe to try again")
			if n := posts(srv); n != 1 {
				t.Errorf("%d POSTs", n)
			}
		})
	}
}

// A 202 without a usable link is an error to the SDK ("missing polling URL"), and yet was accepted.
func TestPostWithLostAnswerIsFollowedByObservation(t *testing.T) {
	for _, f := range []azurevmtest.Fault{
		{Name: "lost after", Kind: azurevmtest.DropAfter},
		{Name: "504 after", Kind: azurevmtest.AnswerAfter, Status: 504},
		{Name: "no link", Kind: azurevmtest.AnswerAfter, Status: 202},
		{Name: "garbage link", Kind: azurevmtest.AnswerAfter, Status: 202, Header: http.Header{"Azure-Asyncoperation": {"::"}}},
	} {
		t.Run(f.Name, func(t *testing.T) {
			srv, client := start(t, azurevmtest.Options{})
			f.Method = "POST"
			inject(t, srv, f)
			if err := client.Deallocate(t.Context(), manager, nil); err != nil {
				t.Fatal(err)
			}
			if n := posts(srv); n != 1 {
				t.Errorf("%d POSTs", n)
			}
		})
	}
}

// 429 alone says for certain that nothing was accepted.
func TestThrottledPostIsSentAgain(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Times: 2, Status: 429,
		Header: http.Header{"Retry-After-Ms": {"3"}}, Body: `{"error":{"code":"TooManyRequests","message":"slow down"}}`})
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	if n := posts(srv); n != 3 {
		t.Errorf("%d POSTs", n)
	}
}

// An operation that Azure has forgotten is a 404, one whose status may not be read a 403: neither is a failure.
func TestOperationThatCannotBeFollowed(t *testing.T) {
	t.Run("forbidden", func(t *testing.T) {
		_, client := start(t, azurevmtest.Options{MissingActions: []string{"Microsoft.Compute/locations/*"}})
		if err := client.Deallocate(t.Context(), manager, nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Times: -1, Status: 404})
		if err := client.Deallocate(t.Context(), manager, nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("only a location", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.AnswerAfter, Method: "POST", Status: 202, Header: http.Header{
			"Location": {srv.URL + "/subscriptions/" + srv.Config().SubscriptionID + "/providers/Microsoft.Compute/locations/x/operations/lost?api-version=2026-04-01"}}})
		if err := client.Deallocate(t.Context(), manager, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// The SDK sends the bearer token to whatever host an answer's link names.
func TestLinkToAnotherHostIsNotFollowed(t *testing.T) {
	var reached atomic.Int32
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(thief.Close)
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.AnswerAfter, Method: "POST", Status: 202,
		Header: http.Header{"Azure-Asyncoperation": {thief.URL + "/operations/1"}}})
	err := client.Deallocate(t.Context(), manager, nil)
	if err == nil || !strings.Contains(err.Error(), "configured endpoint only") {
		t.Errorf("got %v", err)
	}
	if reached.Load() != 0 {
		t.Error("the token was sent to another host")
	}
}

// net/http turns a redirected POST into a GET.
func TestRedirectIsAnError(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 302, Header: http.Header{"Location": {"/subscriptions"}}})
	wantError(t, client.Deallocate(t.Context(), manager, nil), azurevm.ErrOutcomeUnknown, "redirected")
}

// A poll that fails, or is answered by a proxy's page with status 200, leaves the operation as it was.
func TestWaitingOutlastsAnOutage(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	outage := false
	err := client.Deallocate(t.Context(), manager, func(p azurevm.PowerState) {
		if p == azurevm.Deallocating && !outage {
			outage = true
			inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.DropBefore, Method: "GET", Times: 20})
			inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Times: 8, Status: 200, Body: "<html>sign in to the network</html>"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOutagesDoNotAddUp(t *testing.T) {
	o, clock := slow(azurevmtest.Options{})
	srv, client := start(t, o)
	begun := false
	err := client.Deallocate(t.Context(), manager, func(p azurevm.PowerState) {
		if p != azurevm.Deallocating {
			return
		}
		if begun {
			clock.advance(time.Minute)
			return
		}
		begun = true
		for _, skip := range []int{0, 4} { // two good looks between them
			inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Skip: skip, Times: 15, Status: 200, Body: "<html>"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Armed()); n != 0 {
		t.Errorf("%d faults are left", n)
	}
}

func TestWaitingEndsWhenTheHostStaysAway(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	srv.SetDown(true)
	err := client.Deallocate(t.Context(), manager, nil)
	e, ok := errors.AsType[*azurevm.Error](err)
	if !ok || e.Status != 0 {
		t.Errorf("got %v", err)
	}
}

func TestPowerLimit(t *testing.T) {
	o, _ := slow(azurevmtest.Options{RetryAfter: time.Hour})
	srv, _ := start(t, o)
	cfg := srv.Config()
	cfg.PowerLimit = 50 * time.Millisecond
	err := connect(t, cfg).Deallocate(t.Context(), manager, nil)
	wantError(t, err, context.DeadlineExceeded, "waited 50ms for vm rg-pexip-test/vm-node-mgmt-core to be deallocated", "last seen running")
	if n := count(srv, "GET", ""); n != 1 {
		t.Errorf("%d looks although the service asked for an hour", n)
	}
}

func TestPowerRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		o     azurevmtest.Options
		vm    azurevm.VM
		want  error
		words []string
	}{
		{"no such vm", azurevmtest.Options{}, azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-x"}, azurevm.ErrNotFound, []string{"ResourceNotFound", "vm-x"}},
		{"no such group", azurevmtest.Options{}, azurevm.VM{ResourceGroup: "rg-x", Name: "vm-x"}, azurevm.ErrNotFound, []string{"ResourceGroupNotFound"}},
		{"may not", azurevmtest.Options{Roles: []string{"Reader"}}, manager, azurevm.ErrForbidden,
			[]string{"AuthorizationFailed", "Microsoft.Compute/virtualMachines/deallocate/action", "CheckPermissions"}},
		{"locked", azurevmtest.Options{Locks: []azurevmtest.Lock{{Name: "freeze", Level: "ReadOnly",
			Scope: "/subscriptions/00000000-0000-4000-8000-000000000107/resourceGroups/RG-Pexip-Test"}}}, manager, azurevm.ErrConflict,
			[]string{"ScopeLocked", "a lock forbids it"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv, client := start(t, test.o)
			wantError(t, client.Deallocate(t.Context(), test.vm, nil), test.want, test.words...)
			if n := posts(srv); n > 1 {
				t.Errorf("%d POSTs", n)
			}
		})
	}
}

// An operation ends as failed or canceled with status 200, and a canceled one has no error code.
func TestFailedAndCanceledOperations(t *testing.T) {
	for body, want := range map[string]error{
		`{"status":"Failed","error":{"code":"QuotaExceeded","message":"too many cores"}}`: nil,
		`{"status":"Canceled"}`: azurevm.ErrPreempted,
	} {
		o, _ := slow(azurevmtest.Options{})
		srv, client := start(t, o)
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Times: -1, Status: 200, Body: body})
		err := client.Deallocate(t.Context(), manager, func(p azurevm.PowerState) {
			if p == azurevm.Deallocating {
				srv.SetPower(managerVM, azurevm.Stopped)
			}
		})
		if want == nil {
			e, _ := errors.AsType[*azurevm.Error](err)
			if e == nil || e.Code != "QuotaExceeded" || e.Message != "too many cores" {
				t.Errorf("got %v", err)
			}
			continue
		}
		wantError(t, err, want)
	}
}

// A VM shows as stopped for moments while it starts; that is not where it settles.
func TestStoppedForAMomentDuringAStart(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	srv.SetPower(managerVM, azurevm.Deallocated)
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/instanceview", Skip: 1, Times: 4, Status: 200,
		Body: `{"statuses":[{"code":"ProvisioningState/updating"},{"code":"PowerState/stopped"}]}`})
	if err := client.Start(t.Context(), manager, nil); err != nil || posts(srv) != 1 {
		t.Errorf("%v after %d POSTs", err, posts(srv))
	}
}

// With both links given the SDK looks at Location once more after the operation has succeeded, and a 404
// there, as with a link of "/subscriptions//subscriptions/", makes a failure of it.
func TestLocationIsNotNeeded(t *testing.T) {
	srv, client, o := restorable(t, azurevmtest.Options{})
	for _, path := range []string{"monitor=true", "/operationresults/"} {
		inject(t, srv, azurevmtest.Fault{Name: "gone", Kind: azurevmtest.Answer, Path: path, Times: -1, Status: 404, Body: azureError("NotFound")})
	}
	if err := client.Start(t.Context(), manager, nil); err != nil {
		t.Error(err)
	}
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Error(err)
	}
	id, err := client.StartRestore(t.Context(), vault, manager, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.WaitJob(t.Context(), vault, id, nil); err != nil {
		t.Error(err)
	}
	for _, r := range srv.Requests() {
		if r.Fault != "" {
			t.Errorf("%s was asked for", r.URL)
		}
	}
}

// Three headers may tell how long to wait; the one in milliseconds goes before, whatever the others say.
func TestPrecedenceOfRetryAfter(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for _, h := range []http.Header{{"Retry-After-Ms": {"1"}, "X-Ms-Retry-After-Ms": {"3600000"}, "Retry-After": {"3600"}},
		{"X-Ms-Retry-After-Ms": {"1"}, "Retry-After": {"3600"}}} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 429, Header: h})
	}
	if err := client.Deallocate(t.Context(), manager, nil); err != nil || posts(srv) != 3 {
		t.Errorf("%v after %d POSTs", err, posts(srv))
	}
}

// A poll that is answered with 500 is no end of the operation: it can be asked about again.
func TestPollThatFails(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/operations/", Times: 9, Status: 500, Body: azureError("InternalServerError")})
	if err := client.Deallocate(t.Context(), manager, nil); err != nil || posts(srv) != 1 || len(srv.Armed()) != 0 {
		t.Errorf("%v after %d POSTs", err, posts(srv))
	}
}
