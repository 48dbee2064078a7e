package upgrade

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// testRun is what a Production upgrade knows of the Test run that it relies on, read from its evidence.
type testRun struct {
	Run         string
	Ended       time.Time
	SHA256      string
	Build       string
	Verified    []string // verification steps that were carried out
	Open        []string // and those that were not, waived ones included
	Attested    bool     // it was said which breaking changes are mitigated
	Mitigations []string
	Promised    string
}

// errNoTestRun says that Test was never upgraded here, and that no evidence of it is configured.
var errNoTestRun = errors.New("no completed Test run is recorded here")

// findTestRun reads and verifies the evidence of Test: the configured folder, or else that of the
// newest completed Test run.
func findTestRun(ctx context.Context, cfg *Config, h History) (*testRun, error) {
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
			return nil, errNoTestRun
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
func readTestRun(dir string, key ed25519.PublicKey, runs []*runbook.State) (*testRun, error) {
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

func newTestRun(s *runbook.State) (*testRun, error) {
	var in inputs
	if err := json.Unmarshal(s.Plan.Inputs, &in); err != nil {
		return nil, fmt.Errorf("the plan of Test run %s does not read: %w", s.Run, err)
	}
	t := &testRun{Run: s.Run, Ended: s.End.At, SHA256: in.SHA256, Build: in.Target}
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
	for _, a := range s.Step(stepBreakingChanges).Answers {
		t.Attested = true
		if m := a.Values["mitigation"]; m != "" && !strings.EqualFold(m, "none") {
			t.Mitigations = append(t.Mitigations, m)
		}
	}
	for _, a := range s.Step(stepProductionDate).Answers {
		t.Promised = a.Values["date"]
	}
	return t, nil
}

// testEvidence judges Test's own run, on which a Production upgrade relies (POL-4, POL-1). runs is the
// version of Test now.
func (p *Process) testEvidence(runs *policy.Version, now time.Time) policy.Findings {
	if errors.Is(p.testErr, errNoTestRun) {
		f := finding("POL-4", "test-evidence", policy.Must, false, fmt.Sprintf("no completed Test run to %s is recorded here", p.target),
			"upgrade Test with this tool first, name its evidence in environments.production.test_evidence, or say how Test was verified")
		f.Status = policy.Unknown
		return policy.Findings{f}
	}
	if p.testErr != nil {
		return policy.Findings{finding("POL-4", "test-evidence", policy.Must, false, p.testErr.Error(), "find the evidence of the newest upgrade of Test, as it was saved, or upgrade Test again")}
	}
	t := p.test
	must := func(clause, rule string, ok bool, detail, remedy string) policy.Finding {
		return finding(clause, rule, policy.Must, ok, detail, remedy)
	}
	built, err := policy.ParseVersion(t.Build)
	current := err == nil && runs != nil && built.SameSoftware(*runs)
	verified := fmt.Sprintf("Test run %s was verified by %s", t.Run, strings.Join(t.Verified, ", "))
	if len(t.Open) > 0 {
		verified += "; not carried out: " + strings.Join(t.Open, ", ")
	}
	return policy.Findings{
		must("POL-4", "test-verified", len(t.Verified) > 0 && len(t.Open) == 0, verified, "verify Test first"),
		must("POL-4", "test-still-runs-it", current, fmt.Sprintf("Test run %s led to %s; Test runs %s", t.Run, t.Build, orUnknown(runs)), "upgrade and verify Test again"),
		must("POL-5", "same-build-as-run", err == nil && built.SameSoftware(p.target), fmt.Sprintf("Test run %s led to %s, this one to %s", t.Run, t.Build, p.target), "take the build that was tried in Test"),
		must("POL-5", "same-package", strings.EqualFold(t.SHA256, p.cfg.Package.SHA256), fmt.Sprintf("Test was upgraded with the file %.12s…, this one is %.12s…", t.SHA256, p.cfg.Package.SHA256), "use the same file"),
		must("POL-3", "mitigations-known", t.Attested, "what breaking changes needed in Test is on record", "find out what Test needed"),
		policy.CheckSoak(t.Ended, p.cfg.Policy.Soak, now),
	}
}

func orUnknown(v *policy.Version) string {
	if v == nil {
		return "an unknown version"
	}
	return v.String()
}
