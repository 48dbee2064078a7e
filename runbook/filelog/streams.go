package filelog

import (
	"bufio"
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
)

// Streams implements runbook.Log. It reads the folders before it yields the first name.
func (l *Log) Streams(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names, err := l.names(ctx, prefix)
		if err != nil {
			yield("", fmt.Errorf("list the journals that begin with %q: %w", prefix, err))
			return
		}
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

// names finds the folders with a journal in them, sorted as whole names: a folder's own order puts
// a/b before a-b.
func (l *Log) names(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	base, _ := filepath.Split(filepath.FromSlash(prefix))
	err := filepath.WalkDir(filepath.Join(l.root, base), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing there, or removed meanwhile
		}
		if err != nil {
			return err
		}
		if e.IsDir() {
			return l.skip(ctx, path, prefix)
		}
		name := l.name(filepath.Dir(path))
		if e.Name() != journalName || name == "." || !strings.HasPrefix(name, prefix) {
			return nil
		}
		if begun, err := hasRecord(path); err != nil || !begun {
			return err
		}
		names = append(names, name)
		return nil
	})
	slices.Sort(names)
	return names, err
}

// hasRecord says whether a journal has a complete line. A process that died over its first record
// leaves one without.
func hasRecord(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] == '\n' {
		return true, nil
	}
	_, err = bufio.NewReader(f).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// skip leaves out folders below which no name begins with prefix.
func (l *Log) skip(ctx context.Context, dir, prefix string) error {
	if name := l.name(dir); name != "." && !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name) {
		return fs.SkipDir
	}
	return ctx.Err()
}

// name is the stream whose folder is dir.
func (l *Log) name(dir string) string {
	rel, err := filepath.Rel(l.root, dir)
	if err != nil {
		return "."
	}
	return filepath.ToSlash(rel)
}
