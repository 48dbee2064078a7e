package upgrade_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// configured is a simulated world without sockets, the configuration for it, and what removes its folder.
func configured() (*upgradetest.World, *upgrade.Config, func()) {
	dir, err := os.MkdirTemp("", "world")
	check(err)
	world := upgradetest.New(upgradetest.Options{PackageSize: 1 << 16})
	file, err := world.WriteConfig(dir)
	check(err)
	cfg, err := upgrade.LoadConfig(file)
	check(err)
	return world, cfg, func() { os.RemoveAll(dir) }
}

// The configuration holds no secret; ReadSecrets fetches them from where it says, and printed they do not show.
func ExampleLoadConfig() {
	dir, err := os.MkdirTemp("", "world")
	check(err)
	defer os.RemoveAll(dir)
	file, err := upgradetest.New(upgradetest.Options{PackageSize: 1 << 16}).WriteConfig(dir)
	check(err)
	cfg, err := upgrade.LoadConfig(file)
	check(err)
	target, err := cfg.Package.Target()
	fmt.Println(target, "for", len(cfg.Test.VMs), "VMs of Test", err)
	secrets, err := cfg.ReadSecrets()
	fmt.Println(secrets, len(secrets.Values()), err)
	// Output:
	// 39.1 (83067.0.0) for 2 VMs of Test <nil>
	// [secrets] 6 <nil>
}

// A file that is named and not there is found before a run, not in the middle of one.
func ExampleConfig_CheckFiles() {
	_, cfg, remove := configured()
	defer remove()
	fmt.Println(cfg.CheckFiles())
	check(os.Remove(cfg.Package.File))
	faults, ok := errors.AsType[*upgrade.ConfigError](cfg.CheckFiles())
	fmt.Println(ok, len(faults.Problems), faults.Problems[0].Path)
	// Output:
	// <nil>
	// true 1 package.file
}

// When does the schedule stop the machines next? At noon of a Friday the answer is the end of that day's service.
func ExampleWindowConfig_StopAfter() {
	_, cfg, remove := configured()
	defer remove()
	friday := time.Date(2026, 3, 6, 20, 0, 0, 0, time.UTC)
	fmt.Println(cfg.Window.ServiceHours)
	fmt.Println(cfg.Window.StopAfter(friday))
	// Output:
	// 07:00–18:00 Mon Tue Wed Thu Fri America/Vancouver
	// 2026-03-06 18:00:00 -0800 PST
}

// One run takes another package than the one in the file; all that is wrong with it is told at once.
func ExampleConfig_Override() {
	_, cfg, remove := configured()
	defer remove()
	fmt.Println(cfg.Override(upgrade.PackageOverrides{Version: "39.x", Build: "-"}))
	fmt.Println(cfg.Override(upgrade.PackageOverrides{Version: "39.2", Build: "83999"}), cfg.Package.Version, cfg.Package.Build)
	// Output:
	// -version: "39.x" is not a version: expected a form like 39.1 or 39.1 (83067.0.0)
	// -build: "-" is not a build: expected a form like 83067 or 83067.0.0
	// <nil> 39.2 83999.0.0
}

// A gate of a pipeline: the rules alone, for what Test and Production are known to run.
func ExampleConfig_PolicyRequest() {
	_, cfg, remove := configured()
	defer remove()
	request, err := cfg.PolicyRequest(context.Background(), policy.Test, nil)
	check(err)
	test, _ := policy.ParseVersion("38.1 (81931)")
	production, _ := policy.ParseVersion("36 (77000)")
	request.Test, request.Production = &test, &production
	decision := policy.Decide(request, time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	for _, f := range decision.Findings.Blocking() {
		fmt.Println(decision.Outcome, f.Clause, f.Rule)
	}
	// Output:
	// needs-consent POL-1a one-major-ahead
	// needs-consent POL-1b two-minors-ahead
}

// The clients of an environment without a session, for a tool that must not change anything.
func ExampleConnect() {
	ctx := context.Background()
	world, cfg, remove := configured()
	defer remove()
	secrets, err := cfg.ReadSecrets()
	check(err)
	systems, err := upgrade.Connect(cfg, policy.Test, secrets, func(next http.RoundTripper) http.RoundTripper {
		return upgrade.ReadOnly(world.Transport(next))
	})
	check(err)
	nodes, err := systems.Test.Nodes(ctx)
	check(err)
	for _, n := range nodes {
		fmt.Println(n.Role, n.Name, n.Version)
	}
	fmt.Println("a change is refused:", errors.Is(systems.Test.SetSessionTimeoutEnabled(ctx, false), upgrade.ErrReadOnly))
	// Output:
	// management test-mgmt-core 38.1 (81931.0.0)
	// conferencing test-conf-core 38.1 (81931.0.0)
	// a change is refused: true
}

// ReadOnly goes around the transport of any client.
func ExampleReadOnly() {
	world := upgradetest.New(upgradetest.Options{})
	client := &http.Client{Transport: upgrade.ReadOnly(world.Transport(nil))}
	res, err := client.Get("https://service.invalid/test/health")
	check(err)
	fmt.Println(res.StatusCode, res.Body.Close())
	_, err = client.Post("https://service.invalid/test/health", "", nil)
	fmt.Println(errors.Is(err, upgrade.ErrReadOnly), err)
	// Output:
	// 200 <nil>
	// true Post "https://service.invalid/test/health": a plan only reads: POST /test/health was not sent
}

// What a person typed.
func ExampleParseEnvironment() {
	env, err := upgrade.ParseEnvironment("test")
	fmt.Println(env, err)
	_, err = upgrade.ParseEnvironment("Prod")
	fmt.Println(err)
	// Output:
	// test <nil>
	// unknown environment "Prod": it is test or production
}

// A public key as openssl pkey -pubout writes it, for runbook.ReadBundle.
func ExampleReadPublicKey() {
	dir, err := os.MkdirTemp("", "keys")
	check(err)
	defer os.RemoveAll(dir)
	public, _, err := ed25519.GenerateKey(nil)
	check(err)
	der, err := x509.MarshalPKIXPublicKey(public)
	check(err)
	file := filepath.Join(dir, "evidence.pub")
	check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	key, err := upgrade.ReadPublicKey(file)
	fmt.Println(key.Equal(public), err)
	// Output: true <nil>
}

// Who an answer or a run is recorded under, unless a program knows better.
func ExampleIdentity() {
	user, host, ok := strings.Cut(upgrade.Identity(), "@")
	fmt.Println(user != "", host != "", ok)
	// Output: true true true
}
