// Command upgrade plans, runs, resumes and settles upgrades of Pexip Infinity.
//
// Try it without anything: go run ./examples/upgrade rehearse
//
// upgrade help lists the commands and the exit codes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/verify-by-video/pexip-upgrade/internal/vso"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/live"
)

// app is what all commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // somebody can be asked at in
	output   string
	config   string // the configuration file that was given
	drain    chan struct{}
	screen   screen
	// notice is where a word to whoever presses Ctrl-C goes.
	notice io.Writer
	view   atomic.Pointer[live.View]
	ado    *pipeline
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stdin), drain: make(chan struct{}),
		screen: screenOf(os.Stdout, os.Getenv), notice: os.Stderr}
	go a.signals(cancel)
	os.Exit(a.main(ctx, os.Args[1:]))
}

// signals: the first Ctrl-C lets the current step finish, the second stops at once.
func (a *app) signals(cancel context.CancelFunc) {
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	<-got
	a.say("stopping after the current step; once more: stop at once")
	close(a.drain)
	<-got
	cancel()
}

func (a *app) main(ctx context.Context, args []string) int {
	if len(args) == 0 {
		writeOverview(a.err)
		return upgrade.ExitInput
	}
	if slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		args = []string{"help"}
	}
	if args[0] == completeCommand {
		complete(ctx, a.out, args[1:])
		return upgrade.ExitCompleted
	}
	c, ok := find(args[0])
	if !ok {
		fmt.Fprintf(a.err, "upgrade: unknown command %q\n", args[0])
		writeOverview(a.err)
		return upgrade.ExitInput
	}
	return a.run(ctx, c, args[1:])
}

func (a *app) run(ctx context.Context, c command, args []string) int {
	flags, do := c.flags(a)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		writeHelp(a.out, c)
		return upgrade.ExitCompleted
	} else if err != nil {
		return a.end(c, upgrade.ExitInput, err)
	}
	if a.output != formatText && !slices.Contains(c.formats, a.output) {
		err := fmt.Errorf("-output is %q; it is %s", a.output, strings.Join(append([]string{formatText}, c.formats...), " or "))
		a.output = formatText
		return a.end(c, upgrade.ExitInput, err)
	}
	if a.output == formatADO {
		a.ado, a.err = &pipeline{w: a.out}, vso.Writer{W: a.err}
	}
	code, err := do(ctx, flags.Args())
	return a.end(c, code, err)
}

// flags are a command's, and what to do once they are parsed.
func (c command) flags(a *app) (*flag.FlagSet, func(context.Context, []string) (int, error)) {
	flags := flag.NewFlagSet("upgrade "+c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is said by end, help by writeHelp
	flags.StringVar(&a.output, "output", formatText, strings.Join(append([]string{formatText}, c.formats...), ", "))
	return flags, c.setup(flags, a)
}

// end says what went wrong, and what is safe to do next.
func (a *app) end(c command, code int, err error) int {
	if err != nil {
		text := fmt.Sprintf("upgrade %s: %s", c.name, err)
		next := a.named(upgrade.SafeNext(code, err))
		fmt.Fprintf(a.err, "%s\nnext: %s\n", text, next)
		if a.ado != nil {
			a.ado.issue("error", text+"; next: "+next)
		}
	}
	if a.ado != nil {
		a.ado.complete(code)
	}
	return code
}

// named puts the configuration that was given into a text that says FILE.
func (a *app) named(text string) string {
	if a.config == "" {
		return text
	}
	return strings.ReplaceAll(text, "-config FILE", "-config "+quoted(a.config))
}

// quoted is a word for a shell.
func quoted(s string) string {
	if strings.ContainsAny(s, " '\"$&;|<>()*?\\`") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
