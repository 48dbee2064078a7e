package pexip_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// Which 2xx a write is answered with differs between resources and between texts about them.
func TestAny2xxIsSuccess(t *testing.T) {
	for _, status := range []int{200, 201, 202, 204} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.AnswerAfter, Method: "PATCH", Status: status, Times: -1},
			pexiptest.Fault{Kind: pexiptest.AnswerAfter, Method: "POST", Path: "/api/", Status: status, Times: -1},
			pexiptest.Fault{Kind: pexiptest.AnswerAfter, Method: "DELETE", Status: status, Times: -1})
		ok(t, c.SetSessionTimeoutEnabled(t.Context(), false))
		_, err := c.CreateBackup(t.Context(), "open sesame")
		ok(t, err)
		id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
		_, err = c.ValidateUpgrade(t.Context(), id)
		ok(t, err)
		ok(t, c.StartUpgrade(t.Context(), id))
	}
}

// Date-times have no zone and are UTC, with or without microseconds; what is no date is "not known".
func TestDateTimes(t *testing.T) {
	at := time.Date(2021, 3, 12, 14, 47, 45, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2021-03-12T14:47:45"`: at, `"2021-03-12T14:47:45.605738"`: at.Add(605738 * time.Microsecond), `"2021-03-12T14:47:45Z"`: at,
		`"2021-03-12T15:47:45+01:00"`: at, `"2021-03-12 14:47:45"`: at, `"Never"`: {}, `null`: {}, `""`: {}, `1615560465`: {},
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, answer("status/v1/worker_vm", rows(`{"configuration_id":1,"last_updated":`+text+`}`)))
		nodes, err := c.Nodes(t.Context())
		ok(t, err)
		if got := nodes[1].LastUpdated; !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s is read as %s", text, got)
		}
	}
}

// Words that nobody has verified never make a list unreadable, and never count as good news.
func TestUnverifiedWordsAreTakenAsTheyAre(t *testing.T) {
	for _, word := range []string{`null`, `""`, `"COMPLETE"`, `"No upgrade in progress"`, `"IDLE "`, `3`, `true`, `["IDLE"]`, `{"state":"IDLE"}`} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, answer("status/v1/worker_vm", rows(`{"configuration_id":1,"upgrade_status":`+word+`,"sync_status":`+word+`,"version":`+word+`,"node_type":`+word+`}`)),
			answer("status/v1/alarm", rows(`{"name":"x","level":`+word+`,"node":`+word+`}`)),
			answer("upgrade_request/", rows(`{"uuid":"a","offset":1,"state":`+word+`,"current":`+word+`,"upgrade":`+word+`}`)),
			answer("v1/licence", rows(`{"status":`+word+`,"concurrent":`+word+`}`)))
		nodes, err := c.Nodes(t.Context())
		ok(t, err)
		if nodes[1].UpgradeIdle() || nodes[1].Synced() {
			t.Errorf("%s counts as idle or in sync", word)
		}
		_, err = c.Alarms(t.Context())
		ok(t, err)
		_, err = c.Licences(t.Context())
		ok(t, err)
		requests, err := c.UpgradeRequests(t.Context())
		ok(t, err)
		if requests[0].Current != nil || requests[0].Upgrade != nil {
			t.Errorf("%s counts as a version", word)
		}
	}
}

// A version may come as an address in its place; a number as text. Neither may be guessed.
func TestVersionsInReplies(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	id := uploaded(t, c, pack(t, 4096, "39.1", "83067"))
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "finish", Status: 200,
		Body: `{"ok":true,"timestamp":"x","current":{"version":38,"pseudo_version":"81931.0.0","major":"38"},"upgrade":{"version":"39.1","major":39.5}}`})
	v, err := c.ValidateUpgrade(t.Context(), id)
	ok(t, err)
	if d := cmp.Diff(pexip.Validation{Current: pexip.VersionInfo{Version: "38", PseudoVersion: "81931.0.0", Major: 38}, Upgrade: pexip.VersionInfo{Version: "39.1"}}, v); d != "" {
		t.Error(d)
	}
	address := `"/embedded/upgrade_request/version_info/1/"`
	inject(t, srv, answer("finish", `{"ok":true,"current":`+address+`,"upgrade":`+address+`}`), answer("request/"+id+"/$", `{"uuid":"x","offset":4096,"current":`+address+`,"upgrade":{}}`))
	_, err = c.ValidateUpgrade(t.Context(), id)
	fails(t, err, nil, "version is missing")
}

// "39.1", "39.1.0" and "v39.1 (83067.0.0)" are the same release; builds decide where both are given.
func TestVersionTexts(t *testing.T) {
	for _, tc := range []struct {
		want, is string
		same     bool
	}{
		{"39.1", "39.1.0 (83067.0.0)", true}, {"v39.1", "39.1", true}, {"39", "39.0.0", true}, {"39.1 (83067.0.0)", "39.1.0 (83067.0.0)", true},
		{"39.1 (83067.0.0)", "39.1 (83068.0.0)", false}, {"39.1", "39.2", false}, {"39.1", "39.10", false}, {"24 (55691.0.0)", "24", true},
		{"odd", "odd", true}, {"odd", "even", false}, {"39.1", "39.1 (beta)", false},
	} {
		before := pexip.State{Nodes: []pexip.Node{{Name: "n", Role: pexip.Conferencing, Version: "1"}}}
		after := pexip.State{Nodes: []pexip.Node{{Name: "n", Role: pexip.Conferencing, Version: tc.is}}}
		if got := pexip.Diff(before, after, pexip.ExpectVersion(tc.want)); len(got) != 1 || got[0].Expected != tc.same {
			t.Errorf("%q and %q: %v", tc.want, tc.is, got)
		}
	}
}

// Status rows of old releases have other names; ids of status and configuration are not the same;
// in maintenance mode the media load reads 100 and is no load.
func TestNodesOfOldReleases(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, answer("status/v1/worker_vm", rows(`{"id":77,"configuration_id":1,"version":"24 (55691.0.0)","upgrade_status":"IDLE","deploy_status":"deploy_succeeded",
		"deploy_error":null,"deploy_progress":100,"last_reported":"2020-11-27T20:40:44","media_load":100,"maintenance_mode":true}`)))
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	if n := nodes[1]; n.Version != "24 (55691.0.0)" || n.LastUpdated.Year() != 2020 || !n.UpgradeIdle() || !n.MaintenanceMode {
		t.Errorf("%+v", n)
	}
	if _, err := json.Marshal(nodes); err != nil {
		t.Error(err)
	}
}

// A name of a location that only the list of locations tells is looked up, else that call is saved.
func TestLocationsAreReadWhenNeeded(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	if nodes[1].Location != "Location A" || sent(srv, "GET", "system_location") != 0 {
		t.Errorf("%+v, %d calls", nodes[1], sent(srv, "GET", "system_location"))
	}
	inject(t, srv, answer("status/v1/worker_vm", rows("")))
	if nodes, err = c.Nodes(t.Context()); err != nil || nodes[1].Location != "Location A" || sent(srv, "GET", "system_location") != 1 {
		t.Errorf("%+v %v", nodes, err)
	}
}

// Licences of which the number is no number are an error; a kind that is not counted is none.
func TestLicenceNumbers(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, answer("licensing", rows(`{"port_count":3,"port_total":null,"vmr_count":"many","customlayouts_active":true}`)))
	_, err := c.Licensing(t.Context())
	fails(t, err, nil, "port_total and vmr_count: no whole number")
	srv.ClearFaults()
	inject(t, srv, answer("licensing", rows(`{"port_count":3,"port_total":"20","customlayouts_active":true}`)))
	got, err := c.Licensing(t.Context())
	ok(t, err)
	if d := cmp.Diff(pexip.Licensing{Port: pexip.Usage{Count: 3, Total: 20}, CustomLayouts: true}, got); d != "" {
		t.Error(d)
	}
}

// A node takes few requests at a time; the vendor's own client keeps to five.
func TestAtMostFiveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		c, err := pexip.New(pexip.Config{URL: "https://mgr.invalid", Basic: &pexip.Basic{Username: "u", Password: "p"},
			HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				most.Store(max(most.Load(), now.Add(1)))
				<-time.After(time.Second)
				now.Add(-1)
				return &http.Response{StatusCode: 404, Body: http.NoBody, Request: r}, nil
			})}})
		ok(t, err)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { _, _ = c.Alarms(t.Context()) })
		}
		<-time.After(time.Second / 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/10)
		defer cancel()
		_, err = c.Alarms(ctx)
		fails(t, err, context.DeadlineExceeded, "read the alarms: not sent")
		group.Wait()
		if most.Load() != 5 {
			t.Errorf("%d requests at once", most.Load())
		}
	})
}

// Where Basic is off (or only Entra logs in), the error tells what would work.
func TestBasicSwitchedOff(t *testing.T) {
	srv := pexiptest.NewServer(pexiptest.Options{BasicDisabled: true})
	c := client(t, srv, func(c *pexip.Config) { c.OAuth2, c.Basic = nil, srv.Basic() })
	_, err := c.Alarms(t.Context())
	fails(t, err, pexip.ErrUnauthorized, "OpenID Connect does not work here", "only an OAuth2 client")
	_, err = client(t, srv, nil).Alarms(t.Context())
	ok(t, err)
}

// The assertion is ES256 with a fresh id each time, for the token's own address, for an hour.
func TestAssertion(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	ids := map[string]bool{}
	for range 3 {
		srv.ExpireTokens()
		_, err := c.Alarms(t.Context())
		ok(t, err)
	}
	for _, r := range srv.Requests() {
		if r.URL != "/oauth/token/" {
			continue
		}
		form, err := url.ParseQuery(string(r.Body))
		ok(t, err)
		token, _, err := jwt.NewParser().ParseUnverified(form.Get("client_assertion"), jwt.MapClaims{})
		ok(t, err)
		claims := token.Claims.(jwt.MapClaims)
		id, _ := claims["jti"].(string)
		if token.Header["alg"] != "ES256" || token.Header["typ"] != "JWT" || claims["iss"] != srv.ClientID() || claims["sub"] != srv.ClientID() ||
			claims["aud"] != srv.URL+"/oauth/token/" || claims["exp"].(float64)-claims["iat"].(float64) != 3600 || len(id) != 36 || ids[id] {
			t.Errorf("%v %v", token.Header, claims)
		}
		ids[id] = true
	}
	if len(ids) != 3 {
		t.Errorf("%d assertions", len(ids))
	}
	// Scope, audience and address can be set, for a reverse proxy.
	for aud, want := range map[string]string{"https://inner.example.org/oauth/token/": "https://inner.example.org/oauth/token/", "": "https://proxy.example.org/t/"} {
		var got string
		c := client(t, srv, func(cfg *pexip.Config) {
			cfg.OAuth2.Audience, cfg.OAuth2.TokenURL, cfg.OAuth2.Scope = aud, "https://proxy.example.org/t/", "one two"
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				form, _ := url.ParseQuery(string(b))
				token, _, _ := jwt.NewParser().ParseUnverified(form.Get("client_assertion"), jwt.MapClaims{})
				audience, _ := token.Claims.GetAudience()
				got = r.URL.String() + " " + audience[0] + " " + form.Get("scope")
				return nil, errors.New("far enough")
			})}
			cfg.RetryWait = time.Nanosecond
		})
		_, err := c.Alarms(t.Context())
		fails(t, err, nil, "far enough")
		if got != "https://proxy.example.org/t/ "+want+" one two" {
			t.Errorf("asked %s", got)
		}
	}
}

// expires_in may be missing; the token is used all the same, and renewed soon.
func TestTokenWithoutExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := pexiptest.NewServer(pexiptest.Options{})
		inner := srv.RoundTripper()
		c := client(t, srv, func(c *pexip.Config) {
			c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				res, err := inner.RoundTrip(r)
				if err == nil && r.URL.Path == "/oauth/token/" {
					var reply map[string]any
					ok(t, json.NewDecoder(res.Body).Decode(&reply))
					res.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"access_token":%q}`, reply["access_token"])))
				}
				return res, err
			})}
		})
		for _, wait := range []time.Duration{0, time.Minute, 3 * time.Minute} {
			<-time.After(wait)
			_, err := c.Alarms(t.Context())
			ok(t, err)
		}
		if n := sent(srv, "POST", "/oauth/token/"); n != 2 {
			t.Errorf("%d tokens", n)
		}
	})
}

// The upload should not share a connection with other calls, so HTTP/1.1 it is.
func TestTransportIsHTTP1WithoutATotalTimeout(t *testing.T) {
	tr, err := pexip.NewTransport(pexip.Config{})
	ok(t, err)
	if !tr.Protocols.HTTP1() || tr.Protocols.HTTP2() || tr.ResponseHeaderTimeout != 0 || tr.TLSClientConfig.InsecureSkipVerify || tr.TLSClientConfig.MinVersion < 0x0303 {
		t.Errorf("%+v", tr)
	}
	_, err = pexip.NewTransport(pexip.Config{RootCAs: []byte("x")})
	fails(t, err, nil, "RootCAs")
}

// An answer of 2xx may say that it did not work, and echo what was sent.
func TestRefusalInsideASuccess(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "backup_create", Status: 200, Body: `{"ok":false,"error":{"passphrase":["open sesame is too easy"]}}`})
	_, err := c.CreateBackup(t.Context(), "open sesame")
	fails(t, err, nil, "answer 200", "the node says it did not work", "passphrase: [redacted] is too easy")
	if e, isError := errors.AsType[*pexip.Error](err); !isError || len(e.Fields["passphrase"]) != 1 || strings.Contains(err.Error(), "sesame") {
		t.Errorf("%#v", err)
	}
	for _, body := range []string{`{"ok":true,"error":null}`, `{"status":"Success","data":[1,2]}`, `{"status":"success","data":{"x":1}}`, ``} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.AnswerAfter, Path: "backup_create", Status: 202, Body: body})
		if _, err := c.CreateBackup(t.Context(), "open sesame"); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// The request's id may come in the body, in data, as uuid, in Location, or not at all.
func TestCreationReplies(t *testing.T) {
	for _, body := range []string{`{"upload_id":%q}`, `{"status":"success","data":{"upload_id":%q}}`, `{"data":{"uuid":%q},"upload_id":null}`, `{"upload_id":7,"data":"x","y":%q}`, `{"data":[],"y":%q}`} {
		srv := pexiptest.NewServer(pexiptest.Options{})
		inner := srv.RoundTripper()
		c := client(t, srv, func(c *pexip.Config) {
			c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				res, err := inner.RoundTrip(r)
				if err == nil && r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/upgrade/") {
					res.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(body, srv.State().Uploads[0].ID)))
				}
				return res, err
			})}
		})
		made, err := c.CreateUpgradeRequest(t.Context(), 99)
		if err != nil || made.ID != srv.State().Uploads[0].ID {
			t.Errorf("%s: %+v %v", body, made, err)
		}
	}
	// It is made, but cannot be read back: its id is told.
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Method: "GET", Path: "upgrade_request/[0-9a-f-]{36}", Status: 500})
	made, err := c.CreateUpgradeRequest(t.Context(), 99)
	if err == nil || made.ID != srv.State().Uploads[0].ID {
		t.Errorf("%+v %v", made, err)
	}
}

// Every shape of an error that the node may use, by its cause.
func TestMoreErrorShapes(t *testing.T) {
	for _, tc := range []struct {
		status        int
		body, message string
	}{
		{415, "", ""}, {406, "", ""}, {405, "", ""}, {400, `{"error":"Invalid JSON"}`, "Invalid JSON"},
		{400, `{"worker_vm":{"maintenance_mode_reason":["too long"],"__all__":["odd together"]}}`, "maintenance_mode_reason: too long; worker_vm: odd together"},
		{400, `{"ok":false,"error":"offsets do not match"}`, "offsets do not match; ok: false"},
		{400, `{"detail":{"nested":[{"a":["b"]},null,2]}}`, "a: b; nested: 2"},
		{404, `{"error_message":"Sorry, this request could not be processed."}`, "Sorry, this request could not be processed."},
		{500, `{"error_message":"boom","traceback":"File \"x.py\"","status":"error"}`, "boom; error"},
		{400, `{"a":["` + strings.Repeat("x", 9000), `{"a":["` + strings.Repeat("x", 293) + "…"},
		{500, "null", ""}, {400, "[]", ""}, {400, `{"":{}}`, ""},
	} {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.Answer, Path: "alarm", Status: tc.status, Body: tc.body})
		_, err := c.Alarms(t.Context())
		e, isError := errors.AsType[*pexip.Error](err)
		if !isError || e.Status != tc.status || e.Message != tc.message || strings.Contains(err.Error(), "x.py") || strings.Contains(e.Message, "\n") {
			t.Errorf("%d %.60s: %v", tc.status, tc.body, err)
		}
	}
}

// Retry-After beside an answer that is good is no reason to wait, nor to ask again.
func TestRetryAfterOnSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c := inProcess(t, pexiptest.Options{}, nil)
		later := http.Header{"Retry-After": {"3600"}}
		inject(t, srv, pexiptest.Fault{Kind: pexiptest.AddHeader, Header: later, Times: -1})
		began := time.Now()
		_, err := c.Alarms(t.Context())
		ok(t, err)
		ok(t, c.SetSessionTimeoutEnabled(t.Context(), false))
		if d := time.Since(began); d != 0 || sent(srv, "GET", "alarm") != 1 || sent(srv, "PATCH", "") != 1 {
			t.Errorf("took %s, %d and %d requests", d, sent(srv, "GET", "alarm"), sent(srv, "PATCH", ""))
		}
	})
}

// A change reaches a Conferencing Node about a minute later. What counts as its mode is what the node
// reports, not what is configured.
func TestMaintenanceModeIsTheReportedOne(t *testing.T) {
	srv, c := inProcess(t, pexiptest.Options{}, nil)
	nodes, err := c.Nodes(t.Context())
	ok(t, err)
	inject(t, srv, answer("status/v1/worker_vm", rows(`{"configuration_id":1,"maintenance_mode":false,"maintenance_mode_reason":""}`)))
	ok(t, c.SetMaintenanceMode(t.Context(), nodes[1], true, "upgrade"))
	nodes, err = c.Nodes(t.Context())
	ok(t, err)
	if nodes[1].MaintenanceMode {
		t.Error("the mode counts as on before the node has it")
	}
}
