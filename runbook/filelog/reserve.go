package filelog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	reserveName = "reserve"
	// reserveSize is room for the outcomes of some hundred steps.
	reserveSize = 256 << 10
)

// The reserve is a file in the root that is given up when the disk is full: what has been begun can
// then still be recorded as done, failed or settled. Nothing new is begun without it.

// begins says whether a record comes before an effect.
func begins(k runbook.Kind) bool {
	switch k {
	case runbook.KindStart, runbook.KindTakeover, runbook.KindIntent, runbook.KindGuard, runbook.KindOwe:
		return true
	}
	return false
}

// keepReserve makes the reserve if it is not there. Its bytes are written, because a file may be
// longer than the space that it has.
func (l *Log) keepReserve() error {
	path := filepath.Join(l.root, reserveName)
	if info, err := os.Stat(path); err == nil && info.Size() >= reserveSize {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = l.writeAt(f, make([]byte, reserveSize), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// writeLine writes a record's line. On a full disk an outcome takes the reserve's space.
func (l *Log) writeLine(f *os.File, line []byte, at int64, k runbook.Kind) error {
	if begins(k) {
		if err := l.keepReserve(); err != nil {
			return &notBegunError{err}
		}
	}
	_, err := l.writeAt(f, line, at)
	if err == nil || begins(k) || !diskFull(err) {
		return err
	}
	if rerr := os.Remove(filepath.Join(l.root, reserveName)); rerr != nil {
		return errors.Join(err, rerr)
	}
	_, err = l.writeAt(f, line, at)
	return err
}

// notBegunError says that nothing was written, because no outcome could have been.
type notBegunError struct{ err error }

func (e *notBegunError) Error() string {
	return fmt.Sprintf("no room on the disk for what comes after it; nothing was written and nothing begun: free some space and go on: %v", e.err)
}
func (e *notBegunError) Unwrap() error { return e.err }
