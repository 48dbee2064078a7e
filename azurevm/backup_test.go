package azurevm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// The answer to a backup request is empty, and its operation's success means a job, not a backup. The VM may run
// again after the snapshot; the vault tier comes hours later. A VM that is off gives crash-consistent points.
func TestBackupNow(t *testing.T) {
	o, clock := slow(azurevmtest.Options{Trigger: -1})
	srv, client := start(t, o)
	srv.SetPower(managerVM, azurevm.Deallocated)
	asked := clock.Now()
	keep := asked.AddDate(0, 0, 30).In(time.FixedZone("PST", -8*3600))
	id := startBackup(t, client, keep)

	var seen []string
	job, err := client.WaitSnapshot(t.Context(), vault, id, func(j azurevm.Job) {
		seen = append(seen, fmt.Sprint(j.Status, j.Tasks))
		clock.advance(4 * time.Minute)
	})
	if err != nil || !job.SnapshotTaken() || job.Failed() || job.Status != "InProgress" {
		t.Errorf("%+v, %v", job, err)
	}
	if d := cmp.Diff("InProgress[{Take Snapshot Completed} {Transfer data to vault InProgress}]", seen[len(seen)-1]); d != "" {
		t.Error(d)
	}
	wantPoint(t, client, asked, keep, []azurevm.Tier{{Type: "InstantRP", Status: "Valid"}})

	job, err = client.WaitJob(t.Context(), vault, id, func(azurevm.Job) { clock.advance(time.Hour) })
	if err != nil || job.Status != "Completed" || job.End.IsZero() {
		t.Errorf("%+v, %v", job, err)
	}
	wantPoint(t, client, asked, keep, []azurevm.Tier{{Type: "InstantRP", Status: "Valid"}, {Type: "HardenedRP", Status: "Valid"}})
	if n := srv.BackupCount(managerVM); n != 1 {
		t.Errorf("%d backups", n)
	}
}

func startBackup(t *testing.T, client *azurevm.Client, keep time.Time) string {
	t.Helper()
	id, err := client.StartBackup(t.Context(), vault, manager, keep)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wantPoint(t *testing.T, client *azurevm.Client, since, expiry time.Time, tiers []azurevm.Tier) {
	t.Helper()
	points, err := client.RecoveryPoints(t.Context(), vault, manager, since)
	if err != nil || len(points) != 1 {
		t.Fatalf("%+v, %v", points, err)
	}
	p := points[0]
	if !p.Restorable() || p.Type != "CrashConsistent" || p.Disks != 1 || !p.Expiry.Equal(expiry) {
		t.Errorf("%+v", p)
	}
	if d := cmp.Diff(tiers, p.Tiers); d != "" {
		t.Error(d)
	}
}

func TestPointOfARunningVMTellsIt(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	id, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.WaitSnapshot(t.Context(), vault, id, nil); err != nil {
		t.Fatal(err)
	}
	points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
	if err != nil || points[0].Type != "FileSystemConsistent" || srv.BackupCount(managerVM) != 1 {
		t.Errorf("%+v, %v", points, err)
	}
}

// The SDK would send a backup request up to four times.
func TestBackupRequestInDoubtIsNotRepeated(t *testing.T) {
	for _, test := range []struct {
		fault azurevmtest.Fault
		taken bool
	}{
		{azurevmtest.Fault{Name: "dropped before", Kind: azurevmtest.DropBefore}, false},
		{azurevmtest.Fault{Name: "dropped after", Kind: azurevmtest.DropAfter}, true},
		{azurevmtest.Fault{Name: "500", Kind: azurevmtest.Answer, Status: 500}, false},
		{azurevmtest.Fault{Name: "502 after", Kind: azurevmtest.AnswerAfter, Status: 502, Body: "<html>"}, true},
		{azurevmtest.Fault{Name: "200 after", Kind: azurevmtest.AnswerAfter, Status: 200}, true},
		{azurevmtest.Fault{Name: "202 without links", Kind: azurevmtest.AnswerAfter, Status: 202}, true},
	} {
		t.Run(test.fault.Name, func(t *testing.T) {
			o, clock := slow(azurevmtest.Options{})
			srv, client := start(t, o)
			before := clock.Now()
			test.fault.Method, test.fault.Times = "POST", -1
			inject(t, srv, test.fault)
			_, err := client.StartBackup(t.Context(), vault, manager, before.AddDate(0, 0, 30))
			wantError(t, err, azurevm.ErrOutcomeUnknown, "FindBackupJob", "request a backup of vm rg-pexip-test/vm-node-mgmt-core")
			if n := posts(srv); n != 1 {
				t.Errorf("%d POSTs", n)
			}
			job, found, err := client.FindBackupJob(t.Context(), vault, manager, before)
			if err != nil || found != test.taken || (found && (job.Operation != "Backup" || !job.Start.Equal(before))) {
				t.Errorf("%+v, %v, %v", job, found, err)
			}
		})
	}
}

func TestBackupWhoseStatusIsUnreadable(t *testing.T) {
	for name, f := range map[string]azurevmtest.Fault{
		"lost":      {Kind: azurevmtest.DropBefore},
		"forbidden": {Kind: azurevmtest.Answer, Status: 403},
		"no job":    {Kind: azurevmtest.Answer, Status: 200, Body: `{"status":"Succeeded"}`},
	} {
		srv, client := start(t, azurevmtest.Options{})
		f.Path, f.Times = "/backupoperations/", -1
		inject(t, srv, f)
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		if !errors.Is(err, azurevm.ErrOutcomeUnknown) || posts(srv) != 1 {
			t.Errorf("%s: %v, %d POSTs", name, err, posts(srv))
		}
	}
}

func TestBackupStatusTakesAMoment(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupoperations/", Times: 2, Status: 404})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupoperations/", Times: 2, Status: 200, Body: `{"status":"InProgress"}`})
	if id, err := client.StartBackup(t.Context(), vault, manager, time.Time{}); err != nil || id == "" {
		t.Errorf("%q, %v", id, err)
	}
}

func TestBackupStatusLimit(t *testing.T) {
	o, _ := slow(azurevmtest.Options{RetryAfter: time.Hour})
	srv, _ := start(t, o)
	cfg := srv.Config()
	cfg.TriggerLimit = 30 * time.Millisecond
	_, err := connect(t, cfg).StartBackup(t.Context(), vault, manager, time.Time{})
	wantError(t, err, azurevm.ErrOutcomeUnknown, "waited 30ms for the job of operation")
	if !errors.Is(err, context.DeadlineExceeded) || count(srv, "GET", "") != 1 {
		t.Errorf("%v after %d looks, although the service asked for an hour", err, count(srv, "GET", ""))
	}
}

// Azure runs one backup of a VM at a time, and how it refuses a second one is undocumented.
func TestBackupRefused(t *testing.T) {
	t.Run("in progress", func(t *testing.T) {
		o, _ := slow(azurevmtest.Options{Trigger: -1})
		srv, client := start(t, o)
		startBackup(t, client, time.Time{})
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		wantError(t, err, azurevm.ErrBackupInProgress, "UserErrorBackupOperationInProgress", "adopt it")
		if errors.Is(err, azurevm.ErrOutcomeUnknown) || srv.BackupCount(managerVM) != 1 {
			t.Errorf("%v, %d backups", err, srv.BackupCount(managerVM))
		}
	})
	t.Run("in progress, told by the operation", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupoperations/", Status: 200,
			Body: `{"status":"Failed","error":{"code":"SystemBackupOperationInProgress","message":"scheduled"}}`})
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		wantError(t, err, azurevm.ErrBackupInProgress, "did not start a job", "scheduled")
		if errors.Is(err, azurevm.ErrOutcomeUnknown) {
			t.Error(err)
		}
	})
	t.Run("may not", func(t *testing.T) {
		_, client := start(t, azurevmtest.Options{Roles: []string{"Virtual Machine Contributor", "Reader"}})
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		wantError(t, err, azurevm.ErrForbidden, "protectedItems/backup/action")
	})
	t.Run("not protected", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		srv.Unprotect(managerVM)
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		wantError(t, err, azurevm.ErrNotProtected, "enable the backup")
		if posts(srv) != 0 {
			t.Error("a request was sent")
		}
	})
	t.Run("no such vault", func(t *testing.T) {
		_, client := start(t, azurevmtest.Options{})
		_, err := client.StartBackup(t.Context(), azurevm.Vault{ResourceGroup: "rg-backup", Name: "rsv-x"}, manager, time.Time{})
		wantError(t, err, azurevm.ErrNotFound, "rsv-x")
	})
	t.Run("throttled", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "POST", Status: 429})
		_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		if err == nil || errors.Is(err, azurevm.ErrOutcomeUnknown) || posts(srv) != 1 {
			t.Errorf("%v after %d POSTs", err, posts(srv))
		}
	})
}

// undialled cannot connect when it is about to POST.
type undialled struct{ http.RoundTripper }

func (u undialled) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route to host")}
	}
	return u.RoundTripper.RoundTrip(r)
}

// No connection means no effect, which is not a doubt.
func TestRequestThatWasCertainlyNotSent(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{})
	cfg := srv.Config()
	cfg.HTTPClient = &http.Client{Transport: undialled{srv.RoundTripper()}}
	client := connect(t, cfg)
	_, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
	if err == nil || errors.Is(err, azurevm.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "no route to host") {
		t.Error(err)
	}
	if err := client.Deallocate(t.Context(), manager, nil); err == nil || errors.Is(err, azurevm.ErrOutcomeUnknown) {
		t.Error(err)
	}
}

// The names in a vault hold the VM's resource group, not the vault's, in lower case; excluded disks show only here.
func TestProtectedItem(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{PageSize: 1})
	at := time.Now().UTC()
	srv.AddRecoveryPoint(azurevmtest.Of(conference), at, "AppConsistent")
	srv.ExcludeDisks(azurevmtest.Of(conference))
	got, err := client.ProtectedItem(t.Context(), vault, azurevm.VM{ResourceGroup: "RG-pexip-test", Name: "VM-node-conf-core"})
	want := azurevm.ProtectedItem{Container: "IaasVMContainer;iaasvmcontainerv2;rg-pexip-test;vm-node-conf-core",
		Name: "VM;iaasvmcontainerv2;rg-pexip-test;vm-node-conf-core", ProtectionState: "Protected", HealthStatus: "Passed",
		PolicyName: "DefaultPolicy", LastRecoveryPoint: at, DisksExcluded: true}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	if got, _ := client.ProtectedItem(t.Context(), vault, manager); got.DisksExcluded || got.ProtectionState != "IRPending" {
		t.Errorf("%+v", got)
	}
}

// A VM comes as one of two types among items of others, and the filter cannot select it: its id is compared.
func TestProtectedItemOfOddAnswers(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	id := "/subscriptions/" + srv.Config().SubscriptionID + "/resourceGroups/rg-pexip-test/providers/Microsoft.Compute/virtualMachines/vm-node-mgmt-core"
	item := func(id, kind, vm string) string {
		return fmt.Sprintf(`{"value":[null,{"id":"x","properties":{"protectedItemType":"MabFileFolderProtectedItem"}},{"id":%q,"properties":{"protectedItemType":%q,"sourceResourceId":%q}}]}`, id, kind, vm)
	}
	const full = "/Subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v/backupFabrics/Azure/protectionContainers/c/protectedItems/i"
	for _, test := range []struct{ body, want string }{
		{item(full, "AzureIaaSVMProtectedItem", id), ""},
		{item("nonsense", "AzureIaaSVMProtectedItem", id), "not a resource id"},
		{item(full, "Microsoft.Compute/virtualMachines", id+"-2"), "not protected"},
		{"<html>", "invalid character"},
	} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupprotecteditems", Status: 200, Body: test.body})
		got, err := client.ProtectedItem(t.Context(), vault, manager)
		if test.want == "" {
			if err != nil || got.Container != "c" || got.Name != "i" {
				t.Errorf("%+v, %v", got, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v does not tell %q", err, test.want)
		}
	}
}

// The SDK's pagers follow links for ever.
func TestListingThatNeverEnds(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for _, path := range []string{"/backupprotecteditems", "/backupjobs"} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: path, Times: -1, Status: 200,
			Body: `{"value":[],"nextLink":"` + srv.URL + "/subscriptions/x" + path + `"}`})
	}
	_, err1 := client.ProtectedItem(t.Context(), vault, manager)
	_, _, err2 := client.FindBackupJob(t.Context(), vault, manager, time.Time{})
	for _, err := range []error{err1, err2} {
		if err == nil || !strings.Contains(err.Error(), "more than 200 pages") {
			t.Error(err)
		}
	}
}

// The SDK's pagers send the bearer token wherever the next link leads.
func TestNextPageOnAnotherHost(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for _, path := range []string{"/backupprotecteditems", "/backupjobs"} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: path, Times: -1, Status: 200,
			Body: `{"value":[],"nextLink":"https://thief.invalid/"}`})
	}
	_, err1 := client.ProtectedItem(t.Context(), vault, manager)
	_, _, err2 := client.FindBackupJob(t.Context(), vault, manager, time.Time{})
	for _, err := range []error{err1, err2} {
		if err == nil || !strings.Contains(err.Error(), "thief.invalid: not followed") {
			t.Error(err)
		}
	}
}

// Jobs are filtered by times of one form only, without fractions of a second; the rest is compared here.
func TestFindBackupJob(t *testing.T) {
	o, clock := slow(azurevmtest.Options{PageSize: 1, Trigger: -1, Snapshot: time.Minute, Transfer: time.Minute})
	_, client := start(t, o)
	first := clock.Now()
	old := startBackup(t, client, time.Time{})
	if _, err := client.WaitJob(t.Context(), vault, old, func(azurevm.Job) { clock.advance(time.Minute) }); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Minute)
	second := clock.Now()
	latest := startBackup(t, client, time.Time{})
	for _, test := range []struct {
		vm    azurevm.VM
		since time.Time
		want  string
	}{{manager, first, latest}, {manager, second, latest}, {manager, time.Time{}, latest}, {manager, clock.Now().Add(time.Second), ""}, {conference, first, ""}} {
		job, found, err := client.FindBackupJob(t.Context(), vault, test.vm, test.since)
		if err != nil || job.ID != test.want || found != (test.want != "") {
			t.Errorf("%v since %v: %+v, %v", test.vm, test.since, job, err)
		}
	}
	if _, found, err := client.FindRestoreJob(t.Context(), vault, manager, first); found || err != nil {
		t.Error(found, err)
	}
}

// A job names the VM without its resource group.
func TestFindBackupJobOfANamesake(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupjobs", Status: 200, Body: `{"value":[
		{"name":"theirs","properties":{"operation":"Backup","entityFriendlyName":"vm-node-mgmt-core","containerName":"iaasvmcontainerv2;rg-other;vm-node-mgmt-core","startTime":"2026-03-02T19:00:00Z"}},
		{"name":"ours","properties":{"operation":"Backup","entityFriendlyName":"VM-node-mgmt-core","startTime":"2026-03-02T18:00:00.1234567Z"}}]}`})
	job, found, err := client.FindBackupJob(t.Context(), vault, manager, time.Time{})
	if err != nil || !found || job.ID != "ours" {
		t.Errorf("%+v, %v, %v", job, found, err)
	}
}

// A snapshot that was taken stays usable when the transfer fails.
func TestJobThatFails(t *testing.T) {
	t.Run("before the snapshot", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		srv.FailNextJob("Take Snapshot", "UserErrorRpCollectionLimitReached: too many restore points")
		id, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		job, err := client.WaitSnapshot(t.Context(), vault, id, nil)
		wantError(t, err, azurevm.ErrJobFailed, "too many restore points", "Try again.", "backup of vm vm-node-mgmt-core is Failed", id)
		if !job.Failed() || job.SnapshotTaken() {
			t.Errorf("%+v", job)
		}
	})
	t.Run("in the transfer", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		srv.FailNextJob("Transfer data to vault", "network")
		id, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.WaitJob(t.Context(), vault, id, nil); !errors.Is(err, azurevm.ErrJobFailed) {
			t.Error(err)
		}
		if job, err := client.WaitSnapshot(t.Context(), vault, id, nil); err != nil || !job.Failed() {
			t.Errorf("the snapshot was taken all the same: %+v, %v", job, err)
		}
	})
	t.Run("vm in transition", func(t *testing.T) {
		srv, client := start(t, azurevmtest.Options{})
		srv.SetPower(managerVM, azurevm.Starting)
		id, err := client.StartBackup(t.Context(), vault, manager, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.WaitSnapshot(t.Context(), vault, id, nil)
		wantError(t, err, azurevm.ErrJobFailed, "UserErrorVmNotInDesirableState")
	})
}

// Older versions answer numbers where names belong, jobs come as several types, statuses of tasks are free text, and
// the list of tasks may be missing. The SDK's types fail on some of that.
func TestJobIsReadLeniently(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for _, test := range []struct {
		body         string
		taken, fails bool
	}{
		{`{"name":"j","properties":{"jobType":"AzureIaaSVMJobV2","status":"Completed"}}`, true, false},
		{`{"name":"j","properties":{"jobType":1,"status":"InProgress","actionsInfo":[1],"startTime":"nonsense"}}`, false, false},
		{`{"name":"j","properties":{"status":"InProgress","extendedInfo":{"tasksList":[{"taskId":"take snapshot","status":"completed"}]}}}`, true, false},
		{`{"name":"j","properties":{"status":"Failed","errorDetails":[{"errorCode":400,"errorString":"e"}],"extendedInfo":{"dynamicErrorMessage":"d"}}}`, false, true},
		{`{"name":"j","properties":{"status":"Cancelled","extendedInfo":{"tasksList":[{"taskId":"Take Snapshot","status":"Skipped"}]}}}`, false, true},
		{`{"name":"j","properties":{"status":"CompletedWithWarnings","extendedInfo":{"tasksList":[{"taskId":"Take Snapshot","status":""}]}}}`, true, false},
		{`{"name":null,"properties":{"status":2}}`, false, false},
	} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/backupjobs/j", Status: 200, Body: test.body})
		job, err := client.Job(t.Context(), vault, "j")
		if err != nil || job.SnapshotTaken() != test.taken || job.Failed() != test.fails {
			t.Errorf("%s: %+v, %v", test.body, job, err)
		}
	}
}

func TestJobRefusals(t *testing.T) {
	_, client := start(t, azurevmtest.Options{})
	for _, id := range []string{"", "a/b", "a?b"} {
		if _, err := client.Job(t.Context(), vault, id); err == nil || !strings.Contains(err.Error(), "not a job id") {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := client.Job(t.Context(), azurevm.Vault{}, "j"); err == nil {
		t.Error("no vault")
	}
	_, err := client.WaitJob(t.Context(), vault, "missing", nil)
	wantError(t, err, azurevm.ErrNotFound, "missing")
}

func TestSnapshotLimit(t *testing.T) {
	o, _ := slow(azurevmtest.Options{Trigger: -1})
	srv, _ := start(t, o)
	cfg := srv.Config()
	cfg.SnapshotLimit = 20 * time.Millisecond
	client := connect(t, cfg)
	id := startBackup(t, client, time.Time{})
	job, err := client.WaitSnapshot(t.Context(), vault, id, nil)
	wantError(t, err, context.DeadlineExceeded, "waited 20ms for job", `last seen "InProgress"`, "safe to wait again")
	if job.ID != id {
		t.Errorf("%+v", job)
	}
}

func TestRecoveryPoints(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{PageSize: 2})
	base := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, day := range []int{3, 1, 5, 2, 4} {
		srv.AddRecoveryPoint(managerVM, base.AddDate(0, 0, day), "CrashConsistent")
	}
	points, err := client.RecoveryPoints(t.Context(), vault, manager, base.AddDate(0, 0, 2))
	if err != nil {
		t.Fatal(err)
	}
	var days []int
	for _, p := range points {
		days = append(days, p.Time.Day()-1)
	}
	if d := cmp.Diff([]int{5, 4, 3, 2}, days); d != "" {
		t.Error(d)
	}
}

// Only a tier that is Valid counts, and an archived point cannot be restored as it is.
func TestRestorable(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	for body, want := range map[string]bool{
		`"recoveryPointTierDetails":[{"type":"InstantRP","status":"Valid"}]`:                                                  true,
		`"recoveryPointTierDetails":[{"type":"InstantRP","status":"Deleted"},{"type":"HardenedRP","status":"Valid"}]`:         true,
		`"recoveryPointTierDetails":[{"type":"InstantRP","status":"Deleted"},{"type":"HardenedRP","status":"Disabled"}]`:      false,
		`"recoveryPointTierDetails":[{"type":"ArchivedRP","status":"Valid"}]`:                                                 false,
		`"recoveryPointTierDetails":[{"type":1,"status":1}]`:                                                                  false,
		`"recoveryPointTierDetails":[{"type":"InstantRP","status":"Valid"}],"recoveryPointProperties":{"isSoftDeleted":true}`: false,
		`"recoveryPointProperties":{"expiryTime":null}`:                                                                       false,
	} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/recoverypoints", Status: 200,
			Body: `{"value":[{"name":"p","properties":{"recoveryPointTime":"2026-03-01T00:00:00Z",` + body + `}}]}`})
		points, err := client.RecoveryPoints(t.Context(), vault, manager, time.Time{})
		if err != nil || len(points) != 1 || points[0].Restorable() != want || points[0].Disks != -1 || !points[0].Expiry.IsZero() {
			t.Errorf("%s: %+v, %v", body, points, err)
		}
	}
}

// The SDK sends a time with its own offset although the field is said to be in UTC.
func TestExpiryIsSentInUTC(t *testing.T) {
	srv, client := start(t, azurevmtest.Options{})
	keep := time.Now().AddDate(0, 0, 30).In(time.FixedZone("PST", -8*3600))
	if _, err := client.StartBackup(t.Context(), vault, manager, keep); err != nil {
		t.Fatal(err)
	}
	for _, r := range srv.Requests() {
		if r.Method == http.MethodPost && !strings.Contains(string(r.Body), keep.UTC().Format("2006-01-02T15:04:05")) {
			t.Errorf("sent %s", r.Body)
		}
	}
}
