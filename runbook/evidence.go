package runbook

import (
	"context"
	"encoding/json"
	"fmt"
)

// Evidence is a run as it can be handed over: the journal itself and what it says.
// The hash of the last record stands for all of it; keep it elsewhere to make rewriting visible.
type Evidence struct {
	Schema  int      `json:"schema"`
	Reports int      `json:"reports"` // the form in which reports are written beside it
	Run     string   `json:"run"`
	Head    string   `json:"head"`
	State   *State   `json:"state"`
	Records []Record `json:"records"`
}

// evidenceSchema is the form in which evidence is written, reportForm that of the reports. Whoever changes what a
// report says, or how it looks, raises reportForm: reports of another form are not made again to be compared.
const (
	evidenceSchema = 3
	reportForm     = 1
)

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
	return &Evidence{Schema: evidenceSchema, Reports: reportForm, Run: run, Head: state.Head, State: state, Records: records}, nil
}

// ReportsCompared says whether ReadBundle makes the reports again to compare them. Those of another form are known by
// their checksums alone.
func (e *Evidence) ReportsCompared() bool { return e.Reports == reportForm }

// Verify checks, offline, that the records are complete and unchanged and that the state is what
// they say. Any difference is an error that matches ErrDamaged.
func (e *Evidence) Verify() error {
	if e.Schema != evidenceSchema {
		return fmt.Errorf("evidence of run %s has schema %d, this program reads %d: use the program that wrote it", e.Run, e.Schema, evidenceSchema)
	}
	if err := VerifyChain(RunStream(e.Run), e.Records); err != nil {
		return fmt.Errorf("evidence of run %s: %w", e.Run, err)
	}
	state, err := Fold(e.Run, e.Records)
	if err != nil {
		return err
	}
	if state.Head != e.Head {
		return fmt.Errorf("evidence of run %s: %w: it ends before its last record", e.Run, errFile)
	}
	is, err1 := json.Marshal(e.State)
	want, err2 := json.Marshal(state)
	if err1 != nil || err2 != nil || string(is) != string(want) {
		return fmt.Errorf("evidence of run %s: %w: its summary differs from its records", e.Run, errFile)
	}
	return nil
}
