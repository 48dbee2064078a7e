// Command fleet upgrades many simulated environments with several worker processes that share one
// PostgreSQL:
//
//	go run ./examples/fleet -dsn "$DSN" -environments 6 -workers 2
//
// Each environment is a whole simulated world, kept by this process; the workers are processes of the
// same program. With -kill one of them is killed on the way, and the others go on with what it had.
//
// Exit codes: 0 all completed, 1 unexpected failure, 2 wrong input, 5 some environments were not
// completed; the table says what became of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitCompleted = 0
	exitFailed    = 1
	exitInput     = 2
	exitOpen      = 5
)

// options are the flags.
type options struct {
	dsn, dir              string
	environments, workers int
	atOnce                int
	speed                 float64
	kill, work            bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, errOut io.Writer) (int, error) {
	o, err := parse(args, errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitCompleted, nil
	case err != nil:
		return exitInput, err
	case o.work:
		return worked(work(ctx, o))
	}
	return upgradeAll(ctx, o, out)
}

func parse(args []string, errOut io.Writer) (o options, err error) {
	f := flag.NewFlagSet("fleet", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.StringVar(&o.dsn, "dsn", "", "connection string of the database (needed)")
	f.StringVar(&o.dir, "dir", "", "folder for the simulated environments; empty: a new temporary one")
	f.IntVar(&o.environments, "environments", 4, "how many environments, 1 to 20: each is a simulated world in this process")
	f.IntVar(&o.workers, "workers", 2, "how many worker processes")
	f.IntVar(&o.atOnce, "at-once", 2, "how many environments a worker drives at once")
	f.Float64Var(&o.speed, "speed", 6000, "how many times faster than reality slow operations run")
	f.BoolVar(&o.kill, "kill", false, "kill one worker on the way")
	f.BoolVar(&o.work, "work", false, "be a worker, for the environments in -dir, until standard input ends")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.dsn == "" || o.environments < 1 || o.environments > 20 || o.workers < 1 || o.atOnce < 1 {
		return o, errors.New("-dsn is needed, -environments is 1 to 20, -workers and -at-once at least 1; -help says more")
	}
	return o, nil
}

func worked(err error) (int, error) {
	if err != nil {
		return exitFailed, err
	}
	return exitCompleted, nil
}
