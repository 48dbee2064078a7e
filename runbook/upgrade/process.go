package upgrade

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Systems are the clients that a run works with.
type Systems struct {
	// Test and Production are the two Management Nodes; the promotion rules read both.
	Test, Production *pexip.Client
	Azure            *azurevm.Client
	// Pipeline starts and stops the virtual machines of the environment that is upgraded.
	Pipeline *devops.Client
}

// History tells of earlier runs. *runbook.Runner is one.
type History interface {
	Runs(ctx context.Context) ([]*runbook.State, error)
}

// Process is the process document for one environment.
type Process struct {
	cfg        *Config
	env        policy.Environment
	own        *EnvironmentConfig
	sys        *Systems
	passphrase string
	transport  func(http.RoundTripper) http.RoundTripper
	target     policy.Version
	rules      policy.Request  // but for what Test and Production run
	test       *policy.TestRun // that Production relies on; nil: none that is sound
}

// Options are what New needs beside the configuration.
type Options struct {
	Environment policy.Environment
	Systems     *Systems
	// History is asked for the Test run that a Production upgrade relies on; nil: there is none.
	History History
	// BackupPassphrase encrypts Pexip's own configuration backup.
	BackupPassphrase string
	// Transport, unless nil, goes around the transport of the endpoint checks.
	Transport func(http.RoundTripper) http.RoundTripper
}

// New makes the process of one environment. For Production it reads the history and the
// evidence of Test; what is wrong with that evidence is for the gate to say. It sends no request.
func New(ctx context.Context, cfg *Config, o Options) (*Process, error) {
	own := cfg.Environment(o.Environment)
	if own == nil {
		return nil, fmt.Errorf("unknown environment %q: it is test or production", o.Environment)
	}
	rules, err := cfg.PolicyRequest(ctx, o.Environment, o.History)
	if err != nil {
		return nil, err
	}
	p := &Process{cfg: cfg, env: o.Environment, own: own, sys: o.Systems, passphrase: o.BackupPassphrase, transport: o.Transport, target: *rules.Target, rules: rules}
	if rules.Evidence != nil {
		p.test = rules.Evidence.Run
	}
	return p, nil
}

// pexip is the Management Node of the environment that is upgraded.
func (p *Process) pexip() *pexip.Client { return p.node(p.env) }

func (p *Process) node(env policy.Environment) *pexip.Client {
	if env == policy.Test {
		return p.sys.Test
	}
	return p.sys.Production
}

// inputs are what a plan shows of the configuration and is hashed with. There is no secret among them.
type inputs struct {
	Environment    string   `json:"environment"`
	ManagementNode string   `json:"managementNode"`
	Target         string   `json:"target"`
	Package        string   `json:"package"`
	SHA256         string   `json:"sha256"`
	ChecksumSource string   `json:"checksumSource"`
	VMs            []string `json:"vms"`
	Vault          string   `json:"vault"`
	Pipeline       string   `json:"pipeline"`
	Upload         string   `json:"upload"`
	RetentionDays  int      `json:"retentionDays"`
	TestRun        string   `json:"testRun,omitempty"`
	Exceptions     []string `json:"exceptions,omitempty"`
}

func (p *Process) inputs() inputs {
	in := inputs{Environment: string(p.env), ManagementNode: p.own.Pexip.URL, Target: p.target.String(), Package: p.cfg.Package.File,
		SHA256: strings.ToLower(p.cfg.Package.SHA256), ChecksumSource: p.cfg.Package.ChecksumSource, Vault: p.vault().ResourceGroup + "/" + p.vault().Name,
		Pipeline: p.own.Pipeline.URL, Upload: string(p.cfg.Upload.Method), RetentionDays: p.cfg.Snapshot.RetentionDays}
	for _, vm := range p.vms() {
		in.VMs = append(in.VMs, vm.String())
	}
	for _, a := range p.cfg.Policy.Acknowledge {
		in.Exceptions = append(in.Exceptions, fmt.Sprintf("%s: %s (%s)", a.Rule, a.Reason, a.By))
	}
	if p.test != nil {
		in.TestRun = p.test.Run
	}
	return in
}

func (p *Process) vault() azurevm.Vault {
	return azurevm.Vault{ResourceGroup: p.own.Vault.ResourceGroup, Name: p.own.Vault.Name}
}

// processName is what every plan of this process is called.
const processName = "Pexip Infinity upgrade"

// Definition is the process as a runbook: its steps in the document's order.
func (p *Process) Definition() *runbook.Definition {
	return &runbook.Definition{
		Name: processName, Environment: string(p.env), Inputs: p.inputs(),
		Steps:    slices.Concat(p.prerequisites(), p.promotion(), p.snapshot(), p.upgrade(), p.verification(), p.closeOut()),
		Rollback: p.rollback(), RollbackFrom: stepStart,
		Undos: p.undos(),
	}
}
