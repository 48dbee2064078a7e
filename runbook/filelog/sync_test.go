package filelog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// synced records what is made durable, and fails from the n-th sync on (0: never).
type synced struct {
	names []string
	fail  int
}

func (s *synced) sync(f *os.File) error {
	s.names = append(s.names, filepath.Base(f.Name()))
	if s.fail > 0 && len(s.names) >= s.fail {
		return syscall.EIO
	}
	return f.Sync()
}

func watched(t *testing.T, root string, fail int) (*filelog.Log, *synced) {
	t.Helper()
	l, s := open(t, root), &synced{fail: fail}
	filelog.SyncWith(l, s.sync)
	return l, s
}

func TestOneSyncPerRecord(t *testing.T) {
	root := filepath.Join(t.TempDir(), "journals")
	l, s := watched(t, root, 0)
	counting := &runbooktest.Counting{Log: l}
	if err := counting.Append(t.Context(), "runs/a", record(1)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"journal.jsonl", "a", "runs", "journals"}; !slices.Equal(s.names, want) {
		t.Errorf("the first record synced %v, want %v", s.names, want)
	}
	before, _ := counting.Syncs()
	const n = 50
	for seq := uint64(2); seq < 2+n; seq++ {
		if err := counting.Append(t.Context(), "runs/a", record(seq)); err != nil {
			t.Fatal(err)
		}
	}
	after, known := counting.Syncs()
	if !known || after-before != n || len(s.names) != 4+n {
		t.Errorf("%d syncs for %d records, names %v", after-before, n, s.names)
	}
	// Whatever writes nothing syncs nothing.
	if err := l.Append(t.Context(), "runs/a", record(1)); !errors.Is(err, runbook.ErrConflict) {
		t.Error(err)
	}
	if _, err := l.Read(t.Context(), "runs/a", 1); err != nil {
		t.Error(err)
	}
	if now, _ := counting.Syncs(); now != after {
		t.Errorf("%d syncs for a conflict and a read", now-after)
	}
}

// Whoever made a folder may have died before it was durable; the first record does not rely on it.
func TestFoldersOfOthersAreSynced(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "runs", "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "runs", "a", "journal.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, s := watched(t, root, 0)
	if err := l.Append(t.Context(), "runs/a", record(1)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"journal.jsonl", "a", "runs", filepath.Base(root)}; !slices.Equal(s.names, want) {
		t.Errorf("synced %v, want %v", s.names, want)
	}
}

func TestNewRootIsSynced(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "one", "two"))
	if l.Syncs() != 2 {
		t.Errorf("%d syncs for a root two folders down", l.Syncs())
	}
}

// Whichever sync fails, the record is not acknowledged, the handle is closed for the stream, and
// whoever opens the journal anew finds it intact and may go on.
func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	for have := range uint64(3) {
		for fail := 1; fail <= 4 && (have == 0 || fail == 1); fail++ {
			root := t.TempDir()
			if have > 0 {
				fill(t, root, int(have))
			}
			l, s := watched(t, root, fail)
			err := l.Append(t.Context(), "runs/a", record(have+1))
			if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "may or may not") {
				t.Fatalf("%d records, sync %d fails: %v", have, fail, err)
			}
			s.fail = 0
			if err := l.Append(t.Context(), "runs/a", record(have+1)); !errors.Is(err, syscall.EIO) {
				t.Errorf("the same handle goes on after a failed sync: %v", err)
			}
			if err := l.Append(t.Context(), "runs/b", record(1)); err != nil {
				t.Errorf("another stream of the handle: %v", err)
			}
			fresh := open(t, root)
			if got, err := fresh.Read(t.Context(), "runs/a", 1); err != nil || uint64(len(got)) != have {
				t.Errorf("%d records, sync %d failed: opened anew %d records, %v", have, fail, len(got), err)
			}
			if err := fresh.Append(t.Context(), "runs/a", record(have+1)); err != nil {
				t.Errorf("%d records, sync %d failed: append after opening anew: %v", have, fail, err)
			}
		}
	}
}

// An append that meets another one's lock waits for it, as long as its context allows.
func TestAppendWaitsForAnotherProcess(t *testing.T) {
	root := t.TempDir()
	fill(t, root, 1)
	slow := open(t, root)
	inside, goOn := make(chan struct{}), make(chan struct{})
	filelog.SyncWith(slow, func(f *os.File) error { close(inside); <-goOn; return f.Sync() })
	done := make(chan error, 1)
	go func() { done <- slow.Append(context.Background(), "runs/a", record(2)) }()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := open(t, root).Append(ctx, "runs/a", record(2)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an append while another one is suspended: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := open(t, root).Append(t.Context(), "runs/a", record(2)); !errors.Is(err, runbook.ErrConflict) {
		t.Errorf("behind the other append: %v", err)
	}
}
