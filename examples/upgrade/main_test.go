package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/verify-by-video/pexip-upgrade/internal/ramdir"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"upgrade": main,
		"simulator": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := upgradetest.Simulate(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
				fmt.Fprintln(os.Stderr, "simulator:", err)
				os.Exit(1)
			}
		},
	})
}

func TestScripts(t *testing.T) {
	setup := onlyTools(t, "sh", "sed", "truncate", "ls", "bash", "zsh", "fish")
	work, err := os.MkdirTemp(ramdir.Parent(), "upgrade-scripts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(work) })
	testscript.Run(t, testscript.Params{Dir: "testdata", WorkdirRoot: work, Setup: setup, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"ready": waitReady, "control": control, "noeffects": noEffects, "starts": starts, "await": await, "putback": putBack, "code": code,
		"terminal": onTerminal, "keypair": keyPair, "append": appendTo, "page": openPage, "certificate": certificate, "waits": waits, "planjson": planJSON,
	}})
}

// onlyTools leaves scripts those programs of the machine, beside ours: what keeps it awake is no matter here, and
// costs three processes a run. Shells may be missing; what a script leaves out without them is logged.
func onlyTools(t *testing.T, names ...string) func(*testscript.Env) error {
	if runtime.GOOS == "windows" {
		return nil // it is kept awake without another program
	}
	dir := t.TempDir()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("left out: %v", err)
			continue
		}
		if err := os.Symlink(path, filepath.Join(dir, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := exec.LookPath("upgrade")
	if err != nil {
		t.Fatal(err)
	}
	return func(env *testscript.Env) error {
		env.Setenv("PATH", filepath.Dir(ours)+string(filepath.ListSeparator)+dir)
		env.Setenv("SSL_CERT_FILE", os.DevNull) // the simulated systems have certificates of their own
		env.Setenv("GOGC", "400")               // programs that live for a second need not tidy up
		return nil
	}
}

// planJSON N checks that the output is one plan with that schema and no unknown key, in which everything is told.
func planJSON(ts *testscript.TestScript, _ bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.DisallowUnknownFields()
	var doc struct {
		Schema int
		Plan   upgrade.PlanView
	}
	ts.Check(d.Decode(&doc))
	p := doc.Plan
	if fmt.Sprint(doc.Schema) != args[0] || len(p.Hash) != 64 || len(p.Phases) != 6 || len(p.Findings) == 0 || len(p.CriticalPath.Steps) == 0 || p.CriticalPath.ExpectedSeconds == 0 {
		ts.Fatalf("%+v", doc)
	}
	for _, phase := range p.Phases {
		for _, s := range phase.Steps {
			if s.ID == "" || s.Does == "" || len(s.Clauses) == 0 {
				ts.Fatalf("does not say what it does, and why: %+v", s)
			}
		}
	}
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("more than one document: %v", err)
	}
}

// keyPair NAME writes NAME.key and NAME.pub as openssl does for Ed25519.
func keyPair(ts *testscript.TestScript, _ bool, args []string) {
	public, private, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	pub, err := x509.MarshalPKIXPublicKey(public)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}), 0o600))
}

// appendTo FILE MORE writes the content of MORE at the end of FILE.
func appendTo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o600))
}

// openPage FILE [PATH] opens the link that serve has written to FILE, as a browser does, or PATH of the same
// server without a token, and prints status and content. A file BASE.pem beside FILE's BASE.out is trusted.
func openPage(ts *testscript.TestScript, _ bool, args []string) {
	var link *url.URL
	ts.Check(until(func() (bool, error) {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		found := regexp.MustCompile(`https?://[^\s"]+`).Find(raw)
		if found == nil {
			if errors.Is(err, os.ErrNotExist) {
				err = nil
			}
			return false, err
		}
		link, err = url.Parse(string(found))
		return true, err
	}))
	if len(args) > 1 {
		link.Path, link.RawQuery = args[1], ""
	}
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	roots := x509.NewCertPool()
	if ca, err := os.ReadFile(ts.MkAbs(strings.TrimSuffix(args[0], ".out") + ".pem")); err == nil {
		roots.AppendCertsFromPEM(ca)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", link.Port())) // whatever its name is
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, link.String(), nil)
	ts.Check(err)
	req.Header.Set("Accept", "text/html")
	res, err := (&http.Client{Jar: jar, Transport: transport}).Do(req)
	ts.Check(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%s\n%s", res.Status, raw)
	ts.Check(err)
}

// certificate NAME HOST writes NAME.pem and NAME.key, for a server of that name.
func certificate(ts *testscript.TestScript, _ bool, args []string) {
	public, private, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: args[0]}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{args[1]}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	ts.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

// waits STATE RUN waits until a run asks something.
func waits(ts *testscript.TestScript, _ bool, args []string) {
	log, err := filelog.New(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(until(func() (bool, error) {
		s, err := (&runbook.Runner{Log: log}).State(context.Background(), args[1])
		if errors.Is(err, runbook.ErrUnknownRun) {
			return false, nil
		}
		return err == nil && s.Waiting != nil, err
	}))
}

// limit bounds every wait of the scripts.
const limit = 30 * time.Second

// waitReady DIR waits until a simulator has written its control address.
func waitReady(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(until(func() (bool, error) {
		_, err := os.Stat(filepath.Join(ts.MkAbs(args[0]), "control.url"))
		return err == nil, nil
	}))
}

// code N COMMAND … runs a command that must end with that exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%s ended with %d, not %s", args[1], got, args[0])
	}
}

// control DIR METHOD PATH [BODY] asks a simulator and prints the answer.
func control(ts *testscript.TestScript, _ bool, args []string) {
	body := ""
	if len(args) > 3 {
		body = args[3]
	}
	raw, err := ask(ts, args[0], args[1], args[2], body)
	ts.Check(err)
	_, err = ts.Stdout().Write(raw)
	ts.Check(err)
}

func ask(ts *testscript.TestScript, dir, method, path, body string) ([]byte, error) {
	base, err := os.ReadFile(filepath.Join(ts.MkAbs(dir), "control.url"))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, strings.TrimSpace(string(base))+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, raw)
	}
	return raw, err
}

type request struct {
	System, Method, URL string
	Status              int
}

func requests(ts *testscript.TestScript, dir string) []request {
	raw, err := ask(ts, dir, http.MethodGet, "/requests", "")
	ts.Check(err)
	var out []request
	ts.Check(json.Unmarshal(raw, &out))
	return out
}

// noeffects DIR checks that nothing but reads and logins arrived, and that something did.
func noEffects(ts *testscript.TestScript, _ bool, args []string) {
	all := requests(ts, args[0])
	for _, r := range all {
		switch {
		case r.Method == http.MethodGet, r.Method == http.MethodOptions, strings.HasSuffix(r.URL, "/oauth/token/"):
		default:
			ts.Fatalf("%s received %s %s", r.System, r.Method, r.URL)
		}
	}
	if len(args) < 2 && len(all) == 0 {
		ts.Fatalf("no request arrived at all")
	}
}

// starts DIR N checks how many upgrades were started in Test.
func starts(ts *testscript.TestScript, _ bool, args []string) {
	raw, err := ask(ts, args[0], http.MethodGet, "/state", "")
	ts.Check(err)
	var s struct{ Test struct{ Upgrades []any } }
	ts.Check(json.Unmarshal(raw, &s))
	if fmt.Sprint(len(s.Test.Upgrades)) != args[1] {
		ts.Fatalf("%d upgrades were started, not %s", len(s.Test.Upgrades), args[1])
	}
}

// putback DIR checks that the session timeouts are on, the pipeline is enabled and every VM runs.
func putBack(ts *testscript.TestScript, _ bool, args []string) {
	raw, err := ask(ts, args[0], http.MethodGet, "/state", "")
	ts.Check(err)
	var s struct {
		Test, Production struct{ SessionTimeoutEnabled bool }
		Pipeline         struct{ QueueStatus string }
		Azure            struct {
			VMs []struct{ Name, Power string }
		}
	}
	ts.Check(json.Unmarshal(raw, &s))
	if !s.Test.SessionTimeoutEnabled || !s.Production.SessionTimeoutEnabled || s.Pipeline.QueueStatus != "enabled" || len(s.Azure.VMs) == 0 {
		ts.Fatalf("not put back: %s", raw)
	}
	for _, vm := range s.Azure.VMs {
		if vm.Power != "running" {
			ts.Fatalf("%s is %s", vm.Name, vm.Power)
		}
	}
}

// await DIR PATH-PART [FAULT] waits until a request whose URL contains the part has arrived.
func await(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(until(func() (bool, error) {
		for _, r := range requests(ts, args[0]) {
			if strings.Contains(r.URL, args[1]) && r.Status < 0 {
				return true, nil
			}
		}
		return false, nil
	}))
}

func until(done func() (bool, error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("waited %s in vain", limit)
		}
	}
}
