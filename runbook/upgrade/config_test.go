package upgrade_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func readConfigFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "config", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func parseConfigFile(t testing.TB, name string) *upgrade.Config {
	t.Helper()
	c, err := upgrade.ParseConfig([]byte(readConfigFile(t, name)), "/cfg")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// in makes a path in the folder of the configuration as this system writes it.
func in(name string) string { return filepath.Join("/cfg", name) }

func TestFullConfig(t *testing.T) {
	c := parseConfigFile(t, "full.yaml")
	want := &upgrade.Config{
		State: in("runs"),
		Package: upgrade.PackageConfig{File: in("Pexip_Infinity_v39.1_UPGRADE_83067.tar"), SHA256: strings.Repeat("0123456789abcdef", 4),
			Version: "39.1", Build: "83067.0.0", ChecksumSource: "https://www.pexip.com/help-center/platform-download"},
		Azure: upgrade.AzureConfig{Subscription: "11111111-2222-3333-4444-555555555555", Tenant: "66666666-7777-8888-9999-aaaaaaaaaaaa",
			Endpoint: "https://management.azure.com", Audience: "https://management.core.windows.net/", CAFile: in("ca.pem"),
			Credential: upgrade.CredentialTokenFile, TokenFile: upgrade.SecretSource{File: in("azure.token"), Key: "azure.token_file", Line: 17}},
		DevOps:   upgrade.DevOpsConfig{PAT: upgrade.SecretSource{File: in("devops.pat"), Key: "devops.pat_file", Line: 19}, CAFile: "/etc/ssl/devops.pem"},
		Upload:   upgrade.UploadConfig{Method: upgrade.UploadResumable, ChunkEncoding: pexip.RawContentRange, ChunkSize: 8 << 20, StallTimeout: 3 * time.Minute, RetryFor: 20 * time.Minute, ExpectedRate: 20 << 20},
		Snapshot: upgrade.SnapshotConfig{RetentionDays: 45, ReuseYoungerThan: 2 * time.Hour},
		Approval: upgrade.ApprovalConfig{SecondPerson: true},
		Policy: upgrade.PolicyConfig{Releases: []policy.Version{{Major: 38}, {Major: 38, Minor: 1}, {Major: 39}, {Major: 39, Minor: 1}}, Soak: 48 * time.Hour, Promise: 14 * 24 * time.Hour,
			Acknowledge: []policy.Acknowledgement{{Rule: "two-minors-ahead", Reason: "agreed in the change board", By: "A. Operator"}},
			Waivers:     in("policy/waivers.yaml"), Risks: in("policy/risks.yaml"), Promises: in("policy/promises.yaml")},
		Window: upgrade.WindowConfig{
			ServiceHours: policy.Hours{From: 8 * 60, To: 17*60 + 30, Days: []time.Weekday{1, 2, 3, 4, 6}, TimeZone: "America/Vancouver"},
			ChangeWindow: &policy.Hours{From: 22 * 60, To: 4 * 60, Days: []time.Weekday{1, 5}, TimeZone: "America/Toronto"},
			Calendar:     in("policy/windows.yaml"),
			NextStop:     18 * 60},
		Verification: upgrade.VerificationConfig{CallTolerance: 15 * time.Minute},
		Waits: upgrade.WaitsConfig{PollInterval: 5 * time.Second, VMPower: 20 * time.Minute, Snapshot: 3 * time.Hour, PlatformOnline: 25 * time.Minute, StartResolve: 20 * time.Minute,
			ManagementNode: 2 * time.Hour, ConferencingNodes: 12 * time.Hour, CancelBuilds: 5 * time.Minute},
		Checks: upgrade.ChecksConfig{Newman: &upgrade.NewmanCheck{Collection: in("vbv.postman_collection.json"), Environment: in("vbv.postman_environment.json")}},
		Test: upgrade.EnvironmentConfig{
			Name: policy.Test,
			Pexip: upgrade.PexipConfig{URL: "https://mgr-test.example.org", CAFile: in("test-ca.pem"), PinnedCertificateSHA256: strings.Repeat("aa", 32),
				OAuth2: &upgrade.OAuth2Config{ClientID: "00000000-aaaa-bbbb-cccc-dddddddddddd", TokenURL: "https://mgr-test.example.org/oauth/token/", Audience: "https://mgr-test/oauth/token/", Scope: "is_admin",
					PrivateKey: upgrade.SecretSource{File: in("test.key"), Key: "environments.test.pexip.oauth2.private_key_file", Line: 78}},
				BackupPassphrase: upgrade.SecretSource{Env: "TEST_PASSPHRASE", Key: "environments.test.pexip.backup_passphrase_env", Line: 82}},
			VMs: []upgrade.VMConfig{{ResourceGroup: "rg-test", Name: "vm-node-mgmt-core"}, {ResourceGroup: "rg-test", Name: "vm-node-conf-core"}},
			Vault: upgrade.VaultConfig{ResourceGroup: "rg-backup", Name: "vault-test",
				StorageAccount: "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stagetest"},
			Pipeline: upgrade.PipelineConfig{URL: "https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107",
				Start: upgrade.PipelineStart{Parameters: map[string]string{"action": "start"}, Variables: map[string]string{"attempts": "2"}, StagesToSkip: []string{"Notify"}, Branch: "refs/heads/main"}},
			Checks: upgrade.ChecksConfig{HTTP: []upgrade.HTTPCheck{
				{Name: "status", Method: "POST", URL: "https://vbv-test.example.org/status?code=abc", ExpectStatus: 201, JSONPath: "status", Equals: "ok", CAFile: in("vbv.pem")},
				{Name: "alive", Method: "GET", URL: "https://vbv-test.example.org/", ExpectStatus: 200}}},
		},
		Production: upgrade.EnvironmentConfig{
			Name: policy.Production,
			Pexip: upgrade.PexipConfig{URL: "https://mgr.example.org",
				Basic:            &upgrade.BasicConfig{Username: "upgrader", Password: upgrade.SecretSource{Env: "PEXIP_PASSWORD", Key: "environments.production.pexip.basic.password_env", Line: 118}},
				BackupPassphrase: upgrade.SecretSource{File: in("production.passphrase"), Key: "environments.production.pexip.backup_passphrase_file", Line: 119}},
			VMs:      []upgrade.VMConfig{{ResourceGroup: "rg-production", Name: "vm-node-mgmt"}},
			Vault:    upgrade.VaultConfig{ResourceGroup: "rg-backup", Name: "vault-production"},
			Pipeline: upgrade.PipelineConfig{URL: "https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=108"},
			BCSCCall: false,
			Checks:   upgrade.ChecksConfig{Newman: &upgrade.NewmanCheck{Collection: in("vbv.postman_collection.json"), Environment: in("vbv.postman_environment.json")}},
		},
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreFields(policy.Hours{}, "Location")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if c.Window.ServiceHours.Location.String() != "America/Vancouver" || c.Window.ChangeWindow.Location.String() != "America/Toronto" {
		t.Error("the time zones were not looked up")
	}
}

func defaultState(t *testing.T) string {
	t.Helper()
	root, err := filelog.DefaultRoot("pexip-upgrade")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestDefaults(t *testing.T) {
	c := parseConfigFile(t, "minimal.yaml")
	for name, d := range map[string]string{
		"state":    cmp.Diff(defaultState(t), c.State),
		"package":  cmp.Diff([]string{"39.1", "83067.0.0"}, []string{c.Package.Version, c.Package.Build}),
		"azure":    cmp.Diff(upgrade.AzureConfig{Subscription: "11111111-2222-3333-4444-555555555555", Endpoint: "https://management.azure.com", Audience: "https://management.core.windows.net/", Credential: upgrade.CredentialDefault}, c.Azure),
		"upload":   cmp.Diff(upgrade.UploadConfig{Method: upgrade.UploadManual, ChunkSize: 16 << 20, StallTimeout: 2 * time.Minute, RetryFor: 10 * time.Minute}, c.Upload),
		"snapshot": cmp.Diff(upgrade.SnapshotConfig{RetentionDays: 30}, c.Snapshot),
		"approval": cmp.Diff(upgrade.ApprovalConfig{}, c.Approval),
		"policy":   cmp.Diff(upgrade.PolicyConfig{Promise: 504 * time.Hour}, c.Policy),
		"waits": cmp.Diff(upgrade.WaitsConfig{PollInterval: 10 * time.Second, VMPower: 30 * time.Minute, Snapshot: 4 * time.Hour, PlatformOnline: 30 * time.Minute, StartResolve: 15 * time.Minute,
			ManagementNode: 90 * time.Minute, ConferencingNodes: 24 * time.Hour, CancelBuilds: 10 * time.Minute}, c.Waits),
		"hours": cmp.Diff("07:00–18:00 Mon Tue Wed Thu Fri America/Vancouver stop 18:00", c.Window.ServiceHours.String()+" stop "+c.Window.NextStop.String()),
		"bcsc":  cmp.Diff([]bool{true, false}, []bool{c.Test.BCSCCall, c.Production.BCSCCall}),
		"oauth": cmp.Diff([]string{"https://mgr-test.example.org/oauth/token/", "https://mgr-test.example.org/oauth/token/", "is_admin use_api"}, []string{c.Test.Pexip.OAuth2.TokenURL, c.Test.Pexip.OAuth2.Audience, c.Test.Pexip.OAuth2.Scope}),
		"start": cmp.Diff(false, c.Test.Pipeline.Start.Set()),
	} {
		if d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
	if c.Window.ChangeWindow != nil || !c.Checks.None() || !c.Test.Checks.None() {
		t.Error("something came from nowhere")
	}
	target, err := c.Package.Target()
	if err != nil || target.String() != "39.1 (83067.0.0)" {
		t.Errorf("target %v, %v", target, err)
	}
}

func TestWarnings(t *testing.T) {
	want := []string{
		"window.service_hours: not given; assumed are 07:00–18:00 Mon Tue Wed Thu Fri America/Vancouver",
		"line 12: environments.test.checks: no newman collection and no HTTP check: the endpoints (VER-2) will have to be tested by hand",
		"line 20: environments.production.checks: no newman collection and no HTTP check: the endpoints (VER-2) will have to be tested by hand",
		`line 25: environments.production.vms[0]: vm-node-mgmt-test stands under production, but its name says "test"; its address must match one of this Management Node's`,
		"line 27: environments.production.pipeline.url: both environments use pipeline 107: while it is paused for one, the other's VMs are neither started nor stopped",
	}
	if diff := cmp.Diff(want, parseConfigFile(t, "minimal.yaml").Warnings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	oneShot := strings.Replace(readConfigFile(t, "full.yaml"), "method: resumable", "method: one-shot", 1)
	oneShot = strings.Replace(oneShot, "name: vm-node-conf-core", "name: VM-PROD", 1)
	c, err := upgrade.ParseConfig([]byte(oneShot), "/cfg")
	if err != nil || len(c.Warnings) != 3 || !strings.HasPrefix(c.Warnings[0], "line 22: upload.method: one-shot") ||
		!strings.HasPrefix(c.Warnings[1], "line 23: upload.chunk_encoding: has no effect") || !strings.Contains(c.Warnings[2], `says "prod"`) {
		t.Errorf("%q, %v", c.Warnings, err)
	}
}

// Trap 12 of the journals: a folder that is synchronised is warned about.
func TestSynchronisedStateIsWarnedAbout(t *testing.T) {
	text := readConfigFile(t, "full.yaml")
	c, err := upgrade.ParseConfig([]byte(strings.Replace(text, "state: ./runs", "state: ./OneDrive - Example/runs", 1)), "/cfg")
	if err != nil || !strings.Contains(strings.Join(c.Warnings, "\n"), "synchronised with other machines; journals belong on a local disk") {
		t.Errorf("%q, %v", c.Warnings, err)
	}
}

func TestLoadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "upgrade.yaml")
	if err := os.WriteFile(path, []byte(readConfigFile(t, "minimal.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := upgrade.LoadConfig(path)
	if err != nil || c.File != path || c.State != defaultState(t) {
		t.Fatalf("%+v, %v", c, err)
	}
	t.Chdir(filepath.Dir(path))
	if c, err = upgrade.LoadConfig("upgrade.yaml"); err != nil || !filepath.IsAbs(c.State) {
		t.Errorf("a relative path: %+v, %v", c, err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("loading left %v, %v", entries, err)
	}
	if _, err := upgrade.LoadConfig("missing.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := upgrade.LoadConfig("."); err == nil {
		t.Error("a folder was read")
	}
}

func TestErrorNamesFileAndLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "upgrade.yaml")
	text := strings.Replace(readConfigFile(t, "full.yaml"), "retention_days: 45", "retention_days: 0", 1)
	text = strings.Replace(text, "poll_interval: 5s", "poll_intervall: 5s", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := upgrade.LoadConfig(path)
	want := path + ": 2 problem(s); nothing was contacted or changed\n" +
		"  " + path + ":29: snapshot.retention_days: 0 is not a whole number from 1 to 9999\n" +
		"  " + path + ":58: waits.poll_intervall: unknown key; known here: cancel_builds, conferencing_nodes, management_node, platform_online, poll_interval, snapshot, start_resolve, vm_power"
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestEnvironments(t *testing.T) {
	c := parseConfigFile(t, "minimal.yaml")
	for _, name := range []string{"test", "production"} {
		e, err := upgrade.ParseEnvironment(name)
		if err != nil || string(c.Environment(e).Name) != name {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	for _, name := range []string{"", "prod", "Test", "staging"} {
		_, err := upgrade.ParseEnvironment(name)
		if err == nil || !strings.Contains(err.Error(), "test or production") {
			t.Errorf("%q: %v", name, err)
		}
		if c.Environment(policy.Environment(name)) != nil {
			t.Errorf("%q has a configuration", name)
		}
	}
}

func TestBranchMayBeEmpty(t *testing.T) {
	text := strings.Replace(readConfigFile(t, "full.yaml"), "branch: refs/heads/main", `branch: ""`, 1)
	c, err := upgrade.ParseConfig([]byte(text), "/cfg")
	if err != nil || c.Test.Pipeline.Start.Branch != "" || !c.Test.Pipeline.Start.Set() {
		t.Errorf("%v", err)
	}
}

func TestTargetOfAPackageMadeByHand(t *testing.T) {
	for _, p := range []upgrade.PackageConfig{{}, {Version: "39.1"}, {Version: "39.1", Build: "x"}, {Version: "x", Build: "83067"}} {
		if v, err := p.Target(); err == nil || v != (policy.Version{}) {
			t.Errorf("%+v: %v, %v", p, v, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(readConfigFile(f, "full.yaml")))
	f.Add([]byte(readConfigFile(f, "minimal.yaml")))
	for _, s := range []string{"", "a: *a", "&a [*a]", "- x", "version: !!int x", "<<: {a: b}", "? [a]\n: b", "%YAML 9", "a: b: c", "\xff\xfe", "--- \n---\n", "environments: {test: {vms: [{}]}}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := upgrade.ParseConfig(data, "/cfg")
		if err == nil {
			_ = c.Summary()
			return
		}
		problems, ok := errors.AsType[*upgrade.ConfigError](err)
		if !ok || c != nil || len(problems.Problems) == 0 {
			t.Fatalf("%v, %v", c, err)
		}
		for _, p := range problems.Problems {
			if p.Line < 1 || p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
