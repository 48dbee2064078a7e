package pexip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// rehearsal is a client of a made-up deployment, for the examples below.
func rehearsal() (*pexip.Client, *pexiptest.Server) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	client, err := pexip.New(srv.Config())
	check(err)
	return client, srv
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

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

// A proxy, a recorder, or a guard that lets nothing but reads through, goes around the transport.
func ExampleNewTransport() {
	transport, err := pexip.NewTransport(pexip.Config{})
	check(err)
	client, err := pexip.New(pexip.Config{URL: "https://mgr.example.org", Basic: &pexip.Basic{Username: "admin", Password: "secret"},
		HTTPClient: &http.Client{Transport: readOnly{transport}}})
	check(err)
	fmt.Println(client.SetSessionTimeoutEnabled(context.Background(), false))
	// Output:
	// switch the session timeout: PATCH /api/admin/configuration/v1/global/1/: no answer: this is only a plan (safe to repeat)
}

type readOnly struct{ http.RoundTripper }

func (t readOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return nil, errors.New("this is only a plan")
	}
	return t.RoundTripper.RoundTrip(r)
}

// Decide by sentinel, status or field, never by text.
func ExampleError() {
	client, srv := rehearsal()
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "worker_vm/1/", Status: 400,
		Body: `{"worker_vm":{"maintenance_mode_reason":["Ensure this value has at most 250 characters."]}}`}))
	err := client.SetMaintenanceMode(context.Background(), pexip.Node{ID: 1, Name: "conf1", Role: pexip.Conferencing}, true, "upgrade")
	if e, ok := errors.AsType[*pexip.Error](err); ok {
		fmt.Println(e.Status, e.Fields["maintenance_mode_reason"], errors.Is(err, pexip.ErrForbidden))
	}
	// Output:
	// 400 [Ensure this value has at most 250 characters.] false
}

// While the Management Node restarts, go on asking; every other error is an end.
func ExampleUnavailable() {
	client, srv := rehearsal()
	srv.SetDown(true)
	_, err := client.Nodes(context.Background())
	fmt.Println("away:", pexip.Unavailable(err))
	srv.SetDown(false)
	srv.ReadOnlyRole(true)
	err = client.SetSessionTimeoutEnabled(context.Background(), false)
	fmt.Println("away:", pexip.Unavailable(err), "forbidden:", errors.Is(err, pexip.ErrForbidden))
	// Output:
	// away: true
	// away: false forbidden: true
}
