package upgrade

import (
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

func readEnvironments(m *strictyaml.Map, c *Config) {
	defer m.Close()
	for _, e := range []policy.Environment{policy.Test, policy.Production} {
		section := m.NeedSection(string(e), "both environments are needed, also to upgrade one: the promotion rules compare them")
		*c.Environment(e) = readEnvironment(section, e, c.Checks)
	}
}

func readEnvironment(m *strictyaml.Map, name policy.Environment, shared ChecksConfig) EnvironmentConfig {
	defer m.Close()
	e := EnvironmentConfig{
		Name:     name,
		Pexip:    readPexip(m.NeedSection("pexip", "its Management Node")),
		VMs:      readVMs(m),
		Vault:    readVault(m.NeedSection("vault", "the Recovery Services vault of its VMs")),
		Pipeline: readPipeline(m.NeedSection("pipeline", "the pipeline that starts and stops its VMs")),
		BCSCCall: strictyaml.May(m, "bcsc_call", name == policy.Test, yamlBool),
		Checks:   shared,
	}
	if name == policy.Production {
		e.TestEvidence = strictyaml.May(m, "test_evidence", "", yamlPath(m))
	}
	if section := m.Section("checks"); !section.Absent() {
		e.Checks = readChecks(section)
	}
	return e
}

func readPexip(m *strictyaml.Map) PexipConfig {
	defer m.Close()
	p := PexipConfig{
		URL:                     strictyaml.Need(m, "url", "the address of the Management Node", yamlHost),
		CAFile:                  strictyaml.May(m, "ca_file", "", yamlPath(m)),
		PinnedCertificateSHA256: strictyaml.May(m, "pinned_certificate_sha256", "", yamlSHA256),
		BackupPassphrase:        needSecret(m, "backup_passphrase", "Pexip's own backup is encrypted with it"),
	}
	if section := m.Section("oauth2"); !section.Absent() {
		p.OAuth2 = readOAuth2(section, p.URL)
	}
	if section := m.Section("basic"); !section.Absent() {
		p.Basic = readBasic(section)
	}
	if m.Has("oauth2") == m.Has("basic") && !m.Absent() {
		m.Fault("give exactly one of oauth2 and basic")
	}
	return p
}

func readOAuth2(m *strictyaml.Map, node string) *OAuth2Config {
	defer m.Close()
	o := &OAuth2Config{
		ClientID:   strictyaml.Need(m, "client_id", "the id of the API client", yamlText),
		PrivateKey: needSecret(m, "private_key", "the API client proves itself with it"),
		TokenURL:   strictyaml.May(m, "token_url", node+"/oauth/token/", yamlHTTPSPlain),
		Scope:      strictyaml.May(m, "scope", "is_admin use_api", yamlText),
	}
	o.Audience = strictyaml.May(m, "audience", o.TokenURL, yamlText)
	return o
}

func readBasic(m *strictyaml.Map) *BasicConfig {
	defer m.Close()
	b := &BasicConfig{
		Username: strictyaml.Need(m, "username", "the name of the account", yamlText),
		Password: needSecret(m, "password", "the account's password"),
	}
	if strings.Contains(b.Username, ":") {
		m.FaultAt("username", "may not hold a colon; is the password in it?")
	}
	return b
}

func readVMs(m *strictyaml.Map) []VMConfig {
	var vms []VMConfig
	for _, vm := range m.NeedMaps("vms", "the Management Node's VM and each Conferencing Node's") {
		vms = append(vms, readVM(vm))
	}
	return vms
}

func readVM(m *strictyaml.Map) VMConfig {
	defer m.Close()
	return VMConfig{
		ResourceGroup: strictyaml.Need(m, "resource_group", "the VM's resource group", yamlName),
		Name:          strictyaml.Need(m, "name", "the VM's name", yamlName),
	}
}

func readVault(m *strictyaml.Map) VaultConfig {
	defer m.Close()
	return VaultConfig{
		ResourceGroup:  strictyaml.Need(m, "resource_group", "the vault's resource group", yamlName),
		Name:           strictyaml.Need(m, "name", "the vault's name", yamlName),
		StorageAccount: strictyaml.May(m, "storage_account", "", yamlStorageAccount),
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

func readPipeline(m *strictyaml.Map) PipelineConfig {
	defer m.Close()
	return PipelineConfig{
		URL:   strictyaml.Need(m, "url", "the pipeline's address as the browser shows it", yamlPipelineURL),
		Start: readPipelineStart(m.Section("start")),
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

func readPipelineStart(m *strictyaml.Map) PipelineStart {
	defer m.Close()
	s := PipelineStart{
		Parameters:   yamlStrings(m, "parameters"),
		Variables:    yamlStrings(m, "variables"),
		StagesToSkip: strictyaml.List(m, "stages_to_skip", yamlText),
		Branch:       strictyaml.May(m, "branch", "", yamlMaybeEmpty),
	}
	if !m.Absent() && !s.Set() {
		m.Fault("says nothing that makes the pipeline start the VMs; give parameters, variables or stages_to_skip, or leave it out to start them one by one")
	}
	return s
}

func yamlMaybeEmpty(n *yaml.Node) (string, error) {
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.ShortTag() == "!!str" {
		return "", nil
	}
	return yamlText(n)
}
