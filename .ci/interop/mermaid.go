package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// mermaidWorld has the plan of an upgrade as a chart, whose path the client finds in INTEROP_CHART.
func mermaidWorld() (world, error) {
	w, err := upgradetest.Start(upgradetest.Options{PackageSize: 1 << 20, ConferencingNodes: 40})
	if err != nil {
		return world{}, err
	}
	dir, err := os.MkdirTemp("", "interop-plan")
	if err != nil {
		return world{}, err
	}
	chart := filepath.Join(dir, "plan.mmd")
	err = errors.Join(writeChart(w, dir, chart), os.Setenv("INTEROP_CHART", chart))
	return world{check: func() error { return nil }, close: func() { w.Close(); _ = os.RemoveAll(dir) }}, err
}

func writeChart(w *upgradetest.World, dir, chart string) error {
	config, err := w.WriteConfig(dir)
	if err != nil {
		return err
	}
	cfg, err := upgrade.LoadConfig(config)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := upgrade.Open(ctx, cfg, upgrade.SessionOptions{Environment: policy.Test})
	if err != nil {
		return err
	}
	p, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	p.Plan.Steps[0].Does = "\"]:::human; end\n  a --> b[#quot;`<script>%% {{y}} | \\ \x1b"
	file, err := os.Create(chart)
	if err != nil {
		return err
	}
	upgrade.ViewPlan(p).WriteMermaid(file)
	return file.Close()
}
