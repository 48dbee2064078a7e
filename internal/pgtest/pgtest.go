// Package pgtest runs a PostgreSQL server of its own for the tests of one package. It uses the
// programs that are installed on the machine and touches no other server: data, socket and log lie
// in a new temporary folder, no TCP port is opened, and the server is stopped by its process id. What
// is left behind is an empty cluster in the user's cache folder, pgtest, which may be removed.
//
// A test binary starts one server in TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, "sqllog", &server)) }
//
// Durability is as in production (fsync and synchronous_commit are on, which is PostgreSQL's default),
// so that tests may kill the server and expect what was acknowledged. Where the machine can, names sort as people sort them
// (ICU, en-US), so that a missing COLLATE "C" is noticed.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// ErrNotInstalled says that the machine has no PostgreSQL server.
var ErrNotInstalled = errors.New("PostgreSQL is not installed")

// patience bounds each wait for the server to come up or to go down.
const patience = time.Minute

// Server is a running PostgreSQL server. Its methods are not for concurrent use.
type Server struct {
	dir, bin string
	attr     *syscall.SysProcAttr
	postgres *exec.Cmd
	exited   chan struct{} // closed when postgres has ended
}

// Start makes a new database cluster and starts a server on it. It takes a moment, and a second or
// two the first time on a machine. Without PostgreSQL on the machine the error matches ErrNotInstalled.
func Start() (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	if s.attr, err = unprivileged(); err == nil {
		err = own(dir, s.attr)
	}
	if err == nil {
		err = s.makeData()
	}
	if err == nil {
		err = s.Restart()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: %w", err), s.Close())
	}
	return s, nil
}

// find returns the folder with the newest server's programs.
func find() (string, error) {
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb", "/usr/bin/initdb"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		found = append(found, matches...)
	}
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", ErrNotInstalled
	}
	slices.SortStableFunc(found, func(a, b string) int { return len(a) - len(b) }) // 9 before 15; equal lengths stay in order
	return filepath.Dir(found[len(found)-1]), nil
}

// run runs one of the installed programs to its end.
func (s *Server) run(program string, args ...string) (string, error) {
	cmd := s.command(program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(out.Bytes()))
	}
	return out.String(), nil
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.attr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "PGTZ=UTC"}
	return cmd
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

// DSN is the connection string of the server's superuser.
func (s *Server) DSN() string {
	return "host=" + s.dir + " user=postgres dbname=postgres sslmode=disable"
}

// Restart starts the server on its data after Kill or Stop, and returns when it takes connections.
func (s *Server) Restart() error {
	if s.postgres != nil {
		return errors.New("the server runs already")
	}
	return poll.Until(context.Background(), "the server to start; its log is in "+s.log(), 50*time.Millisecond, patience, func(context.Context) (bool, error) {
		return s.launch()
	})
}

// launch starts the server once. A killed server's last processes may still hold its data; then it
// ends at once, and "not yet" is returned.
func (s *Server) launch() (bool, error) {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return false, err
	}
	defer log.Close()
	cmd := s.command("postgres", append([]string{"-D", s.data(), "-k", s.dir, "-h", "",
		"-c", "shared_buffers=16MB", "-c", "max_connections=100", "-c", "logging_collector=off",
		"-c", "dynamic_shared_memory_type=mmap", // a killed server leaves nothing outside its folder
		// Nobody replicates from it, so no process need be started for that.
		"-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "max_logical_replication_workers=0"}, recovery...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return false, err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	s.postgres, s.exited = cmd, exited
	err = poll.Until(context.Background(), "the server to take connections", 10*time.Millisecond, patience, func(context.Context) (bool, error) {
		select {
		case <-exited:
			return true, nil
		default:
		}
		return s.ready(cmd.Process.Pid)
	})
	select {
	case <-exited:
		s.postgres = nil
		return false, err
	default:
		return true, err
	}
}

// ready reads what the server says about itself, as pg_ctl does: line 1 is its process id, which may
// still be that of a killed one, and line 8 its state. Asking it would start two processes each time.
func (s *Server) ready(pid int) (bool, error) {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready", err
}

// Kill ends the server at once with SIGKILL, as a crash does. Nothing is flushed.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop ends the server in order; open connections are cut.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

func (s *Server) end(sig os.Signal) error {
	if s.postgres == nil {
		return nil
	}
	if err := s.postgres.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return poll.Until(context.Background(), "the server to end", time.Millisecond, patience, func(context.Context) (bool, error) {
		select {
		case <-s.exited:
			s.postgres = nil
			return true, nil
		default:
			return false, nil
		}
	})
}

// Close stops the server and removes its data.
func (s *Server) Close() error {
	return errors.Join(s.end(syscall.SIGQUIT), os.RemoveAll(s.dir))
}
