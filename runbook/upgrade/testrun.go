package upgrade

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// testEvidence reads and verifies the evidence of Test, on which an upgrade of Production relies (POL-4).
func (c *Config) testEvidence(ctx context.Context, h History) (*policy.Evidence, error) {
	e := &policy.Evidence{SHA256: c.Package.SHA256}
	var err error
	if e.Run, err = findTestRun(ctx, c, h); is[*ConfigError](err) {
		return nil, err
	}
	if err != nil {
		e.Fault = err.Error()
	}
	return e, nil
}

// findTestRun reads and verifies the evidence of Test: the configured folder, or else that of the
// newest completed Test run. It is nil when Test was never upgraded here and no evidence is configured.
func findTestRun(ctx context.Context, cfg *Config, h History) (*policy.TestRun, error) {
	runs, err := testRuns(ctx, h)
	if err != nil {
		return nil, err
	}
	key, err := cfg.Evidence.publicKey()
	if err != nil {
		return nil, err
	}
	dir := cfg.Production.TestEvidence
	if dir == "" {
		i := slices.IndexFunc(runs, completed)
		if i < 0 {
			return nil, nil
		}
		dir = filepath.Join(cfg.State, filepath.FromSlash(runbook.RunStream(runs[i].Run)))
	}
	return readTestRun(dir, key, runs)
}

// testRuns are the runs of Test in the journal that came as far as the start of the upgrade, newest first.
func testRuns(ctx context.Context, h History) ([]*runbook.State, error) {
	if h == nil {
		return nil, nil
	}
	all, err := h.Runs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the history of Test: %w", err)
	}
	var runs []*runbook.State
	for _, s := range all {
		if s.Plan.Environment == string(policy.Test) && s.Step(stepStart).Status != runbook.StepPending {
			runs = append(runs, s)
		}
	}
	slices.SortFunc(runs, func(a, b *runbook.State) int { return b.Started.Compare(a.Started) })
	return runs, nil
}

func completed(s *runbook.State) bool { return s.End != nil && s.End.Outcome == runbook.Completed }

// readTestRun verifies a bundle and compares it with the journal, as far as that goes back.
func readTestRun(dir string, key ed25519.PublicKey, runs []*runbook.State) (*policy.TestRun, error) {
	e, err := runbook.ReadBundle(dir, key)
	if err != nil {
		return nil, fmt.Errorf("the evidence of Test in %s is not sound: %w", dir, err)
	}
	s := e.State
	switch {
	case s.Plan.Name != processName || s.Plan.Environment != string(policy.Test):
		return nil, fmt.Errorf("the evidence in %s is of %q in %q, not of an upgrade of Test", dir, s.Plan.Name, s.Plan.Environment)
	case !completed(s):
		return nil, fmt.Errorf("run %s, whose evidence is in %s, did not complete", s.Run, dir)
	}
	for _, r := range runs {
		if r.Run == s.Run && r.Head != s.Head {
			return nil, fmt.Errorf("the evidence in %s ends with %.12s…, the journal of run %s with %.12s…: somebody changed one of them", dir, s.Head, s.Run, r.Head)
		}
	}
	if len(runs) > 0 && runs[0].Run != s.Run && runs[0].Started.After(s.Started) {
		return nil, fmt.Errorf("the evidence in %s is of run %s, but Test was upgraded again by run %s at %s", dir, s.Run, runs[0].Run, runs[0].Started.UTC().Format(time.RFC3339))
	}
	return newTestRun(s)
}

func newTestRun(s *runbook.State) (*policy.TestRun, error) {
	var in inputs
	if err := json.Unmarshal(s.Plan.Inputs, &in); err != nil {
		return nil, fmt.Errorf("the plan of Test run %s does not read: %w", s.Run, err)
	}
	target, err := policy.ParseVersion(in.Target)
	if err != nil {
		return nil, fmt.Errorf("the target of Test run %s: %w", s.Run, err)
	}
	t := &policy.TestRun{Run: s.Run, Target: target, SHA256: in.SHA256, Ended: s.End.At}
	for _, step := range s.Plan.Steps {
		if step.Phase != phaseVerification {
			continue
		}
		if st := s.Step(step.ID).Status; st == runbook.StepDone || st == runbook.StepAlready {
			t.Verified = append(t.Verified, step.ID)
		} else {
			t.Open = append(t.Open, fmt.Sprintf("%s (%s)", step.ID, st))
		}
	}
	if promise := s.Step(stepCloseRun).Output; len(promise) > 0 {
		if err := json.Unmarshal(promise, &t.Promise); err != nil {
			return nil, fmt.Errorf("the promise of Test run %s does not read: %w", s.Run, err)
		}
	}
	return t, nil
}

func mitigationText(all []policy.Mitigation) string {
	var texts []string
	for _, m := range all {
		texts = append(texts, m.Text)
	}
	return cmp.Or(strings.Join(texts, "; "), "none")
}
