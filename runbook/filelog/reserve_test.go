package filelog_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

// disk has room for so many bytes; the files below root take it.
type disk struct {
	root string
	room int64
}

func (d *disk) writeAt(f *os.File, b []byte, at int64) (int, error) {
	var used int64
	err := filepath.WalkDir(d.root, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && path != f.Name() {
			info, ierr := e.Info()
			if ierr == nil {
				used += info.Size()
			}
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	if left := d.room - used - at; int64(len(b)) > left {
		n, _ := f.WriteAt(b[:max(left, 0)], at)
		return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return f.WriteAt(b, at)
}

func kind(seq uint64, k runbook.Kind) *runbook.Record {
	r := record(seq)
	r.Kind = k
	return r
}

// Trap 3: the disk fills while a step works. Its outcome is still recorded; the next step is not begun,
// the handle stays usable, and with room again it goes on.
func TestOutcomeIsRecordedOnAFullDisk(t *testing.T) {
	root := t.TempDir()
	l, d := open(t, root), &disk{root: root, room: 1 << 20}
	filelog.WriteWith(l, d.writeAt)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.Append(t.Context(), "runs/a", kind(1, runbook.KindIntent)))
	info, err := os.Stat(filepath.Join(root, "runs", "a", "journal.jsonl"))
	must(err)
	d.room = 256<<10 + info.Size() + 10 // all but a few bytes are taken
	must(l.Append(t.Context(), "runs/a", kind(2, runbook.KindDone)))
	must(l.Append(t.Context(), "runs/a", kind(3, runbook.KindSettled)))
	d.room = info.Size() * 4
	err = l.Append(t.Context(), "runs/a", kind(4, runbook.KindIntent))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "nothing begun") {
		t.Fatalf("a step is begun without room for its outcome: %v", err)
	}
	d.room = 1 << 20
	must(l.Append(t.Context(), "runs/a", kind(4, runbook.KindIntent)))
	got, err := open(t, root).Read(t.Context(), "runs/a", 1)
	if err != nil || len(got) != 4 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// Trap 3: when not even the reserve helps, the outcome is not acknowledged, the handle is closed, and
// whoever opens the journal anew finds the step begun and without an outcome.
func TestNoRoomAtAllLeavesTheStepInDoubt(t *testing.T) {
	root := t.TempDir()
	l, d := open(t, root), &disk{root: root, room: 1 << 20}
	filelog.WriteWith(l, d.writeAt)
	if err := l.Append(t.Context(), "runs/a", kind(1, runbook.KindIntent)); err != nil {
		t.Fatal(err)
	}
	d.room = 1
	for range 2 {
		if err := l.Append(t.Context(), "runs/a", kind(2, runbook.KindDone)); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("an outcome that is not on the disk: %v", err)
		}
	}
	got, err := open(t, root).Read(t.Context(), "runs/a", 1)
	if err != nil || len(got) != 1 || got[0].Kind != runbook.KindIntent {
		t.Errorf("%+v, %v", got, err)
	}
}
