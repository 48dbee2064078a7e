package filelog_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

func record(seq uint64) *runbook.Record {
	return &runbook.Record{V: runbook.RecordVersion, Seq: seq, Epoch: 1, Actor: "ann", Kind: runbook.KindNote, Key: "k", Data: []byte(`{"n":1}`)}
}

func fill(t *testing.T, root string, n int) string {
	t.Helper()
	l, err := filelog.New(root)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		if err := l.Append(t.Context(), "runs/a", record(uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(l.Dir("runs/a"), "journal.jsonl")
}

func open(t *testing.T, root string) *filelog.Log {
	t.Helper()
	l, err := filelog.New(root)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A line torn at any byte was never acknowledged: it disappears, and the next append takes its place.
func TestTornLastLineIsCutOff(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 3)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.LastIndex(strings.TrimRight(string(whole), "\n"), "\n") + 1
	for cut := second; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, root)
		got, err := l.Read(t.Context(), "runs/a", 1)
		if err != nil || len(got) != 2 {
			t.Fatalf("cut at %d: %d records, %v", cut, len(got), err)
		}
		if err := l.Append(t.Context(), "runs/a", record(3)); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got, err := l.Read(t.Context(), "runs/a", 3); err != nil || len(got) != 1 {
			t.Fatalf("cut at %d: after the append %d records, %v", cut, len(got), err)
		}
	}
}

// Every flipped byte of a complete line is refused, for reading and for appending.
func TestFlippedByteIsRefused(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(whole) - 1 {
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, root)
		if _, err := l.Read(t.Context(), "runs/a", 1); err == nil {
			t.Fatalf("byte %d: not noticed", at)
		}
		if err := l.Append(t.Context(), "runs/a", record(3)); err == nil {
			t.Fatalf("byte %d: appended to a damaged journal", at)
		}
	}
}

func TestJournalsCannotBeExchanged(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 1)
	other := filepath.Join(root, "runs", "b")
	if err := os.MkdirAll(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(other, "journal.jsonl")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, root).Read(t.Context(), "runs/b", 1); !errors.Is(err, runbook.ErrDamaged) {
		t.Errorf("a journal under another name: %v", err)
	}
}

func TestRacingWritersKeepTheChain(t *testing.T) {
	root := t.TempDir()
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for range writers {
		l := open(t, root) // as a process of its own: nothing shared but the files
		wg.Go(func() {
			for range each {
				for {
					have, err := l.Read(t.Context(), "runs/a", 1)
					if err != nil {
						t.Error(err)
						return
					}
					err = l.Append(t.Context(), "runs/a", record(uint64(len(have)+1)))
					if err == nil {
						break
					}
					if !errors.Is(err, runbook.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	got, err := open(t, root).Read(t.Context(), "runs/a", 1)
	if err != nil || len(got) != writers*each {
		t.Fatalf("%d records, %v", len(got), err)
	}
}

func TestNamesAndStreams(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 1)
	l := open(t, root)
	for _, bad := range []string{"", "../x", "/x", "a/../b", `a\b`, "a:b", "."} {
		if err := l.Append(t.Context(), bad, record(1)); err == nil {
			t.Errorf("the name %q was accepted", bad)
		}
	}
	var names []string
	for name, err := range l.Streams(t.Context(), "runs/") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if len(names) != 1 || names[0] != "runs/a" {
		t.Errorf("streams %v", names)
	}
	if _, err := filelog.New(""); err == nil {
		t.Error("no folder was accepted")
	}
}

// A failed write closes the stream: what is on the disk is unknown until it is read anew.
func TestFailedWriteClosesTheStream(t *testing.T) {
	root := t.TempDir()
	path := fill(t, root, 1)
	l := open(t, root)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), "runs/a", record(1)); err == nil {
		t.Fatal("a full disk was not noticed")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), "runs/a", record(1)); err == nil {
		t.Error("the stream was written again without being opened anew")
	}
	if err := open(t, root).Append(t.Context(), "runs/a", record(1)); err != nil {
		t.Errorf("opened anew: %v", err)
	}
}
