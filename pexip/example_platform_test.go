package pexip_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Find out, by reading only, what would fail later.
func ExampleClient_CheckAccess() {
	client, srv := rehearsal()
	srv.ReadOnlyRole(true)
	access, err := client.CheckAccess(context.Background())
	check(err)
	for _, a := range access {
		if a.Verdict != pexip.Granted {
			fmt.Println(a.Verdict, a.Resource, "to", a.Purpose)
		}
	}
	// Output:
	// missing PATCH configuration/v1/global/1/ to switch the session timeout
	// missing POST command/v1/platform/upgrade/ to upload and start an upgrade
}

// A version number says nothing about what a node can do; its own schema does.
func ExampleClient_Features() {
	for _, old := range []bool{false, true} {
		client, err := pexip.New(pexiptest.NewServer(pexiptest.Options{NoResumableUpload: old}).Config())
		check(err)
		f, err := client.Features(context.Background())
		check(err)
		fmt.Println("resumable:", f.ResumableUpload, "one request:", f.OneShotUpload)
	}
	// Output:
	// resumable: true one request: true
	// resumable: false one request: true
}

// Read, change, put back: the one setting, and no other.
func ExampleClient_SetSessionTimeoutEnabled() {
	client, _ := rehearsal()
	ctx := context.Background()
	before, err := client.GlobalSettings(ctx)
	check(err)
	check(client.SetSessionTimeoutEnabled(ctx, false))
	defer func() { check(client.SetSessionTimeoutEnabled(ctx, before.SessionTimeoutEnabled)) }()
	now, err := client.GlobalSettings(ctx)
	check(err)
	fmt.Println(before, now)
	// Output:
	// {true 30m0s} {false 30m0s}
}

func ExampleClient_GlobalSettings() {
	client, _ := rehearsal()
	settings, err := client.GlobalSettings(context.Background())
	fmt.Println(settings.SessionTimeoutEnabled, settings.SessionTimeout, err)
	// Output:
	// true 30m0s <nil>
}

// The Management Node alone takes half the requests.
func ExampleClient_ManagementNodes() {
	client, _ := rehearsal()
	nodes, err := client.ManagementNodes(context.Background())
	check(err)
	for _, n := range nodes {
		fmt.Println(n.Name, n.Primary, n.Version)
	}
	// Output:
	// mgr true 38 (81931.0.0)
}

// Alarms about lost contact are nowhere to be read once they are over.
func ExampleClient_Alarms() {
	client, srv := rehearsal()
	check(srv.SetPower("10.0.0.5", false))
	alarms, err := client.Alarms(context.Background())
	check(err)
	for _, a := range alarms {
		fmt.Println(a.Level, a.Name, a.Instance, a.ConnectivityLost())
	}
	// Output:
	// critical connectivity_lost conf1 true
}

func ExampleClient_LiveParticipants() {
	client, srv := rehearsal()
	check(srv.SetParticipants(3))
	people, err := client.LiveParticipants(context.Background())
	check(err)
	conferences, err := client.LiveConferences(context.Background())
	check(err)
	fmt.Println(people, "people in", conferences, "conference")
	// Output:
	// 3 people in 1 conference
}

func ExampleClient_Licensing() {
	client, _ := rehearsal()
	l, err := client.Licensing(context.Background())
	check(err)
	fmt.Println(l.Port.Count, "of", l.Port.Total, "ports")
	installed, err := client.Licences(context.Background())
	check(err)
	for _, one := range installed {
		fmt.Println(one.ProductID, one.Status, "until", one.ExpirationDate)
	}
	// Output:
	// 0 of 20 ports
	// port ACTIVE until 2027-01-01
}

// A syslog server that nobody refers to gets no logs.
func ExampleClient_SyslogCoverage() {
	client, srv := rehearsal()
	check(srv.RemoveSyslog("location Location A"))
	s, err := client.SyslogCoverage(context.Background())
	check(err)
	fmt.Println(len(s.Servers), s.Covered(), s.Unwired)
	// Output:
	// 1 false [location Location A]
}

// Make a backup and fetch it; what does not match the node's own size and checksum is an error.
func ExampleClient_CreateBackup() {
	client, _ := rehearsal()
	ctx := context.Background()
	b, err := client.CreateBackup(ctx, "a long passphrase from a vault")
	check(err)
	var file bytes.Buffer // in earnest: a file that only the operator may read
	check(client.DownloadBackup(ctx, b, &file))
	all, err := client.Backups(ctx)
	check(err)
	fmt.Println(int64(file.Len()) == b.Size, len(all))
	// Output:
	// true 1
}

// The last 12 hours of logs, before a rollback could lose them.
func ExampleClient_CreateSnapshot() {
	client, _ := rehearsal()
	ctx := context.Background()
	s, err := client.CreateSnapshot(ctx, pexip.SnapshotOptions{Hours: 12})
	check(err)
	var file bytes.Buffer
	got, err := client.DownloadSnapshot(ctx, s, &file)
	check(err)
	fmt.Println(got.Bytes == int64(file.Len()), len(got.SHA256))
	// Output:
	// true 64
}

// Empty one Conferencing Node by hand, and take it back later.
func ExampleClient_SetMaintenanceMode() {
	client, _ := rehearsal()
	ctx := context.Background()
	nodes, err := client.Nodes(ctx)
	check(err)
	for _, n := range nodes {
		if n.Role == pexip.Conferencing {
			check(client.SetMaintenanceMode(ctx, n, true, "upgrade to 39.1"))
		}
	}
	nodes, err = client.Nodes(ctx)
	check(err)
	fmt.Println(nodes[1].Name, nodes[1].MaintenanceMode, nodes[1].MaintenanceReason)
	// Output:
	// conf1 true upgrade to 39.1
}

// The platform before and after, and what of the difference was meant.
func ExampleDiff() {
	client, srv := rehearsal()
	ctx := context.Background()
	before, err := client.State(ctx)
	check(err)
	check(srv.SetVersion("mgr", "39.1 (83067.0.0)"))
	check(client.SetSessionTimeoutEnabled(ctx, false))
	srv.AddAlarm(pexip.Alarm{Name: "cpu_load", Level: "warning", Node: "10.0.0.5", TimeRaised: time.Now()})
	after, err := client.State(ctx)
	check(err)

	for _, change := range pexip.Diff(before, after, pexip.ExpectVersion("39.1"), pexip.ExpectSetting("session_timeout_enabled", "true", "false")) {
		fmt.Println(change)
	}
	// Output:
	// alarms/cpu_load/10.0.0.5/: none → warning
	// nodes/conferencing/conf1/version: 38 (81931.0.0) → 38 (81931.0.0) (should have changed)
	// nodes/management/mgr/version: 38 (81931.0.0) → 39.1 (83067.0.0) (expected)
	// settings/session_timeout_enabled: true → false (expected)
}

// Bursting nodes run on demand only, so they need not have reached the version.
func ExampleExpectVersion() {
	before := pexip.State{Nodes: []pexip.Node{{Name: "burst", Role: pexip.Conferencing, CloudBursting: true, Version: "38"}, {Name: "conf1", Role: pexip.Conferencing, Version: "38"}}}
	for _, change := range pexip.Diff(before, before, pexip.ExpectVersion("39.1")) {
		fmt.Println(change)
	}
	// Output:
	// nodes/conferencing/conf1/version: 38 → 38 (should have changed)
}

func ExampleExpectSetting() {
	fmt.Printf("%+v\n", pexip.ExpectSetting("session_timeout_enabled", "true", "false"))
	// Output:
	// {Path:settings/session_timeout_enabled Before:true After:false Required:false}
}

// Capture the state as evidence; it holds no secrets and reads back as it was.
func ExampleClient_State() {
	client, _ := rehearsal()
	s, err := client.State(context.Background())
	check(err)
	fmt.Println(len(s.Nodes), "nodes,", len(s.Alarms), "alarms, syslog covered:", s.Syslog.Covered())
	// Output:
	// 2 nodes, 0 alarms, syslog covered: true
}
