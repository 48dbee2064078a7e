package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// pexipWorld has an upgrade package, whose path the client finds in INTEROP_PACKAGE.
func pexipWorld() (world, error) {
	srv := pexiptest.NewServer(pexiptest.Options{Basic: &pexip.Basic{Username: "admin", Password: "interop"}, BackupDuration: 1})
	if err := srv.Start(); err != nil {
		return world{}, err
	}
	dir, err := os.MkdirTemp("", "interop-package")
	if err != nil {
		return world{}, err
	}
	file, err := os.Create(filepath.Join(dir, "package.tar"))
	if err == nil {
		_, _, err = srv.WritePackage(file, 3<<20)
		err = errors.Join(err, file.Close(), os.Setenv("INTEROP_PACKAGE", file.Name()))
	}
	return world{url: srv.URL, ca: string(srv.CertificatePEM()), check: func() error { return checkPexip(srv) },
		close: func() { srv.Close(); _ = os.RemoveAll(dir) }}, err
}

// checkPexip wants the timeout off, one upgrade started from one upload, and no request left over.
func checkPexip(srv *pexiptest.Server) error {
	s := srv.State()
	if s.SessionTimeoutEnabled || srv.StartCount() != 1 || srv.StartAttempts() != 1 {
		return fmt.Errorf("timeout on: %t, %d upgrades started in %d attempts", s.SessionTimeoutEnabled, srv.StartCount(), srv.StartAttempts())
	}
	return nil
}
