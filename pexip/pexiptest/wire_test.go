package pexiptest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// send makes a raw request as the Basic account.
func send(t *testing.T, srv *pexiptest.Server, method, path, contentType, body string, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	ok(t, err)
	req.SetBasicAuth(srv.Basic().Username, srv.Basic().Password)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := srv.Client().Do(req)
	ok(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	ok(t, err)
	var out map[string]any
	_ = json.Unmarshal(b, &out) // not every answer is JSON
	return res.StatusCode, out, res.Header
}

// What the node does not have is 404 with JSON and what it does not do is 405 with the methods it
// does; a page in HTML comes from injected faults and the web server's start only.
func TestWhatIsNotThere(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	const c = "/api/admin/configuration/v1/"
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", c + "global/1", 404}, {"GET", c + "nothing/", 404}, {"GET", c + "worker_vm/9/", 404}, {"GET", c + "worker_vm/1/x/", 404},
		{"GET", "/", 404}, {"GET", "/api/admin/", 404}, {"GET", "/api/admin/configuration/v2/global/", 404}, {"GET", "/api/admin/nothing/v1/", 404},
		{"GET", "/api/admin/command/v1/", 404}, {"GET", "/api/admin/command/v1/platform/upgrade/1/", 404}, {"GET", "/api/admin/command/v1/platform/upgrade/", 405},
		{"POST", c, 405}, {"DELETE", c + "global/1/", 405}, {"PUT", c + "global/1/", 405}, {"DELETE", c + "upgrade_request/", 405}, {"GET", "/oauth/token/", 405},
		{"GET", c + "upgrade_request/x/", 404}, {"GET", c + "system_backup/x/", 404}, {"DELETE", c + "system_backup/x/", 405},
		{"OPTIONS", c + "worker_vm/", 405}, {"BREW", c + "worker_vm/1/", 405}, {"GET", c + "worker_vm/%00/", 404}, {"GET", c + "//worker_vm//", 404}, {"POST", "/api/", 404},
		{"GET", c + "worker_vm/1/", 200}, {"GET", c + "global/", 200}, {"GET", c, 200}, {"GET", c + "worker_vm/schema/", 200},
		{"GET", c + "worker_vm/?limit=-1", 400}, {"GET", c + "worker_vm/?offset=x", 400},
	} {
		got, out, header := send(t, srv, tc.method, tc.path, "", "")
		if got != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, got, tc.want)
		}
		if got == 404 && out["error_message"] == nil || got == 405 && header.Get("Allow") == "" || strings.Contains(header.Get("Content-Type"), "html") {
			t.Errorf("%s %s: %d %v %v", tc.method, tc.path, got, out, header)
		}
	}
	r, err := newClient(t, srv).CreateUpgradeRequest(t.Context(), 5)
	ok(t, err)
	for action, want := range map[string]int{"": 405, "upload/": 400, "finish/": 415, "nothing/": 404, "upload/x/": 404} {
		if got, _, _ := send(t, srv, "POST", c+"upgrade_request/"+r.ID+"/"+action, "", ""); got != want {
			t.Errorf("POST %q: %d, want %d", action, got, want)
		}
	}
	if got, _, _ := send(t, srv, "GET", c+"upgrade_request/"+r.ID+"/upload/", "", ""); got != 405 {
		t.Errorf("GET upload: %d", got)
	}
}

func TestLogin(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	for _, auth := range []string{"", "Bearer x", "Basic x", "Digest x"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/api/admin/configuration/v1/", nil)
		ok(t, err)
		req.Header.Set("Authorization", auth)
		res, err := srv.Client().Do(req)
		ok(t, err)
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != 401 || len(b) != 0 || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%q: %d %s", auth, res.StatusCode, b)
		}
	}
}

func TestListsFilterAndPage(t *testing.T) {
	opt := pexiptest.Options{}
	for range 45 {
		opt.Nodes = append(opt.Nodes, pexiptest.Node{Name: "n" + strings.Repeat("x", len(opt.Nodes))})
	}
	srv := pexiptest.NewServer(opt)
	const path = "/api/admin/configuration/v1/worker_vm/"
	_, first, _ := send(t, srv, "GET", path, "", "")
	meta := first["meta"].(map[string]any)
	if meta["limit"] != 20.0 || meta["total_count"] != 45.0 || meta["next"] != path+"?limit=20&offset=20" || meta["previous"] != nil || len(first["objects"].([]any)) != 20 {
		t.Errorf("%v", meta)
	}
	_, last, _ := send(t, srv, "GET", path+"?limit=20&offset=40", "", "")
	meta = last["meta"].(map[string]any)
	if meta["next"] != nil || meta["previous"] != path+"?limit=20&offset=20" || len(last["objects"].([]any)) != 5 {
		t.Errorf("%v", meta)
	}
	_, one, _ := send(t, srv, "GET", path+"?name=nx&limit=0", "", "")
	_, none, _ := send(t, srv, "GET", path+"?name=nobody&offset=99", "", "")
	if len(one["objects"].([]any)) != 1 || len(none["objects"].([]any)) != 0 {
		t.Errorf("%v, %v", one, none)
	}
}

// Filters take an operator after two underscores. A field that is not there is ignored, so that a
// client that mistypes one gets everything.
func TestListsFilterByOperator(t *testing.T) {
	opt := pexiptest.Options{}
	for _, name := range []string{"Alpha", "alpine", "beta", "x[1]"} {
		opt.Nodes = append(opt.Nodes, pexiptest.Node{Name: name, CloudBursting: name == "beta"})
	}
	srv := pexiptest.NewServer(opt)
	for query, want := range map[string]string{
		"name=beta": "beta", "name__exact=beta": "beta", "name__iexact=ALPHA": "Alpha", "name__contains=lp": "Alpha alpine", "name__icontains=ALP": "Alpha alpine",
		"name__startswith=al": "alpine", "name__istartswith=AL": "Alpha alpine", "name__endswith=a": "Alpha beta", "name__iendswith=A": "Alpha beta",
		"name__in=beta,alpine": "alpine beta", "id__gt=2": "beta x[1]", "id__gte=2": "alpine beta x[1]", "id__lt=2": "Alpha", "id__lte=2": "Alpha alpine", "name__lt=alpine": "Alpha",
		"name__regex=^a": "alpine", "name__iregex=^a": "Alpha alpine", "name__regex=x%5B": "", "cloud_bursting=true": "beta", "name__icontains=a&id__gt=1": "alpine beta",
		"static_nat_address=": "Alpha alpine beta x[1]", "nmae=beta": "Alpha alpine beta x[1]", "order_by=-id": "x[1] beta alpine Alpha", "order_by=name&limit=2": "Alpha alpine",
	} {
		status, out, _ := send(t, srv, "GET", "/api/admin/configuration/v1/worker_vm/?"+query, "", "")
		var got []string
		for _, o := range out["objects"].([]any) {
			got = append(got, o.(map[string]any)["name"].(string))
		}
		if status != 200 || strings.Join(got, " ") != want {
			t.Errorf("%s: %d %q, want %q", query, status, got, want)
		}
	}
	for _, query := range []string{"name__like=x", "name__conference__name=x", "order_by=nothing"} {
		if status, out, _ := send(t, srv, "GET", "/api/admin/configuration/v1/worker_vm/?"+query, "", ""); status != 400 || out["error"] == nil {
			t.Errorf("%s: %d %v", query, status, out)
		}
	}
}

func TestPatchGlobal(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{SessionTimeoutDisabled: true})
	const path = "/api/admin/configuration/v1/global/1/"
	_, before, _ := send(t, srv, "GET", path, "", "")
	for body, want := range map[string]string{
		`{"session_timeout_enabled":"yes"}`:  "session_timeout_enabled",
		`{"management_session_timeout":4}`:   "management_session_timeout",
		`{"management_session_timeout":"x"}`: "management_session_timeout",
		`{"nothing":1}`:                      "nothing",
	} {
		status, out, _ := send(t, srv, "PATCH", path, "application/json", body)
		faults, _ := out["global"].(map[string]any)
		if status != 400 || faults[want] == nil {
			t.Errorf("%s: %d %v", body, status, out)
		}
	}
	for contentType, want := range map[string]int{"application/json": 400, "text/plain": 415} {
		if status, _, _ := send(t, srv, "PATCH", path, contentType, "{"); status != want {
			t.Errorf("%s: %d", contentType, status)
		}
	}
	status, _, _ := send(t, srv, "PATCH", path, "application/json", `{"session_timeout_enabled":true,"management_session_timeout":1440}`)
	_, after, _ := send(t, srv, "GET", path, "", "")
	if status != 202 || srv.State().SessionTimeoutMinutes != 1440 || !srv.State().SessionTimeoutEnabled {
		t.Errorf("%d %+v", status, srv.State())
	}
	for k, v := range before {
		if a := after[k]; a != v && k != "session_timeout_enabled" && k != "management_session_timeout" {
			t.Errorf("%s changed from %v to %v", k, v, a)
		}
	}
}

func TestCommandsTakeForms(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	const command, form = "/api/admin/command/v1/platform/", "application/x-www-form-urlencoded"
	for path, want := range map[string]int{
		command + "backup_create/": 202, command + "upgrade/": 202, "/api/admin/configuration/v1/upgrade/": 202,
	} {
		if got, _, _ := send(t, srv, "POST", path, form, "passphrase=x&request=True&total_size=1024"); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, body := range []string{"", "passphrase=" + strings.Repeat("x", 1001), "%zz"} {
		if got, _, _ := send(t, srv, "POST", command+"backup_create/", form, body); got != 400 {
			t.Errorf("%.20q: %d", body, got)
		}
	}
	if u := srv.State().Uploads; len(u) != 2 || u[0].Total != 1024 || u[1].Total != 1024 {
		t.Errorf("%+v", u)
	}
}

func TestBadChunksAreRefused(t *testing.T) {
	raw := []string{"Content-Range", "bytes 0-3/8"}
	for _, tc := range []struct {
		encoding          pexip.ChunkEncoding
		contentType, body string
		header            []string
	}{
		{pexip.RawContentRange, "application/octet-stream", "abcd", nil},
		{pexip.RawContentRange, "application/octet-stream", "abc", raw},
		{pexip.RawContentRange, "application/octet-stream", "abcdefghi", raw},
		{pexip.RawContentRange, "application/octet-stream", "abcd", []string{"Content-Range", "bytes 4-7/8"}},
		{pexip.RawContentRange, "application/octet-stream", "abcd", []string{"Content-Range", "bytes 3-0/8"}},
		{pexip.RawContentRange, "application/json", "abcd", raw},
		{pexip.MultipartPackage, "application/octet-stream", "abcd", raw},
		{pexip.MultipartPackage, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabcd\r\n--b--\r\n", raw},
		{pexip.MultipartFile, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabcd\r\n--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--\r\n", raw},
		{pexip.MultipartFile, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabcd", raw},
		{pexip.MultipartFile, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nabcd\r\n--b--\r\n", nil},
		{pexip.MultipartChunkOffset, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"chunk\"; filename=\"f\"\r\n\r\nabcd\r\n--b--\r\n", nil},
		{pexip.MultipartChunkOffset, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"offset\"\r\n\r\nx\r\n--b--\r\n", nil},
	} {
		srv := pexiptest.NewServer(pexiptest.Options{ChunkEncoding: tc.encoding})
		r, err := newClient(t, srv).CreateUpgradeRequest(t.Context(), 8)
		ok(t, err)
		path := "/api/admin/configuration/v1/upgrade_request/" + r.ID + "/upload/"
		if status, out, _ := send(t, srv, "POST", path, tc.contentType, tc.body, tc.header...); status != 400 || out["error"] == "" || srv.State().Uploads[0].Offset != 0 {
			t.Errorf("%s %q: %d %v", tc.encoding, tc.body, status, out)
		}
	}
}

func TestOneShotForms(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	const path, form = "/api/admin/command/v1/platform/upgrade/", "multipart/form-data; boundary=b"
	part := func(name, body, end string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"f\"\r\n\r\n" + body + end
	}
	var p bytes.Buffer
	_, err := pexiptest.WritePackage(&p, 600, "39.1", "1")
	ok(t, err)
	for _, tc := range []struct{ contentType, body string }{
		{"multipart/form-data", ""}, {form, part("file", p.String(), "\r\n--b--\r\n")}, {form, part("package", p.String(), "")},
		{form, part("package", p.String(), "\r\n"+part("more", "x", "\r\n--b--\r\n"))}, {form, part("package", "junk", "\r\n--b--\r\n")},
	} {
		if status, out, _ := send(t, srv, "POST", path, tc.contentType, tc.body); status != 400 || srv.StartCount() != 0 {
			t.Errorf("%.80q: %d %v", tc.body, status, out)
		}
	}
	if status, out, _ := send(t, srv, "POST", path, form, part("package", p.String(), "\r\n--b--\r\n")); status != 202 || srv.StartCount() != 1 {
		t.Errorf("%d %v", status, out)
	}
}

func TestFinishChecksItsFlag(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{})
	r, err := newClient(t, srv).CreateUpgradeRequest(t.Context(), 8)
	ok(t, err)
	status, out, _ := send(t, srv, "POST", "/api/admin/configuration/v1/upgrade_request/"+r.ID+"/finish/", "application/json", `{"validate_only":"no"}`)
	if status != 400 || out["finish"] == nil {
		t.Errorf("%d %v", status, out)
	}
}

func TestWritePackage(t *testing.T) {
	for _, size := range []int64{512, 1 << 20, 3<<20 + 5} {
		var a, b bytes.Buffer
		sum, err := pexiptest.WritePackage(&a, size, "39.1", "83067")
		ok(t, err)
		again, err := pexiptest.WritePackage(&b, size, "39.1", "83067")
		ok(t, err)
		want := sha256.Sum256(a.Bytes())
		if int64(a.Len()) != size || sum != hex.EncodeToString(want[:]) || again != sum {
			t.Errorf("%d bytes, sum %s, again %s", a.Len(), sum, again)
		}
		other, err := pexiptest.WritePackage(io.Discard, size, "39.1", "83068")
		ok(t, err)
		if other == sum {
			t.Error("two builds are the same")
		}
	}
	name, sum, err := pexiptest.NewServer(pexiptest.Options{NextVersion: "40 (90000.0.0)"}).WritePackage(io.Discard, 600)
	ok(t, err)
	if name != "Pexip_Infinity_v40_UPGRADE_90000.tar" || len(sum) != 64 {
		t.Errorf("%s %s", name, sum)
	}
	for _, err := range []error{
		second(pexiptest.WritePackage(io.Discard, 511, "39", "1")), second(pexiptest.WritePackage(io.Discard, 600, "39\n", "1")),
		second(pexiptest.WritePackage(io.Discard, 600, strings.Repeat("3", 600), "1")), second(pexiptest.WritePackage(fullDisk{}, 600, "39", "1")),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
}

func second(_ string, err error) error { return err }

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
