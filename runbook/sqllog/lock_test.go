package sqllog_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func testLock(t *testing.T) {
	t.Run("ends with its connection", testLockConnection)
	t.Run("ends with its process", testLockProcess)
	t.Run("needs room in the pool", testLockPool)
	t.Run("release", testRelease)
	t.Run("gives its session back", testSession)
	t.Run("outlives idle sessions", testIdle)
}

// eventuallyFree waits until the server has noticed that a session ended.
func eventuallyFree(t *testing.T, s *store) {
	t.Helper()
	err := poll.Until(t.Context(), "the stream to become free", time.Millisecond, 10*time.Second, func(context.Context) (bool, error) {
		release, err := s.Lock("runs/a", "bob")
		var held *runbook.LockedError
		if errors.As(err, &held) {
			return false, nil
		}
		if err == nil {
			err = release()
		}
		return true, err
	})
	if err != nil {
		t.Error(err)
	}
}

func testLockConnection(t *testing.T) {
	s := open(t)
	release, err := s.Lock("runs/a", "ann\x00\xff")
	if err != nil {
		t.Fatal(err)
	}
	s.exec(t, `SELECT pg_terminate_backend(pid) FROM %s.owners WHERE stream = 'runs/a'`)
	eventuallyFree(t, s.another(t))
	if err := release(); err == nil || !strings.Contains(err.Error(), "the journal is not affected") {
		t.Errorf("release of a lock that was lost: %v", err)
	}
	s.fill(t, "runs/a", 1, 2)
	if release, err = s.Lock("runs/a", "ann"); err != nil {
		t.Fatalf("keep it again: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func testLockProcess(t *testing.T) {
	s := open(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "SQLLOG_TEST_KEEPER="+s.dsn, "SQLLOG_TEST_SCHEMA="+s.schema)
	if _, err := cmd.StdinPipe(); err != nil { // never closed: the process waits for it
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "kept: <nil>\n" {
		t.Fatalf("the other process: %q, %v", line, err)
	}
	var held *runbook.LockedError
	if _, err := s.Lock("runs/a", "bob"); !errors.As(err, &held) || !strings.HasPrefix(held.Owner, "eve@elsewhere, since ") {
		t.Errorf("a stream that another process keeps: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the other process ended by itself")
	}
	eventuallyFree(t, s)
}

// A lock that took the last connection would leave its owner waiting for ever for one to write with.
func testLockPool(t *testing.T) {
	s := open(t)
	s.db.SetMaxOpenConns(1)
	if _, err := s.Lock("runs/a", "ann"); err == nil || !strings.Contains(err.Error(), "SetMaxOpenConns") {
		t.Fatalf("with a pool of one: %v", err)
	}
	s.db.SetMaxOpenConns(2)
	release, err := s.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock("runs/b", "ann"); err == nil || !strings.Contains(err.Error(), "SetMaxOpenConns") {
		t.Errorf("a second stream with a pool of two: %v", err)
	}
	s.fill(t, "runs/a", 1, 2)
	if err := release(); err != nil {
		t.Error(err)
	}
	if release, err = s.Lock("runs/b", "ann"); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func testRelease(t *testing.T) {
	s := open(t)
	release, err := s.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := release(); err != nil {
			t.Errorf("release: %v", err)
		}
	}
	again, err := s.Lock("runs/a", "bob")
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil { // ann's, once more
		t.Error(err)
	}
	var held *runbook.LockedError
	if _, err := s.another(t).Lock("runs/a", "eve"); !errors.As(err, &held) || !strings.HasPrefix(held.Owner, "bob") {
		t.Errorf("bob's stream: %v", err)
	}
	// The name of an earlier owner, whose session does not hold the lock, is not told.
	s.exec(t, `UPDATE %s.owners SET owner = 'mallory', pid = 1`)
	if _, err := s.another(t).Lock("runs/a", "eve"); !errors.As(err, &held) || !strings.HasPrefix(held.Owner, "somebody") {
		t.Errorf("a stream whose owner has not given a name yet: %v", err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
	if _, err := s.Lock("", "ann"); err == nil {
		t.Error("a stream without a name was kept")
	}
}

// After the release the session is the pool's again, as it was before.
func testSession(t *testing.T) {
	s := open(t, "options='-c idle_session_timeout=3600000'")
	s.db.SetMaxIdleConns(1)
	release, err := s.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	var timeout string
	var same bool
	row := s.db.QueryRowContext(t.Context(), "SELECT current_setting('idle_session_timeout'), pid = pg_backend_pid() FROM "+s.schema+".owners")
	if err := row.Scan(&timeout, &same); err != nil || timeout != "1h" || !same {
		t.Errorf("after the release: a timeout of %q, the same session %t, %v", timeout, same, err)
	}
}

// A server that ends idle sessions does not end a lock.
func testIdle(t *testing.T) {
	s := open(t, "options='-c idle_session_timeout=500ms'")
	release, err := s.Lock("runs/a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	later := open(t, "options='-c idle_session_timeout=500ms -c application_name=later'")
	if err := later.db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	watch := pool(t, server.DSN())
	err = poll.Until(t.Context(), "the server to end a later session", 20*time.Millisecond, time.Minute, func(ctx context.Context) (gone bool, err error) {
		err = watch.QueryRowContext(ctx, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'later'").Scan(&gone)
		return gone, err
	})
	if err := errors.Join(err, release()); err != nil {
		t.Errorf("a lock was idle for longer than a session may be: %v", err)
	}
}
