// Command status shows an environment as it is now: nodes, versions, alarms, VMs, pipeline. It only reads.
// How it works is in ../internal/command/status.go.
//
//	go run ./examples/status -config upgrade.yaml -environment production
package main

import "github.com/verify-by-video/pexip-upgrade/examples/internal/command"

func main() { command.Main(command.Status) }
