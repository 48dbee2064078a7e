package upgrade

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

func readConfig(m *strictyaml.Map) *Config {
	defer m.Close()
	strictyaml.Need(m, "version", "write version: 1", yamlInt(1, 1))
	c := &Config{State: strictyaml.May(m, "state", defaultState(m), yamlPath(m))}
	c.Package = readPackage(m.NeedSection("package", "the upgrade file"))
	c.Evidence = readEvidenceConfig(m.Section("evidence"))
	c.Azure = readAzure(m.NeedSection("azure", "the subscription"))
	c.DevOps = readDevOps(m.NeedSection("devops", "how to log in to Azure DevOps"))
	c.Upload = readUpload(m.Section("upload"))
	c.Snapshot = readSnapshot(m.Section("snapshot"))
	c.Approval = readApproval(m.Section("approval"))
	c.Policy = readPolicy(m.Section("policy"))
	c.Window = readWindow(m.Section("window"))
	c.Verification = readVerification(m.Section("verification"))
	c.Waits = readWaits(m.Section("waits"))
	c.Checks = readChecks(m.Section("checks"))
	c.Notify = readNotify(m)
	readEnvironments(m.NeedSection("environments", "test and production"), c)
	return c
}

// defaultState is where the system's convention wants such a folder, so that it is neither committed
// nor synchronised with the configuration.
func defaultState(m *strictyaml.Map) string {
	root, err := filelog.DefaultRoot("pexip-upgrade")
	if err != nil && !m.Has("state") {
		m.Fault("state: name the folder for journals and evidence: %v", err)
	}
	return root
}

func readPackage(m *strictyaml.Map) PackageConfig {
	defer m.Close()
	p := PackageConfig{
		File:           strictyaml.Need(m, "file", "the upgrade file", yamlPath(m)),
		SHA256:         strictyaml.Need(m, "sha256", "copy it from Pexip's download page", yamlSHA256),
		Build:          strictyaml.Need(m, "build", `the build tells what software it is; write it as "83067"`, yamlBuild),
		ChecksumSource: strictyaml.Need(m, "checksum_source", "the page the SHA-256 was copied from", yamlHTTPS),
	}
	v := strictyaml.Need(m, "version", `the release, written as "39.1"`, yamlRelease)
	if v.Build != "" && p.Build != "" && v.Build != p.Build {
		m.FaultAt("version", "names build %s, but build says %s", v.Build, p.Build)
	}
	p.Version = v.Release()
	return p
}

func readAzure(m *strictyaml.Map) AzureConfig {
	defer m.Close()
	a := AzureConfig{
		Subscription: strictyaml.Need(m, "subscription", "the id of the subscription", yamlGUID),
		Tenant:       strictyaml.May(m, "tenant", "", yamlGUID),
		Endpoint:     strictyaml.May(m, "endpoint", "https://management.azure.com", yamlHost),
		Audience:     strictyaml.May(m, "audience", "https://management.core.windows.net/", yamlHTTPSPlain),
		CAFile:       strictyaml.May(m, "ca_file", "", yamlPath(m)),
		Credential:   strictyaml.May(m, "credential", CredentialDefault, yamlOneOf(CredentialDefault, CredentialCLI, CredentialTokenFile)),
		TokenFile:    readSecretFile(m, "token_file"),
	}
	if m.Has("endpoint") != m.Has("audience") {
		m.Fault("endpoint and audience belong together; give both or neither")
	}
	switch isToken := a.Credential == CredentialTokenFile; {
	case isToken && !m.Has("token_file"):
		m.Missing("token_file", "credential: token_file needs the file with the token")
	case !isToken && m.Has("token_file"):
		m.FaultAt("token_file", "is used only with credential: token_file, but credential is %s", a.Credential)
	}
	return a
}

func readDevOps(m *strictyaml.Map) DevOpsConfig {
	defer m.Close()
	d := DevOpsConfig{
		PAT:    readSecret(m, "pat"),
		Entra:  strictyaml.May(m, "entra", false, yamlBool),
		CAFile: strictyaml.May(m, "ca_file", "", yamlPath(m)),
	}
	given := m.Has("pat_file") || m.Has("pat_env")
	switch {
	case d.Entra && given:
		m.Fault("entra: true and a personal access token exclude each other")
	case !d.Entra && !given && !m.Absent():
		m.Fault("give one of pat_file, pat_env and entra: true")
	}
	return d
}

func readUpload(m *strictyaml.Map) UploadConfig {
	defer m.Close()
	u := UploadConfig{
		Method:        strictyaml.May(m, "method", UploadManual, yamlOneOf(UploadResumable, UploadOneShot, UploadManual)),
		ChunkEncoding: strictyaml.May(m, "chunk_encoding", "", yamlOneOf(pexip.ChunkEncodings()...)),
		ChunkSize:     strictyaml.May(m, "chunk_size", 16<<20, yamlSize(64<<10, 1<<30)),
		StallTimeout:  strictyaml.May(m, "stall_timeout", 2*time.Minute, yamlDuration(time.Millisecond)),
		RetryFor:      strictyaml.May(m, "retry_for", 10*time.Minute, yamlDuration(time.Millisecond)),
		ExpectedRate:  strictyaml.May(m, "expected_rate", 0, yamlSize(1<<10, 1<<40)),
	}
	if u.Method == UploadResumable && !m.Has("chunk_encoding") {
		m.Missing("chunk_encoding", fmt.Sprintf("method: resumable needs to know how a chunk is sent, one of %s", yamlWords(pexip.ChunkEncodings())))
	}
	return u
}

func readSnapshot(m *strictyaml.Map) SnapshotConfig {
	defer m.Close()
	return SnapshotConfig{
		RetentionDays:    strictyaml.May(m, "retention_days", 30, yamlInt(1, 9999)),
		ReuseYoungerThan: strictyaml.May(m, "reuse_younger_than", 0, yamlDuration(0)),
	}
}

func readApproval(m *strictyaml.Map) ApprovalConfig {
	defer m.Close()
	return ApprovalConfig{SecondPerson: strictyaml.May(m, "second_person", false, yamlBool)}
}

func readPolicy(m *strictyaml.Map) PolicyConfig {
	defer m.Close()
	p := PolicyConfig{
		Releases: strictyaml.List(m, "releases", yamlRelease),
		Soak:     strictyaml.May(m, "soak", 0, yamlDuration(0)),
		Promise:  strictyaml.May(m, "promise", 21*24*time.Hour, yamlDuration(0)),
		Waivers:  strictyaml.May(m, "waivers", "", yamlPath(m)),
		Risks:    strictyaml.May(m, "risks", "", yamlPath(m)),
		Promises: strictyaml.May(m, "promises", "", yamlPath(m)),
	}
	for i := 1; i < len(p.Releases); i++ {
		if p.Releases[i].Compare(p.Releases[i-1]) <= 0 {
			m.FaultAt("releases", "%s after %s: list each release once, oldest first", p.Releases[i].Release(), p.Releases[i-1].Release())
		}
	}
	for _, a := range m.Maps("acknowledge") {
		p.Acknowledge = append(p.Acknowledge, readAcknowledgement(a))
	}
	return p
}

func readAcknowledgement(m *strictyaml.Map) policy.Acknowledgement {
	defer m.Close()
	a := policy.Acknowledgement{
		Rule:   strictyaml.Need(m, "rule", "which rule is acknowledged", yamlText),
		Reason: strictyaml.Need(m, "reason", "why that is right", yamlText),
		By:     strictyaml.Need(m, "by", "who says so", yamlText),
	}
	if class, ok := policy.RuleClass(a.Rule); ok && class == policy.Must {
		m.FaultAt("rule", "%s is a must; it cannot be acknowledged away", a.Rule)
	}
	return a
}

func readVerification(m *strictyaml.Map) VerificationConfig {
	defer m.Close()
	return VerificationConfig{CallTolerance: strictyaml.May(m, "call_tolerance", 10*time.Minute, yamlDuration(time.Minute))}
}

func readWaits(m *strictyaml.Map) WaitsConfig {
	defer m.Close()
	w := WaitsConfig{PollInterval: strictyaml.May(m, "poll_interval", 10*time.Second, yamlDuration(time.Millisecond))}
	limit := func(key string, fallback time.Duration) time.Duration {
		d := strictyaml.May(m, key, fallback, yamlDuration(time.Millisecond))
		if d < w.PollInterval {
			m.FaultAt(key, "%s is shorter than poll_interval (%s)", d, w.PollInterval)
		}
		return d
	}
	w.VMPower = limit("vm_power", 30*time.Minute)
	w.Snapshot = limit("snapshot", 4*time.Hour)
	w.PlatformOnline = limit("platform_online", 30*time.Minute)
	w.StartResolve = limit("start_resolve", 15*time.Minute)
	w.ManagementNode = limit("management_node", 90*time.Minute)
	w.ConferencingNodes = limit("conferencing_nodes", 24*time.Hour)
	w.CancelBuilds = limit("cancel_builds", 10*time.Minute)
	return w
}

func readChecks(m *strictyaml.Map) ChecksConfig {
	defer m.Close()
	var c ChecksConfig
	if section := m.Section("newman"); !section.Absent() {
		c.Newman = readNewman(section)
	}
	names := map[string]bool{}
	for _, check := range m.Maps("http") {
		h := readHTTPCheck(check)
		if h.Name != "" && names[h.Name] {
			check.Fault("two checks are named %q", strictyaml.Clip(h.Name))
		}
		names[h.Name] = true
		c.HTTP = append(c.HTTP, h)
	}
	return c
}

func readNewman(m *strictyaml.Map) *NewmanCheck {
	defer m.Close()
	return &NewmanCheck{
		Collection:  strictyaml.Need(m, "collection", "the file of the Postman collection", yamlPath(m)),
		Environment: strictyaml.May(m, "environment", "", yamlPath(m)),
	}
}

func readHTTPCheck(m *strictyaml.Map) HTTPCheck {
	defer m.Close()
	h := HTTPCheck{
		Name:         strictyaml.Need(m, "name", "a name for reports", yamlText),
		Method:       strictyaml.May(m, "method", "GET", yamlOneOf("GET", "HEAD", "OPTIONS", "POST")),
		URL:          strictyaml.Need(m, "url", "the address to ask", yamlHTTPS),
		ExpectStatus: strictyaml.May(m, "expect_status", 200, yamlInt(100, 599)),
		JSONPath:     strictyaml.May(m, "json_path", "", yamlText),
		Equals:       strictyaml.May(m, "equals", "", yamlSomeText),
		CAFile:       strictyaml.May(m, "ca_file", "", yamlPath(m)),
	}
	if m.Has("equals") && !m.Has("json_path") {
		m.FaultAt("equals", "needs json_path, which says where in the answer to look")
	}
	if m.Has("json_path") && h.Method == "HEAD" {
		m.FaultAt("json_path", "an answer to HEAD has no body to look at")
	}
	return h
}

// yamlStrings reads a mapping of plain values, such as variables.
func yamlStrings(m *strictyaml.Map, key string) map[string]string {
	section := m.Section(key)
	if section.Absent() {
		return nil
	}
	out := map[string]string{}
	for _, k := range section.Keys() {
		if _, secret := yamlSecretKey(k); secret {
			section.FaultAt(k, "secrets are never written in this file; make it a secret variable of the pipeline")
			continue
		}
		out[k] = strictyaml.Need(section, k, "a value", yamlAnyText)
	}
	return out
}
