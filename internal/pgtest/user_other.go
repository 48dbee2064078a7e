//go:build !linux

package pgtest

import (
	"os"
	"syscall"
)

// unprivileged: the server runs as whoever runs the tests.
func unprivileged() (*syscall.SysProcAttr, error) { return nil, nil }

// recovery has no quicker way here.
var recovery []string

// own lets nobody else into a folder.
func own(dir string, _ *syscall.SysProcAttr) error { return os.Chmod(dir, 0o700) }
