package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// packageSize keeps the example light; the real thing has gigabytes.
const packageSize = 1 << 20

// upgradeAll starts the worlds and the workers, and shows how far they are.
func upgradeAll(ctx context.Context, o options, out io.Writer) (code int, err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "pexip-fleet-"); err != nil {
			return exitFailed, err
		}
		defer os.RemoveAll(o.dir)
	}
	m, err := join(ctx, o)
	if err != nil {
		return exitInput, err
	}
	defer m.close()
	if err := m.migrate(ctx); err != nil {
		return exitFailed, err
	}
	items, stop, err := m.worlds()
	defer stop()
	if err != nil {
		return exitFailed, err
	}
	if _, err := m.Enqueue(ctx, items); err != nil {
		return exitFailed, err
	}
	workers, drain, err := m.spawn()
	defer drain()
	if err != nil {
		return exitFailed, err
	}
	return m.watch(ctx, out, items, workers)
}

// worlds starts the simulated environments. Their names are new each time, as the worlds are.
func (m *member) worlds() (items []fleet.Item, stop func(), err error) {
	var running []*upgradetest.World
	stop = func() {
		for _, w := range running {
			w.Close()
		}
	}
	fleetName := time.Now().UTC().Format("20060102-150405")
	for i := range m.environments {
		w, err := upgradetest.Start(upgradetest.Options{Speed: m.speed, PackageSize: packageSize})
		if err != nil {
			return items, stop, err
		}
		running = append(running, w)
		name := fmt.Sprintf("fleet-%s-%02d", fleetName, i+1)
		if _, err := w.WriteConfig(filepath.Join(m.dir, name)); err != nil {
			return items, stop, err
		}
		items = append(items, fleet.Item{Environment: name})
	}
	return items, stop, nil
}

// spawn starts the workers. drain lets them finish their steps and waits for them.
func (m *member) spawn() (workers []*exec.Cmd, drain func(), err error) {
	self, err := os.Executable()
	var pipes []io.Closer
	drain = func() {
		for i, w := range workers {
			_ = pipes[i].Close()
			_ = w.Wait() // one may have been killed
		}
	}
	for range m.workers {
		if err != nil {
			break
		}
		w := exec.Command(self, "-work", "-dsn", m.dsn, "-dir", m.dir, "-at-once", fmt.Sprint(m.atOnce))
		w.Stdout, w.Stderr = os.Stderr, os.Stderr
		var pipe io.Closer
		if pipe, err = w.StdinPipe(); err == nil {
			err = w.Start()
		}
		if err == nil {
			workers, pipes = append(workers, w), append(pipes, pipe)
		}
	}
	return workers, drain, err
}

// watchEvery is how often the fleet is looked at.
const watchEvery = 250 * time.Millisecond

// watch shows what changes until nothing does any more by itself.
func (m *member) watch(ctx context.Context, out io.Writer, items []fleet.Item, workers []*exec.Cmd) (int, error) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for shown := ""; ; {
		r, err := m.mine(ctx, items)
		if err != nil {
			return exitFailed, err
		}
		if line := r.Line(); line != shown {
			shown = line
			fmt.Fprintf(out, "%s  %s\n", time.Now().Format("15:04:05"), line)
		}
		if settled(r) {
			fmt.Fprintln(out)
			return code(r), r.Write(out)
		}
		if m.kill {
			m.kill = !killBusy(out, r, workers)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return exitFailed, errors.New("interrupted; the workers finish their steps, and the simulated worlds are gone")
		}
	}
}

// mine is the report on this invocation's environments.
func (m *member) mine(ctx context.Context, items []fleet.Item) (fleet.Report, error) {
	all, err := m.Status(ctx)
	r := fleet.Report{Totals: map[fleet.State]int{}}
	for _, e := range all.Environments {
		if slices.Contains(items, fleet.Item{Environment: e.Environment}) {
			r.Environments = append(r.Environments, e)
			r.Totals[e.State]++
		}
	}
	return r, err
}

// settled says whether the fleet has done what it can: nobody is here to answer or to decide.
func settled(r fleet.Report) bool {
	return !slices.ContainsFunc(r.Environments, func(e fleet.Environment) bool {
		return !e.State.Over() && e.State != fleet.Waiting && e.State != fleet.Deciding
	})
}

func code(r fleet.Report) int {
	if r.Totals[fleet.Completed] == len(r.Environments) {
		return exitCompleted
	}
	return exitOpen
}

// killBusy kills a worker that drives something, as a crash does.
func killBusy(out io.Writer, r fleet.Report, workers []*exec.Cmd) bool {
	for _, e := range r.Environments {
		for _, w := range workers {
			if strings.Contains(e.Worker, fmt.Sprintf(":%d:", w.Process.Pid)) && e.Step != "" {
				fmt.Fprintf(out, "%s  worker %s is killed in step %s of %s\n", time.Now().Format("15:04:05"), e.Worker, e.Step, e.Environment)
				return w.Process.Kill() == nil
			}
		}
	}
	return false
}
