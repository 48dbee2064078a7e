package azurevm_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// What was accepted and never comes is told as that.
func TestAcceptedAndNotDone(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "PUT", Times: -1, Status: 200,
		Body: `{"properties":{"provisioningState":"Succeeded"}}`})
	_, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), nil)
	wantError(t, err, err, "asked for and is not there", "safe to try again")
	srv.ClearFaults()
	snapshots(t, srv, client)
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "DELETE", Times: -1, Status: 202})
	gone, err := client.DeleteExpiredSnapshots(t.Context(), manager, time.Now().AddDate(1, 0, 0))
	wantError(t, err, err, "it is still there", "safe to try again")
	if len(gone) != 0 || count(srv, "DELETE", "") != 3 {
		t.Errorf("%+v after %d DELETEs", gone, count(srv, "DELETE", ""))
	}
}

// A request of which it is unknown whether it was taken is not repeated within the call.
func TestDiskRequestInDoubtIsNotRepeated(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.DropBefore, Method: "PUT", Times: -1})
	_, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), nil)
	wantError(t, err, azurevm.ErrOutcomeUnknown, "make snapshot", "safe to try again")
	if n := count(srv, "PUT", ""); n != 3 {
		t.Errorf("%d PUTs for 3 disks", n)
	}
}

// A swap is believed only when it is seen.
func TestSwapIsVerified(t *testing.T) {
	for _, body := range []string{
		`{"properties":{"storageProfile":{"osDisk":{"managedDisk":{"id":"/old"}},"dataDisks":[{"lun":0},{"lun":1}]}}}`,
		`{"properties":{"storageProfile":{"osDisk":{"managedDisk":{"id":"/old"}}}}}`,
	} {
		srv, client, o := swappable(t, azurevmtest.Options{})
		_, err := client.SwapDisks(t.Context(), manager, o, func(step string) {
			if step == "verify" {
				inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Path: "/virtualmachines/", Status: 200, Body: body})
			}
		})
		wantError(t, err, azurevm.ErrPreempted, "swap the disks of vm")
	}
	srv, client, o := swappable(t, azurevmtest.Options{})
	plan, err := client.ValidateSwap(t.Context(), manager, o)
	if err != nil {
		t.Fatal(err)
	}
	more := fmt.Sprintf(`{"properties":{"storageProfile":{"osDisk":{"managedDisk":{"id":%q}},"dataDisks":[{"lun":0,"managedDisk":{"id":%q}},{"lun":1,"managedDisk":{"id":%q}},{"lun":2}]}}}`,
		plan.Disks[0].New.ID, plan.Disks[1].New.ID, plan.Disks[2].New.ID)
	_, err = client.SwapDisks(t.Context(), manager, o, func(step string) {
		if step == "verify" {
			inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Path: "/virtualmachines/", Status: 200, Body: more})
		}
	})
	wantError(t, err, azurevm.ErrPreempted, "has 4 disks and not 3")
	_, err = client.SwapDisks(t.Context(), manager, o, func(step string) {
		if step == "verify" {
			inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Path: "/virtualmachines/", Times: -1, Status: 403})
		}
	})
	wantError(t, err, azurevm.ErrForbidden)
	if _, err := client.ValidateSwap(t.Context(), manager, o); err == nil {
		t.Error("validated without seeing the vm")
	}
}

// Retry-After may be a date.
func TestRetryAfterAsADate(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	at := time.Now().Add(time.Hour)
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 429, Header: http.Header{"Retry-After": {at.UTC().Format(http.TimeFormat)}}})
	_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
	e := wantError(t, err, err, "try again in")
	if e.RetryAfter < 59*time.Minute || e.RetryAfter > time.Hour {
		t.Errorf("%s", e.RetryAfter)
	}
}

// A body that never ends is left when the caller gives up, and the server can be closed.
func TestEndlessBody(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	if err := srv.SlowBody("/instanceview", time.Hour, -1); err != nil {
		t.Fatal(err)
	}
	if err := srv.SlowBody("(", time.Hour, -1); err == nil || !strings.Contains(err.Error(), "path") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Power(ctx, manager)
	wantError(t, err, context.DeadlineExceeded, "read the power state")
}
