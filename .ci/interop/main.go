// Command interop runs a client that nobody here wrote against one of the test doubles, over TLS:
//
//	interop devops node devops.mjs
//
// The first argument names the world, the rest is the client's command line. The client finds the
// address in INTEROP_URL and the certificate to trust in NODE_EXTRA_CA_CERTS and INTEROP_CA; when it
// is done the world is checked. The exit code is not 0 when either is not content.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
)

// world is a double with something in it, and what must be true of it afterwards.
type world struct {
	url, ca string
	check   func() error
	close   func()
}

// worlds has an entry for each case; the script runs the client NAME in the world NAME.
var worlds = map[string]func() (world, error){
	"azure":   azureWorld,
	"devops":  devopsWorld,
	"mermaid": mermaidWorld,
	"pexip":   pexipWorld,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 || worlds[args[0]] == nil {
		return fmt.Errorf("want a world and a command line; there is no such world: %q", slices.Concat(args, []string{""})[0])
	}
	w, err := worlds[args[0]]()
	if err != nil {
		return err
	}
	defer w.close()
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, []byte(w.ca), 0o600); err != nil {
		return err
	}
	client := exec.CommandContext(ctx, args[1], args[2:]...)
	client.Env = append(os.Environ(), "INTEROP_URL="+w.url, "INTEROP_CA="+ca, "NODE_EXTRA_CA_CERTS="+ca)
	client.Stdout, client.Stderr = os.Stdout, os.Stderr
	return errors.Join(client.Run(), w.check())
}
