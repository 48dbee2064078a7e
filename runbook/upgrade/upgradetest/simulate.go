package upgradetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Simulate is a program: it serves a world until ctx ends, as its arguments say (-help lists them),
// writes a folder with everything that a run against it needs, and shows its control address.
func Simulate(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(errOut)
	dir := flags.String("dir", "", "folder for configuration, certificates and credentials (needed)")
	control := flags.String("control", "127.0.0.1:0", "loopback address of the control interface")
	var o Options
	flags.Float64Var(&o.Speed, "speed", 6000, "how many times faster than reality slow operations run")
	flags.BoolVar(&o.Swapped, "swapped", false, "the VM lists are swapped between the environments")
	flags.IntVar(&o.ConferencingNodes, "nodes", 1, "Conferencing Nodes per environment")
	flags.Int64Var(&o.PackageSize, "package-size", 64<<20, "size of the upgrade package in bytes")
	flags.StringVar(&o.TestVersion, "test-version", "", "version installed in Test, as a node reports it")
	flags.StringVar(&o.ProductionVersion, "production-version", "", "version installed in Production")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("-dir is needed: a folder for the configuration")
	}
	return serve(ctx, *dir, *control, o, out)
}

func serve(ctx context.Context, dir, control string, o Options, out io.Writer) error {
	listener, err := listenLoopback(control)
	if err != nil {
		return err
	}
	defer listener.Close()
	w, err := Start(o)
	if err != nil {
		return err
	}
	defer w.Close()
	config, err := w.WriteConfig(dir)
	if err != nil {
		return err
	}
	if err := w.WriteAnswers(ctx, config); err != nil {
		return err
	}
	server := &http.Server{Handler: w.Control(), ReadHeaderTimeout: 10 * time.Second}
	defer server.Close()
	go func() { _ = server.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	if err := announce(filepath.Join(dir, "control.url"), url); err != nil {
		return err
	}
	fmt.Fprintf(out, "configuration %s\ncontrol       %s/state  %s/requests\nready; Ctrl-C ends the simulation\n", config, url, url)
	<-ctx.Done()
	return nil
}

// announce writes the address so that whoever waits for the file finds it whole.
func announce(path, url string) error {
	if err := os.WriteFile(path+".new", []byte(url+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// listenLoopback refuses addresses that others could reach: the control interface has no login.
func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("-control: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("-control: %s is not a loopback address", host)
	}
	return net.Listen("tcp", address)
}
