package pgtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// unprivileged makes the server run as somebody else than root, because it refuses to run as root.
// The server ends with the test binary, however that ends.
func unprivileged() (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	uid, gid, err := somebody()
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

// recovery syncs the disk with one call after a crash (since PostgreSQL 14), instead of a thousand
// files one by one.
var recovery = []string{"-c", "recovery_init_sync_method=syncfs"}

// own gives a folder, and all that is in it, to the server's user alone.
func own(dir string, attr *syscall.SysProcAttr) error {
	if err := os.Chmod(dir, 0o700); err != nil || attr.Credential == nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(attr.Credential.Uid), int(attr.Credential.Gid)))
	})
}

// somebody is the user postgres, or nobody where there is none.
func somebody() (uid, gid int, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find a user for the server, which cannot run as root: %w", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(err1, err2)
}
