package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// serving is where the pages are served, and how they are protected.
type serving struct {
	listen, cert, key, tokens string
	readOnly                  bool
	leaf                      *x509.Certificate // of cert
}

func serve(f *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	config := f.String("config", "upgrade.yaml", "the configuration file")
	var o serving
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address; any but loopback needs -tls-cert, -tls-key and -token-file")
	f.StringVar(&o.cert, "tls-cert", "", "PEM file with the certificate; only the names in it are answered")
	f.StringVar(&o.key, "tls-key", "", "PEM file with its private key")
	f.StringVar(&o.tokens, "token-file", "", "file with a line NAME:TOKEN for each person; empty: a new token for yourself")
	f.BoolVar(&o.readOnly, "read-only", false, "show runs, and take no answer")
	return func(ctx context.Context, _ []string) (int, error) {
		a.config = *config
		r, err := a.journals(*config)
		if err != nil {
			return upgrade.ExitCode(nil, err), err
		}
		page := web.Config{Runner: r, Title: "Upgrades", ReadOnly: o.readOnly, Log: slog.New(slog.NewTextHandler(a.err, nil)),
			Next: func(s *runbook.State) string {
				return a.named("upgrade resume -config FILE -environment " + s.Plan.Environment)
			}}
		l, err := o.open(&page)
		if err != nil {
			return upgrade.ExitInput, err
		}
		defer l.Close()
		if err := a.serve(ctx, l, page, o.base(l)); err != nil {
			return upgrade.ExitFailed, err
		}
		return upgrade.ExitCompleted, nil
	}
}

// serve shows the pages until the program is asked to stop.
func (a *app) serve(ctx context.Context, l net.Listener, c web.Config, base string) error {
	server, err := web.New(c)
	if err != nil {
		return err
	}
	link := server.Link(base)
	if err := a.show("serving", map[string]any{"url": link, "readOnly": c.ReadOnly}, func() {
		fmt.Fprintf(a.out, "open %s\nThis program shows runs and drives none. Ctrl-C ends it.\n", link)
	}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-a.drain:
			stop()
		case <-ctx.Done():
		}
	}()
	return server.Serve(ctx, l)
}

// open checks everything before it listens, and says in c who may come in and under which names.
func (o *serving) open(c *web.Config) (net.Listener, error) {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, fmt.Errorf("-listen %q: %w", o.listen, err)
	}
	if (o.cert == "") != (o.key == "") {
		return nil, errors.New("-tls-cert and -tls-key need each other")
	}
	if !loopback(host) && (o.cert == "" || o.tokens == "") {
		return nil, fmt.Errorf("-listen %s is not a loopback address: others can reach it, so it needs -tls-cert, -tls-key and -token-file", o.listen)
	}
	if o.tokens != "" {
		if c.People, err = web.ReadPeople(o.tokens); err != nil {
			return nil, err
		}
	}
	if o.cert == "" {
		return net.Listen("tcp", o.listen)
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert %s, -tls-key %s: %w", o.cert, o.key, err)
	}
	o.leaf, c.Host = pair.Leaf, o.named
	return tls.Listen("tcp", o.listen, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
}

// base is where l is reached: at its address, or under a name of the certificate.
func (o *serving) base(l net.Listener) string {
	address := l.Addr().String()
	if o.leaf == nil {
		return "http://" + address
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || o.named(host) {
		return "https://" + address
	}
	if i := slices.IndexFunc(o.leaf.DNSNames, o.named); i >= 0 {
		address = net.JoinHostPort(o.leaf.DNSNames[i], port)
	}
	return "https://" + address
}

// named says whether the certificate is for a name.
func (o *serving) named(host string) bool { return o.leaf.VerifyHostname(host) == nil }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
