package double

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// Server is a double that listens with TLS on loopback.
type Server struct {
	// URL is https://127.0.0.1:port.
	URL  string
	srv  *httptest.Server
	stop context.CancelFunc // of all requests
}

// Serve starts handler with TLS on addr ("": a free loopback port). While down returns true every
// new connection is reset at once, as from a host that is not there.
func Serve(addr string, handler http.Handler, down func() bool) (*Server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	srv := httptest.NewUnstartedServer(handler)
	srv.Listener.Close()
	srv.Listener = &gate{Listener: l, down: down}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.EnableHTTP2 = false
	cert, err := certificate()
	if err != nil {
		l.Close()
		return nil, err
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	life, stop := context.WithCancel(context.Background())
	srv.Config.BaseContext = func(net.Listener) context.Context { return life }
	srv.StartTLS()
	return &Server{URL: srv.URL, srv: srv, stop: stop}, nil
}

// certificate is a new one for loopback. With its elliptic curve a handshake takes a tenth of what net/http/httptest's
// own takes, which counts where a test makes thousands.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "simulation"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(1, 0, 0), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost", "example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// CertificatePEM is the certificate to trust, for a configuration's CA file.
func (s *Server) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.srv.Certificate().Raw})
}

// Client trusts the server. It has no total timeout.
func (s *Server) Client() *http.Client { return s.srv.Client() }

// Close stops the server and its connections. A request that a fault holds up is let go: while its body is not read,
// net/http would not notice that its client has gone.
func (s *Server) Close() {
	s.stop()
	s.srv.CloseClientConnections()
	s.srv.Close()
}

// gate resets connections while the host is down.
type gate struct {
	net.Listener
	down func() bool
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil || !g.down() {
			return conn, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
}
