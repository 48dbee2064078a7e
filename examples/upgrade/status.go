package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func status(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	config := f.String("config", "upgrade.yaml", "the configuration file")
	id := f.String("run", "", "only this run, with all that is known of it")
	return func(ctx context.Context, _ []string) (int, error) {
		r, err := a.journals(*config)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		if *id != "" {
			s, err := r.State(ctx, *id)
			if err != nil {
				return upgrade.ExitCode(nil, err), err
			}
			return upgrade.ExitCompleted, a.show("run", s, func() { a.writeRun(s) })
		}
		runs, err := r.List(ctx)
		if err != nil {
			return upgrade.ExitFailed, err
		}
		list, err := a.summaries(ctx, r, runs)
		if err != nil {
			return upgrade.ExitFailed, err
		}
		return upgrade.ExitCompleted, a.show("runs", list, func() { a.writeRuns(list) })
	}
}

// summary is one run in the table of status. What is owed and waited for is told of runs that have not ended.
type summary struct {
	runbook.RunInfo
	At       string   `json:"at,omitempty"`
	Owed     []string `json:"owed"`
	WaitsFor string   `json:"waitsFor,omitempty"`
	Next     string   `json:"next,omitempty"`

	state *runbook.State
}

// summaries reads the journals of the runs that have not ended, and of no others.
func (a *app) summaries(ctx context.Context, r *runbook.Runner, runs []runbook.RunInfo) ([]summary, error) {
	out := []summary{}
	for _, info := range runs {
		s := summary{RunInfo: info, Owed: []string{}}
		if info.Outcome == "" {
			st, err := r.State(ctx, info.Run)
			if err != nil && !errors.Is(err, runbook.ErrUnknownRun) { // a run that is just beginning
				return out, err
			}
			s.fill(st, a)
		}
		out = append(out, s)
	}
	return out, nil
}

func (s *summary) fill(st *runbook.State, a *app) {
	if st == nil {
		return
	}
	s.state, s.At, s.Next = st, current(st), a.named(upgrade.NextCommand(st))
	for _, o := range st.Owed {
		s.Owed = append(s.Owed, o.ID())
	}
	if st.Waiting != nil {
		s.WaitsFor = st.Waiting.Question.Title
	}
}

func (a *app) journals(config string) (*runbook.Runner, error) {
	a.config = config
	cfg, err := upgrade.LoadConfig(config)
	if err != nil {
		return nil, &upgrade.InputError{Err: err}
	}
	return upgrade.OpenRunner(cfg.State, upgrade.SessionOptions{})
}

// writeRuns is a table of all runs, then what is known of those that have not ended.
func (a *app) writeRuns(list []summary) {
	if len(list) == 0 {
		fmt.Fprintln(a.out, "no runs")
		return
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tENVIRONMENT\tSTARTED\tSTATE\tOWED")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", s.Run, s.Environment, s.Started.Local().Format("2006-01-02 15:04"), s.word(), len(s.Owed))
	}
	_ = w.Flush()
	for _, s := range list {
		if s.state != nil {
			a.writeRun(s.state)
		}
	}
}

func (s summary) word() string {
	switch {
	case s.Outcome != "":
		return string(s.Outcome)
	case s.WaitsFor != "":
		return "waits for: " + s.WaitsFor
	}
	return "at " + s.At
}

func (a *app) writeRun(s *runbook.State) {
	a.writeResult(upgrade.Result{State: s})
	fmt.Fprintf(a.out, "  started   %s by %s; %d records\n", s.Started.Local().Format("2006-01-02 15:04:05"), s.Starter, s.Records)
	if s.End == nil && s.Waiting == nil {
		fmt.Fprintf(a.out, "  at        %s\n", current(s))
	}
}

// current is the first step that is not over.
func current(s *runbook.State) string {
	for _, p := range s.Plan.Steps {
		if st := s.Step(p.ID); !st.Status.Over() {
			return fmt.Sprintf("%s (%s)", p.ID, st.Status)
		}
	}
	return "its end"
}

func verify(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	public := f.String("public-key", "", "PEM file with the Ed25519 key that the signature must fit; its folder is verified as a whole")
	return func(_ context.Context, args []string) (int, error) {
		if len(args) != 1 {
			return upgrade.ExitInput, errors.New("give the folder of a run's evidence, or one evidence file")
		}
		c, err := check(args[0], *public)
		if errors.Is(err, runbook.ErrDamaged) {
			return upgrade.ExitRefused, err
		}
		if err != nil {
			return upgrade.ExitInput, err
		}
		return upgrade.ExitCompleted, a.show("verified", c.summary(), func() {
			fmt.Fprintf(a.out, "run %s: %d records, complete and unchanged, last hash %s\nverified: %s\n", c.Run, len(c.Records), c.Head, c.what)
			if c.page != "" {
				fmt.Fprintf(a.out, "page: %s\n", c.page)
			}
		})
	}
}

// checked is evidence that was verified: what of it, and the page among it, if there is one.
type checked struct {
	*runbook.Evidence
	what, page string
}

func (c checked) summary() map[string]any {
	m := map[string]any{"run": c.Run, "records": len(c.Records), "head": c.Head, "verified": c.what}
	if c.page != "" {
		m["html"] = c.page
	}
	return m
}

// check verifies a folder with all its files, or one file alone.
func check(path, public string) (c checked, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	if !info.IsDir() && public == "" {
		c.what = "the records; give the folder to verify reports, attachments and the signature too"
		c.Evidence, err = runbook.ReadEvidence(path)
		return c, err
	}
	c.what = "records, reports and attachments"
	var key ed25519.PublicKey
	if public != "" {
		c.what += ", signed with the key in " + public
		if key, err = upgrade.ReadPublicKey(public); err != nil {
			return c, err
		}
	}
	if !info.IsDir() {
		path = filepath.Dir(path)
	}
	if page := filepath.Join(path, runbook.HTMLFile); isFile(page) {
		c.page = page
	}
	c.Evidence, err = runbook.ReadBundle(path, key)
	if err == nil && !c.ReportsCompared() {
		c.what += "; the reports are in the form of another version of this program, and known by their checksums alone"
	}
	return c, err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
