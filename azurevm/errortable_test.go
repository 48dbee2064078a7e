package azurevm_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

func azureError(code string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":"told by Azure"}}`, code)
}

// What Azure refuses at once: the code counts more than the status, none of it is sent again blindly, and
// each tells what to do next.
func TestRefusalsByCode(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   error
		words  string
	}{
		{403, "AuthorizationFailed", azurevm.ErrForbidden, "CheckPermissions lists the roles"},
		{403, "LinkedAuthorizationFailed", azurevm.ErrForbidden, "CheckPermissions lists the roles"},
		{403, "RequestDisallowedByPolicy", azurevm.ErrForbidden, "an Azure Policy forbids it"},
		{409, "ScopeLocked", azurevm.ErrConflict, "have its owner remove the lock"},
		{404, "ResourceNotFound", azurevm.ErrNotFound, "check the configured"},
		{404, "ResourceGroupNotFound", azurevm.ErrNotFound, "check the configured"},
		{404, "SubscriptionNotFound", azurevm.ErrNotFound, "check the configured"},
		{409, "QuotaExceeded", azurevm.ErrConflict, "seldom passes by itself"},
		{409, "OperationNotAllowed", azurevm.ErrConflict, "seldom passes by itself"},
		{400, "OperationNotAllowed", nil, "seldom passes by itself"},
		// a newer operation may have won, so the state decides; here it stays
		{409, "OperationPreempted", azurevm.ErrPreempted, "start/stop pipeline"},
		{409, "Conflict", azurevm.ErrPreempted, "start/stop pipeline"},
		{409, "AnotherOperationInProgress", azurevm.ErrPreempted, "start/stop pipeline"},
		{409, "AttachDiskWhileBeingDetached", azurevm.ErrPreempted, "start/stop pipeline"},
	} {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Times: -1, Status: test.status, Body: azureError(test.code)})
		err := client.Deallocate(t.Context(), manager, nil)
		if test.want == nil {
			test.want = err
		}
		e := wantError(t, err, test.want, test.words, "told by Azure")
		if e.Code != test.code || e.Status != test.status || posts(srv) != 1 || errors.Is(err, azurevm.ErrOutcomeUnknown) {
			t.Errorf("%s: %+v after %d POSTs", test.code, e, posts(srv))
		}
	}
}

// Two codes come with 429 although one is about another operation; both mean that nothing was accepted.
func TestThrottledByCode(t *testing.T) {
	for _, code := range []string{"TooManyRequests", "RetryableErrorDueToAnotherOperation"} {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 429, Header: http.Header{"Retry-After-Ms": {"1"}}, Body: azureError(code)})
		if err := client.Deallocate(t.Context(), manager, nil); err != nil || posts(srv) != 2 {
			t.Errorf("%s: %v after %d POSTs", code, err, posts(srv))
		}
	}
}

// A backup is refused for what no repetition helps against, and is then not in doubt.
func TestBackupRefusalsByCode(t *testing.T) {
	for code, words := range map[string]string{"UserErrorRequestDisallowedByPolicy": "an Azure Policy forbids it",
		"UserErrorBackupOperationInProgress": "adopt it", "SystemBackupOperationInProgress": "adopt it"} {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Times: -1, Status: 400, Body: azureError(code)})
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		wantError(t, err, err, code, words)
		if errors.Is(err, azurevm.ErrOutcomeUnknown) || posts(srv) != 1 || errors.Is(err, azurevm.ErrBackupInProgress) != strings.Contains(code, "InProgress") {
			t.Errorf("%s: %v after %d POSTs", code, err, posts(srv))
		}
	}
}

// A job that fails has a number for a code; its text is told, and whether another backup is safe.
func TestJobFailuresByText(t *testing.T) {
	for _, text := range []string{"UserErrorVmNotInDesirableState", "UserErrorVmProvisioningStateFailed", "UserErrorRpCollectionLimitReached",
		"ExtensionSnapshotFailedNoNetwork", "GuestAgentSnapshotTaskStatusError", "UserErrorFsFreezeFailed"} {
		srv, client := start(t, azurevmtest.Options{})
		srv.FailNextJob("Take Snapshot", text+": told by Azure")
		_, err := client.WaitSnapshot(t.Context(), vault, startBackup(t, client, time.Time{}), nil)
		wantError(t, err, azurevm.ErrJobFailed, text, "400000", "Try again.", "no recovery point of it; it is safe to request another backup")
		if errors.Is(err, azurevm.ErrBackupInProgress) {
			t.Error(err)
		}
		if _, err := client.WaitSnapshot(t.Context(), vault, startBackup(t, client, time.Time{}), nil); err != nil {
			t.Errorf("the next backup after %s: %v", text, err)
		}
	}
}

// Whether a second backup is refused at once or becomes a job that fails is undocumented.
func TestJobThatFailsForAnotherBackup(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	srv.FailNextJob("Take Snapshot", "UserErrorBackupOperationInProgress: another backup operation is in progress")
	_, err := client.WaitSnapshot(t.Context(), vault, startBackup(t, client, time.Time{}), nil)
	wantError(t, err, azurevm.ErrBackupInProgress, "adopt it")
	wantError(t, err, azurevm.ErrJobFailed)
}

// A snapshot that is lost is not waited for until the job has noticed: the VM is off meanwhile.
func TestTaskThatIsLost(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	body := func(job, snapshot, transfer string) string {
		return fmt.Sprintf(`{"name":"j","properties":{"operation":"Backup","status":%q,"extendedInfo":{"tasksList":[
			{"taskId":"Take Snapshot","status":%q},{"taskId":"Transfer data to vault","status":%q}]}}}`, job, snapshot, transfer)
	}
	for _, lost := range []string{body("InProgress", "Failed", "NotStarted"), body("CompletedWithWarnings", "Cancelled", "Skipped")} {
		srv.ClearFaults()
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupjobs/j", Times: -1, Status: 200, Body: lost})
		job, err := client.WaitSnapshot(t.Context(), vault, "j", nil)
		wantError(t, err, azurevm.ErrJobFailed, `its "Take Snapshot" is`)
		if job.SnapshotTaken() {
			t.Errorf("%+v", job)
		}
	}
	srv.ClearFaults()
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupjobs/j", Times: -1, Status: 200, Body: body("InProgress", "Completed", "Failed")})
	if _, err := client.WaitSnapshot(t.Context(), vault, "j", nil); err != nil {
		t.Error(err)
	}
	_, err := client.WaitVaultTransfer(t.Context(), vault, "j", nil)
	wantError(t, err, azurevm.ErrJobFailed, `its "Transfer data to vault" is Failed`, "the snapshot stays usable")
}
