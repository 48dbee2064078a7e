package pexip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// made is a package of the version that the double upgrades to.
func made(srv *pexiptest.Server) pexip.Package {
	var file bytes.Buffer
	name, sum, err := srv.WritePackage(&file, 100_000)
	check(err)
	return pexip.Package{Name: name, Size: int64(file.Len()), SHA256: sum, Content: bytes.NewReader(file.Bytes())}
}

// sentTo brings a package to the node and gives the id of the request that holds it.
func sentTo(client *pexip.Client, p pexip.Package) string {
	request, err := client.CreateUpgradeRequest(context.Background(), p.Size)
	check(err)
	_, err = client.Upload(context.Background(), request.ID, p, nil)
	check(err)
	return request.ID
}

// The checksum is the one that Pexip publishes beside the download.
func ExampleOpenPackage() {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, pexiptest.PackageName("39.1", "83067"))
	check(os.WriteFile(path, []byte("not what Pexip published"), 0o600))

	p, err := pexip.OpenPackage(path, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	check(err)
	defer p.Close()
	fmt.Println(p.Name, p.Size)
	fmt.Println(errors.Is(p.Verify(context.Background(), nil), pexip.ErrChecksum))
	// Output:
	// Pexip_Infinity_v39.1_UPGRADE_83067.tar 24
	// true
}

// The sum of a file, whatever was expected, to compare by eye with the vendor's page.
func ExamplePackageFile_Sum() {
	f, err := os.CreateTemp("", "example")
	check(err)
	defer os.Remove(f.Name())
	check(f.Close())
	check(os.WriteFile(f.Name(), []byte("abc"), 0o600))
	p, err := pexip.OpenPackage(f.Name(), "0000000000000000000000000000000000000000000000000000000000000000")
	check(err)
	defer p.Close()
	fmt.Println(p.Sum(context.Background(), nil))
	// Output:
	// ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad <nil>
}

func ExampleParsePackageName() {
	fmt.Println(pexip.ParsePackageName("/downloads/Pexip_Infinity_v39.1_UPGRADE_83067.tar"))
	fmt.Println(pexip.ParsePackageName("package.tar"))
	// Output:
	// 39.1 83067 true
	//   false
}

// For a configuration file's documentation.
func ExampleChunkEncodings() {
	for _, e := range pexip.ChunkEncodings() {
		fmt.Println(e)
	}
	// Output:
	// raw-content-range
	// multipart-package
	// multipart-file
	// multipart-chunk-offset
}

// Ask a Test node once which form of chunk it takes, and write the answer into the configuration.
func ExampleClient_ProbeChunkEncoding() {
	srv := pexiptest.NewServer(pexiptest.Options{ChunkEncoding: pexip.MultipartFile})
	cfg := srv.Config()
	cfg.ChunkEncoding = ""
	client, err := pexip.New(cfg)
	check(err)
	fmt.Println(client.ProbeChunkEncoding(context.Background()))
	fmt.Println(len(srv.State().Uploads), "requests left")
	// Output:
	// multipart-file <nil>
	// 0 requests left
}

// An upload that was broken off goes on, after a restart of the program or from another machine.
func ExampleClient_UpgradeRequests() {
	client, srv := rehearsal()
	ctx := context.Background()
	p := made(srv)
	_, err := client.CreateUpgradeRequest(ctx, p.Size)
	check(err)

	requests, err := client.UpgradeRequests(ctx)
	check(err)
	for _, r := range requests {
		done, err := client.Upload(ctx, r.ID, p, nil)
		fmt.Println(r.Offset, "bytes were there,", done.Bytes, "were sent:", err)
	}
	// Output:
	// 0 bytes were there, 100000 were sent: <nil>
}

// Somebody else is at it: nothing is touched until a person has decided.
func ExampleClient_CreateUpgradeRequest() {
	client, srv := rehearsal()
	colleague, err := pexip.New(srv.Config())
	check(err)
	theirs, err := colleague.CreateUpgradeRequest(context.Background(), 5_000)
	check(err)

	_, err = client.CreateUpgradeRequest(context.Background(), 100_000)
	fmt.Println(errors.Is(err, pexip.ErrForeignUpgradeRequest))
	check(client.CancelUpgradeRequest(context.Background(), theirs.ID)) // after asking them
	_, err = client.CreateUpgradeRequest(context.Background(), 100_000)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// Compare what the node finds in the package with what was approved, before anything is installed.
func ExampleClient_ValidateUpgrade() {
	client, srv := rehearsal()
	ctx := context.Background()
	id := sentTo(client, made(srv))
	found, err := client.ValidateUpgrade(ctx, id)
	check(err)
	fmt.Println(found.Current.PseudoVersion, "to", found.Upgrade.PseudoVersion)
	// Output:
	// 81931.0.0 to 83067.0.0
}

// The answer to the start is lost. It is never sent again; the node is asked instead.
func ExampleClient_StartUpgrade() {
	client, srv := rehearsal()
	ctx := context.Background()
	id := sentTo(client, made(srv))
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.DropAfter, Path: "/finish/"}))

	err := client.StartUpgrade(ctx, id)
	if errors.Is(err, pexip.ErrOutcomeUnknown) {
		began, err := client.UpgradeBegan(ctx, "39.1 (83067.0.0)")
		fmt.Println("began:", began || pexip.Unavailable(err))
	}
	fmt.Println(srv.StartAttempts(), "start was asked for")
	// Output:
	// began: true
	// 1 start was asked for
}

// Everything in one request, where a node offers no other way: the point of no return.
func ExampleClient_UploadAndStart() {
	srv := pexiptest.NewServer(pexiptest.Options{NoResumableUpload: true})
	client, err := pexip.New(srv.Config())
	check(err)
	p := made(srv)
	done, err := client.UploadAndStart(context.Background(), p, nil)
	check(err)
	fmt.Println(done.Bytes, done.SHA256 == p.SHA256, srv.StartCount())
	// Output:
	// 100000 true 1
}

// How far an upload is; a terminal or a log may show more.
func ExampleProgress() {
	client, srv := rehearsal()
	p := made(srv)
	request, err := client.CreateUpgradeRequest(context.Background(), p.Size)
	check(err)
	_, err = client.Upload(context.Background(), request.ID, p, func(at pexip.Progress) {
		fmt.Printf("%s: %d of %d bytes\n", at.Phase, at.Done, at.Total) // at.Rate in bytes per second, at.ETA
	})
	check(err)
	// Output:
	// sending: 100000 of 100000 bytes
	// server is digesting: 100000 of 100000 bytes
}

// Manual mode: a person uploads the package in the web interface, which stands for a node or a day
// on which no other way works. The program only watches, and goes on when every node runs the target.
func Example_manual() {
	srv := pexiptest.NewServer(pexiptest.Options{})
	client, err := pexip.New(srv.Config())
	check(err)
	person := func() { // for the sake of the example
		c, err := pexip.New(srv.Config())
		check(err)
		_, err = c.UploadAndStart(context.Background(), made(srv), nil)
		check(err)
	}

	fmt.Println("please upload the package in the web interface")
	person()
	expected := pexip.ExpectVersion("39.1 (83067.0.0)")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(time.Millisecond) { // in earnest: 24 hours, every 30 seconds
		nodes, err := client.Nodes(context.Background())
		if err != nil {
			if !pexip.Unavailable(err) {
				fmt.Println(err)
				return
			}
			continue // it restarts
		}
		there := 0
		for _, n := range nodes {
			if n.Version == expected.After && n.UpgradeIdle() {
				there++
			}
		}
		if there == len(nodes) {
			fmt.Println(there, "nodes run", expected.After)
			return
		}
	}
	// Output:
	// please upload the package in the web interface
	// 2 nodes run 39.1 (83067.0.0)
}

// A node with a certificate of its own, as it is before one is installed: pin it.
func ExampleConfig() {
	cfg := pexip.Config{
		URL:                     "https://mgr.example.org",
		OAuth2:                  &pexip.OAuth2{ClientID: "5b1e…", PrivateKey: pexiptest.NewServer(pexiptest.Options{}).PrivateKeyPEM()},
		PinnedCertificateSHA256: "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08",
		ChunkEncoding:           pexip.RawContentRange, // as ProbeChunkEncoding found it, or a browser's developer tools
	}
	_, err := pexip.New(cfg)
	fmt.Println(err)
	fmt.Println(cfg.OAuth2) // never the key
	// Output:
	// <nil>
	// oauth2 client "5b1e…"
}
