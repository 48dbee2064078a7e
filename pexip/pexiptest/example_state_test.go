package pexiptest_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// noon is a clock that stands, so that nothing is over before it is looked at.
func noon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

// An alarm that is in the way of an upgrade, until somebody has dealt with it.
func ExampleServer_AddAlarm() {
	srv, client := rehearsal(pexiptest.Options{})
	srv.AddAlarm(pexip.Alarm{Name: "licenses_expired", Level: "critical"})
	alarms, err := client.Alarms(context.Background())
	check(err)
	fmt.Println(len(alarms), alarms[0].Level, alarms[0].Name)
	srv.ClearAlarms()
	alarms, err = client.Alarms(context.Background())
	fmt.Println(len(alarms), err)
	// Output:
	// 1 critical licenses_expired
	// 0 <nil>
}

// The node has no room for a backup; the next one works again.
func ExampleServer_FailNextBackup() {
	srv, client := rehearsal(pexiptest.Options{})
	srv.FailNextBackup("disk is full")
	for range 2 {
		_, err := client.CreateBackup(context.Background(), "a long passphrase from a vault")
		fmt.Println(err)
	}
	// Output:
	// create a backup: the node says "disk is full" (state "failed"); look into the list of backups, calling again makes one more
	// <nil>
}

// The same for a diagnostic snapshot.
func ExampleServer_FailNextSnapshot() {
	srv, client := rehearsal(pexiptest.Options{})
	srv.FailNextSnapshot("could not collect")
	_, err := client.CreateSnapshot(context.Background(), pexip.SnapshotOptions{})
	fmt.Println(err)
	// Output: create a diagnostic snapshot: the node says "could not collect" (state "failed"); calling again makes one more
}

// How often an upgrade was asked for, and how often one took effect: the test of whatever may happen once.
func ExampleServer_StartCount() {
	srv, client := rehearsal(pexiptest.Options{Now: noon, Speed: 1})
	id := uploadedTo(srv, client)
	check(client.StartUpgrade(context.Background(), id))
	again := client.StartUpgrade(context.Background(), id)
	fmt.Println(again != nil, srv.StartAttempts(), srv.StartCount())
	// Output:
	// 1 attempts, 300000 bytes sent
	// true 2 1
}

// One node was left behind by an earlier upgrade.
func ExampleServer_SetVersion() {
	srv, client := rehearsal(pexiptest.Options{Version: "39.1 (83067.0.0)"})
	check(srv.SetVersion("conf1", "38 (81931.0.0)"))
	nodes, err := client.Nodes(context.Background())
	check(err)
	for _, n := range nodes {
		fmt.Println(n.Name, n.Version)
	}
	// Output:
	// mgr 39.1 (83067.0.0)
	// conf1 38 (81931.0.0)
}

// What somebody changed in the web interface meanwhile.
func ExampleServer_SetSessionTimeout() {
	srv, client := rehearsal(pexiptest.Options{})
	srv.SetSessionTimeout(false, 60)
	settings, err := client.GlobalSettings(context.Background())
	fmt.Println(settings.SessionTimeoutEnabled, settings.SessionTimeout, err)
	// Output: false 1h0m0s <nil>
}

// A restart that nobody asked for: the node is away, and comes back with what it had.
func ExampleServer_Reboot() {
	srv := pexiptest.NewServer(pexiptest.Options{Now: noon, Speed: 1})
	client := &http.Client{Transport: srv.RoundTripper()}
	srv.Reboot()
	_, err := client.Get(srv.URL + "/api/admin/status/v1/worker_vm/")
	fmt.Println("reachable:", srv.Reachable(), "- answered:", err == nil)
	// Output: reachable: false - answered: false
}

// The node has lost the end of an upload; the client goes on from what it has.
func ExampleServer_RewindUpload() {
	srv, client := rehearsal(pexiptest.Options{})
	id := uploadedTo(srv, client)
	check(srv.RewindUpload(id, 100_000))
	request, err := client.UpgradeRequest(context.Background(), id)
	fmt.Println(request.Offset <= 100_000, err)
	// Output:
	// 1 attempts, 300000 bytes sent
	// true <nil>
}

// An account that has its rights by a role of its own, which no API tells exactly.
func ExampleServer_SetRole() {
	srv, client := rehearsal(pexiptest.Options{})
	srv.SetRole("Upgraders", 3)
	access, err := client.CheckAccess(context.Background())
	check(err)
	for _, a := range access {
		if a.Verdict != pexip.Granted {
			fmt.Println(a.Verdict, a.Resource)
		}
	}
	// Output:
	// unknown PATCH configuration/v1/global/1/
	// unknown POST command/v1/platform/upgrade/
	// unknown POST command/v1/platform/backup_create/
}
