package filelog

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte lies far behind what the lock files hold: locks are mandatory on Windows, and others
// must still be able to read who the owner is.
const lockedByte = 1 << 30

// lockFile takes the exclusive lock of f, which ends when f is closed. It does not wait: false says
// that somebody else has it.
func lockFile(f *os.File) (bool, error) {
	how := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY)
	switch err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{Offset: lockedByte}); err {
	case nil:
		return true, nil
	case windows.ERROR_LOCK_VIOLATION, windows.ERROR_IO_PENDING:
		return false, nil
	default:
		return false, os.NewSyscallError("LockFileEx", err)
	}
}

// unlock gives the lock back and closes f. Windows gives it back late if f is only closed.
func unlock(f *os.File) error {
	err := os.NewSyscallError("UnlockFileEx", windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{Offset: lockedByte}))
	return errors.Join(err, f.Close())
}

// syncDir: NTFS journals the creation of names itself; a folder cannot be flushed.
func syncDir(string, func(*os.File) error) error { return nil }

func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
