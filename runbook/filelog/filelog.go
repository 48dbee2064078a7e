// Package filelog keeps journals as files: one folder per stream below a root, in it journal.jsonl
// with one record per line. It needs nothing but a local disk.
//
// Append is durable when it returns: the line is written under an exclusive lock and synced, with
// the first record of a stream also the folders that lead to it. That is one sync per record, and
// one per folder once. A line that a crash left incomplete was never acknowledged and is cut off by
// the next Append; any other change of the file is refused as damage. What nobody can see in a file
// by itself is that complete records are missing at its end; compare the head hash in the evidence.
//
// After a failed write or sync the record is taken back as far as the disk lets it, and the stream
// stays closed until it is opened anew, because only reading tells what is on the disk. A second
// sync is not tried: after a failed one systems may report success without having written anything.
//
// What it promises ends at this disk: a lost machine takes its journals with it. Do not keep the
// root in a synchronised or network folder, whose locks and renames other machines do not see:
// [Hazard] says what is known of a folder, [DefaultRoot] is a good one.
//
// A file of 256 KiB in the root keeps some space free. On a full disk it is given up, so that what
// was begun can still be recorded as done, failed or put back; nothing new is begun without it.
package filelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	journalName = "journal.jsonl"
	lockName    = "journal.lock"
	ownerName   = "owner.lock"

	// lockPoll and lockWait bound the wait for an append of another process.
	lockPoll = time.Millisecond
	lockWait = time.Minute
)

// Log is a runbook.Log and runbook.Locker on files. It is safe for concurrent use, also by several
// processes on one machine.
type Log struct {
	root    string
	sync    func(*os.File) error
	writeAt func(f *os.File, b []byte, at int64) (int, error)
	syncs   atomic.Uint64

	mu      sync.Mutex
	streams map[string]*stream
}

// stream is what is known of a journal's verified beginning.
type stream struct {
	mu     sync.Mutex
	size   int64 // bytes read and verified
	torn   bool  // more bytes follow, an incomplete line
	seq    uint64
	prev   string
	broken error
}

// New uses the folder root, which it creates with access for its owner only.
func New(root string) (*Log, error) {
	if root == "" {
		return nil, errors.New("filelog: no folder given")
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("filelog: %w", err)
	}
	l := &Log{root: abs, sync: (*os.File).Sync, writeAt: (*os.File).WriteAt, streams: map[string]*stream{}}
	if err := l.makeRoot(); err != nil {
		return nil, fmt.Errorf("filelog: make the folder for journals: %w", err)
	}
	return l, nil
}

// makeRoot makes the root and what is missing above it, durably.
func (l *Log) makeRoot() error {
	var parents []string
	for dir := l.root; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		parents = append(parents, filepath.Dir(dir))
	}
	if err := os.MkdirAll(l.root, 0o700); err != nil {
		return err
	}
	for _, dir := range parents {
		if err := syncDir(dir, l.fsync); err != nil {
			return err
		}
	}
	return nil
}

// Syncs is how often this handle made something durable so far.
func (l *Log) Syncs() uint64 { return l.syncs.Load() }

func (l *Log) fsync(f *os.File) error {
	l.syncs.Add(1)
	return l.sync(f)
}

// Dir is the folder of a stream.
func (l *Log) Dir(name string) string { return filepath.Join(l.root, filepath.FromSlash(name)) }

// Append implements runbook.Log.
func (l *Log) Append(ctx context.Context, name string, r *runbook.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := l.stream(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return l.locked(ctx, name, func(f *os.File) error {
		if _, err := s.catchUp(name, f); err != nil {
			return err
		}
		if r.Seq != s.seq+1 {
			return fmt.Errorf("append record %d to %s, which has %d: %w", r.Seq, name, s.seq, runbook.ErrConflict)
		}
		line, err := runbook.Seal(r, s.prev)
		if err != nil {
			return err
		}
		return l.write(name, s, f, append(line, '\n'), r)
	})
}

// write puts the line behind what is verified, cutting off an incomplete one, and syncs.
func (l *Log) write(name string, s *stream, f *os.File, line []byte, r *runbook.Record) error {
	var err error
	if s.torn {
		err = f.Truncate(s.size)
	}
	if err == nil {
		err = l.writeLine(f, line, s.size, r.Kind)
	}
	var notBegun *notBegunError
	if errors.As(err, &notBegun) {
		return fmt.Errorf("journal %s: record %d: %w", name, r.Seq, err)
	}
	if err == nil {
		err = l.fsync(f)
	}
	if err == nil && s.seq == 0 {
		err = l.syncFolders(name)
	}
	if err != nil {
		_ = f.Truncate(s.size) // if this fails too, the next reader finds the record or a part of it
		s.broken = fmt.Errorf("journal %s: record %d may or may not be on the disk; free or repair the disk and start again: %w", name, r.Seq, err)
		return s.broken
	}
	s.size, s.torn, s.seq, s.prev = s.size+int64(len(line)), false, r.Seq, r.Hash
	return nil
}

// syncFolders makes the names that lead to a new journal durable. It is done with the first record
// and not when a folder is made, because whoever made it may have died before it was synced.
func (l *Log) syncFolders(name string) error {
	for dir := l.Dir(name); len(dir) >= len(l.root); dir = filepath.Dir(dir) {
		if err := syncDir(dir, l.fsync); err != nil {
			return err
		}
	}
	return nil
}

// catchUp reads and verifies what was added since, and returns those records.
func (s *stream) catchUp(name string, f *os.File) ([]runbook.Record, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < s.size {
		return nil, fmt.Errorf("journal %s: %w: it became shorter, by %d bytes", name, runbook.ErrDamaged, s.size-info.Size())
	}
	raw := make([]byte, info.Size()-s.size)
	if _, err := f.ReadAt(raw, s.size); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var records []runbook.Record
	for {
		end := bytes.IndexByte(raw, '\n')
		if end < 0 {
			s.torn = len(raw) > 0
			return records, nil
		}
		r, err := runbook.Open(raw[:end], s.prev, s.seq+1)
		if err != nil {
			return nil, fmt.Errorf("journal %s at byte %d: %w", name, s.size, err)
		}
		s.size, s.seq, s.prev = s.size+int64(end)+1, r.Seq, r.Hash
		records, raw = append(records, r), raw[end+1:]
	}
}

// Read implements runbook.Log. It verifies the whole journal, or, when this Log has verified it up to
// from already, what was added since.
func (l *Log) Read(ctx context.Context, name string, from uint64) ([]runbook.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := l.check(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", name, err)
	}
	defer f.Close()
	if s := l.known(name); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if from == s.seq+1 {
			return s.catchUp(name, f)
		}
	}
	fresh := &stream{prev: runbook.Origin(name)}
	records, err := fresh.catchUp(name, f)
	if err != nil || uint64(len(records)) < from {
		return nil, err
	}
	return records[max(from, 1)-1:], nil
}

// known is a stream that this Log has appended to.
func (l *Log) known(name string) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.streams[name]
}

func (l *Log) stream(name string) (*stream, error) {
	if _, err := l.make(name); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[name]
	if s == nil {
		s = &stream{prev: runbook.Origin(name)}
		l.streams[name] = s
	}
	return s, nil
}

// locked opens the journal under its exclusive lock. The lock is a file of its own, so that readers
// are never kept out where locks are mandatory. Others hold it for the length of one append, unless
// they were suspended just then.
func (l *Log) locked(ctx context.Context, name string, do func(*os.File) error) error {
	dir := l.Dir(name)
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("journal %s: %w", name, err)
	}
	err = poll.Until(ctx, "another process to finish its append; nothing was written", lockPoll, lockWait,
		func(context.Context) (bool, error) { return lockFile(lock) })
	if err != nil {
		return fmt.Errorf("journal %s: lock: %w", name, errors.Join(err, lock.Close()))
	}
	defer unlock(lock)
	f, err := os.OpenFile(filepath.Join(dir, journalName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("journal %s: %w", name, err)
	}
	defer f.Close()
	return do(f)
}

// make makes a stream's folder; syncFolders makes it durable.
func (l *Log) make(name string) (string, error) {
	dir, err := l.check(name)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("journal %s: %w", name, err)
	}
	return dir, nil
}

func (l *Log) check(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, `\:*?"<>|`) {
		return "", fmt.Errorf("%q cannot name a journal", name)
	}
	return l.Dir(name), nil
}
