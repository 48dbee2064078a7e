package pexip_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// scripted is a client whose node answers with what the function says.
func scripted(t testing.TB, answer func(*http.Request) (status int, header http.Header, body string)) *pexip.Client {
	t.Helper()
	c, err := pexip.New(pexip.Config{URL: "https://mgr.invalid", Basic: &pexip.Basic{Username: "u", Password: "hunter2"}, CallsPerMinute: -1,
		ChunkEncoding: pexip.RawContentRange, RetryWait: time.Nanosecond, PollInterval: time.Nanosecond, UploadRetry: 5 * time.Millisecond,
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			status, header, body := answer(r)
			if header == nil {
				header = http.Header{}
			}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func FuzzPackageName(f *testing.F) {
	for _, name := range []string{"Pexip_Infinity_v39.1_UPGRADE_83067.tar", "/a/Pexip_Infinity_v20_UPGRADE_45400.0.0.tar", `C:\x.tar`, "Pexip_Infinity_v_UPGRADE_.tar", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		version, build, recognised := pexip.ParsePackageName(name)
		if recognised != (version != "" && build != "") {
			t.Fatalf("%q: %q %q %v", name, version, build, recognised)
		}
		if !recognised {
			return
		}
		if strings.Trim(version, "0123456789.") != "" || strings.Trim(build, "0123456789") != "" || !strings.HasPrefix(filepath.Base(name), "Pexip_Infinity_v"+version+"_UPGRADE_"+build) {
			t.Fatalf("%q: %q %q", name, version, build)
		}
	})
}

// Whatever an error's body is: no panic, the status is kept, what is kept is bounded, and a
// password echoed in it is gone.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{`{"alarm":{"name":["too long"]}}`, `{"name":["x"]}`, `{"error":"m"}`, `{"error":["m","n"]}`, `{"error_message":"m","traceback":"t"}`,
		`{"ok":false,"error":{"code":1}}`, `"plain"`, `[[["deep"]]]`, "<html><title>502 Bad Gateway</title>", "", "null", `{"":{"":[null,1.5,true]}}`, "hunter2", `{"a":"hunter2"}`} {
		f.Add(400, body, "")
	}
	f.Add(429, "", "7")
	f.Add(503, "<html>", "Wed, 21 Oct 2099 07:28:00 GMT")
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		if status < 400 || status > 599 || strings.Contains(after, "0") {
			return // a Retry-After in the future would be waited for
		}
		repeats := status == 429 || status == 502 || status == 503 || status == 504
		if repeats {
			after = ""
		}
		c := scripted(t, func(*http.Request) (int, http.Header, string) {
			return status, http.Header{"Retry-After": {after}}, body
		})
		_, err := c.Alarms(t.Context())
		e, isError := errors.AsType[*pexip.Error](err)
		if !isError || e.Status != status {
			t.Fatalf("%d %q: %v", status, body, err)
		}
		if len(e.Body) > 8<<10 || len(e.Message) > 800 || len(err.Error()) > 4<<10 || strings.Contains(err.Error(), "\n") {
			t.Fatalf("unbounded or of several lines: %q", err)
		}
		for _, text := range []string{err.Error(), e.Body, e.Message} {
			if strings.Contains(text, "hunter2") {
				t.Fatalf("the password is in %q", text)
			}
		}
		if utf8.ValidString(body) && !utf8.ValidString(err.Error()) {
			t.Fatalf("broken text from a sound body: %q", err)
		}
	})
}

// Whatever the rows say: no panic, and nothing counts as idle, in sync or in charge unless it says so.
func FuzzNodes(f *testing.F) {
	for _, status := range []string{
		`{"configuration_id":1,"name":"a","version":"39.1 (83067.0.0)","upgrade_status":"IDLE","sync_status":"SYNCED","last_updated":"2026-01-02T03:04:05"}`,
		`{"configuration_id":1,"upgrade_status":3,"sync_status":{"x":1},"last_updated":"Never","version":null}`,
		`{"name":"a","upgrade_status":"idle","system_location":["x"],"maintenance_mode":null}`, `null`, `[]`, `{}`, `{"configuration_id":"1"}`} {
		f.Add(`{"id":1,"name":"a","address":"10.0.0.5","system_location":"/api/admin/configuration/v1/system_location/1/","cloud_bursting":false}`, status)
	}
	f.Add(`{"id":1,"name":"a","system_location":{"name":"L"},"syslog_servers":[1,"/x/",null]}`, `{}`)
	f.Fuzz(func(t *testing.T, config, status string) {
		c := scripted(t, func(r *http.Request) (int, http.Header, string) {
			if strings.Contains(r.URL.Path, "/configuration/") {
				return 200, nil, rows(config)
			}
			return 200, nil, rows(status)
		})
		nodes, err := c.Nodes(t.Context())
		if err != nil {
			if _, isError := errors.AsType[*pexip.Error](err); !isError {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		for _, n := range nodes {
			if !n.HasStatus && (n.Version != "" || n.UpgradeIdle() || n.Synced()) {
				t.Fatalf("a node without status says something: %+v", n)
			}
			if n.UpgradeIdle() && !strings.Contains(strings.ToLower(status), "idle") && !strings.Contains(status, `\u`) {
				t.Fatalf("idle without saying so: %s", status)
			}
		}
	})
}

// Whatever the node answers to a chunk and to the question for its offset: Upload ends, and says
// that it worked only if the node had everything.
func FuzzUploadReplies(f *testing.F) {
	for _, reply := range []string{`{"ok":true,"upload_id":"x","timestamp":1}`, `{"ok":false}`, `{"ok":"yes"}`, `{"status":"success","data":null}`, `{"error":["no"]}`, "", "<html>", "[]", "null"} {
		for _, offset := range []string{`{"uuid":"x","offset":4096}`, `{"uuid":"x","offset":0}`, `{"offset":-1}`, `{"uuid":"x","offset":9999}`, `{"uuid":1,"offset":"4096"}`, "null", ""} {
			f.Add(200, reply, offset)
		}
	}
	f.Add(400, `{"error":"offsets do not match"}`, `{"uuid":"x","offset":2048,"current":"/x/","upgrade":{"version":39}}`)
	f.Add(503, "", `{"uuid":"x","offset":4096}`)
	p := blob(make([]byte, 4096))
	f.Fuzz(func(t *testing.T, status int, reply, offset string) {
		if status < 200 || status > 599 {
			return
		}
		chunks, asked := 0, 0
		c := scripted(t, func(r *http.Request) (int, http.Header, string) {
			if r.Method == http.MethodPost {
				chunks++
				return status, nil, reply
			}
			if asked++; asked == 1 {
				return 200, nil, `{"uuid":"x","offset":0}`
			}
			return 200, nil, offset
		})
		done, err := c.Upload(t.Context(), "x", p, nil)
		if err == nil && (done.SHA256 != p.SHA256 || chunks == 0 || !strings.Contains(offset, "4096")) {
			t.Fatalf("%d %q, then %q: counts as done: %+v", status, reply, offset, done)
		}
		_, _ = c.ValidateUpgrade(t.Context(), "x")
		if status/100 == 2 && strings.Contains(reply, `"ok":false`) && c.StartUpgrade(t.Context(), "x") == nil && !strings.Contains(reply, `"ok":true`) {
			t.Fatalf("%q counts as started", reply)
		}
	})
}
