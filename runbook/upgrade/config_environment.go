package upgrade

import (
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

func readEnvironments(m *yamlMap, c *Config) {
	defer m.close()
	for _, e := range []policy.Environment{policy.Test, policy.Production} {
		section := m.needSection(string(e), "both environments are needed, also to upgrade one: the promotion rules compare them")
		*c.Environment(e) = readEnvironment(section, e, c.Checks)
	}
}

func readEnvironment(m *yamlMap, name policy.Environment, shared ChecksConfig) EnvironmentConfig {
	defer m.close()
	e := EnvironmentConfig{
		Name:     name,
		Pexip:    readPexip(m.needSection("pexip", "its Management Node")),
		VMs:      readVMs(m),
		Vault:    readVault(m.needSection("vault", "the Recovery Services vault of its VMs")),
		Pipeline: readPipeline(m.needSection("pipeline", "the pipeline that starts and stops its VMs")),
		BCSCCall: yamlMay(m, "bcsc_call", name == policy.Test, yamlBool),
		Checks:   shared,
	}
	if name == policy.Production {
		e.TestEvidence = yamlMay(m, "test_evidence", "", m.r.yamlPath)
	}
	if n := m.take("checks"); n != nil {
		e.Checks = readChecks(m.r.mapping(n, m.child("checks")))
	}
	return e
}

func readPexip(m *yamlMap) PexipConfig {
	defer m.close()
	p := PexipConfig{
		URL:                     yamlNeed(m, "url", "the address of the Management Node", yamlHost),
		CAFile:                  yamlMay(m, "ca_file", "", m.r.yamlPath),
		PinnedCertificateSHA256: yamlMay(m, "pinned_certificate_sha256", "", yamlSHA256),
		BackupPassphrase:        needSecret(m, "backup_passphrase", "Pexip's own backup is encrypted with it"),
	}
	if n := m.take("oauth2"); n != nil {
		p.OAuth2 = readOAuth2(m.r.mapping(n, m.child("oauth2")), p.URL)
	}
	if n := m.take("basic"); n != nil {
		p.Basic = readBasic(m.r.mapping(n, m.child("basic")))
	}
	if (p.OAuth2 == nil) == (p.Basic == nil) && !m.absent {
		m.r.fault(m.line, m.path, "give exactly one of oauth2 and basic")
	}
	return p
}

func readOAuth2(m *yamlMap, node string) *OAuth2Config {
	defer m.close()
	o := &OAuth2Config{
		ClientID:   yamlNeed(m, "client_id", "the id of the API client", yamlText),
		PrivateKey: needSecret(m, "private_key", "the API client proves itself with it"),
		TokenURL:   yamlMay(m, "token_url", node+"/oauth/token/", yamlHTTPSPlain),
		Scope:      yamlMay(m, "scope", "is_admin use_api", yamlText),
	}
	o.Audience = yamlMay(m, "audience", o.TokenURL, yamlText)
	return o
}

func readBasic(m *yamlMap) *BasicConfig {
	defer m.close()
	b := &BasicConfig{
		Username: yamlNeed(m, "username", "the name of the account", yamlText),
		Password: needSecret(m, "password", "the account's password"),
	}
	if strings.Contains(b.Username, ":") {
		m.r.faultAt(m.child("username"), "may not hold a colon; is the password in it?")
	}
	return b
}

func readVMs(m *yamlMap) []VMConfig {
	nodes, paths := m.items("vms")
	if len(nodes) == 0 && (m.values["vms"] == nil || m.values["vms"].Kind == yaml.SequenceNode) {
		m.missing("vms", "the Management Node's VM and each Conferencing Node's")
	}
	var vms []VMConfig
	for i, n := range nodes {
		vms = append(vms, readVM(m.r.mapping(n, paths[i])))
	}
	return vms
}

func readVM(m *yamlMap) VMConfig {
	defer m.close()
	return VMConfig{
		ResourceGroup: yamlNeed(m, "resource_group", "the VM's resource group", yamlName),
		Name:          yamlNeed(m, "name", "the VM's name", yamlName),
	}
}

func readVault(m *yamlMap) VaultConfig {
	defer m.close()
	return VaultConfig{
		ResourceGroup:  yamlNeed(m, "resource_group", "the vault's resource group", yamlName),
		Name:           yamlNeed(m, "name", "the vault's name", yamlName),
		StorageAccount: yamlMay(m, "storage_account", "", yamlStorageAccount),
	}
}

var storageAccountForm = regexp.MustCompile(`(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\.Storage/storageAccounts/[a-z0-9]{3,24}$`)

func yamlStorageAccount(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err == nil && !storageAccountForm.MatchString(s) {
		return "", errors.New("not the ARM id of a storage account: /subscriptions/…/resourceGroups/…/providers/Microsoft.Storage/storageAccounts/…")
	}
	return s, err
}

func readPipeline(m *yamlMap) PipelineConfig {
	defer m.close()
	return PipelineConfig{
		URL:   yamlNeed(m, "url", "the pipeline's address as the browser shows it", yamlPipelineURL),
		Start: readPipelineStart(m.section("start")),
	}
}

// yamlPipelineURL reads the address of a pipeline; devops decides which forms it knows.
func yamlPipelineURL(n *yaml.Node) (string, error) {
	s, err := yamlHTTPS(n)
	if err != nil {
		return "", err
	}
	_, err = devops.ParsePipelineURL(s)
	return s, err
}

func readPipelineStart(m *yamlMap) PipelineStart {
	defer m.close()
	s := PipelineStart{
		Parameters:   yamlStrings(m, "parameters"),
		Variables:    yamlStrings(m, "variables"),
		StagesToSkip: yamlList(m, "stages_to_skip", yamlText),
		Branch:       yamlMay(m, "branch", "", yamlMaybeEmpty),
	}
	if !m.absent && !s.Set() {
		m.r.fault(m.line, m.path, "says nothing that makes the pipeline start the VMs; give parameters, variables or stages_to_skip, or leave it out to start them one by one")
	}
	return s
}

func yamlMaybeEmpty(n *yaml.Node) (string, error) {
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.ShortTag() == "!!str" {
		return "", nil
	}
	return yamlText(n)
}
