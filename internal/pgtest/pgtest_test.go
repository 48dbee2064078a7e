package pgtest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/internal/pgtest"
)

func TestServerIsKilledRestartedAndRemoved(t *testing.T) {
	s, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Logf("left out: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Restart(); err == nil {
		t.Error("a running server was started again")
	}
	for _, end := range []func() error{s.Kill, s.Stop} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	dir := strings.TrimPrefix(strings.Fields(s.DSN())[0], "host=")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
}
