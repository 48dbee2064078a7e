// Command simulator serves simulated Management Nodes, Azure and Azure DevOps with TLS on loopback,
// and writes a folder with everything that a run against them needs:
//
//	go run ./examples/simulator -dir FOLDER
//	go run ./examples/upgrade run -config FOLDER/upgrade.yaml
//
// State is kept until the program ends (Ctrl-C), while clients come and go. The control address,
// printed and written to FOLDER/control.url, shows state and requests and takes faults.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := upgradetest.Simulate(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}
