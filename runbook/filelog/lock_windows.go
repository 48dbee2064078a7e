package filelog

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte lies far behind what the lock files hold: locks are mandatory on Windows, and others
// must still be able to read who the owner is.
const lockedByte = 1 << 30

// lockFile takes the exclusive lock of f, which ends when f is closed.
func lockFile(f *os.File, wait bool) error {
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK)
	if !wait {
		flags |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: lockedByte})
}

// syncDir: NTFS journals the creation of names itself; a folder cannot be flushed.
func syncDir(string) error { return nil }
