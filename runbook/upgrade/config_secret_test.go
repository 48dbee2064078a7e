package upgrade_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// secretConfig is full.yaml in a folder with the secrets it names.
func secretConfig(t *testing.T) (c *upgrade.Config, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"azure.token": "azure-token\n", "devops.pat": "\xef\xbb\xbfdevops-pat\r\n", "test.key": "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n", "production.passphrase": " with blanks "} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	t.Setenv("TEST_PASSPHRASE", "test-passphrase")
	t.Setenv("PEXIP_PASSWORD", "pexip-password")
	c, err := upgrade.ParseConfig([]byte(readConfigFile(t, "full.yaml")), dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadSecrets(t *testing.T) {
	c, _ := secretConfig(t)
	got, err := c.ReadSecrets()
	if err != nil {
		t.Fatal(err)
	}
	key := "-----BEGIN KEY-----\nAAAA\n-----END KEY-----"
	want := []string{"devops-pat", "azure-token", key, "test-passphrase", "pexip-password", " with blanks "}
	if diff := cmp.Diff(want, got.Values()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Environment(policy.Test).PexipPrivateKey != key || got.Environment(policy.Production).PexipPassword != "pexip-password" || got.Environment("staging") != (upgrade.EnvironmentSecrets{}) {
		t.Error("the environments' secrets are mixed up")
	}
}

func TestAllUnreadableSecretsAreReported(t *testing.T) {
	c, dir := secretConfig(t)
	os.Remove(filepath.Join(dir, "azure.token"))
	writeFile(t, filepath.Join(dir, "devops.pat"), "\r\n")
	writeFile(t, filepath.Join(dir, "test.key"), "\xff\xfeh\x00")
	writeFile(t, filepath.Join(dir, "production.passphrase"), "hunter2\nhunter3\n")
	os.Unsetenv("TEST_PASSPHRASE")
	t.Setenv("PEXIP_PASSWORD", "")
	got, err := c.ReadSecrets()
	e, ok := errors.AsType[*upgrade.ConfigError](err)
	if !ok || got != (upgrade.Secrets{}) {
		t.Fatalf("%v", err)
	}
	want := []string{"17 azure.token_file: cannot open", "19 devops.pat_file: file ", "78 environments.test.pexip.oauth2.private_key_file: file",
		"82 environments.test.pexip.backup_passphrase_env: environment variable TEST_PASSPHRASE is not set",
		"118 environments.production.pexip.basic.password_env: environment variable PEXIP_PASSWORD is empty",
		"119 environments.production.pexip.backup_passphrase_file: file "}
	if len(e.Problems) != len(want) {
		t.Fatalf("%v", err)
	}
	for i, p := range e.Problems {
		if text := fmt.Sprintf("%d %s: %s", p.Line, p.Path, p.Message); !strings.HasPrefix(text, want[i]) {
			t.Errorf("%q, want %q", text, want[i])
		}
	}
	for _, part := range []string{"UTF-16", "holds more than one line", "is empty"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "hunter") {
		t.Errorf("a secret shows: %v", err)
	}
}

func TestOddSecretFiles(t *testing.T) {
	c, dir := secretConfig(t)
	writeFile(t, filepath.Join(dir, "azure.token"), strings.Repeat("x", 64<<10+1))
	os.Remove(filepath.Join(dir, "devops.pat"))
	if err := os.Mkdir(filepath.Join(dir, "devops.pat"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := c.ReadSecrets()
	if err == nil || !strings.Contains(err.Error(), "larger than 64 KiB") || !strings.Contains(err.Error(), "devops.pat") {
		t.Errorf("%v", err)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	s := upgrade.Secrets{DevOpsPAT: "hunter2", Test: upgrade.EnvironmentSecrets{PexipPassword: "hunter2"}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secrets", s, "test", s.Test)
	for _, v := range []any{s, &s, s.Test, &s.Test} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&log, "%v %+v %#v %s %q %s", v, v, v, v, v, text)
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Error(log.String())
	}
}

func TestSecretSource(t *testing.T) {
	for want, s := range map[string]upgrade.SecretSource{"none": {}, "file a": {File: "a"}, "environment variable A": {Env: "A"}} {
		if s.String() != want || s.IsZero() != (want == "none") {
			t.Errorf("%v, want %s", s, want)
		}
	}
}

func TestCheckFiles(t *testing.T) {
	c, dir := secretConfig(t)
	c.DevOps.CAFile = dir
	err := c.CheckFiles()
	e, ok := errors.AsType[*upgrade.ConfigError](err)
	if !ok {
		t.Fatal(err)
	}
	var keys []string
	for _, p := range e.Problems {
		keys = append(keys, p.Path)
	}
	want := []string{"azure.ca_file", "devops.ca_file", "environments.production.checks.newman.collection", "environments.production.checks.newman.environment",
		"environments.test.checks.http[0].ca_file", "environments.test.pexip.ca_file", "package.file"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c.DevOps.CAFile = ""
	for _, name := range []string{"ca.pem", "vbv.postman_collection.json", "vbv.postman_environment.json", "vbv.pem", "test-ca.pem", "Pexip_Infinity_v39.1_UPGRADE_83067.tar"} {
		writeFile(t, filepath.Join(dir, name), "x")
	}
	if err := c.CheckFiles(); err != nil {
		t.Error(err)
	}
}

func TestSummaryTellsAllButSecrets(t *testing.T) {
	text := strings.Replace(readConfigFile(t, "full.yaml"), "attempts: 2", "attempts: hunter2", 1)
	text = strings.Replace(text, "code=abc", "code=hunter2", 1)
	c, err := upgrade.ParseConfig([]byte(text), "/cfg")
	if err != nil {
		t.Fatal(err)
	}
	summary := c.Summary()
	for _, want := range []string{"39.1", "83067.0.0", "45 days", "https://mgr-test.example.org", "rg-test/vm-node-conf-core", "08:00–17:30 Mon Tue Wed Thu Sat", "22:00–04:00",
		"resumable, raw-content-range, 8192 KiB", "upgrader, password in environment variable PEXIP_PASSWORD", "action attempts", "agreed in the change board", "status (POST https://vbv-test.example.org/status?[not shown])", "newman", "calendar", "waivers.yaml", "risks.yaml", "promises.yaml"} {
		if !strings.Contains(summary, want) {
			t.Errorf("no %q in\n%s", want, summary)
		}
	}
	redacted, err := json.Marshal(c.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(summary+string(redacted), "hunter2") {
		t.Errorf("a secret shows in\n%s\n%s", summary, redacted)
	}
	if c.Test.Pipeline.Start.Variables["attempts"] != "hunter2" || !strings.Contains(c.Test.Checks.HTTP[0].URL, "hunter2") {
		t.Error("redacting changed the configuration itself")
	}
	minimal := parseConfigFile(t, "minimal.yaml").Summary()
	for _, want := range []string{"Entra", "manual", "started one by one", "none", "warning", "API client client-test, key in environment variable TEST_KEY"} {
		if !strings.Contains(minimal, want) {
			t.Errorf("no %q in\n%s", want, minimal)
		}
	}
	if empty := (&upgrade.Config{Checks: upgrade.ChecksConfig{HTTP: []upgrade.HTTPCheck{{URL: ":"}}}}); !strings.Contains(empty.Summary(), "nobody") || empty.Redacted().Checks.HTTP[0].URL != "[not shown]" {
		t.Error("an empty configuration is not summed up")
	}
}
