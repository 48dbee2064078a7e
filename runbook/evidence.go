package runbook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Evidence is a run as it can be handed over: the journal itself and what it says.
// The hash of the last record stands for all of it; keep it elsewhere to make rewriting visible.
type Evidence struct {
	Schema  int      `json:"schema"`
	Run     string   `json:"run"`
	Head    string   `json:"head"`
	State   *State   `json:"state"`
	Records []Record `json:"records"`
}

// Evidence reads a run as evidence. It may be called at any time; a run that has not ended gives
// what is known so far.
func (r *Runner) Evidence(ctx context.Context, run string) (*Evidence, error) {
	records, err := r.Log.Read(ctx, RunStream(run), 1)
	if err != nil {
		return nil, fmt.Errorf("evidence of run %s: %w", run, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnknownRun, run)
	}
	state, err := Fold(run, records)
	if err != nil {
		return nil, err
	}
	return &Evidence{Schema: 1, Run: run, Head: state.Head, State: state, Records: records}, nil
}

// Verify checks, offline, that the records are complete and unchanged and that the state is what
// they say. Any difference is an error that matches ErrDamaged.
func (e *Evidence) Verify() error {
	if err := VerifyChain(RunStream(e.Run), e.Records); err != nil {
		return fmt.Errorf("evidence of run %s: %w", e.Run, err)
	}
	state, err := Fold(e.Run, e.Records)
	if err != nil {
		return err
	}
	if state.Head != e.Head {
		return fmt.Errorf("evidence of run %s: %w: it ends before its last record", e.Run, ErrDamaged)
	}
	is, err1 := json.Marshal(e.State)
	want, err2 := json.Marshal(state)
	if err1 != nil || err2 != nil || string(is) != string(want) {
		return fmt.Errorf("evidence of run %s: %w: its summary differs from its records", e.Run, ErrDamaged)
	}
	return nil
}

// ReadEvidence reads and verifies a file written by Save.
func ReadEvidence(path string) (*Evidence, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	e := &Evidence{}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("evidence %s: %w: %v", path, ErrDamaged, err)
	}
	return e, e.Verify()
}

// Save writes evidence.json and report.md into dir, replacing earlier ones, and returns their paths.
func (e *Evidence) Save(dir string) (jsonPath, reportPath string, err error) {
	if _, err := writeAttachment(dir, "evidence.json", e.writeJSON); err != nil {
		return "", "", fmt.Errorf("save evidence: %w", err)
	}
	if _, err := writeAttachment(dir, "report.md", e.WriteMarkdown); err != nil {
		return "", "", fmt.Errorf("save report: %w", err)
	}
	return filepath.Join(dir, "evidence.json"), filepath.Join(dir, "report.md"), nil
}

func (e *Evidence) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(e)
}
