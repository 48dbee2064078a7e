package pexip_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// See what is installed. A real node needs only another Config.
func ExampleClient_Nodes() {
	srv := pexiptest.NewServer(pexiptest.Options{})
	client, err := pexip.New(pexip.Config{URL: srv.URL, Basic: srv.Basic(), HTTPClient: srv.Client()})
	if err != nil {
		log.Fatal(err)
	}
	nodes, err := client.Nodes(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range nodes {
		fmt.Println(n.Name, n.Address, n.Version, n.UpgradeIdle())
	}
	// Output:
	// mgr 10.0.0.4 38 (81931.0.0) true
	// conf1 10.0.0.5 38 (81931.0.0) true
}

// Upload a package, look at what the node finds in it, start the upgrade.
func ExampleClient_Upload() {
	srv := pexiptest.NewServer(pexiptest.Options{})
	client, err := pexip.New(srv.Config())
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	name, sum, err := srv.WritePackage(&file, 100_000)
	if err != nil {
		log.Fatal(err)
	}
	p := pexip.Package{Name: name, Size: int64(file.Len()), SHA256: sum, Content: bytes.NewReader(file.Bytes())}

	ctx := context.Background()
	request, err := client.CreateUpgradeRequest(ctx, p.Size)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Upload(ctx, request.ID, p, nil); err != nil {
		log.Fatal(err)
	}
	found, err := client.ValidateUpgrade(ctx, request.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("from", found.Current.Version, "to", found.Upgrade.Version)
	if err := client.StartUpgrade(ctx, request.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(srv.StartCount(), "upgrade started")
	// Output:
	// from 38 to 39.1
	// 1 upgrade started
}

// New tells everything that is wrong at once.
func ExampleNew() {
	_, err := pexip.New(pexip.Config{URL: "http://mgr.example.org", PinnedCertificateSHA256: "12:34"})
	fmt.Println(err)
	// Output:
	// pexip: configuration: URL: scheme "http" refused, credentials travel only over https
	// neither Basic nor OAuth2 is given; exactly one is needed
	// PinnedCertificateSHA256: "1234" is not a SHA-256 (64 hex digits)
}
