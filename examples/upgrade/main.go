// Command upgrade plans, runs, resumes and settles upgrades of Pexip Infinity.
//
// Try it without anything: go run ./examples/upgrade rehearse
//
// Exit codes: 0 completed, 1 unexpected failure, 2 wrong input (nothing done), 3 refused by a check
// (nothing changed), 4 waiting for an answer, 5 waiting for a decision, 6 ended early with everything
// put back, 7 another run is active, 8 stopped on request.
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
	"syscall"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// command is one subcommand: it declares its flags and returns what to do once they are parsed.
type command struct {
	name, args, help string
	setup            func(*flag.FlagSet, *app) func(ctx context.Context, args []string) (int, error)
}

var commands = []command{
	{"rehearse", "", "run a whole upgrade against simulated systems, without any configuration", rehearse},
	{"plan", "-config FILE", "show what a run would do and what the checks say now; changes nothing", plan},
	{"run", "-config FILE", "upgrade an environment", run},
	{"resume", "-config FILE", "go on with a run whose process has ended", resume},
	{"takeover", "-config FILE -reason TEXT", "go on with a run whose driver seems alive but is not: a stopped process, a machine that sleeps", takeOver},
	{"settle", "-config FILE -reason TEXT", "put back everything that a run changed, and end it", settle},
	{"sweep", "-config FILE", "put back what runs without a living driver changed, and end them; for a timer", sweep},
	{"status", "-config FILE", "show the runs: how far they are, what they owe, what they wait for", status},
	{"decide", "-config FILE -run RUN -step STEP attest|approve|retry|done|waive|rollback|abort", "answer a question of a run, from any terminal", decide},
	{"verify", "FOLDER|EVIDENCE.json", "check that evidence is complete and unchanged, with a public key also who signed it", verify},
}

// app is what all commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	terminal bool
	output   string
	drain    chan struct{}
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stdin), drain: make(chan struct{})}
	go a.signals(cancel)
	os.Exit(a.main(ctx, os.Args[1:]))
}

// signals: the first Ctrl-C lets the current step finish, the second stops at once.
func (a *app) signals(cancel context.CancelFunc) {
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	<-got
	fmt.Fprintln(a.err, "stopping after the current step; once more: stop at once")
	close(a.drain)
	<-got
	cancel()
}

func (a *app) main(ctx context.Context, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		a.usage()
		return upgrade.ExitInput
	}
	for _, c := range commands {
		if c.name == args[0] {
			return a.run(ctx, c, args[1:])
		}
	}
	fmt.Fprintf(a.err, "upgrade: unknown command %q\n", args[0])
	a.usage()
	return upgrade.ExitInput
}

func (a *app) run(ctx context.Context, c command, args []string) int {
	flags := flag.NewFlagSet("upgrade "+c.name, flag.ContinueOnError)
	flags.SetOutput(a.err)
	flags.StringVar(&a.output, "output", "text", "text or json")
	flags.Usage = func() {
		fmt.Fprintf(a.err, "upgrade %s [flags] %s\n%s\n\n", c.name, c.args, c.help)
		flags.PrintDefaults()
	}
	do := c.setup(flags, a)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return upgrade.ExitCompleted
	} else if err != nil {
		return upgrade.ExitInput
	}
	if a.output != "text" && a.output != "json" {
		fmt.Fprintf(a.err, "upgrade %s: -output is %q; it is text or json\n", c.name, a.output)
		return upgrade.ExitInput
	}
	code, err := do(ctx, flags.Args())
	if err != nil {
		fmt.Fprintf(a.err, "upgrade %s: %s\n", c.name, err)
	}
	return code
}

func (a *app) usage() {
	var b strings.Builder
	fmt.Fprintln(&b, "upgrade COMMAND [flags]; upgrade COMMAND -help tells its flags")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-9s %s\n", c.name, c.help)
	}
	fmt.Fprint(a.err, b.String())
}
