package pgtest

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// Required is the environment variable that, when not empty, turns a missing PostgreSQL from a
// message into a failure. Automated checks set it, so that a suite cannot be left out unnoticed.
const Required = "PGTEST_REQUIRED"

// Main runs a package's tests with a server of their own in *server, and returns the exit code for
// os.Exit. Without PostgreSQL on the machine *server stays nil and the message says what was left
// out (go test shows it with -v, or when it is run in the package's folder).
func Main(m *testing.M, what string, server **Server) int {
	s, err := Start()
	switch {
	case errors.Is(err, ErrNotInstalled):
		fmt.Printf("%s: PostgreSQL is not installed; the tests against a real server were not run\n", what)
		return m.Run()
	case err != nil:
		fmt.Printf("%s: %v\n", what, err)
		return 1
	}
	*server = s
	code := m.Run()
	if err := s.Close(); err != nil {
		fmt.Printf("%s: %v\n", what, err)
		return 1
	}
	return code
}

// LeftOut says that there is no server for the test, which logs that and has nothing more to do.
// Where a server is Required the test fails.
func LeftOut(tb testing.TB, server *Server) bool {
	tb.Helper()
	// Asked inside a test, so that the cache of test results knows of it.
	required := os.Getenv(Required) != ""
	if server != nil {
		return false
	}
	if required {
		tb.Errorf("%s is set, but %v", Required, ErrNotInstalled)
	}
	tb.Logf("left out: %v", ErrNotInstalled)
	return true
}
