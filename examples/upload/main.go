// Command upload sends an upgrade package to a Management Node, checked, with progress, resumable.
// How it works is in ../internal/command/upload.go.
//
//	go run ./examples/upload -config upgrade.yaml -environment test
package main

import "github.com/verify-by-video/pexip-upgrade/examples/internal/command"

func main() { command.Main(command.Upload) }
