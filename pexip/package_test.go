package pexip_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
)

// A published checksum comes in either case and with blanks around; the file may change under our hands.
func TestOpenPackage(t *testing.T) {
	path := filepath.Join(t.TempDir(), pexiptest.PackageName("39.1", "83067"))
	var content bytes.Buffer
	sum, err := pexiptest.WritePackage(&content, 3<<20+1, "39.1", "83067")
	ok(t, err)
	ok(t, os.WriteFile(path, content.Bytes(), 0o600))

	p, err := pexip.OpenPackage(path, " "+strings.ToUpper(sum)+"\n")
	ok(t, err)
	defer p.Close()
	if p.Name != "Pexip_Infinity_v39.1_UPGRADE_83067.tar" || p.Size != 3<<20+1 || p.SHA256 != sum {
		t.Errorf("%+v", p.Package)
	}
	var last pexip.Progress
	ok(t, p.Verify(t.Context(), func(p pexip.Progress) { last = p }))
	if last.Phase != pexip.Hashing || last.Done != p.Size {
		t.Errorf("%+v", last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fails(t, p.Verify(ctx, nil), context.Canceled)

	srv, c := overTLS(t, pexiptest.Options{}, nil)
	_, err = c.Upload(t.Context(), begin(t, c, p.Package), p.Package, nil)
	ok(t, err)
	arrived(t, srv, p.Package)

	// Without a comparison.
	got, err := p.Sum(t.Context(), nil)
	ok(t, err)
	if got != sum {
		t.Errorf("sum %s, want %s", got, sum)
	}

	// The file changes under our hands.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	ok(t, err)
	_, err = f.WriteAt([]byte("x"), 100)
	ok(t, err)
	fails(t, p.Verify(t.Context(), nil), pexip.ErrChecksum, "download it again")
	ok(t, os.Truncate(path, 3<<20+2))
	fails(t, p.Verify(t.Context(), nil), pexip.ErrChecksum, "changed from")
	ok(t, os.Truncate(path, 5))
	fails(t, p.Verify(t.Context(), nil), nil, "at byte 5")
	ok(t, f.Close())
	ok(t, p.Close())
	fails(t, p.Verify(t.Context(), nil), os.ErrClosed)
}

func TestOpenPackageRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.tar")
	ok(t, os.WriteFile(empty, nil, 0o600))
	for _, tc := range []struct{ path, sum, want string }{
		{filepath.Join(dir, "none.tar"), strings.Repeat("0", 64), "none.tar"},
		{dir, strings.Repeat("0", 64), "not a regular file"},
		{empty, strings.Repeat("0", 64), "0 bytes"},
		{empty, "123", "not a SHA-256"},
		{empty, strings.Repeat("z", 64), "not a SHA-256"},
	} {
		_, err := pexip.OpenPackage(tc.path, tc.sum)
		fails(t, err, nil, "open the upgrade package", tc.want)
	}
}

// The name of a package is a hint: its pattern rests on one old picture.
func TestParsePackageName(t *testing.T) {
	for name, want := range map[string][2]string{
		"Pexip_Infinity_v20_UPGRADE_45400.tar":                  {"20", "45400"},
		"/downloads/Pexip_Infinity_v39.1_UPGRADE_83067.0.0.tar": {"39.1", "83067"},
		pexiptest.PackageName("38.0.1", "1"):                    {"38.0.1", "1"},
		"pexip.tar":                                             {},
		"Pexip_Infinity_v39.1_UPGRADE_83067.tar.part":           {},
		"Pexip_Infinity_v39.1_generic_ConfNode_83067.ova":       {},
		"Copy of Pexip_Infinity_v39.1_UPGRADE_83067.tar":        {},
		"Pexip_Infinity_vNext_UPGRADE_83067.tar":                {},
		"Pexip_Infinity_v39.1_UPGRADE_83067.tar/../evil.sh":     {},
	} {
		version, build, recognised := pexip.ParsePackageName(name)
		if version != want[0] || build != want[1] || recognised != (want[0] != "") {
			t.Errorf("%s: %q %q %v", name, version, build, recognised)
		}
	}
}
