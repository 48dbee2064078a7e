package upgrade_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// upgradeTest upgrades Test and returns the folder with its evidence.
func (s *stage) upgradeTest(t *testing.T) string {
	t.Helper()
	r, err := s.open(t, policy.Test, upgradetest.People{}).Run(t.Context())
	must(t, err)
	return filepath.Dir(r.Evidence)
}

// signs gives the stage a key pair.
func (s *stage) signs(t *testing.T) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	s.cfg.Evidence.SigningKey.File = writeKey(t, "PRIVATE KEY", private, x509.MarshalPKCS8PrivateKey)
	s.cfg.Evidence.PublicKeyFile = writeKey(t, "PUBLIC KEY", public, x509.MarshalPKIXPublicKey)
}

func writeKey(t *testing.T, kind string, key any, marshal func(any) ([]byte, error)) string {
	t.Helper()
	der, err := marshal(key)
	must(t, err)
	path := filepath.Join(t.TempDir(), "key.pem")
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// forge replaces text in the records of one kind and makes the evidence consistent again.
func forge(t *testing.T, dir string, key ed25519.PrivateKey, kind runbook.Kind, record, old, replacement string) {
	t.Helper()
	e, err := runbook.ReadEvidence(filepath.Join(dir, runbook.EvidenceFile))
	must(t, err)
	prev, changed := runbook.Origin(runbook.RunStream(e.Run)), false
	for i := range e.Records {
		r := &e.Records[i]
		if r.Kind == kind && r.Key == record {
			data := bytes.Replace(r.Data, []byte(old), []byte(replacement), 1)
			changed = changed || !bytes.Equal(data, r.Data)
			r.Data = data
		}
		_, err := runbook.Seal(r, prev)
		must(t, err)
		prev = r.Hash
	}
	if !changed {
		t.Fatalf("no %s of %q says %q", kind, record, old)
	}
	e.State, err = runbook.Fold(e.Run, e.Records)
	must(t, err)
	e.Head = e.State.Head
	_, err = e.Save(dir, key)
	must(t, err)
	_, err = runbook.ReadBundle(dir, nil)
	must(t, err)
}

// elsewhere lets Production run where Test was not upgraded, from a folder with its evidence.
func (s *stage) elsewhere(t *testing.T, dir string) {
	s.cfg.State, s.cfg.Production.TestEvidence = t.TempDir(), dir
}

// Production relies on the evidence of Test, and on nothing that is not sound.
func TestProductionRefusesUnsoundEvidence(t *testing.T) {
	t.Parallel()
	done := func(step string) (runbook.Kind, string) { return runbook.KindDone, step }
	tests := map[string]struct {
		spoil func(*testing.T, *stage, string)
		want  string
	}{
		"missing":            {func(t *testing.T, _ *stage, dir string) { must(t, os.Remove(filepath.Join(dir, runbook.EvidenceFile))) }, "no such file"},
		"no such folder":     {func(_ *testing.T, s *stage, dir string) { s.cfg.Production.TestEvidence = dir + "x" }, "is not sound"},
		"attachment changed": {spoilAttachment, "attachment pexip-backup-"},
		"report changed": {func(t *testing.T, _ *stage, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, runbook.ReportFile), []byte("all is well"), 0o600))
		}, "report.md"},
		"changed against the journal": {func(t *testing.T, s *stage, dir string) {
			s.cfg.Evidence.PublicKeyFile = ""
			kind, key := done("attest-bcsc-call")
			forge(t, dir, nil, kind, key, "attestation by", "attestation  by")
		}, "somebody changed one of them"},
		"forged": {func(t *testing.T, s *stage, dir string) {
			_, other, err := ed25519.GenerateKey(nil)
			must(t, err)
			kind, key := done("attest-bcsc-call")
			forge(t, dir, other, kind, key, "attestation by", "attestation  by")
			s.elsewhere(t, dir)
		}, "does not fit"},
		"unsigned": {func(t *testing.T, s *stage, dir string) {
			must(t, os.Remove(filepath.Join(dir, runbook.SignatureFile)))
		}, "there is no signature"},
		"of another environment": {func(t *testing.T, s *stage, dir string) {
			s.cfg.Evidence.PublicKeyFile = ""
			forge(t, dir, nil, runbook.KindStart, "", `"environment":"test"`, `"environment":"production"`)
			s.elsewhere(t, dir)
		}, "not of an upgrade of Test"},
		"not completed": {func(t *testing.T, s *stage, dir string) {
			s.cfg.Evidence.PublicKeyFile = ""
			forge(t, dir, nil, runbook.KindEnd, "", string(runbook.Completed), string(runbook.Aborted))
			s.elsewhere(t, dir)
		}, "did not complete"},
		"verification waived": {func(t *testing.T, s *stage, dir string) {
			s.cfg.Evidence.PublicKeyFile = ""
			kind, key := done("attest-bcsc-call")
			forge(t, dir, nil, kind, key, `"status":"done"`, `"status":"waived"`)
			s.elsewhere(t, dir)
		}, "not carried out: attest-bcsc-call (waived)"},
		"no promise on record": {func(t *testing.T, s *stage, dir string) {
			s.cfg.Evidence.PublicKeyFile = ""
			kind, key := done("close-run")
			forge(t, dir, nil, kind, key, `"output":{"target"`, `"outputs":{"target"`)
			s.elsewhere(t, dir)
		}, "POL-3 (mitigations-known)"},
		"another build": {func(_ *testing.T, s *stage, _ string) { s.cfg.Package.Build = "83068.0.0" }, "same-build-as-run"},
		"another file":  {func(_ *testing.T, s *stage, _ string) { s.cfg.Package.SHA256 = strings.Repeat("0", 64) }, "same-package"},
	}
	upgraded := quiet(t, upgradetest.Options{})
	upgraded.signs(t)
	dir := upgraded.upgradeTest(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upgraded.onAnotherMachine(t)
			must(t, os.CopyFS(s.cfg.State, os.DirFS(upgraded.cfg.State)))
			tt.spoil(t, s, strings.Replace(dir, upgraded.cfg.State, s.cfg.State, 1))
			s.wantProductionRefused(t, tt.want)
		})
	}
}

// Nor does Production rely on evidence that was sound once.
func TestProductionRefusesWhatTestHasLeft(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(t *testing.T, s *stage, dir string){
		"test-still-runs-it": func(t *testing.T, s *stage, _ string) { s.setTest(t, "39.1 (83068.0.0)") },
		"Test was upgraded again by run": func(t *testing.T, s *stage, dir string) {
			s.setTest(t, "38.1 (81931.0.0)")
			s.upgradeTest(t)
			s.cfg.Production.TestEvidence = dir
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			// The first upgrade's backup is in the vault when the second one asks for its own.
			s := quiet(t, upgradetest.Options{Azure: func(o *azurevmtest.Options) { o.Transfer = time.Second }})
			change(t, s, s.upgradeTest(t))
			s.wantProductionRefused(t, want)
		})
	}
}

func spoilAttachment(t *testing.T, _ *stage, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "pexip-backup-*.bin"))
	must(t, err)
	for _, f := range files {
		must(t, os.Truncate(f, 100))
	}
}

func (s *stage) setTest(t *testing.T, version string) {
	for _, n := range s.Test.State().Nodes {
		must(t, s.Test.SetVersion(n.Name, version))
	}
}

// wantProductionRefused plans and runs Production: the promotion gate says why not, and nothing is sent.
func (s *stage) wantProductionRefused(t *testing.T, want string) {
	t.Helper()
	const gate = "check-promotion-policy"
	before := s.effects()
	session := s.open(t, policy.Production, decisions(runbook.PreparedAnswer{Step: "check-package", Decision: runbook.DecideAbort, Statement: "refused"},
		runbook.PreparedAnswer{Step: gate, Decision: runbook.DecideAbort, Statement: "refused"}))
	p, err := session.Plan(t.Context())
	must(t, err)
	if !slices.Contains(p.Refused, gate) || !strings.Contains(p.Gates[gate].Error, want) {
		t.Errorf("refused %v, want %q: %s", p.Refused, want, upgrade.RefusalText(p))
	}
	r, err := session.Run(t.Context())
	if upgrade.ExitCode(r.State, err) != upgrade.ExitEnded || len(s.effects()) != len(before) {
		t.Errorf("%v, sent %v", err, s.effects()[len(before):])
	}
}

// POL-3: where nobody said what breaking changes need, Production has to find it out.
func TestUnknownMitigationIsPromised(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	const step = "attest-breaking-changes"
	r, err := s.open(t, policy.Test, decisions(runbook.PreparedAnswer{Step: step, Statement: "see the minutes"},
		runbook.PreparedAnswer{Step: step, Decision: runbook.DecideDone, Statement: "agreed by telephone"})).Run(t.Context())
	must(t, err)
	var promise policy.Promise
	must(t, json.Unmarshal(r.State.Step("close-run").Output, &promise))
	if len(promise.Mitigations) != 1 || promise.Mitigations[0].Text != "not on record; find out what Test needed" {
		t.Errorf("%+v", promise)
	}
}

// Production runs where only the signed evidence of Test is at hand.
func TestProductionFromEvidenceElsewhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	s.signs(t)
	s.elsewhere(t, s.upgradeTest(t))
	if state := run(t, s.open(t, policy.Production, upgradetest.People{})); state.End.Outcome != runbook.Completed {
		t.Errorf("%+v", state.End)
	}
}

// A key that cannot be used is wrong input, found before any request; its text is not quoted.
func TestUnusableKeysAreInputErrors(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	signing := func(f string) upgrade.EvidenceConfig {
		return upgrade.EvidenceConfig{SigningKey: upgrade.SecretSource{File: f, Key: "evidence.signing_key_file"}}
	}
	public := func(f string) upgrade.EvidenceConfig { return upgrade.EvidenceConfig{PublicKeyFile: f} }
	for _, c := range []struct {
		key, file, want string
		config          func(file string) upgrade.EvidenceConfig
	}{
		{"evidence.signing_key_file", "gone.pem", "no such file", signing},
		{"evidence.signing_key_file", "devops.pat", "not a PEM file", signing},
		{"evidence.signing_key_file", "test.key", "not an Ed25519 key", signing},
		{"evidence.public_key_file", "gone.pem", "no such file", public},
		{"evidence.public_key_file", "devops.pat", "not a PEM file", public},
		{"evidence.public_key_file", "test.key", "not a PEM file", public}, // it is a private one
	} {
		s.cfg.Evidence = c.config(filepath.Join(s.dir, c.file))
		_, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Production})
		if upgrade.ExitCode(nil, err) != upgrade.ExitInput || !strings.Contains(err.Error(), c.key) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v", c.key, c.file, err)
		}
	}
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}
