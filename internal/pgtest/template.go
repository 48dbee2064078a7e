package pgtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// makeData makes a new database cluster. initdb works for longer than many a suite, so its result is
// kept in the user's cache folder and copied from there. Where that cannot be, initdb runs each time.
func (s *Server) makeData() error {
	kept, err := s.kept()
	if err != nil {
		return s.initdb()
	}
	if _, err := os.Stat(kept); err == nil {
		return errors.Join(os.CopyFS(s.data(), os.DirFS(kept)), own(s.data(), s.attr))
	}
	if err := s.initdb(); err != nil {
		return err
	}
	_ = keep(s.data(), kept) // the next one makes its own then
	return nil
}

// kept is where a cluster of exactly this server program, and made in this way, is kept.
func (s *Server) kept() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(s.bin, "postgres")
	info, err := os.Stat(program)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(nil, program, info.Size(), info.ModTime(), how, sorting))
	return filepath.Join(cache, "pgtest", fmt.Sprintf("%x", sum[:8])), nil
}

// keep copies a cluster on which no server has run. It is on the disk before it has its name, because
// a broken one would fail every test until somebody removed it.
func keep(data, kept string) error {
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(kept), "unfinished-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unfinished)
	if err := os.CopyFS(unfinished, os.DirFS(data)); err != nil {
		return err
	}
	if err := filepath.WalkDir(unfinished, synced); err != nil {
		return err
	}
	return os.Rename(unfinished, kept) // fails where somebody was faster
}

// synced is for filepath.WalkDir.
func synced(path string, _ fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// how a cluster is made, and how names sort where the server can. Everybody who can reach the socket
// is trusted; its folder lets in only the server's user.
var (
	how     = []string{"-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions", "--locale=C"}
	sorting = []string{"--locale-provider=icu", "--icu-locale=en-US"}
)

func (s *Server) initdb() error {
	args := append([]string{"-D", s.data()}, how...)
	if help, err := s.run("initdb", "--help"); err == nil && strings.Contains(help, "--icu-locale") {
		if _, err := s.run("initdb", append(slices.Clone(args), sorting...)...); err == nil {
			return nil
		}
		if err := os.RemoveAll(s.data()); err != nil {
			return err
		}
	}
	_, err := s.run("initdb", args...)
	return err
}
