package filelog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Lock implements runbook.Locker: the lock ends with the process, however it ends.
func (l *Log) Lock(name, owner string) (func() error, error) {
	dir, err := l.make(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, ownerName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("own %s: %w", name, err)
	}
	free, err := lockFile(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("own %s: %w", name, err)
	}
	if !free {
		held, _ := io.ReadAll(io.LimitReader(f, 1<<10))
		f.Close()
		return nil, &runbook.LockedError{Stream: name, Owner: strings.TrimSpace(string(held))}
	}
	if err := nameOwner(f, owner); err != nil {
		return nil, fmt.Errorf("own %s: %w", name, errors.Join(err, unlock(f)))
	}
	return sync.OnceValue(func() error { return unlock(f) }), nil
}

func nameOwner(f *os.File, owner string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%s, process %d", owner, os.Getpid()), 0)
	return err
}
