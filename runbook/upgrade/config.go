package upgrade

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// Config is the configuration file, read and judged as a whole. It holds no secret, only where each is kept;
// ReadSecrets fetches them. Every field that the file leaves out has its default. Paths are absolute, or
// relative to the folder given to ParseConfig.
type Config struct {
	File         string // where it was read from; "" when parsed from memory
	State        string // folder of the journals and evidence; default filelog.DefaultRoot("pexip-upgrade")
	Package      PackageConfig
	Evidence     EvidenceConfig
	Azure        AzureConfig
	DevOps       DevOpsConfig
	Upload       UploadConfig
	Snapshot     SnapshotConfig
	Approval     ApprovalConfig
	Policy       PolicyConfig
	Window       WindowConfig
	Verification VerificationConfig
	Waits        WaitsConfig
	Checks       ChecksConfig // for an environment without checks of its own; see EnvironmentConfig.Checks
	Notify       []NotifyConfig
	Test         EnvironmentConfig
	Production   EnvironmentConfig

	// Warnings are what is allowed but probably not meant, each with its line and key.
	Warnings []string
}

// PackageConfig is the upgrade file.
type PackageConfig struct {
	File           string
	SHA256         string // as published by Pexip; 64 hexadecimal digits in lower case
	Version        string // release, such as "39.1"
	Build          string // normalised, such as "83067.0.0"
	ChecksumSource string // page on which the SHA-256 was read
}

// Target is the version the package holds. After ParseConfig it cannot fail.
func (p PackageConfig) Target() (policy.Version, error) {
	v, err := policy.ParseVersion(p.Version)
	if err != nil {
		return policy.Version{}, fmt.Errorf("package.version: %w", err)
	}
	if v, err = v.WithBuild(p.Build); err != nil {
		return policy.Version{}, fmt.Errorf("package.build: %w", err)
	}
	return v, nil
}

// AzureCredential says how to log in to Azure.
type AzureCredential string

// The ways to log in to Azure.
const (
	CredentialDefault   AzureCredential = "default"    // azidentity's chain: environment, managed identity, CLI …
	CredentialCLI       AzureCredential = "cli"        // the account of az login
	CredentialTokenFile AzureCredential = "token_file" // a bearer token in a file, for simulators
)

// AzureConfig is the subscription of both environments.
type AzureConfig struct {
	Subscription string
	Tenant       string          // "": the credential's own
	Endpoint     string          // default https://management.azure.com
	Audience     string          // default https://management.core.windows.net/
	CAFile       string          // more roots, PEM; "": the system's only
	Credential   AzureCredential // default CredentialDefault
	TokenFile    SecretSource
}

// DevOpsConfig is how to log in to Azure DevOps: a personal access token, or Entra with Azure's credential.
type DevOpsConfig struct {
	PAT    SecretSource
	Entra  bool
	CAFile string
}

// UploadMethod is how the package gets to the Management Node.
type UploadMethod string

// The ways to upload.
const (
	UploadResumable UploadMethod = "resumable" // in chunks; validated before it is started
	UploadOneShot   UploadMethod = "one-shot"  // in one request, whose end starts the upgrade (unverified)
	UploadManual    UploadMethod = "manual"    // a person does it in the web interface
)

// UploadConfig is how the package is uploaded.
type UploadConfig struct {
	Method        UploadMethod        // default UploadManual, which needs nothing unverified
	ChunkEncoding pexip.ChunkEncoding // needed for UploadResumable; which one a node takes is unverified
	ChunkSize     int64               // bytes; default 16 MiB
	StallTimeout  time.Duration       // default 2 minutes
	RetryFor      time.Duration       // default 10 minutes
	ExpectedRate  int64               // bytes per second, to estimate the time; 0: policy's assumption, 12.5 million
}

// SnapshotConfig is about the recovery points of the VMs.
type SnapshotConfig struct {
	RetentionDays    int           // default 30
	ReuseYoungerThan time.Duration // default 0: always take a new one
}

// ApprovalConfig is about who may approve a plan.
type ApprovalConfig struct {
	SecondPerson bool // default false: whoever runs it may approve it
}

// PolicyConfig is about the promotion pathway.
type PolicyConfig struct {
	Releases    []policy.Version         // oldest first; see policy.Proposal
	Soak        time.Duration            // Test must have run the target verified for this long; default 0
	Promise     time.Duration            // Production follows within; default three weeks
	Acknowledge []policy.Acknowledgement // should-rules that the team accepts
	// Files of the team, "": none. See policy.ParseWaivers, policy.ParseRisks and policy.ParsePromises.
	Waivers, Risks, Promises string
}

// VerificationConfig is about what people verify.
type VerificationConfig struct {
	CallTolerance time.Duration // default 10 min: how far a call that the platform saw may be from the stated time
}

// WaitsConfig limits the waits.
type WaitsConfig struct {
	PollInterval      time.Duration // default 10 s
	VMPower           time.Duration // default 30 min
	Snapshot          time.Duration // default 4 h
	PlatformOnline    time.Duration // default 30 min
	StartResolve      time.Duration // default 15 min: for signs of an upgrade whose start was not answered
	ManagementNode    time.Duration // default 1 h 30 min; Pexip says up to an hour
	ConferencingNodes time.Duration // default 24 h, after which Pexip's own upgrade process ends
	CancelBuilds      time.Duration // default 10 min
}

// ChecksConfig are the checks of the service's endpoints (VER-2). Both may be given.
type ChecksConfig struct {
	Newman *NewmanCheck
	HTTP   []HTTPCheck
}

// None reports whether there is no check at all.
func (c ChecksConfig) None() bool { return c.Newman == nil && len(c.HTTP) == 0 }

// NewmanCheck is a Postman collection run by newman.
type NewmanCheck struct {
	Collection  string // file
	Environment string // file; "": none
}

// HTTPCheck is one request and what it must answer.
type HTTPCheck struct {
	Name         string // unique
	Method       string // default GET
	URL          string // https
	ExpectStatus int    // default 200
	JSONPath     string // such as status or nodes.0.state; "": the body is not looked at
	Equals       string // what stands at JSONPath, as text; "": anything will do
	CAFile       string
}

// EnvironmentConfig is one of the two installations.
type EnvironmentConfig struct {
	Name     policy.Environment
	Pexip    PexipConfig
	VMs      []VMConfig // at least one
	Vault    VaultConfig
	Pipeline PipelineConfig
	BCSCCall bool         // a person makes a call with the BCSC app (VER-3); default only for Test
	Checks   ChecksConfig // its own, or else the ones for both
	// TestEvidence is the folder with the evidence of the Test run that Production relies on; "": that of
	// the newest completed Test run in the state folder. For Production only.
	TestEvidence string
}

// PexipConfig is a Management Node. Exactly one of OAuth2 and Basic is given.
type PexipConfig struct {
	URL                     string // https and host only
	CAFile                  string
	PinnedCertificateSHA256 string // 64 hexadecimal digits in lower case
	OAuth2                  *OAuth2Config
	Basic                   *BasicConfig
	BackupPassphrase        SecretSource // encrypts Pexip's own backup
}

// OAuth2Config is an API client of a Management Node.
type OAuth2Config struct {
	ClientID   string
	PrivateKey SecretSource // EC P-256, PEM
	TokenURL   string       // default URL/oauth/token/
	Audience   string       // default TokenURL
	Scope      string       // default "is_admin use_api"
}

// BasicConfig is a local or LDAP account of a Management Node.
type BasicConfig struct {
	Username string
	Password SecretSource
}

// VMConfig names a VM of the subscription.
type VMConfig struct {
	ResourceGroup, Name string
}

// VaultConfig names the Recovery Services vault that protects the VMs.
type VaultConfig struct {
	ResourceGroup, Name string
	StorageAccount      string // ARM id of the staging account, needed for a rollback only
}

// PipelineConfig is the pipeline that starts and stops the VMs.
type PipelineConfig struct {
	URL   string
	Start PipelineStart
}

// PipelineStart is how to run the pipeline so that it starts the VMs. Without it they are started one by one.
type PipelineStart struct {
	Parameters   map[string]string // of the YAML file
	Variables    map[string]string // settable at queue time
	StagesToSkip []string
	Branch       string // "": the definition's default
}

// Set reports whether the pipeline is told what to do. Run without any of these it might as well stop the VMs.
func (s PipelineStart) Set() bool {
	return len(s.Parameters) > 0 || len(s.Variables) > 0 || len(s.StagesToSkip) > 0
}

// maxConfigSize is far beyond any real configuration.
const maxConfigSize = 1 << 20

// LoadConfig reads and judges the file at path. It reads nothing else, sends nothing and changes nothing, so it may
// be repeated at will. All faults are reported together, as *ConfigError.
func LoadConfig(path string) (*Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxConfigSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("find the folder of the configuration: %w", err)
	}
	return parseConfig(data, dir, path)
}

// ParseConfig is LoadConfig for a configuration in memory whose relative paths start at dir. It does no I/O.
func ParseConfig(data []byte, dir string) (*Config, error) { return parseConfig(data, dir, "") }

func parseConfig(data []byte, dir, file string) (*Config, error) {
	if len(data) > maxConfigSize {
		return nil, &ConfigError{File: file, Problems: []Problem{{Line: 1, Message: "the file is larger than 1 MiB; it is no configuration"}}}
	}
	r, top := yamlDocument(data, dir)
	c := readConfig(top)
	c.File = file
	if len(top.Keys()) > 0 {
		contradictions(r, c)
	}
	if problems := r.Problems(); len(problems) > 0 {
		return nil, newConfigError(file, problemsOf(problems))
	}
	warnings(r, c)
	return c, nil
}

// Environment is the configuration of one environment; nil when e is neither.
func (c *Config) Environment(e policy.Environment) *EnvironmentConfig {
	switch e {
	case policy.Test:
		return &c.Test
	case policy.Production:
		return &c.Production
	}
	return nil
}

// ParseEnvironment reads the name of an environment: test or production, in lower case. Anything else is an error.
func ParseEnvironment(name string) (policy.Environment, error) {
	switch e := policy.Environment(name); e {
	case policy.Test, policy.Production:
		return e, nil
	}
	return "", fmt.Errorf("unknown environment %q: it is %s or %s", strictyaml.Clip(name), policy.Test, policy.Production)
}
