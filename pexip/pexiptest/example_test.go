package pexiptest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// rehearsal is a double with a client of it.
func rehearsal(opt pexiptest.Options) (*pexiptest.Server, *pexip.Client) {
	srv := pexiptest.NewServer(opt)
	client, err := pexip.New(srv.Config())
	check(err)
	return srv, client
}

// uploadedTo brings a package to the node and returns the request that holds it.
func uploadedTo(srv *pexiptest.Server, client *pexip.Client) string {
	var file bytes.Buffer
	name, sum, err := srv.WritePackage(&file, 300_000)
	check(err)
	p := pexip.Package{Name: name, Size: int64(file.Len()), SHA256: sum, Content: bytes.NewReader(file.Bytes())}
	request, err := client.CreateUpgradeRequest(context.Background(), p.Size)
	check(err)
	done, err := client.Upload(context.Background(), request.ID, p, nil)
	check(err)
	fmt.Println(done.Attempts, "attempts,", done.Bytes, "bytes sent")
	return request.ID
}

// In process, without a socket: fast, and good under a made-up clock.
func ExampleNewServer() {
	srv := pexiptest.NewServer(pexiptest.Options{Nodes: []pexiptest.Node{
		{Name: "conf1", Address: "10.0.0.5", Location: "Victoria"},
		{Name: "burst", Address: "10.0.0.6", Location: "Victoria", CloudBursting: true},
	}})
	client, err := pexip.New(srv.Config())
	check(err)
	nodes, err := client.Nodes(context.Background())
	check(err)
	for _, n := range nodes {
		fmt.Println(n.Name, n.Role, n.Version, n.SyncStatus)
	}
	// Output:
	// mgr management 38 (81931.0.0) SYNCED
	// conf1 conferencing 38 (81931.0.0) SYNCED
	// burst conferencing 38 (81931.0.0) SUSPENDED
}

// Over TLS, for any client: curl, the vendor's SDK, or plain net/http as here.
func ExampleServer_Start() {
	srv := pexiptest.NewServer(pexiptest.Options{})
	check(srv.Start())
	defer srv.Close()

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(srv.CertificatePEM())
	foreign := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	req, err := http.NewRequest(http.MethodGet, srv.URL+"/api/admin/status/v1/worker_vm/?name__startswith=conf&limit=1", nil)
	check(err)
	req.SetBasicAuth(srv.Basic().Username, srv.Basic().Password)
	res, err := foreign.Do(req)
	check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(err)
	fmt.Println(res.StatusCode, strings.Contains(string(body), `"total_count":1`))
	// Output:
	// 200 true
}

// A day of upgrading in a moment: the double's time is the test's own.
func ExampleOptions_clock() {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	srv, client := rehearsal(pexiptest.Options{Now: func() time.Time { return now }, Speed: 1})
	id := uploadedTo(srv, client)
	check(client.StartUpgrade(context.Background(), id))
	for range 5 {
		fmt.Println(now.Format("15:04"), srv.State().Phase, srv.State().Reachable)
		now = now.Add(5 * time.Minute)
	}
	// Output:
	// 1 attempts, 300000 bytes sent
	// 03:00 installing true
	// 03:05 installing true
	// 03:10 rebooting false
	// 03:15 upgrading conferencing nodes true
	// 03:20 finished true
}

// A connection breaks after the change took effect: the client cannot know, the double can.
func ExampleServer_Inject() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.DropAfter, Method: "PATCH", Path: "global"}))
	fmt.Println(client.SetSessionTimeoutEnabled(context.Background(), false))
	fmt.Println("on:", srv.State().SessionTimeoutEnabled)
	// Output:
	// switch the session timeout: PATCH /api/admin/configuration/v1/global/1/: no answer: connection reset by peer (safe to repeat)
	// on: false
}

// The web server in front answers with a page, twice, and then is well again.
func ExampleFault_answer() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "status/v1/alarm", Status: 502, Times: 2, Body: "<title>502 Bad Gateway</title>"}))
	alarms, err := client.Alarms(context.Background())
	fmt.Println(len(alarms), err)
	for _, r := range srv.Requests() {
		if r.Method == http.MethodGet {
			fmt.Println(r.Method, r.URL, r.Status)
		}
	}
	// Output:
	// 0 <nil>
	// GET /api/admin/status/v1/alarm/?limit=1000 502
	// GET /api/admin/status/v1/alarm/?limit=1000 502
	// GET /api/admin/status/v1/alarm/?limit=1000 200
}

// What does not fit: an answer of success with a Retry-After, and with nothing in it that makes sense.
func ExampleFault_garbage() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "global", Status: 200, Header: http.Header{"Retry-After": {"60"}}, Body: `{"session_timeout_enabled":`}))
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.AddHeader, Path: "alarm", Header: http.Header{"Retry-After": {"60"}}}))
	_, err := client.GlobalSettings(context.Background())
	if e, ok := errors.AsType[*pexip.Error](err); ok {
		fmt.Println(e.Status, e.Err)
	}
	began := time.Now()
	_, err = client.Alarms(context.Background())
	fmt.Println(err, time.Since(began) < time.Minute)
	// Output:
	// 200 the answer is not the expected JSON: unexpected end of JSON input
	// <nil> true
}

// The node stops reading in the middle of an upload: what arrived of that chunk is lost.
func ExampleFault_cutBody() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.Inject(pexiptest.Fault{Kind: pexiptest.CutBody, Path: "/upload/", BodyLimit: 1000}))
	uploadedTo(srv, client)
	fmt.Println(srv.State().Uploads[0].Offset, "bytes arrived")
	// Output:
	// 2 attempts, 301000 bytes sent
	// 300000 bytes arrived
}

// An access token ends early.
func ExampleServer_ExpireTokens() {
	srv, client := rehearsal(pexiptest.Options{})
	ctx := context.Background()
	_, err := client.Alarms(ctx)
	check(err)
	srv.ExpireTokens()
	_, err = client.Alarms(ctx) // a read is repeated with a new token
	fmt.Println(err)
	srv.ExpireTokens()
	fmt.Println(errors.Is(client.SetSessionTimeoutEnabled(ctx, false), pexip.ErrUnauthorized)) // a change is not
	// Output:
	// <nil>
	// true
}

// The node restarts at a bad moment: the chunk is in, the answer is lost, nobody is there for a while.
func ExampleServer_RebootAt() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.RebootAt("POST", "/upload/"))
	uploadedTo(srv, client)
	// Output:
	// 1 attempts, 300000 bytes sent
}

// The node tells an offset of bytes that nobody sent.
func ExampleServer_ShiftOffset() {
	srv, client := rehearsal(pexiptest.Options{})
	request, err := client.CreateUpgradeRequest(context.Background(), 5000)
	check(err)
	check(srv.ShiftOffset(request.ID, 700, 1))
	for range 2 {
		r, err := client.UpgradeRequest(context.Background(), request.ID)
		check(err)
		fmt.Println(r.Offset)
	}
	// Output:
	// 700
	// 0
}

// A slow line, a slow answer, a slow link: all in real time.
func ExampleServer_SlowAnswer() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.SlowAnswer("GET", "status/v1/alarm", 5*time.Millisecond))
	srv.SetUploadRate(100 << 20) // bytes per second
	began := time.Now()
	_, err := client.Alarms(context.Background())
	fmt.Println(time.Since(began) >= 5*time.Millisecond, err)
	// Output:
	// true <nil>
}

// Off and on again, as the VM: out of contact, with an alarm, until the boot is over.
func ExampleServer_SetPower() {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	srv := pexiptest.NewServer(pexiptest.Options{Now: func() time.Time { return now }, Speed: 1})
	check(srv.SetPower("10.0.0.5", false))
	fmt.Println(srv.State().Alarms)
	check(srv.SetPower("10.0.0.5", true))
	now = now.Add(5 * time.Minute)
	fmt.Println(srv.State().Alarms)
	// Output:
	// [connectivity_lost conf1]
	// []
}

// What arrived, for a test's last words.
func ExampleServer_Requests() {
	srv, client := rehearsal(pexiptest.Options{})
	check(client.SetSessionTimeoutEnabled(context.Background(), false))
	for _, r := range srv.Requests() {
		if !strings.HasPrefix(r.URL, "/oauth/") {
			fmt.Printf("%s %s %s %d\n", r.Method, r.URL, r.Body, r.Status)
		}
	}
	// Output:
	// PATCH /api/admin/configuration/v1/global/1/ {"session_timeout_enabled":false} 202
}

// The deployment behind the API, for people and for assertions.
func ExampleServer_State() {
	srv, client := rehearsal(pexiptest.Options{})
	check(srv.SetCalls("conf1", 4))
	_, err := client.CreateBackup(context.Background(), "a long passphrase")
	check(err)
	s := srv.State()
	fmt.Println(s.Participants, "participants,", s.Backups, "backup,", len(s.Upgrades), "upgrades")
	// Output:
	// 4 participants, 1 backup, 0 upgrades
}

func ExampleServer_ReadOnlyRole() {
	srv, client := rehearsal(pexiptest.Options{})
	srv.ReadOnlyRole(true)
	_, err := client.CreateSnapshot(context.Background(), pexip.SnapshotOptions{})
	fmt.Println(err)
	fmt.Println(errors.Is(client.SetSessionTimeoutEnabled(context.Background(), false), pexip.ErrForbidden))
	// Output:
	// <nil>
	// true
}

// The bytes depend on the arguments only, so a package need not be kept with a test.
func ExampleWritePackage() {
	var a, b bytes.Buffer
	first, err := pexiptest.WritePackage(&a, 4096, "39.1", "83067")
	check(err)
	second, err := pexiptest.WritePackage(&b, 4096, "39.1", "83067")
	check(err)
	fmt.Println(first == second, a.Len(), pexiptest.PackageName("39.1", "83067"))
	// Output:
	// true 4096 Pexip_Infinity_v39.1_UPGRADE_83067.tar
}

// Hold a client of one's own against the fields and methods that the vendor's schema page names.
func ExampleFields() {
	fmt.Println(pexiptest.Fields("configuration/upgrade_request")["offset"])
	fmt.Println(pexiptest.Methods("configuration/upgrade_request"))
	fmt.Println(len(pexiptest.Resources(false)) < len(pexiptest.Resources(true)))
	// Output:
	// integer
	// [DELETE GET] [DELETE GET]
	// true
}
