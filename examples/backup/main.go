// Command backup fetches Pexip's own backup, or makes verified recovery points of the VMs.
// How it works is in ../internal/command/backup.go.
//
//	go run ./examples/backup -config upgrade.yaml -environment test -dir backups
package main

import "github.com/verify-by-video/pexip-upgrade/examples/internal/command"

func main() { command.Main(command.Backup) }
