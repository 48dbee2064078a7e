//go:build unix

package filelog_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A released stream is free at once, also while a child that is being started still holds a copy of
// the lock's file.
func TestReleaseWithACopyOfTheFile(t *testing.T) {
	root := t.TempDir()
	release, err := open(t, root).Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	copies := descriptorsOf(t, filepath.Join(root, "runs", "a", "owner.lock"))
	for _, fd := range copies {
		defer syscall.Close(fd)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, err := open(t, root).Lock("runs/a", "bob")
	if err != nil {
		t.Fatalf("with a copy of the file open: %v", err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}

// descriptorsOf duplicates each of this process's descriptors of a file, as a fork does.
func descriptorsOf(t *testing.T, path string) (copies []int) {
	t.Helper()
	want, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for fd := range 256 {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) != nil || st.Ino != want.Sys().(*syscall.Stat_t).Ino || st.Dev != want.Sys().(*syscall.Stat_t).Dev {
			continue
		}
		dup, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, dup)
	}
	if len(copies) == 0 {
		t.Fatal("the lock's file is not open")
	}
	return copies
}
