package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// screen is what the output can show.
type screen struct {
	width int
	// live: lines can be drawn again. file is the terminal then.
	live bool
	file *os.File
}

// screenOf looks at the output and the environment: what is drawn again and again is for terminals only, and for
// none that says that it is dumb, wants no colour (https://no-color.org), or belongs to a build server.
func screenOf(f *os.File, env func(string) string) screen {
	s := screen{width: upgrade.PlainWidth, file: f}
	if !isTerminal(f) {
		return s
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		s.width = width
	}
	s.live = env("NO_COLOR") == "" && env("CI") == "" && env("TERM") != "dumb"
	return s
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// say tells whoever sits there something, also while the run is shown.
func (a *app) say(text string) {
	if v := a.view.Load(); v != nil {
		v.Notice(text)
		return
	}
	fmt.Fprintln(a.notice, text)
}
