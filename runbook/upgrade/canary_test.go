package upgrade_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

const (
	canaryAzure      = "canary+azure/token?0001"
	canaryPAT        = "canary+devops/pat?0002"
	canaryPassword   = "canary+pexip/password?0003"
	canaryPassphrase = "canary+backup/passphrase?0004"
)

// birdcage notes the credentials that go through it: tokens that are issued, and what proves a client.
type birdcage struct {
	next http.RoundTripper
	seen *canaries
}

type canaries struct {
	mu  sync.Mutex
	all map[string]bool
}

func (c *canaries) add(secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if secret != "" {
		c.all[secret] = true
	}
}

func (b birdcage) RoundTrip(r *http.Request) (*http.Response, error) {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	b.seen.add(credential)
	if !strings.HasSuffix(r.URL.Path, "/oauth/token/") {
		return b.next.RoundTrip(r)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(sent))
	if err != nil {
		return nil, err
	}
	b.seen.add(form.Get("client_assertion"))
	r.Body = io.NopCloser(bytes.NewReader(sent))
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(raw))
	var issued struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(raw, &issued) == nil {
		b.seen.add(issued.Token)
	}
	return res, err
}

// spellings are the forms in which a secret could be written down.
func spellings(secret string) []string {
	out := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)), html.EscapeString(secret), template.HTMLEscapeString(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		out = append(out, strings.Trim(string(quoted), `"`))
	}
	return out
}

// No credential is in anything that a run leaves or says, also when servers fail and repeat what they were sent.
func TestNoCredentialIsWrittenDown(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{
		Pexip: func(env policy.Environment, o *pexiptest.Options) {
			if env == policy.Production {
				o.Basic = &pexip.Basic{Username: "upgrader", Password: canaryPassword}
			}
		},
		Azure:  func(o *azurevmtest.Options) { o.Token = canaryAzure },
		DevOps: func(o *devopstest.Options) { o.PAT = canaryPAT }})
	for name, secret := range map[string]string{"azure.token": canaryAzure, "devops.pat": canaryPAT, "pexip.password": canaryPassword, "backup.passphrase": canaryPassphrase} {
		must(t, os.WriteFile(filepath.Join(s.dir, name), []byte(secret), 0o600))
	}
	s.cfg.Production.Pexip.OAuth2 = nil
	s.cfg.Production.Pexip.Basic = &upgrade.BasicConfig{Username: "upgrader", Password: upgrade.SecretSource{File: filepath.Join(s.dir, "pexip.password")}}
	s.signs(t)

	seen, said := &canaries{all: map[string]bool{}}, &bytes.Buffer{}
	for _, secret := range []string{canaryAzure, canaryPAT, canaryPassword, canaryPassphrase} {
		seen.add(secret)
	}
	for _, file := range []string{filepath.Join(s.dir, "test.key"), filepath.Join(s.dir, "production.key"), s.cfg.Evidence.SigningKey.File} {
		seen.addKey(t, file)
	}
	s.failsAndRepeats(t)

	lines := upgrade.Lines(said, 0)
	observe := func(e runbook.Event) {
		lines(e)
		if err := json.NewEncoder(said).Encode(e); err != nil {
			t.Error(err)
		}
	}
	session, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@desk", Asker: upgradetest.People{}, Observer: observe,
		Transport: func(next http.RoundTripper) http.RoundTripper { return birdcage{next, seen} }})
	must(t, err)
	plan, err := session.Plan(t.Context())
	must(t, err)
	upgrade.WritePlan(said, plan)
	r, err := session.Run(t.Context())
	for tries := 0; err != nil && tries < 5; tries++ {
		fmt.Fprintf(said, "%v\n%+v\n%#v\n", err, err, session.Config)
		upgrade.WriteResult(said, r)
		session.Runner.Asker = decisions(runbook.PreparedAnswer{Step: r.State.Waiting.Question.Step, Decision: runbook.DecideRetry, Statement: "once more"})
		r, err = session.Resume(t.Context(), r.State.Run, "")
	}
	must(t, err)
	upgrade.WriteResult(said, r)
	if r.State.End == nil || !strings.Contains(said.String(), "start-upgrade") {
		t.Fatalf("the run did not fail and go on: %+v", r.State.End)
	}
	if len(seen.all) < 12 {
		t.Errorf("only %d credentials are looked for", len(seen.all))
	}
	seen.wantNone(t, "what was said", said.Bytes())
	must(t, filepath.WalkDir(s.cfg.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		seen.wantNone(t, path, raw)
		return err
	}))
}

// addKey adds every line of a private key.
func (c *canaries) addKey(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	must(t, err)
	for _, line := range strings.Split(string(raw), "\n") {
		if len(line) > 20 && !strings.HasPrefix(line, "-----") {
			c.add(line)
		}
	}
	if block, _ := pem.Decode(raw); block != nil && len(block.Bytes) >= ed25519.SeedSize {
		c.add(string(block.Bytes[len(block.Bytes)-ed25519.SeedSize:]))
	}
}

// wantNone reports every credential that stands in data, in any spelling, without showing it.
func (c *canaries) wantNone(t *testing.T, where string, data []byte) {
	t.Helper()
	for secret := range c.all {
		for i, spelling := range spellings(secret) {
			if at := bytes.Index(data, []byte(spelling)); at >= 0 {
				t.Errorf("%s holds a credential (%.8s…, spelling %d) after %q", where, secret, i, data[max(0, at-80):at])
			}
		}
	}
}

// failsAndRepeats lets Pexip fail with answers that quote what was sent, and lose the start.
func (s *stage) failsAndRepeats(t *testing.T) {
	t.Helper()
	must(t, s.Test.Inject(pexiptest.Fault{Kind: pexiptest.AnswerAfter, Method: http.MethodPost, Path: "/backup_create/$", Status: http.StatusBadRequest,
		Body: `{"error": "passphrase ` + canaryPassphrase + ` is too short, ` + url.QueryEscape(canaryPassphrase) + `"}`}))
	must(t, s.Test.Inject(finishFault("before")))
	s.cfg.Waits.StartResolve = 100 * time.Millisecond
}
