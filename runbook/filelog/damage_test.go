package filelog_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Trap 2: cut at any byte, the file shows the records whose lines are complete, and the journal goes on
// behind them. The cuts come in random order, so that one handle sees files of all lengths.
func TestTruncationAtEveryByte(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 4)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range rand.Perm(len(whole) + 1) {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := uint64(bytes.Count(whole[:cut], []byte("\n")))
		l := open(t, root)
		got, err := l.Read(t.Context(), "runs/a", 1)
		if err != nil || uint64(len(got)) != want {
			t.Fatalf("cut at %d: %d records, %v; want %d", cut, len(got), err, want)
		}
		if err := l.Append(t.Context(), "runs/a", record(want+1)); err != nil {
			t.Fatalf("cut at %d: append: %v", cut, err)
		}
		got, err = open(t, root).Read(t.Context(), "runs/a", 1)
		if err == nil {
			err = runbook.VerifyChain("runs/a", got)
		}
		if err != nil || uint64(len(got)) != want+1 {
			t.Fatalf("cut at %d: after the append %d records, %v", cut, len(got), err)
		}
	}
}

// An incomplete line that is longer than the record which takes its place leaves nothing behind.
func TestLongTornLineIsCutOff(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 2)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Repeat([]byte("x"), 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	l := open(t, root)
	for seq := uint64(3); seq <= 4; seq++ {
		if err := l.Append(t.Context(), "runs/a", record(seq)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := open(t, root).Read(t.Context(), "runs/a", 1); err != nil || len(got) != 4 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 10_000 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

// A handle that has seen more than is there now refuses to go on.
func TestJournalThatBecameShorterIsRefused(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 2)
	l := open(t, root)
	if err := l.Append(t.Context(), "runs/a", record(3)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), "runs/a", record(4)); !errors.Is(err, runbook.ErrDamaged) {
		t.Errorf("append to a journal that lost records: %v", err)
	}
}

// Trap 2: lines that are repeated, left out, exchanged or put in are refused, for reading and for appending.
func TestRearrangedLinesAreRefused(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 4)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	lines[3] = append(lines[3], '\n')
	for name, changed := range map[string][][]byte{
		"last number twice":   append(slices.Clone(lines), lines[3]),
		"middle number twice": slices.Insert(slices.Clone(lines), 1, lines[1]),
		"first number twice":  slices.Insert(slices.Clone(lines), 0, lines[0]),
		"first missing":       lines[1:],
		"middle missing":      slices.Delete(slices.Clone(lines), 1, 2),
		"exchanged":           {lines[0], lines[2], lines[1], lines[3]},
		"empty line":          {lines[0], []byte("\n"), lines[1]},
		"foreign line":        {lines[0], []byte("{}\n")},
		"spaces":              {bytes.ReplaceAll(lines[0], []byte(","), []byte(", "))},
		"carriage return":     {bytes.ReplaceAll(lines[0], []byte("\n"), []byte("\r\n"))},
		"byte order mark":     {[]byte("\xef\xbb\xbf"), lines[0]},
		"zeros":               {lines[0], make([]byte, 64), []byte("\n")},
	} {
		if err := os.WriteFile(path, bytes.Join(changed, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, root)
		if _, err := l.Read(t.Context(), "runs/a", 1); !errors.Is(err, runbook.ErrDamaged) && name != "foreign line" {
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			t.Errorf("%s: not noticed", name)
		}
		for seq := uint64(1); seq <= 6; seq++ {
			if err := l.Append(t.Context(), "runs/a", record(seq)); err == nil || errors.Is(err, runbook.ErrConflict) {
				t.Errorf("%s: append of number %d: %v", name, seq, err)
			}
		}
	}
}

// A process that died over a stream's first record leaves no stream.
func TestJournalWithoutARecordIsNotListed(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 1)
	for _, content := range []string{"", `{"v":1,"seq":1`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, err := range open(t, root).Streams(t.Context(), "") {
			t.Errorf("with the content %q the stream %s is listed, %v", content, name, err)
		}
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, root, 2)
	if err := os.WriteFile(path+".tmp", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"torn`); err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, err := range open(t, root).Streams(t.Context(), "runs/") {
		if n++; name != "runs/a" || err != nil {
			t.Errorf("%s, %v", name, err)
		}
	}
	if n != 1 {
		t.Errorf("a stream with a torn last line is listed %d times", n)
	}
}
