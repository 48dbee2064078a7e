package devops_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// FuzzParsePipelineURL: whatever is accepted is https, names one definition, says the same when it is
// put together again, and is accepted by New.
func FuzzParsePipelineURL(f *testing.F) {
	f.Add("https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107&_a=summary")
	f.Fuzz(func(t *testing.T, address string) {
		p, err := devops.ParsePipelineURL(address)
		if err != nil {
			return
		}
		again := fmt.Sprintf("%s/%s/_build?definitionId=%d", p.OrganizationURL, url.PathEscape(p.Project), p.DefinitionID)
		q, err := devops.ParsePipelineURL(again)
		if err != nil || p != q {
			t.Fatalf("%q is %+v, and put together again %q: %+v, %v", address, p, again, q, err)
		}
		if !strings.HasPrefix(p.OrganizationURL, "https://") || p.DefinitionID < 1 || strings.ContainsAny(p.Project, "/\\") {
			t.Fatalf("%q is %+v", address, p)
		}
		if _, err := devops.New(devops.Config{OrganizationURL: p.OrganizationURL, Project: p.Project, DefinitionID: p.DefinitionID, PAT: "x"}); err != nil {
			t.Fatalf("%q is %+v, which New refuses: %v", address, p, err)
		}
	})
}

// oneDocument is a service whose definition is any text at all; it keeps what is written.
type oneDocument struct {
	discovery http.RoundTripper
	document  []byte
	written   []byte
}

func (s *oneDocument) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodOptions {
		return s.discovery.RoundTrip(r)
	}
	if r.Method == http.MethodPut {
		s.written, _ = io.ReadAll(r.Body)
		s.document = s.written
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(s.document))}, nil
}

// FuzzDefinitionRoundTrip: whatever document the service sends, a write keeps every field of it byte
// for byte, apart from the two that are set, and never holds a masked secret.
func FuzzDefinitionRoundTrip(f *testing.F) {
	double := inProcess(devopstest.Options{})
	raw, err := json.Marshal(double.Document())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, document []byte) {
		service := &oneDocument{discovery: double.RoundTripper(), document: document}
		c := client(t, double, func(cfg *devops.Config) { cfg.HTTPClient = &http.Client{Transport: service} })
		_, err := c.SetQueueStatus(t.Context(), devops.Paused, "run 42")
		if service.written == nil {
			return // not a definition, or paused already
		}
		before, sent := fields(t, document), fields(t, service.written)
		for _, key := range []string{"latestBuild", "latestCompletedBuild", "metrics", "queueStatus", "comment"} {
			delete(before, key)
		}
		if string(sent["queueStatus"]) != `"paused"` || string(sent["comment"]) != `"run 42"` {
			t.Fatalf("sent %s (%v)", service.written, err)
		}
		delete(sent, "queueStatus")
		delete(sent, "comment")
		for key, value := range before {
			if got := sent[key]; !slices.Equal(compact(t, value), compact(t, got)) && !unmasked(t, value, got) {
				t.Fatalf("%s was %s and is sent as %s", key, value, got)
			}
			delete(sent, key)
		}
		if len(sent) > 0 {
			t.Fatalf("invented %v", sent)
		}
	})
}

func fields(t *testing.T, document []byte) map[string]json.RawMessage {
	t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(document, []byte("\xef\xbb\xbf")), &out); err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	return out
}

func compact(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out.Bytes()
}

// unmasked says whether b is a with null in place of every masked secret, of which there is one.
func unmasked(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	left, right := exact(t, a), exact(t, b)
	return hide(left) && !hide(right) && cmp.Equal(left, right)
}

func exact(t *testing.T, raw json.RawMessage) (out any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out
}

func hide(v any) (found bool) {
	switch v := v.(type) {
	case map[string]any:
		if v["isSecret"] == true && v["value"] == "***" {
			v["value"], found = nil, true
		}
		for _, inner := range v {
			found = hide(inner) || found
		}
	case []any:
		for _, inner := range v {
			found = hide(inner) || found
		}
	}
	return found
}
