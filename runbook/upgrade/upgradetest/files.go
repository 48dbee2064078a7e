package upgradetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Credentials of the simulation. They open nothing else.
const (
	azureToken       = "simulated-azure-token-0001"
	devopsPAT        = "simulated-devops-pat-0001"
	backupPassphrase = "simulated-backup-passphrase"
)

// WriteConfig writes into dir what a run needs: the configuration file, whose path it returns, the
// certificates, the test credentials and the upgrade package. A world that was not started is
// addressed by the vendors' real host names, for tests that intercept those.
func (w *World) WriteConfig(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	sum, err := w.writePackage(filepath.Join(dir, w.PackageName()))
	if err != nil {
		return "", fmt.Errorf("write the package: %w", err)
	}
	files := map[string][]byte{
		"test.key": w.Test.PrivateKeyPEM(), "production.key": w.Production.PrivateKeyPEM(),
		"azure.token": []byte(azureToken), "devops.pat": []byte(devopsPAT), "backup.passphrase": []byte(backupPassphrase),
		"upgrade.yaml": w.config(sum),
	}
	if w.started {
		maps.Copy(files, map[string][]byte{"ca-test.pem": w.Test.CertificatePEM(), "ca-production.pem": w.Production.CertificatePEM(),
			"ca-azure.pem": w.Azure.CertificatePEM(), "ca-devops.pem": w.Pipeline.CertificatePEM(), "ca-service.pem": w.Service.listen.CertificatePEM()})
	}
	var errs []error
	for name, data := range files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return filepath.Join(dir, "upgrade.yaml"), errors.Join(errs...)
}

// PackageName is the name of the simulated upgrade file.
func (w *World) PackageName() string { return pexiptest.PackageName(w.opts.Target, w.opts.Build) }

func (w *World) writePackage(path string) (sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return w.WritePackage(f)
}

// WritePackage writes the upgrade package and returns its SHA-256.
func (w *World) WritePackage(out io.Writer) (string, error) {
	return pexiptest.WritePackage(out, w.opts.PackageSize, w.opts.Target, w.opts.Build)
}

func (w *World) config(sum string) []byte {
	var b bytes.Buffer
	data := map[string]any{"W": w, "Started": w.started, "Sum": sum, "Environments": []policy.Environment{policy.Test, policy.Production},
		"Subscription": subscription, "VaultGroup": vaultGroup, "VaultName": vaultName, "Storage": storage, "Poll": w.opts.PollInterval,
		"Target": w.opts.Target, "Build": w.opts.Build, "Machines": func(env policy.Environment) []machineText { return w.machineTexts(env) }}
	if err := configTemplate.Execute(&b, data); err != nil {
		panic(err) // the template and its data are both here
	}
	return b.Bytes()
}

// WriteAnswers writes answers-test.yaml and answers-production.yaml beside a configuration, for
// unattended runs.
func (w *World) WriteAnswers(ctx context.Context, config string) error {
	cfg, err := upgrade.LoadConfig(config)
	if err != nil {
		return err
	}
	for _, env := range []policy.Environment{policy.Test, policy.Production} {
		s, err := upgrade.Open(ctx, cfg, upgrade.SessionOptions{Environment: env})
		if err != nil {
			return err
		}
		plan, err := s.Definition.Plan()
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := upgrade.WriteAnswers(&b, Answers(plan)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(config), "answers-"+string(env)+".yaml"), b.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

type machineText struct{ Group, Name string }

func (w *World) machineTexts(env policy.Environment) []machineText {
	var out []machineText
	for _, m := range w.opts.machines() {
		if m.env == env {
			out = append(out, machineText{m.group, m.name})
		}
	}
	return out
}

var configTemplate = template.Must(template.New("config").Funcs(template.FuncMap{"lower": strings.ToLower,
	"long": func(d time.Duration) time.Duration { return max(2*time.Minute, 400*d) }}).Parse(`# Configuration of a simulated world. A real one has the same keys.
version: 1
state: ./state
package:
  file: ./{{.W.PackageName}}
  sha256: {{.Sum}}
  version: "{{.Target}}"
  build: "{{.Build}}"
  checksum_source: https://www.pexip.com/help-center/platform-download
azure:
  subscription: {{.Subscription}}
{{- if .Started}}
  endpoint: {{.W.Azure.URL}}
  audience: https://management.core.windows.net/
  ca_file: ./ca-azure.pem
{{- end}}
  credential: token_file
  token_file: ./azure.token
devops:
  pat_file: ./devops.pat
{{- if .Started}}
  ca_file: ./ca-devops.pem
{{- end}}
upload:
  method: resumable
  chunk_encoding: raw-content-range
  chunk_size: 4MiB
snapshot:
  retention_days: 30
policy:
  releases: ["37", "37.1", "38", "38.1", "39", "39.1"]
  acknowledge:
    - {rule: workstation-awake, reason: nothing large is uploaded in a simulation, by: the simulator}
window:
  service_hours: {from: "07:00", to: "18:00", days: [Mon, Tue, Wed, Thu, Fri], time_zone: America/Vancouver}
waits:
  poll_interval: {{.Poll}}
  start_resolve: {{long .Poll}}
environments:
{{- range $env := .Environments}}
  {{$env}}:
    pexip:
      url: {{($.W.Pexip $env).URL}}
{{- if $.Started}}
      ca_file: ./ca-{{$env}}.pem
{{- end}}
      oauth2:
        client_id: {{($.W.Pexip $env).ClientID}}
        private_key_file: ./{{$env}}.key
      backup_passphrase_file: ./backup.passphrase
    vms:
{{- range call $.Machines $env}}
      - {resource_group: {{.Group}}, name: {{.Name}}}
{{- end}}
    vault: {resource_group: {{$.VaultGroup}}, name: {{$.VaultName}}, storage_account: {{$.Storage}}}
    pipeline:
      url: "{{$.W.Pipeline.PipelineURL}}"
      start: {parameters: {action: start}}
    checks:
      http:
        - {name: service health, method: GET, url: "{{$.W.Service.URL}}/{{$env}}/health", expect_status: 200, json_path: status, equals: ok{{if $.Started}}, ca_file: ./ca-service.pem{{end}}}
{{- end}}
`))
