// Package filelog keeps journals as files: one folder per stream below a root, in it journal.jsonl
// with one record per line. It needs nothing but a local disk.
//
// Append is durable when it returns: the line is written under an exclusive lock and synced, a new
// file's folder is synced too. A line that a crash left incomplete was never acknowledged and is cut
// off by the next Append; any other change of the file is refused as damage. After a failed write
// the stream stays closed until it is opened anew, because only reading tells what is on the disk.
//
// What it promises ends at this disk: a lost machine takes its journals with it. Do not keep the
// root in a synchronised or network folder, whose locks and renames other machines do not see.
package filelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const (
	journalName = "journal.jsonl"
	lockName    = "journal.lock"
	ownerName   = "owner.lock"
)

// Log is a runbook.Log and runbook.Locker on files. It is safe for concurrent use, also by several
// processes on one machine.
type Log struct {
	root string

	mu      sync.Mutex
	streams map[string]*stream
}

// stream is what is known of a journal's verified beginning.
type stream struct {
	mu     sync.Mutex
	size   int64 // bytes read and verified
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
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("filelog: make the folder for journals: %w", err)
	}
	return &Log{root: abs, streams: map[string]*stream{}}, nil
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
	return l.locked(name, func(f *os.File) error {
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
		return s.write(name, f, append(line, '\n'), r)
	})
}

// write puts the line behind what is verified, cutting off an incomplete one, and syncs.
func (s *stream) write(name string, f *os.File, line []byte, r *runbook.Record) error {
	err := f.Truncate(s.size)
	if err == nil {
		_, err = f.WriteAt(line, s.size)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		s.broken = fmt.Errorf("journal %s: record %d may or may not be on the disk; free the disk and start again: %w", name, r.Seq, err)
		return s.broken
	}
	s.size, s.seq, s.prev = s.size+int64(len(line)), r.Seq, r.Hash
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

// Streams implements runbook.Log.
func (l *Log) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		base, _ := filepath.Split(filepath.FromSlash(prefix))
		entries, err := os.ReadDir(filepath.Join(l.root, base))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield("", fmt.Errorf("list journals: %w", err))
			return
		}
		slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			name := filepath.ToSlash(base) + e.Name()
			if !e.IsDir() || !strings.HasPrefix(name, prefix) {
				continue
			}
			if _, err := os.Stat(filepath.Join(l.Dir(name), journalName)); err != nil {
				continue
			}
			if !yield(name, ctx.Err()) {
				return
			}
		}
	}
}

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
	if err := lockFile(f, false); err != nil {
		held, _ := io.ReadAll(io.LimitReader(f, 1<<10))
		f.Close()
		return nil, &runbook.LockedError{Stream: name, Owner: strings.TrimSpace(string(held))}
	}
	if err := nameOwner(f, owner); err != nil {
		f.Close()
		return nil, fmt.Errorf("own %s: %w", name, err)
	}
	return f.Close, nil
}

func nameOwner(f *os.File, owner string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%s, process %d", owner, os.Getpid()), 0)
	return err
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
// are never kept out where locks are mandatory.
func (l *Log) locked(name string, do func(*os.File) error) error {
	dir := l.Dir(name)
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("journal %s: %w", name, err)
	}
	defer lock.Close()
	if err := lockFile(lock, true); err != nil {
		return fmt.Errorf("journal %s: lock: %w", name, err)
	}
	path := filepath.Join(dir, journalName)
	_, statErr := os.Stat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("journal %s: %w", name, err)
	}
	defer f.Close()
	if statErr != nil {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("journal %s: %w", name, err)
		}
	}
	return do(f)
}

// make creates a stream's folder, durably.
func (l *Log) make(name string) (string, error) {
	dir, err := l.check(name)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("journal %s: %w", name, err)
	}
	for d := dir; len(d) > len(l.root); d = filepath.Dir(d) {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return "", fmt.Errorf("journal %s: %w", name, err)
		}
	}
	return dir, nil
}

func (l *Log) check(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, `\:*?"<>|`) {
		return "", fmt.Errorf("%q cannot name a journal", name)
	}
	return l.Dir(name), nil
}
