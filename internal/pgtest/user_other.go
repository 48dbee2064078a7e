//go:build !linux

package pgtest

import "syscall"

// unprivileged: the server runs as whoever runs the tests.
func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, nil }
