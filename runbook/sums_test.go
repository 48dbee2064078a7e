package runbook_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// A later version of the program writes other reports. What the earlier one wrote still verifies, and still only as
// it was written.
func TestReportsOfAnotherForm(t *testing.T) {
	dir, e := proven(t, nil)
	e.Reports += 7
	if _, err := e.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	replace(t, dir, runbook.ReportFile, "as an earlier version said it")
	if _, err := runbook.ReadBundle(dir, nil); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), runbook.ReportFile) {
		t.Errorf("a changed report: %v", err)
	}
	sum(t, dir, runbook.ReportFile)
	got, err := runbook.ReadBundle(dir, nil)
	if err != nil || got.ReportsCompared() {
		t.Errorf("an earlier version's report, with its sum: %v", err)
	}
	dir, _ = proven(t, nil)
	replace(t, dir, runbook.ReportFile, "all is well")
	sum(t, dir, runbook.ReportFile)
	if _, err := runbook.ReadBundle(dir, nil); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), runbook.ReportFile) {
		t.Errorf("a report of this form that says something else, with its sum: %v", err)
	}
}

// Whoever changes what a report says, or how it looks, raises reportForm (evidence.go), so that what was written before
// still verifies. Then the new sum belongs here.
func TestReportsHaveTheirForm(t *testing.T) {
	const form, want = 1, "24cfe6ec366a5d1c5e0af6173dc870d22467f87b13fc5b10e4a7b44ac4910a0c"
	var all bytes.Buffer
	for _, e := range []*runbook.Evidence{completed(), unfinished(t)} {
		if e.Reports != form {
			t.Errorf("the form is %d, here %d", e.Reports, form)
		}
		if err := errors.Join(e.WriteHTML(&all), e.WriteMarkdown(&all), e.WriteJUnit(&all)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"report.html.tmpl", "report.css"} {
		all.WriteString(contents(t, ".", name))
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(all.Bytes())); got != want {
		t.Errorf("reports look different: %s\nraise reportForm, and put the sum here", got)
	}
}

// unfinished is the evidence of a run that owes something and waits since a noon.
func unfinished(t *testing.T) *runbook.Evidence {
	t.Helper()
	ann := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Clock: noon()}
	state, err := ann.Start(t.Context(), maintenance(&switchboard{alarm: true}))
	if waiting := new(runbook.WaitingError); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	e, err := ann.Evidence(t.Context(), state.Run)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The list of checksums names the files of the bundle, each once, and nothing else.
func TestListOfChecksumsIsExact(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"another file": func(s string) string { return s + strings.Repeat("0", 64) + "  more.txt\n" },
		"a line less":  func(s string) string { return s[strings.Index(s, "\n")+1:] },
		"a line twice": func(s string) string { return s + s[:strings.Index(s, "\n")+1] },
		"other order": func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			return lines[1] + lines[0] + strings.Join(lines[2:], "")
		},
		"binary mark": func(s string) string { return strings.Replace(s, "  ", " *", 1) },
	} {
		dir, _ := proven(t, nil)
		replace(t, dir, runbook.SumsFile, change(contents(t, dir, runbook.SumsFile)))
		if _, err := runbook.ReadBundle(dir, nil); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), runbook.SumsFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A process that dies while it writes a bundle leaves none that verifies.
func TestBundleThatWasNotWrittenToItsEnd(t *testing.T) {
	dir, e := proven(t, nil)
	if err := os.Remove(filepath.Join(dir, runbook.HTMLFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, runbook.HTMLFile), 0o700); err != nil { // where no file can be put
		t.Fatal(err)
	}
	if _, err := e.Save(dir, nil); err == nil {
		t.Error("the page was written")
	}
	if _, err := runbook.ReadBundle(dir, nil); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), "not written to its end") {
		t.Errorf("half a bundle: %v", err)
	}
}

// Looking at evidence does not change it.
func TestLookingAtAStepThatNeverBegan(t *testing.T) {
	_, e := proven(t, nil)
	if st := e.State.Step("never"); st.Status != runbook.StepPending {
		t.Errorf("%+v", st)
	}
	if err := e.Verify(); err != nil {
		t.Error(err)
	}
}

// No attachment takes the place of a file that the bundle has itself.
func TestAttachmentWithAReservedName(t *testing.T) {
	for _, name := range []string{runbook.EvidenceFile, "Report.HTML", runbook.SumsFile, "journal.jsonl"} {
		def := book(&lamp{on: true})
		var err error
		def.Steps[0].Apply = func(sc *runbook.StepContext) error {
			_, err = sc.Attach(name, func(io.Writer) error { return nil })
			return nil
		}
		r := runner(&memlog.Log{})
		r.Files = t.TempDir()
		if _, serr := r.Start(t.Context(), def); serr != nil {
			t.Fatal(serr)
		}
		if err == nil || !strings.Contains(err.Error(), "the bundle has itself") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func replace(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sum puts the sum of a file, as it is now, into the list.
func sum(t *testing.T, dir, name string) {
	t.Helper()
	var list bytes.Buffer
	for line := range strings.Lines(contents(t, dir, runbook.SumsFile)) {
		if strings.HasSuffix(line, "  "+name+"\n") {
			line = fmt.Sprintf("%x", sha256.Sum256([]byte(contents(t, dir, name)))) + "  " + name + "\n"
		}
		list.WriteString(line)
	}
	replace(t, dir, runbook.SumsFile, list.String())
}
