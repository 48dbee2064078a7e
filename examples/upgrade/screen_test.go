//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/creack/pty"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Lines are drawn again only on a terminal, and on none that asks for plain ones.
func TestScreen(t *testing.T) {
	host, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	defer tty.Close()
	if err := pty.Setsize(host, &pty.Winsize{Rows: 24, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		out   *os.File
		env   map[string]string
		live  bool
		width int
	}{
		{tty, map[string]string{"TERM": "xterm"}, true, 132},
		{tty, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false, 132},
		{tty, map[string]string{"TERM": "xterm", "CI": "true"}, false, 132},
		{tty, map[string]string{"TERM": "dumb"}, false, 132},
		{file, map[string]string{"TERM": "xterm"}, false, upgrade.PlainWidth},
	} {
		if s := screenOf(tt.out, func(name string) string { return tt.env[name] }); s.live != tt.live || s.width != tt.width {
			t.Errorf("%v: %+v", tt, s)
		}
	}
}
