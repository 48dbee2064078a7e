// Command policycheck tells whether an upgrade may go, before anything is done: it reads what Test and Production
// run, applies every rule of package policy, and ends with a code that a pipeline can gate on. With -config the team's
// files and, for Production, the evidence of Test's upgrade count as in a run. It changes nothing.
//
//	go run ./examples/policycheck -environment test -target "39.1 (83067)" -test "39 (82000)" -production "39 (82000)"
//	go run ./examples/policycheck -environment production -config upgrade.yaml -waivers waivers.yaml -output ado
//
// Exit codes: 0 it may go, 1 the decision could not be written, 2 wrong input (nothing was judged), 3 refused, 4 it
// needs an acknowledgement, a waiver or the acceptance of a risk. A pipeline gates on them with a program that was
// built: go run itself turns every code but 0 into 1.
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
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

const (
	exitFailed = 1
	exitInput  = 2
)

var exitCodes = map[policy.Outcome]int{policy.Allowed: 0, policy.Refused: 3, policy.NeedsConsent: 4}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], time.Now(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program but for the process it runs in.
func run(ctx context.Context, args []string, now time.Time, out, errOut io.Writer) int {
	var o options
	flags := o.flags(errOut)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitInput
	}
	write, ok := writers[o.output]
	if !ok {
		fmt.Fprintf(errOut, "policycheck: -output is %q; it is text, json or ado\n", o.output)
		return exitInput
	}
	request, at, err := o.request(ctx, flags, now, errOut)
	if err != nil {
		fmt.Fprintf(errOut, "policycheck: %v\n", err)
		if o.output == outputADO {
			writeFault(out, err)
		}
		return exitInput
	}
	decision := policy.Decide(request, at)
	if err := write(out, decision); err != nil {
		fmt.Fprintf(errOut, "policycheck: write the decision: %v\n", err)
		return exitFailed
	}
	return exitCodes[decision.Outcome]
}
