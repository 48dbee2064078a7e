// Command pausepipeline pauses the start/stop pipeline and puts it back, around a command if one is given.
// How it works is in ../internal/command/pausepipeline.go.
//
//	go run ./examples/pausepipeline -config upgrade.yaml -comment "disk change, back by 22:00" -- ./change-disks.sh
package main

import "github.com/verify-by-video/pexip-upgrade/examples/internal/command"

func main() { command.Main(command.PausePipeline) }
