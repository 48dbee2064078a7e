package upgrade

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

func readConfig(m *yamlMap) *Config {
	defer m.close()
	yamlNeed(m, "version", "write version: 1", yamlInt(1, 1))
	c := &Config{State: yamlMay(m, "state", defaultState(m), m.r.yamlPath)}
	c.Package = readPackage(m.needSection("package", "the upgrade file"))
	c.Evidence = readEvidenceConfig(m.section("evidence"))
	c.Azure = readAzure(m.needSection("azure", "the subscription"))
	c.DevOps = readDevOps(m.needSection("devops", "how to log in to Azure DevOps"))
	c.Upload = readUpload(m.section("upload"))
	c.Snapshot = readSnapshot(m.section("snapshot"))
	c.Approval = readApproval(m.section("approval"))
	c.Policy = readPolicy(m.section("policy"))
	c.Window = readWindow(m.section("window"))
	c.Waits = readWaits(m.section("waits"))
	c.Checks = readChecks(m.section("checks"))
	readEnvironments(m.needSection("environments", "test and production"), c)
	return c
}

// defaultState is where the system's convention wants such a folder, so that it is neither committed
// nor synchronised with the configuration.
func defaultState(m *yamlMap) string {
	root, err := filelog.DefaultRoot("pexip-upgrade")
	if err != nil && !m.has("state") {
		m.r.fault(m.line, m.path, "state: name the folder for journals and evidence: %v", err)
	}
	return root
}

func readPackage(m *yamlMap) PackageConfig {
	defer m.close()
	p := PackageConfig{
		File:           yamlNeed(m, "file", "the upgrade file", m.r.yamlPath),
		SHA256:         yamlNeed(m, "sha256", "copy it from Pexip's download page", yamlSHA256),
		Build:          yamlNeed(m, "build", `the build tells what software it is; write it as "83067"`, yamlBuild),
		ChecksumSource: yamlNeed(m, "checksum_source", "the page the SHA-256 was copied from", yamlHTTPS),
	}
	v := yamlNeed(m, "version", `the release, written as "39.1"`, yamlRelease)
	if v.Build != "" && p.Build != "" && v.Build != p.Build {
		m.r.faultAt(m.child("version"), "names build %s, but build says %s", v.Build, p.Build)
	}
	p.Version = v.Release()
	return p
}

func readAzure(m *yamlMap) AzureConfig {
	defer m.close()
	a := AzureConfig{
		Subscription: yamlNeed(m, "subscription", "the id of the subscription", yamlGUID),
		Tenant:       yamlMay(m, "tenant", "", yamlGUID),
		Endpoint:     yamlMay(m, "endpoint", "https://management.azure.com", yamlHost),
		Audience:     yamlMay(m, "audience", "https://management.core.windows.net/", yamlHTTPSPlain),
		CAFile:       yamlMay(m, "ca_file", "", m.r.yamlPath),
		Credential:   yamlMay(m, "credential", CredentialDefault, yamlOneOf(CredentialDefault, CredentialCLI, CredentialTokenFile)),
		TokenFile:    readSecretFile(m, "token_file"),
	}
	if m.has("endpoint") != m.has("audience") {
		m.r.fault(m.line, m.path, "endpoint and audience belong together; give both or neither")
	}
	switch isToken := a.Credential == CredentialTokenFile; {
	case isToken && !m.has("token_file"):
		m.missing("token_file", "credential: token_file needs the file with the token")
	case !isToken && m.has("token_file"):
		m.r.faultAt(m.child("token_file"), "is used only with credential: token_file, but credential is %s", a.Credential)
	}
	return a
}

func readDevOps(m *yamlMap) DevOpsConfig {
	defer m.close()
	d := DevOpsConfig{
		PAT:    readSecret(m, "pat"),
		Entra:  yamlMay(m, "entra", false, yamlBool),
		CAFile: yamlMay(m, "ca_file", "", m.r.yamlPath),
	}
	given := m.has("pat_file") || m.has("pat_env")
	switch {
	case d.Entra && given:
		m.r.fault(m.line, m.path, "entra: true and a personal access token exclude each other")
	case !d.Entra && !given && !m.absent:
		m.r.fault(m.line, m.path, "give one of pat_file, pat_env and entra: true")
	}
	return d
}

func readUpload(m *yamlMap) UploadConfig {
	defer m.close()
	u := UploadConfig{
		Method:        yamlMay(m, "method", UploadManual, yamlOneOf(UploadResumable, UploadOneShot, UploadManual)),
		ChunkEncoding: yamlMay(m, "chunk_encoding", "", yamlOneOf(pexip.ChunkEncodings()...)),
		ChunkSize:     yamlMay(m, "chunk_size", 16<<20, yamlSize(64<<10, 1<<30)),
		StallTimeout:  yamlMay(m, "stall_timeout", 2*time.Minute, yamlDuration(time.Millisecond)),
		RetryFor:      yamlMay(m, "retry_for", 10*time.Minute, yamlDuration(time.Millisecond)),
		ExpectedRate:  yamlMay(m, "expected_rate", 0, yamlSize(1<<10, 1<<40)),
	}
	if u.Method == UploadResumable && !m.has("chunk_encoding") {
		m.missing("chunk_encoding", fmt.Sprintf("method: resumable needs to know how a chunk is sent, one of %s", yamlWords(pexip.ChunkEncodings())))
	}
	return u
}

func readSnapshot(m *yamlMap) SnapshotConfig {
	defer m.close()
	return SnapshotConfig{
		RetentionDays:    yamlMay(m, "retention_days", 30, yamlInt(1, 9999)),
		ReuseYoungerThan: yamlMay(m, "reuse_younger_than", 0, yamlDuration(0)),
	}
}

func readApproval(m *yamlMap) ApprovalConfig {
	defer m.close()
	return ApprovalConfig{SecondPerson: yamlMay(m, "second_person", false, yamlBool)}
}

func readPolicy(m *yamlMap) PolicyConfig {
	defer m.close()
	p := PolicyConfig{
		Releases: yamlList(m, "releases", yamlRelease),
		Soak:     yamlMay(m, "soak", 0, yamlDuration(0)),
		Promise:  yamlMay(m, "promise", 21*24*time.Hour, yamlDuration(0)),
		Waivers:  yamlMay(m, "waivers", "", m.r.yamlPath),
		Risks:    yamlMay(m, "risks", "", m.r.yamlPath),
		Promises: yamlMay(m, "promises", "", m.r.yamlPath),
	}
	for i := 1; i < len(p.Releases); i++ {
		if p.Releases[i].Compare(p.Releases[i-1]) <= 0 {
			m.r.faultAt(m.child("releases"), "%s after %s: list each release once, oldest first", p.Releases[i].Release(), p.Releases[i-1].Release())
		}
	}
	nodes, paths := m.items("acknowledge")
	for i, n := range nodes {
		p.Acknowledge = append(p.Acknowledge, readAcknowledgement(m.r.mapping(n, paths[i])))
	}
	return p
}

func readAcknowledgement(m *yamlMap) policy.Acknowledgement {
	defer m.close()
	a := policy.Acknowledgement{
		Rule:   yamlNeed(m, "rule", "which rule is acknowledged", yamlText),
		Reason: yamlNeed(m, "reason", "why that is right", yamlText),
		By:     yamlNeed(m, "by", "who says so", yamlText),
	}
	if class, ok := policy.RuleClass(a.Rule); ok && class == policy.Must {
		m.r.faultAt(m.child("rule"), "%s is a must; it cannot be acknowledged away", a.Rule)
	}
	return a
}

func readWaits(m *yamlMap) WaitsConfig {
	defer m.close()
	w := WaitsConfig{PollInterval: yamlMay(m, "poll_interval", 10*time.Second, yamlDuration(time.Millisecond))}
	limit := func(key string, fallback time.Duration) time.Duration {
		d := yamlMay(m, key, fallback, yamlDuration(time.Millisecond))
		if d < w.PollInterval {
			m.r.faultAt(m.child(key), "%s is shorter than poll_interval (%s)", d, w.PollInterval)
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

func readChecks(m *yamlMap) ChecksConfig {
	defer m.close()
	var c ChecksConfig
	if n := m.take("newman"); n != nil {
		c.Newman = readNewman(m.r.mapping(n, m.child("newman")))
	}
	names := map[string]bool{}
	nodes, paths := m.items("http")
	for i, n := range nodes {
		h := readHTTPCheck(m.r.mapping(n, paths[i]))
		if h.Name != "" && names[h.Name] {
			m.r.faultAt(paths[i], "two checks are named %q", yamlClip(h.Name))
		}
		names[h.Name] = true
		c.HTTP = append(c.HTTP, h)
	}
	return c
}

func readNewman(m *yamlMap) *NewmanCheck {
	defer m.close()
	return &NewmanCheck{
		Collection:  yamlNeed(m, "collection", "the file of the Postman collection", m.r.yamlPath),
		Environment: yamlMay(m, "environment", "", m.r.yamlPath),
	}
}

func readHTTPCheck(m *yamlMap) HTTPCheck {
	defer m.close()
	h := HTTPCheck{
		Name:         yamlNeed(m, "name", "a name for reports", yamlText),
		Method:       yamlMay(m, "method", "GET", yamlOneOf("GET", "HEAD", "OPTIONS", "POST")),
		URL:          yamlNeed(m, "url", "the address to ask", yamlHTTPS),
		ExpectStatus: yamlMay(m, "expect_status", 200, yamlInt(100, 599)),
		JSONPath:     yamlMay(m, "json_path", "", yamlText),
		Equals:       yamlMay(m, "equals", "", yamlSomeText),
		CAFile:       yamlMay(m, "ca_file", "", m.r.yamlPath),
	}
	if m.has("equals") && !m.has("json_path") {
		m.r.faultAt(m.child("equals"), "needs json_path, which says where in the answer to look")
	}
	if m.has("json_path") && h.Method == "HEAD" {
		m.r.faultAt(m.child("json_path"), "an answer to HEAD has no body to look at")
	}
	return h
}

// yamlStrings reads a mapping of plain values, such as variables.
func yamlStrings(m *yamlMap, key string) map[string]string {
	section := m.section(key)
	if section.absent {
		return nil
	}
	out := map[string]string{}
	for _, k := range section.keys {
		if _, secret := yamlSecretKey(k.Value); secret {
			m.r.fault(k.Line, section.child(k.Value), "secrets are never written in this file; make it a secret variable of the pipeline")
			continue
		}
		out[k.Value] = yamlNeed(section, k.Value, "a value", yamlAnyText)
	}
	return out
}
