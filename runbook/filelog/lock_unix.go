//go:build unix

package filelog

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the exclusive lock of f, which ends when f is closed. It does not wait: false says
// that somebody else has it.
func lockFile(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			return true, nil
		case unix.EWOULDBLOCK:
			return false, nil
		case unix.EINTR:
		default:
			return false, os.NewSyscallError("flock", err)
		}
	}
}

// unlock gives the lock back and closes f. Closing alone is not enough while a child that is just
// being started still has the file, too.
func unlock(f *os.File) error {
	err := os.NewSyscallError("flock", unix.Flock(int(f.Fd()), unix.LOCK_UN))
	return errors.Join(err, f.Close())
}

// syncDir makes a new name in dir durable.
func syncDir(dir string, sync func(*os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return sync(d)
}

func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
