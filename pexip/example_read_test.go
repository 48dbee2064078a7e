package pexip_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Was there a call to the app when somebody says that they called? A history that tells of none proves nothing.
func ExampleClient_Calls() {
	client, srv := rehearsal()
	said := time.Now()
	check(srv.AddCall(pexiptest.Call{Alias: "app@verify.invalid", Start: said}))
	calls, err := client.Calls(context.Background(), said.Add(-10*time.Minute), said.Add(10*time.Minute))
	check(err)
	for _, c := range calls {
		fmt.Println(c.Alias, "on", c.Node, "- at that time:", c.Overlaps(said, said.Add(time.Minute)))
	}
	// Output: app@verify.invalid on 10.0.0.5 - at that time: true
}

// How much of an upload the node has, also after the program was started again.
func ExampleClient_UpgradeRequest() {
	client, _ := rehearsal()
	ctx := context.Background()
	made, err := client.CreateUpgradeRequest(ctx, 100_000)
	check(err)
	request, err := client.UpgradeRequest(ctx, made.ID)
	fmt.Println(request.Offset, "bytes,", request.Upgrade, err)
	_, err = client.UpgradeRequest(ctx, "no-such-request")
	fmt.Println(errors.Is(err, pexip.ErrNotFound))
	// Output:
	// 0 bytes, <nil> <nil>
	// true
}

// A node is ready only once it has the current configuration; one for bursts into a cloud is out of step while it is off.
func ExampleNode_Synced() {
	client, err := pexip.New(pexiptest.NewServer(pexiptest.Options{Nodes: []pexiptest.Node{{Name: "burst", Address: "10.0.0.6", CloudBursting: true}}}).Config())
	check(err)
	nodes, err := client.Nodes(context.Background())
	check(err)
	for _, n := range nodes {
		fmt.Println(n.Name, n.SyncStatus, n.Synced())
	}
	// Output:
	// mgr SYNCED true
	// burst SUSPENDED false
}
