package runbook_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

// proven makes a run that has some of everything, and its bundle.
func proven(t testing.TB, key ed25519.PrivateKey) (dir string, e *runbook.Evidence) {
	t.Helper()
	root := t.TempDir()
	log, err := filelog.New(root)
	if err != nil {
		t.Fatal(err)
	}
	r := runner(log)
	r.Files = root
	def := book(&lamp{on: true})
	def.Inputs = map[string]any{"lamps": []string{"desk", "door"}}
	look := def.Steps[0].Apply
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		sc.Deviate("looked through a window")
		sc.Table(runbook.Table{Title: "Seen", Header: []string{"what", "how"}, Rows: [][]string{{"lamp", "on | bright"}}})
		runbook.NoteExchange(sc, runbook.Exchange{At: time.Now(), Method: "GET", Target: "desk.invalid/lamp", Status: 200}, false)
		runbook.NoteExchange(sc, runbook.Exchange{At: time.Now(), Method: "POST", Target: "desk.invalid/lamp", Status: 202, RequestID: "req-7"}, true)
		runbook.NoteExchange(sc, runbook.Exchange{At: time.Now(), Method: "GET", Target: "desk.invalid/door", Error: "no answer"}, false)
		if _, err := sc.Attach("photo.bin", func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte("pixel"), 100)); return err }); err != nil {
			return err
		}
		return look(sc)
	}
	def.Steps = append(def.Steps, runbook.Step{ID: "attest", Phase: "After", Title: "Landed", Clauses: []string{"D-1"}, Ask: &runbook.Ask{Kind: runbook.Attestation, Text: "Landed?"}})
	r.Asker = &runbook.Prepared{How: "answers", Answers: []runbook.PreparedAnswer{{Step: "attest", Statement: "seen it land"}}}
	s, err := r.Start(t.Context(), def)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = r.Evidence(t.Context(), s.Run); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "runs", s.Run)
	if _, err := e.Save(dir, key); err != nil {
		t.Fatal(err)
	}
	return dir, e
}

func TestBundleVerifies(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, e := proven(t, key)
	for name, key := range map[string]ed25519.PublicKey{"without a key": nil, "with its key": public} {
		if got, err := runbook.ReadBundle(dir, key); err != nil || got.Head != e.Head {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, _, _ := ed25519.GenerateKey(nil)
	if _, err := runbook.ReadBundle(dir, other); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), runbook.SignatureFile) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := e.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := runbook.ReadBundle(dir, public); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), "no signature") {
		t.Errorf("with its signature removed: %v", err)
	}
	if _, err := runbook.ReadBundle(t.TempDir(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of an empty folder: %v", err)
	}
}

// Any byte that is changed, anywhere in the bundle, is found, and the file is named.
func TestAnyChangedByteIsFound(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := proven(t, key)
	for _, name := range []string{runbook.EvidenceFile, runbook.ReportFile, runbook.HTMLFile, runbook.JUnitFile, runbook.SumsFile, runbook.SignatureFile, "photo.bin"} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		public := public
		if name == runbook.EvidenceFile {
			public = nil // its own checks must find it, without a signature
		}
		tries := min(len(whole), 60)
		for _, at := range rand.Perm(len(whole))[:tries] {
			changed := bytes.Clone(whole)
			changed[at] ^= 1 << rand.IntN(8)
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := runbook.ReadBundle(dir, public); err == nil {
				t.Errorf("%s: byte %d (%q) became %q, and nothing noticed", name, at, whole[at], changed[at])
			}
		}
		for what, changed := range map[string][]byte{"cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), '\n'), "empty": nil} {
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := runbook.ReadBundle(dir, public); !errors.Is(err, runbook.ErrDamaged) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := runbook.ReadBundle(dir, public); err == nil || !strings.Contains(err.Error(), name) && name != runbook.SignatureFile {
			t.Errorf("%s is missing: %v", name, err)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := runbook.ReadBundle(dir, public); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

// What was said elsewhere in the file than in its records is no evidence: the file is as Save wrote it.
func TestEvidenceIsReadStrictly(t *testing.T) {
	dir, _ := proven(t, nil)
	path := filepath.Join(dir, runbook.EvidenceFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) string{
		"unknown key": func(s string) string {
			return strings.Replace(s, `"schema": 3,`, `"schema": 3, "approvedBy": "the queen",`, 1)
		},
		"key in caps":  func(s string) string { return strings.Replace(s, `"schema"`, `"SCHEMA"`, 1) },
		"key twice":    func(s string) string { return strings.Replace(s, `"schema": 3,`, `"schema": 3, "schema": 3,`, 1) },
		"more space":   func(s string) string { return strings.Replace(s, `"schema": 3,`, `"schema":  3,`, 1) },
		"other escape": func(s string) string { return strings.Replace(s, `"look"`, `"\u006cook"`, 1) },
		"schema":       func(s string) string { return strings.Replace(s, `"schema": 3,`, `"schema": 4,`, 1) },
	} {
		changed := change(string(whole))
		if changed == string(whole) {
			t.Fatalf("%s changes nothing", name)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runbook.ReadEvidence(path); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func TestReportSaysEverything(t *testing.T) {
	dir, e := proven(t, nil)
	report, err := os.ReadFile(filepath.Join(dir, runbook.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# launch: test, run test-0001", "**completed**", "- **look** (A-1) looked through a window", "Every step that was begun was done.",
		"## Seen\n\n| what | how |\n| --- | --- |\n| lamp | on \\| bright |\n", "POST desk.invalid/lamp | 202 | req-7 |", "GET desk.invalid/door | no answer |",
		"Beside these 1 reads.", "| file | of step | bytes | SHA-256 | was called |\n| --- | --- | --- | --- | --- |\n| photo.bin | look | 500 |", "seen it land", "lamp/desk", e.Head} {
		if !strings.Contains(string(report), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(string(report), "GET desk.invalid/lamp") {
		t.Error("a read that went well stands among the changes")
	}
	if i, j := strings.Index(string(report), "## Deviations"), strings.Index(string(report), "## Steps"); i < 0 || i > j {
		t.Error("deviations do not come first")
	}
}

// What was not done, what failed and what is still owed stand at the top.
func TestReportOfAnUnfinishedRun(t *testing.T) {
	def := book(&lamp{on: true})
	def.Steps[2].Apply = failing("no fuel\x00")
	log := newFilelog(t)
	r := runner(log)
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	e, err := r.Evidence(t.Context(), "test-0001")
	if err != nil {
		t.Fatal(err)
	}
	var report, junit strings.Builder
	if err := errors.Join(e.WriteMarkdown(&report), e.WriteJUnit(&junit)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not ended, waits for a person", "## Still to be put back", "| lamp/desk | true | lamp-off |", "- failed **launch** (B-1): no fuel", "- **lamp-on** (C-1): Switch the lamp on again"} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, report.String())
		}
	}
	doc := readJUnit(t, junit.String())
	if doc.cases["launch"].Failure == nil || doc.cases["lamp-on"].Skipped == nil || doc.cases["lamp/desk"].Failure == nil || doc.cases["run"].Failure == nil || doc.cases["look"].Failure != nil {
		t.Errorf("%s", junit.String())
	}
}

type junitDoc struct{ cases map[string]junitCase }

type junitCase struct {
	Name             string
	Classname        string
	Failure, Skipped *struct{}
}

func readJUnit(t *testing.T, text string) junitDoc {
	t.Helper()
	doc := junitDoc{cases: map[string]junitCase{}}
	var raw struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Skipped  int    `xml:"skipped,attr"`
			Cases    []struct {
				Name    string    `xml:"name,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, suite := range raw.Suites {
		failures, skipped := 0, 0
		for _, c := range suite.Cases {
			doc.cases[c.Name] = junitCase{c.Name, c.Class, c.Failure, c.Skipped}
			if c.Failure != nil {
				failures++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		if suite.Tests != len(suite.Cases) || suite.Failures != failures || suite.Skipped != skipped {
			t.Errorf("suite %s counts %d, %d, %d; it has %d, %d, %d", suite.Name, suite.Tests, suite.Failures, suite.Skipped, len(suite.Cases), failures, skipped)
		}
	}
	return doc
}

func TestJUnitOfACompletedRun(t *testing.T) {
	dir, _ := proven(t, nil)
	text, err := os.ReadFile(filepath.Join(dir, runbook.JUnitFile))
	if err != nil {
		t.Fatal(err)
	}
	doc := readJUnit(t, string(text))
	for name, class := range map[string]string{"look": "A-1", "launch": "B-1", "attest": "D-1", "lamp/desk": "lamp-off", "run": "test"} {
		c, ok := doc.cases[name]
		if !ok || c.Classname != class || c.Failure != nil || c.Skipped != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// Requests outside a step are nobody's; a try keeps a bounded number.
func TestExchangesAreBounded(t *testing.T) {
	runbook.NoteExchange(context.Background(), runbook.Exchange{Method: "POST"}, true)
	def := book(&lamp{on: true})
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		for range 1000 {
			runbook.NoteExchange(sc, runbook.Exchange{Method: "POST", Status: 200}, true)
		}
		return nil
	}
	s, err := runner(newFilelog(t)).Start(t.Context(), def)
	if err != nil || len(s.Step("look").Requests) != 200 || s.Step("look").Reads != 800 {
		t.Errorf("%v, %d requests, %d reads", err, len(s.Step("look").Requests), s.Step("look").Reads)
	}
}

// FuzzEvidence: no file makes verification panic, and what is accepted is written again byte for byte.
func FuzzEvidence(f *testing.F) {
	dir, _ := proven(f, nil)
	whole, err := os.ReadFile(filepath.Join(dir, runbook.EvidenceFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"schema":1,"run":"a-0001","head":"","state":null,"records":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), runbook.EvidenceFile)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := runbook.ReadEvidence(path)
		if err != nil {
			return
		}
		files, err := e.Save(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(files.Evidence)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("accepted, but not what Save writes: %v", err)
		}
	})
}
