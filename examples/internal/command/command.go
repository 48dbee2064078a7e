// Package command holds four small programs that show the client packages at work: Upload, Status,
// PausePipeline and Backup. Each reads the same configuration file as the command upgrade, so there is
// nothing new to learn or to keep; each is one file here, and its main is in the folder of its name.
//
// None of them keeps a journal. What has to survive a crash, or to be proven afterwards, belongs into a
// run of the command upgrade.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Exit codes of all programs.
const (
	ExitDone     = 0
	ExitFailed   = 1 // something could not be done or read
	ExitInput    = 2 // wrong flags or configuration; nothing was sent
	ExitAskFirst = 3 // it would do what somebody should decide first; that was not done
)

// Program is one of them.
type Program struct {
	Name, Does, Example string
	// ReadOnly lets its clients send reads only.
	ReadOnly bool
	// Setup declares flags and returns what to do once they are parsed.
	Setup func(*flag.FlagSet) func(context.Context, *App) error
}

// App is what a program works with.
type App struct {
	Config      *upgrade.Config
	Environment *upgrade.EnvironmentConfig
	Secrets     upgrade.EnvironmentSecrets
	*upgrade.Systems
	Args []string
	// Out takes the result, Err what a person wants to see meanwhile.
	Out, Err io.Writer

	output string
}

// failure is an error with the exit code that it leads to.
type failure struct {
	code int
	error
}

func (f failure) Unwrap() error { return f.error }

func askFirst(format string, args ...any) error {
	return failure{ExitAskFirst, fmt.Errorf(format, args...)}
}

func wrongInput(format string, args ...any) error {
	return failure{ExitInput, fmt.Errorf(format, args...)}
}

// Main is a program's main function: Ctrl-C ends the context.
func Main(p Program) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func (p Program) main(ctx context.Context, args []string, out, errOut io.Writer) int {
	err := p.run(ctx, args, &App{Out: out, Err: errOut})
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return ExitDone
	}
	fmt.Fprintf(errOut, "%s: %v\n", p.Name, err)
	if f, ok := errors.AsType[failure](err); ok {
		return f.code
	}
	return ExitFailed
}

func (p Program) run(ctx context.Context, args []string, a *App) error {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(a.Err)
	config := flags.String("config", "upgrade.yaml", "the configuration file, as of the command upgrade")
	environment := flags.String("environment", "test", "test or production")
	flags.StringVar(&a.output, "output", "text", "text or json")
	do := p.Setup(flags)
	flags.Usage = func() {
		fmt.Fprintf(a.Err, "%s: %s\n\n  %s\n\nFlags:\n", p.Name, p.Does, strings.ReplaceAll(p.Example, "\n", "\n  "))
		flags.PrintDefaults()
		fmt.Fprintln(a.Err, "\nExit codes: 0 done, 1 something failed, 2 wrong input and nothing was sent, 3 somebody should decide first")
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return wrongInput("see -help")
	}
	if a.output != "text" && a.output != "json" {
		return wrongInput("-output is %q; it is text or json", a.output)
	}
	a.Args = flags.Args()
	if err := a.connect(*config, *environment, p.ReadOnly); err != nil {
		return failure{ExitInput, err}
	}
	return do(ctx, a)
}

// connect reads the configuration and makes the clients. It sends nothing.
func (a *App) connect(config, environment string, readOnly bool) error {
	env, err := upgrade.ParseEnvironment(environment)
	if err != nil {
		return err
	}
	if a.Config, err = upgrade.LoadConfig(config); err != nil {
		return err
	}
	secrets, err := a.Config.ReadSecrets()
	if err != nil {
		return err
	}
	var wrap func(http.RoundTripper) http.RoundTripper
	if readOnly {
		wrap = upgrade.ReadOnly
	}
	a.Environment, a.Secrets = a.Config.Environment(env), secrets.Environment(env)
	a.Systems, err = upgrade.Connect(a.Config, env, secrets, wrap)
	return err
}

// print shows a result as JSON with a schema version, or as text.
func (a *App) print(v any, text func(w io.Writer)) error {
	if a.output == "text" {
		text(a.Out)
		return nil
	}
	return json.NewEncoder(a.Out).Encode(map[string]any{"schema": 1, "result": v})
}

// production reports whether the environment is Production.
func (a *App) production() bool { return a.Environment.Name == policy.Production }
