package pexip_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// inProcess gives a double without a socket and a client for it; edit changes the configuration.
func inProcess(t *testing.T, opt pexiptest.Options, edit func(*pexip.Config)) (*pexiptest.Server, *pexip.Client) {
	t.Helper()
	srv := pexiptest.NewServer(opt)
	return srv, client(t, srv, edit)
}

// overTLS gives a double on loopback and a client for it.
func overTLS(t *testing.T, opt pexiptest.Options, edit func(*pexip.Config)) (*pexiptest.Server, *pexip.Client) {
	t.Helper()
	srv := pexiptest.NewServer(opt)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv, client(t, srv, edit)
}

func client(t *testing.T, srv *pexiptest.Server, edit func(*pexip.Config)) *pexip.Client {
	t.Helper()
	cfg := srv.Config()
	if edit != nil {
		edit(&cfg)
	}
	c, err := pexip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bothWays runs a test in process and over TLS.
func bothWays(t *testing.T, opt pexiptest.Options, edit func(*pexip.Config), test func(*testing.T, *pexiptest.Server, *pexip.Client)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		srv, c := inProcess(t, opt, edit)
		test(t, srv, c)
	})
	t.Run("over TLS", func(t *testing.T) {
		srv, c := overTLS(t, opt, edit)
		test(t, srv, c)
	})
}

// pack makes a package of the double's kind.
func pack(t *testing.T, size int64, version, build string) pexip.Package {
	t.Helper()
	var b bytes.Buffer
	sum, err := pexiptest.WritePackage(&b, size, version, build)
	if err != nil {
		t.Fatal(err)
	}
	return pexip.Package{Name: pexiptest.PackageName(version, build), Size: size, SHA256: sum, Content: bytes.NewReader(b.Bytes())}
}

// blob makes a package of arbitrary bytes.
func blob(content []byte) pexip.Package {
	sum := sha256.Sum256(content)
	return pexip.Package{Name: "blob.tar", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Content: bytes.NewReader(content)}
}

func inject(t *testing.T, srv *pexiptest.Server, faults ...pexiptest.Fault) {
	t.Helper()
	for _, f := range faults {
		if err := srv.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
}

// sent counts the requests of a method (empty: any) whose address contains part.
func sent(srv *pexiptest.Server, method, part string) int {
	n := 0
	for _, r := range srv.Requests() {
		if (method == "" || r.Method == method) && strings.Contains(r.URL, part) {
			n++
		}
	}
	return n
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// fails wants err to match the target and to say all of the texts.
func fails(t *testing.T, err, target error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", texts)
	}
	if target != nil && !errors.Is(err, target) {
		t.Errorf("error %q does not match %q", err, target)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
