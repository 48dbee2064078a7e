package runbook_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// desk is a run that waits for a document, and a place where documents lie.
type desk struct {
	*runbook.Runner
	def *runbook.Definition
	dir string
	run string
}

const attest = "attest/minutes" // a step's id may hold what a file's name may not

func newDesk(t *testing.T) *desk {
	t.Helper()
	root := t.TempDir()
	log, err := filelog.New(root)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{Runner: runner(log), def: book(&lamp{on: true}), dir: t.TempDir(), run: "test-0001"}
	d.Files, d.Secrets = root, []string{"", "hunter2"}
	d.def.Steps[0] = runbook.Step{ID: attest, Phase: "Before", Title: "Minutes", Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "What was said?", Fields: []runbook.Field{
		{Name: "document", Text: "minutes", Required: true, File: true}, {Name: "more", Text: "more", Link: true, File: true}, {Name: "note", Text: "note"}}}}
	return d
}

// waits starts the run, which then waits for the document.
func (d *desk) waits(t *testing.T) {
	t.Helper()
	var waiting *runbook.WaitingError
	if _, err := d.Start(t.Context(), d.def); !errors.As(err, &waiting) || waiting.Question.Step != attest {
		t.Fatal(err)
	}
}

func (d *desk) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func brings(path string) runbook.Answer {
	return runbook.Answer{How: "decide", Statement: "this was said", Files: map[string]string{"document": path}}
}

// copies are the files in the run's folder that an answer brought.
func (d *desk) copies(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.Files, "runs", d.run, "attest-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A file that an answer brings, as a signal or from an Asker, is in the state, the evidence and the report.
func TestAnswersBringFiles(t *testing.T) {
	for how, start := range map[string]func(*testing.T, *desk, runbook.Answer) error{
		"signal": func(t *testing.T, d *desk, a runbook.Answer) error {
			d.waits(t)
			a.Attached = []runbook.Attachment{{Name: "evidence.json"}} // nobody but the runner says what was copied
			if err := d.Signal(t.Context(), d.run, attest, a); err != nil {
				return err
			}
			if err := os.Remove(a.Files["document"]); err != nil { // the copy counts
				return err
			}
			_, err := d.Resume(t.Context(), d.def, d.run, "answered")
			return err
		},
		"prepared": func(t *testing.T, d *desk, a runbook.Answer) error {
			d.Asker = &runbook.Prepared{How: "file", Answers: []runbook.PreparedAnswer{{Step: attest, Statement: a.Statement, Files: a.Files, Values: a.Values}}}
			_, err := d.Start(t.Context(), d.def)
			return err
		},
	} {
		t.Run(how, func(t *testing.T) {
			d := newDesk(t)
			a := brings(d.write(t, "Minutes | of May.PDF", "we met"))
			a.Values = map[string]string{"more": "https://example.invalid/more"}
			if err := start(t, d, a); err != nil {
				t.Fatal(err)
			}
			e, err := d.Evidence(t.Context(), d.run)
			if err != nil {
				t.Fatal(err)
			}
			got := e.State.Step(attest).Answers[0]
			if len(got.Attached) != 1 || got.Attached[0].Size != 6 || got.Attached[0].Was != "Minutes | of May.PDF" || got.Values["document"] != got.Attached[0].Name ||
				!strings.HasPrefix(got.Attached[0].Name, "attest-minutes-document-") || !strings.HasSuffix(got.Attached[0].Name, ".pdf") {
				t.Fatalf("%+v", got)
			}
			if list := e.State.Attachments(); len(list) != 1 || list[0] != got.Attached[0] {
				t.Errorf("%+v", list)
			}
			var report bytes.Buffer
			if err := e.WriteMarkdown(&report); err != nil {
				t.Fatal(err)
			}
			wants(t, report.String(), "| "+got.Attached[0].Name+" | "+attest+" | 6 | "+got.Attached[0].SHA256+" | Minutes \\| of May.PDF |", "document: "+got.Attached[0].Name)
			d.verifies(t, e, got.Attached[0].Name)
		})
	}
}

// verifies: the bundle is sound, and is not with the file changed, gone or exchanged.
func (d *desk) verifies(t *testing.T, e *runbook.Evidence, name string) {
	t.Helper()
	dir := filepath.Join(d.Files, "runs", d.run)
	if _, err := e.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := runbook.ReadBundle(dir, nil); err != nil {
		t.Errorf("as it is: %v", err)
	}
	path := filepath.Join(dir, name)
	for what, spoil := range map[string]func() error{
		"changed":   func() error { return os.WriteFile(path, []byte("we Met"), 0o600) },
		"exchanged": func() error { return os.Rename(filepath.Join(dir, "journal.jsonl"), path) },
		"gone":      func() error { return os.Remove(path) },
	} {
		if err := spoil(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if _, err := runbook.ReadBundle(dir, nil); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What cannot be attached is refused before anything is copied or recorded.
func TestFilesThatAreRefused(t *testing.T) {
	d := newDesk(t)
	d.waits(t)
	big := d.write(t, "big", "")
	if err := os.Truncate(big, runbook.MaxAttachment+1); err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]runbook.Answer{
		"document: stat":                                  brings(filepath.Join(d.dir, "nowhere")),
		"document: " + d.dir + " is not a file":           brings(d.dir),
		"more than the 20971520 that may be attached":     brings(big),
		"holds a credential of this run":                  brings(d.write(t, "letter", "the password is hunter2.")),
		"note takes no file":                              {Statement: "x", Files: map[string]string{"note": big}},
		"zeal is not asked for":                           {Statement: "x", Files: map[string]string{"zeal": big}},
		`must be a file, and "evidence.json" was not att`: {Statement: "x", Values: map[string]string{"document": "evidence.json"}},
		"document is needed":                              {Statement: "x"},
	} {
		err := d.Signal(t.Context(), d.run, attest, a)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	s, err := d.State(t.Context(), d.run)
	if err != nil || len(d.copies(t)) != 0 {
		t.Errorf("%v, %v", d.copies(t), err)
	}
	d.Files = ""
	if err := d.Signal(t.Context(), d.run, attest, brings(d.write(t, "m", "x"))); err == nil || !strings.Contains(err.Error(), "no folder for files") {
		t.Errorf("without a folder: %v", err)
	}
	if after, err := d.State(t.Context(), d.run); err != nil || after.Records != s.Records {
		t.Errorf("recorded: %d, %d, %v", s.Records, after.Records, err)
	}
	decision := runbook.Question{Step: "s", Ask: runbook.Ask{Kind: runbook.DecisionWanted}, Decisions: []runbook.Decision{runbook.DecideRetry}}
	if err := decision.Check(runbook.Answer{Decision: runbook.DecideRetry, Files: map[string]string{"document": big}}); err == nil || !strings.Contains(err.Error(), "takes no file") {
		t.Errorf("a decision: %v", err)
	}
}

// Files of prepared answers are looked for before the run.
func TestPreparedFilesAreLookedFor(t *testing.T) {
	d := newDesk(t)
	plan, err := d.def.Plan()
	if err != nil {
		t.Fatal(err)
	}
	for path, n := range map[string]int{d.write(t, "there", "x"): 0, filepath.Join(d.dir, "gone"): 1} {
		p := runbook.Prepared{Answers: []runbook.PreparedAnswer{{Step: attest, Statement: "x", Files: map[string]string{"document": path}}}}
		if faults := p.Check(plan); len(faults) != n {
			t.Errorf("%s: %v", path, faults)
		}
	}
}

// An Asker's file that is refused is a failure that a person decides about; nothing was recorded.
func TestAskersFileWithASecret(t *testing.T) {
	d := newDesk(t)
	d.Asker = &runbook.Prepared{How: "file", Answers: []runbook.PreparedAnswer{{Step: attest, Statement: "x", Files: map[string]string{"document": d.write(t, "letter", "hunter2")}}}}
	s, err := d.Start(t.Context(), d.def)
	if err == nil || !strings.Contains(s.Step(attest).Error, "holds a credential of this run; take it out first; nothing was recorded") || len(s.Step(attest).Answers) != 0 {
		t.Errorf("%v, %+v", err, s.Step(attest))
	}
}

// A process that dies between the copy and the record leaves a file that nothing refers to, and the answer can be
// given again; the same file has the same copy.
func TestDeathBetweenCopyAndRecord(t *testing.T) {
	d := newDesk(t)
	d.waits(t)
	a := brings(d.write(t, "minutes.txt", "we met"))
	dying := *d.Runner
	dying.Log = &runbooktest.Crash{Log: d.Log, At: 1}
	if err := dying.Signal(t.Context(), d.run, attest, a); err == nil {
		t.Fatal("it lived")
	}
	if s, err := d.State(t.Context(), d.run); err != nil || len(s.Attachments()) != 0 || len(d.copies(t)) != 1 {
		t.Fatalf("%v, %+v, %v", err, s.Attachments(), d.copies(t))
	}
	if err := d.Signal(t.Context(), d.run, attest, a); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Resume(t.Context(), d.def, d.run, "answered"); err != nil || len(s.Attachments()) != 1 || len(d.copies(t)) != 1 {
		t.Errorf("%v, %v", err, d.copies(t))
	}
}

// Of two answers to one question the first counts, with its file.
func TestFirstAnswersFileCounts(t *testing.T) {
	d := newDesk(t)
	d.waits(t)
	for _, text := range []string{"first", "second"} {
		if err := d.Signal(t.Context(), d.run, attest, brings(d.write(t, "minutes.txt", text))); err != nil {
			t.Fatal(err)
		}
	}
	s, err := d.Resume(t.Context(), d.def, d.run, "answered")
	if err != nil {
		t.Fatal(err)
	}
	list := s.Attachments()
	if len(list) != 1 || len(d.copies(t)) != 2 {
		t.Fatalf("%+v, %v", list, d.copies(t))
	}
	if raw, err := os.ReadFile(filepath.Join(d.Files, "runs", d.run, list[0].Name)); err != nil || string(raw) != "first" {
		t.Errorf("%q, %v", raw, err)
	}
}

// Whatever a step, an entry and a file are called, the copy lies in the run's folder under a plain name.
func TestNamesOfCopies(t *testing.T) {
	d := newDesk(t)
	d.def.Steps[0].ID, d.def.Steps[0].Ask.Fields[0].Name = "../"+strings.Repeat("ä/", 200), `..\x`
	d.Runner.Log = &memlog.Log{}
	d.Asker = &runbook.Prepared{How: "file", Answers: []runbook.PreparedAnswer{{Step: d.def.Steps[0].ID, Statement: "x", Files: map[string]string{`..\x`: d.write(t, "a.t~r", "x")}}}}
	s, err := d.Start(t.Context(), d.def)
	if err != nil {
		t.Fatal(err)
	}
	name := s.Attachments()[0].Name
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "." || len(name) > 120 || !strings.HasSuffix(name, ".bin") {
		t.Errorf("%q", name)
	}
	if _, err := os.Stat(filepath.Join(d.Files, "runs", s.Run, name)); err != nil {
		t.Error(err)
	}
}
