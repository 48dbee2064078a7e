package pexiptest_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// curl talks to the double as the program of that name does, byte by byte.
type curl struct {
	t    *testing.T
	srv  *pexiptest.Server
	conn *tls.Conn
	in   *bufio.Reader
}

func newCurl(t *testing.T, srv *pexiptest.Server) *curl {
	t.Helper()
	ok(t, srv.Start())
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(srv.CertificatePEM()) { // --cacert
		t.Fatal("no certificate")
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL, "https://"), &tls.Config{RootCAs: pool})
	ok(t, err)
	t.Cleanup(func() { conn.Close() })
	return &curl{t, srv, conn, bufio.NewReader(conn)}
}

// send writes a request as curl 7.88 does; a large body waits for "100 Continue".
func (c *curl) send(method, path, contentType string, body []byte) (*http.Response, string) {
	c.t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(c.srv.Basic().Username + ":" + c.srv.Basic().Password))
	fmt.Fprintf(c.conn, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n", method, path, strings.TrimPrefix(c.srv.URL, "https://"), auth)
	if body != nil {
		fmt.Fprintf(c.conn, "Content-Length: %d\r\nContent-Type: %s\r\n", len(body), contentType)
	}
	if len(body) > 1<<20 {
		_, err := io.WriteString(c.conn, "Expect: 100-continue\r\n\r\n")
		ok(c.t, err)
		line, err := c.in.ReadString('\n')
		ok(c.t, err)
		if line != "HTTP/1.1 100 Continue\r\n" {
			c.t.Fatalf("instead of 100 Continue: %q", line)
		}
		_, err = c.in.ReadString('\n')
		ok(c.t, err)
	} else {
		_, err := io.WriteString(c.conn, "\r\n")
		ok(c.t, err)
	}
	_, err := c.conn.Write(body)
	ok(c.t, err)
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	ok(c.t, err)
	b, err := io.ReadAll(res.Body)
	ok(c.t, err)
	return res, string(b)
}

// form is what -F makes of fields and one file.
func form(t *testing.T, fields [][2]string, part, filename string, content []byte) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	ok(t, w.SetBoundary("------------------------d74496d66958873e"))
	for _, f := range fields {
		ok(t, w.WriteField(f[0], f[1]))
	}
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, part, filename)}, "Content-Type": {"application/octet-stream"}})
	ok(t, err)
	_, err = p.Write(content)
	ok(t, err)
	ok(t, w.Close())
	return w.FormDataContentType(), b.Bytes()
}

func TestServesCurl(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{ChunkEncoding: pexip.MultipartPackage})
	c := newCurl(t, srv)
	const api = "/api/admin/"
	res, body := c.send("GET", api+"status/v1/worker_vm/", "", nil) // curl -u … --cacert …
	if res.StatusCode != 200 || !json.Valid([]byte(body)) || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	// -X PATCH -H 'Content-Type: application/json' -d '{…}'
	if res, body = c.send("PATCH", api+"configuration/v1/global/1/", "application/json", []byte(`{"session_timeout_enabled":false}`)); res.StatusCode != 202 || srv.State().SessionTimeoutEnabled {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	// -d 'passphrase=…'
	if res, body = c.send("POST", api+"command/v1/platform/backup_create/", "application/x-www-form-urlencoded", []byte("passphrase=x&request=true")); res.StatusCode != 202 {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	// A snapshot without request is the file itself: -d '' -OJ
	res, body = c.send("POST", api+"command/v1/platform/snapshot/", "application/x-www-form-urlencoded", []byte("limit=2"))
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment; filename=") || len(body) == 0 {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	// A chunk: -F package=@part -H 'Content-Range: …' cannot be said with Expect; the whole package can.
	var p bytes.Buffer
	name, sum, err := srv.WritePackage(&p, 3<<20)
	ok(t, err)
	contentType, whole := form(t, [][2]string{{"request", "false"}}, "package", name, p.Bytes())
	res, body = c.send("POST", api+"command/v1/platform/upgrade/", contentType, whole) // -F request=false -F package=@file
	if s := srv.State().Upgrades; res.StatusCode != 202 || len(s) != 1 || s[0].SHA256 != sum {
		t.Errorf("%d %s; %+v", res.StatusCode, body, s)
	}
}

// A refused upload is answered before its body is sent.
func TestRefusesCurlBeforeTheBody(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	c := newCurl(t, srv)
	srv.ReadOnlyRole(true)
	auth := base64.StdEncoding.EncodeToString([]byte("admin:" + srv.Basic().Password))
	fmt.Fprintf(c.conn, "POST /api/admin/command/v1/platform/upgrade/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 99999999\r\nContent-Type: multipart/form-data; boundary=b\r\nExpect: 100-continue\r\n\r\n", auth)
	res, err := http.ReadResponse(c.in, nil)
	ok(t, err)
	if res.StatusCode != 403 {
		t.Errorf("%d", res.StatusCode)
	}
}

// The vendor's Go SDK (v41, as its source was read) asks these things in this way. What its schema
// does not have must fail here, too, instead of passing by accident.
func TestServesTheShapesOfTheVendorsSDK(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	const api = "/api/admin/"
	for _, tc := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "configuration/v1/worker_vm/?limit=100&offset=0", "", 200}, {"GET", "configuration/v1/global/1/", "", 200},
		{"GET", "status/v1/worker_vm/101/", "", 200}, {"GET", "status/v1/alarm/?limit=5", "", 200}, {"GET", "configuration/v1/system_location/1/", "", 200},
		{"GET", "status/v1/system_status/", "", 404},
		{"POST", "command/v1/upgrade/", `{"package":"name"}`, 404},
		{"POST", "command/v1/snapshot/", `{"limit":1}`, 404},
		{"POST", "command/v1/backup/create/", `{"passphrase":"x"}`, 404},
		{"POST", "command/v1/platform/upgrade/", `{"package":"name"}`, 400}, // a name is no package
		{"POST", "configuration/v1/upgrade/", `{"package":"name"}`, 400},
		{"PUT", "configuration/v1/worker_vm/1/", `{"name":"x"}`, 405},
	} {
		contentType := ""
		if tc.body != "" {
			contentType = "application/json"
		}
		status, out, _ := send(t, srv, tc.method, api+tc.path, contentType, tc.body, "Accept", "application/json")
		if status != tc.want {
			t.Errorf("%s %s: %d %v, want %d", tc.method, tc.path, status, out, tc.want)
		}
	}
	if srv.StartAttempts() != 0 {
		t.Error("started")
	}
	// Its update of global settings names 85 of them, mostly empty: the double lets that be seen.
	all := map[string]any{}
	for name, kind := range pexiptest.Fields("configuration/global") {
		if kind == "string" && name != "resource_uri" {
			all[name] = ""
		}
	}
	all["session_timeout_enabled"] = false
	b, err := json.Marshal(all)
	ok(t, err)
	if status, out, _ := send(t, srv, "PATCH", api+"configuration/v1/global/1/", "application/json", string(b)); status != 202 {
		t.Fatalf("%d %v", status, out)
	}
	if _, out, _ := send(t, srv, "GET", api+"configuration/v1/global/1/", "", ""); out["contact_email_address"] != "" || out["logon_banner"] != "" {
		t.Errorf("%v", out)
	}
	// Its retry of a failed upload carries no byte, with the type of a form: refused, not accepted.
	if status, _, _ := send(t, srv, "POST", api+"command/v1/platform/upgrade/", "multipart/form-data; boundary=b", ""); status != 400 || srv.StartAttempts() != 0 {
		t.Errorf("an empty upload: %d", status)
	}
}
