package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// rehearsalSpeed makes fourteen minutes of a Management Node's upgrade take an eighth of a second.
const rehearsalSpeed = 6000

func rehearse(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	dir := f.String("dir", "", "folder for configuration and evidence; empty: a new temporary one")
	swapped := f.Bool("swapped", false, "a world in which the VM lists are swapped: refused before anything is touched")
	both := f.Bool("both", false, "upgrade Production too, after Test")
	nodes := f.Int("nodes", 1, "Conferencing Nodes per environment")
	size := f.Int64("package-size", 64<<20, "size of the upgrade package in bytes")
	speed := f.Float64("speed", rehearsalSpeed, "how many times faster than reality slow operations run")
	return func(ctx context.Context, _ []string) (int, error) {
		return a.rehearse(ctx, *dir, *both, upgradetest.Options{Swapped: *swapped, ConferencingNodes: *nodes, PackageSize: *size, Speed: *speed})
	}
}

func (a *app) rehearse(ctx context.Context, dir string, both bool, o upgradetest.Options) (int, error) {
	if dir == "" {
		temp, err := os.MkdirTemp("", "pexip-rehearsal-")
		if err != nil {
			return upgrade.ExitFailed, err
		}
		dir = temp
	}
	w, err := upgradetest.Start(o)
	if err != nil {
		return upgrade.ExitFailed, err
	}
	defer w.Close()
	config, err := w.WriteConfig(dir)
	if err != nil {
		return upgrade.ExitFailed, err
	}
	defer os.Remove(filepath.Join(dir, w.PackageName())) // large, and without use once the rehearsal is over
	if a.output == formatText {
		fmt.Fprintf(a.out, "A rehearsal: simulated Pexip, Azure and Azure DevOps, and nobody is asked. Files: %s\n\n", dir)
	}
	environments := []policy.Environment{policy.Test}
	if both {
		environments = append(environments, policy.Production)
	}
	for _, env := range environments {
		if code, err := a.rehearseOne(ctx, config, env); code != upgrade.ExitCompleted {
			return code, err
		}
	}
	return upgrade.ExitCompleted, nil
}

func (a *app) rehearseOne(ctx context.Context, config string, env policy.Environment) (int, error) {
	s, _, err := a.open(ctx, target{config: config, environment: string(env), prompt: "never"})
	if err != nil {
		return upgrade.ExitCode(nil, err), err
	}
	s.Runner.Asker = upgradetest.People{}
	if err := ready(ctx, s, nil); err != nil {
		return upgrade.ExitCode(nil, err), err
	}
	if code, err := a.preview(ctx, s); code != upgrade.ExitCompleted {
		return code, err
	}
	return a.drive(ctx, s, s.Run)
}
